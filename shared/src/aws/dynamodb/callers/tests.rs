use aws_sdk_dynamodb::primitives::Blob;

use super::*;
use crate::caller::Key;

const NOW: Timestamp = Timestamp(1_800_000_000_000);

fn row(id: &Id) -> Attributes {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    Attributes::from([(ID.to_owned(), text(id.as_str())), (NAME.to_owned(), text("app"))])
}

#[test]
fn a_caller_has_either_a_key_or_a_role() {
    let key = Key::mint().unwrap();
    let hash = (SECRET_HASH.to_owned(), AttributeValue::B(Blob::new([7; 32])));
    let role = (ROLE.to_owned(), AttributeValue::S("arn:aws:iam::123456789012:role/app".to_owned()));
    let with = |more: &[&(String, AttributeValue)]| {
        let mut row = row(key.id());
        row.extend(more.iter().map(|field| (*field).clone()));
        caller(&row)
    };
    assert!(matches!(with(&[&hash]).unwrap().credential, Credential::Key(hash) if hash == [7; 32]));
    assert!(matches!(with(&[&role]).unwrap().credential, Credential::Role(_)));
    assert!(with(&[&hash, &role]).is_err());
    assert!(with(&[]).is_err());
    let short = (SECRET_HASH.to_owned(), AttributeValue::B(Blob::new([7; 31])));
    assert!(with(&[&short]).is_err());
    let text = (SECRET_HASH.to_owned(), AttributeValue::S("7".repeat(32)));
    assert!(with(&[&text]).is_err());
    let no_role = (ROLE.to_owned(), AttributeValue::S("app".to_owned()));
    assert!(with(&[&no_role]).is_err());
}

#[test]
fn whatever_stands_under_revoked_revokes() {
    let key = Key::mint().unwrap();
    let mut row = row(key.id());
    row.insert(SECRET_HASH.to_owned(), AttributeValue::B(Blob::new([7; 32])));
    assert!(!caller(&row).unwrap().revoked);
    for value in [AttributeValue::N("1".to_owned()), AttributeValue::Bool(false), AttributeValue::Null(true)] {
        row.insert(REVOKED.to_owned(), value);
        assert!(caller(&row).unwrap().revoked);
    }
}

#[test]
fn nothing_is_believed_for_longer_than_it_may_be_nor_when_the_clock_went_back() {
    let mut known = Known { callers: Cache::new(REMEMBERED), unknown: Cache::new(REMEMBERED), asked: HashMap::new() };
    let (key, other) = (Key::mint().unwrap(), Key::mint().unwrap());
    let at = |offset: i64| Timestamp(NOW.0.saturating_add_signed(offset));
    let put = |known: &mut Known| {
        known.callers.put(key.id().clone(), (NOW, key.caller("app")));
        known.unknown.put(other.id().clone(), NOW);
    };
    for (offset, found, unknown) in [
        (0, true, true),
        (9_999, true, true),
        (10_000, true, false),
        (44_999, true, false),
        (45_000, false, false),
        (-1, false, false),
    ] {
        put(&mut known);
        assert_eq!(known.recall(key.id(), at(offset)).is_some_and(|caller| caller.is_some()), found, "{offset}");
        assert_eq!(known.recall(other.id(), at(offset)).is_some_and(|caller| caller.is_none()), unknown, "{offset}");
    }
}
