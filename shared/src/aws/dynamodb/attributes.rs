//! Reading attributes.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use super::Error;

/// An item as `DynamoDB` gives it.
pub(super) type Attributes = HashMap<String, AttributeValue>;

/// A number. None of ours has a fraction; what is larger than we count is as large as we count.
pub(super) fn number(value: &AttributeValue) -> Result<u64, Error> {
    let digits = value.as_n().ok().filter(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()));
    Ok(digits.ok_or(Error::Garbled("a number is none"))?.parse().unwrap_or(u64::MAX))
}

/// A number under a name.
pub(super) fn number_of(attributes: &Attributes, name: &str) -> Result<u64, Error> {
    number(attributes.get(name).ok_or(Error::Garbled("a number is missing"))?)
}

/// A text under a name.
pub(super) fn text_of<'a>(attributes: &'a Attributes, name: &str) -> Result<&'a str, Error> {
    let text = attributes.get(name).and_then(|value| value.as_s().ok());
    text.map(String::as_str).ok_or(Error::Garbled("a text is missing"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(digits: &str) -> Option<u64> {
        number(&AttributeValue::N(digits.to_owned())).ok()
    }

    #[test]
    fn numbers_are_whole_and_never_below_zero() {
        assert_eq!(read("0"), Some(0));
        assert_eq!(read("9007199254740993"), Some(9_007_199_254_740_993));
        assert_eq!(read(&u64::MAX.to_string()), Some(u64::MAX));
        assert_eq!(read("18446744073709551616"), Some(u64::MAX));
        for garbled in ["", "-1", "1.5", "1e3", "+1"] {
            assert_eq!(read(garbled), None, "{garbled}");
        }
        assert!(number(&AttributeValue::S("1".to_owned())).is_err());
    }
}
