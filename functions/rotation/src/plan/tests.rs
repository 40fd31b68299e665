use std::collections::{BTreeMap, BTreeSet};

use shared::clock::Timestamp;
use shared::ports::mint::{Check, Key, KeyId};
use shared::ports::secrets::{Description, Stage, VersionId};

use super::retirement::{Holding, Holdings, kept, live, marked, read_since, removals, unmarked};
use super::{Refusal, Standing, admit, key_id, named_here, promoted};

const ARN: &str = "arn:aws:secretsmanager:eu-west-1:000000000000:secret:gatehouse/gemini-key-AbCdEf";

const DAY: u64 = 86_400_000;
/// A day after the youngest key was made.
const LATER: Timestamp = Timestamp(2 * DAY);

fn version(name: &str) -> VersionId {
    VersionId(name.to_owned())
}

fn secret(versions: &[(&str, &[Stage])]) -> Description {
    let stages = |stages: &[Stage]| stages.iter().cloned().collect::<BTreeSet<_>>();
    let versions = versions.iter().map(|(name, held)| (version(name), stages(held))).collect();
    Description { rotating: true, versions, due: None }
}

fn key(name: &str, age: u64, served: bool) -> Key {
    let id = key_id(ARN, &version(name));
    Key {
        id,
        created: Timestamp(DAY - age),
        deleted: false,
        served: served.then_some(Timestamp(DAY - age)),
        etag: "e".to_owned(),
    }
}

#[test]
fn only_a_pending_version_of_a_rotating_secret_is_worked_on() {
    let state = secret(&[("a", &[Stage::Current]), ("b", &[Stage::Pending]), ("c", &[Stage::Other("pin".to_owned())])]);
    assert_eq!(admit(&state, &version("b")), Ok(Standing::Pending));
    assert_eq!(admit(&state, &version("a")), Ok(Standing::Current));
    assert_eq!(admit(&state, &version("c")), Err(Refusal::NotPending));
    assert_eq!(admit(&state, &version("d")), Err(Refusal::Unknown));
    let off = Description { rotating: false, ..state };
    assert_eq!(admit(&off, &version("a")), Err(Refusal::RotationOff));
}

#[test]
fn a_version_that_is_current_and_still_pending_counts_as_current() {
    let state = secret(&[("a", &[Stage::Current, Stage::Pending])]);
    assert_eq!(admit(&state, &version("a")), Ok(Standing::Current));
}

#[test]
fn a_version_that_was_rolled_back_is_not_promoted_again() {
    let state = secret(&[("a", &[Stage::Current]), ("b", &[Stage::Pending, Stage::Previous])]);
    assert_eq!(admit(&state, &version("b")), Err(Refusal::RolledBack));
}

#[test]
fn promotion_moves_current_and_previous_follows() {
    let before = secret(&[("a", &[Stage::Previous]), ("b", &[Stage::Current]), ("c", &[Stage::Pending])]);
    let after = promoted(before, &version("c"));
    assert_eq!(after, secret(&[("b", &[Stage::Previous]), ("c", &[Stage::Current, Stage::Pending])]));
    assert_eq!(promoted(after.clone(), &version("c")), after);
    let first = promoted(secret(&[("c", &[Stage::Pending])]), &version("c"));
    assert_eq!(first, secret(&[("c", &[Stage::Current, Stage::Pending])]));
}

#[test]
fn a_key_is_named_for_its_version_and_its_secret() {
    let token = version("5f0e2f7c-1111-4222-8333-444455556666");
    let id = key_id(ARN, &token);
    assert_eq!(id, key_id(ARN, &token));
    assert_ne!(id, key_id("another", &token));
    assert_ne!(id, key_id(ARN, &version("5f0e2f7c-1111-4222-8333-444455556667")));
    assert_eq!(id.0.len(), 41);
    assert!(named_here(&id));
    // `printf '%s|%s' ARN TOKEN | sha256sum`
    assert_eq!(id.0, "g612c77c9fa9577fddf1187046aca14fa5a6f4093");
}

#[test]
fn keys_of_versions_with_a_stage_stay_and_the_rest_goes_oldest_first() {
    let state =
        secret(&[("b", &[Stage::Previous]), ("c", &[Stage::Current]), ("p", &[Stage::Other("pin".to_owned())])]);
    let keys = [key("o", 1, false), key("c", 2, true), key("b", 3, true), key("a", 9, true), key("p", 8, true)];
    let kept = kept(&state, &Holdings::new(), ARN);
    let gone: Vec<_> =
        removals(&keys, &kept, &[], LATER).into_iter().map(|removal| (removal.key.id, removal.check)).collect();
    let (older, orphan) = (key_id(ARN, &version("a")), key_id(ARN, &version("o")));
    assert_eq!(gone, [(older, Check::Use), (orphan, Check::Nothing)]);
}

#[test]
fn a_key_that_a_version_holds_under_another_name_stays() {
    let state = secret(&[("c", &[Stage::Current])]);
    let held = Holdings::from([(version("c"), Holding::Minted(key_id(ARN, &version("a"))))]);
    assert!(removals(&[key("a", 9, true)], &kept(&state, &held, ARN), &[], LATER).is_empty());
    let foreign = Holdings::from([(version("c"), Holding::Foreign)]);
    assert_eq!(removals(&[key("a", 9, true)], &kept(&state, &foreign, ARN), &[], LATER).len(), 1);
}

#[test]
fn a_key_of_another_name_or_already_deleted_is_not_touched_and_not_counted() {
    let mine = Key { id: KeyId("my-own-key".to_owned()), ..key("x", 1, false) };
    let gone = Key { deleted: true, ..key("y", 1, false) };
    let keys = [mine, gone];
    assert!(removals(&keys, &BTreeSet::new(), &[], LATER).is_empty());
    assert_eq!(live(&keys), 0);
}

#[test]
fn a_version_made_current_by_hand_has_its_key_marked_late() {
    let state = secret(&[("b", &[Stage::Previous]), ("c", &[Stage::Current]), ("d", &[Stage::Pending])]);
    let keys = [key("b", 3, true), key("c", 2, false), key("d", 1, false)];
    assert_eq!(unmarked(&state, &keys, ARN), [&keys[1]]);
}

#[test]
fn nothing_is_known_of_versions_without_a_stage() {
    let state = Description { versions: BTreeMap::new(), ..secret(&[]) };
    assert!(kept(&state, &Holdings::new(), ARN).is_empty());
}

#[test]
fn a_served_key_rests_for_a_day_and_an_orphan_does_not() {
    let keys = [key("a", 0, true), key("o", 0, false)];
    let gone = |now| removals(&keys, &BTreeSet::new(), &[], Timestamp(now)).len();
    assert_eq!((gone(DAY), gone(2 * DAY - 1), gone(2 * DAY)), (1, 1, 2));
}

/// Whether a key that was served at `since` goes at `now`, where these are read.
fn goes(since: u64, read: &[(&str, Stage, Option<u64>)], now: u64) -> bool {
    let served = |name, since: Option<u64>| Key { served: since.map(Timestamp), ..key(name, 0, true) };
    let state = secret(&read.iter().map(|(name, stage, _)| (*name, std::slice::from_ref(stage))).collect::<Vec<_>>());
    let mut keys: Vec<_> = read.iter().map(|(name, _, since)| served(name, *since)).collect();
    keys.push(served("x", Some(since)));
    let read = read_since(&state, &Holdings::new(), &keys, ARN, Timestamp(now));
    !removals(&keys, &kept(&state, &Holdings::new(), ARN), &read, Timestamp(now)).is_empty()
}

#[test]
fn a_key_rests_for_a_day_from_when_the_one_after_it_was_served() {
    let read = [("b", Stage::Previous, Some(9 * DAY)), ("c", Stage::Current, Some(10 * DAY))];
    assert_eq!((goes(DAY, &read, 10 * DAY - 1), goes(DAY, &read, 10 * DAY)), (false, true));
}

#[test]
fn a_key_that_was_rolled_back_from_rests_from_when_the_current_one_was_served() {
    let read = [("b", Stage::Previous, Some(DAY)), ("c", Stage::Current, Some(9 * DAY))];
    assert_eq!((goes(2 * DAY, &read, 10 * DAY - 1), goes(2 * DAY, &read, 10 * DAY)), (false, true));
}

#[test]
fn a_key_stays_while_nobody_knows_since_when_the_ones_that_are_read_are() {
    let read = [("b", Stage::Previous, None), ("c", Stage::Current, None)];
    assert!(!goes(DAY, &read, 100 * DAY));
}

#[test]
fn a_key_stays_where_a_look_at_the_keys_does_not_show_the_current_one() {
    let state = secret(&[("c", &[Stage::Current])]);
    let held = Holdings::from([(version("c"), Holding::Minted(key_id(ARN, &version("c"))))]);
    let since = |holdings| read_since(&state, holdings, &[key("a", 0, true)], ARN, LATER);
    assert_eq!((since(&held), since(&Holdings::new())), (vec![LATER], vec![]));
}

#[test]
fn a_mark_is_made_anew_where_it_is_an_hour_old() {
    let served = Key { served: Some(Timestamp(DAY)), ..key("a", 0, true) };
    let hour = 3_600_000;
    assert!(marked(&served, Timestamp(DAY + hour - 1)) && !marked(&served, Timestamp(DAY + hour)));
    assert!(!marked(&key("a", 0, false), Timestamp(DAY)));
}
