//! Limits as a policy writes them: a number, or `"none"`; money as dollars, never as a float.

use std::fmt;
use std::marker::PhantomData;
use std::num::{NonZeroU32, NonZeroU64};

use serde::Deserializer;
use serde::de::{Error, Visitor};

const NONE: &str = "none";

/// A whole number above 0, or `"none"`.
pub(super) fn number<'de, D: Deserializer<'de>>(from: D) -> Result<Option<NonZeroU32>, D::Error> {
    from.deserialize_any(Number(PhantomData))
}

struct Number<T>(PhantomData<T>);

impl Visitor<'_> for Number<NonZeroU32> {
    type Value = Option<NonZeroU32>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number above 0, or \"none\"")
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        let number = u32::try_from(value).ok().and_then(NonZeroU32::new);
        number.map(Some).ok_or_else(|| E::invalid_value(serde::de::Unexpected::Signed(value), &self))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        let number = u32::try_from(value).ok().and_then(NonZeroU32::new);
        number.map(Some).ok_or_else(|| E::invalid_value(serde::de::Unexpected::Unsigned(value), &self))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Self::Value, E> {
        if value == NONE { Ok(None) } else { Err(E::invalid_value(serde::de::Unexpected::Str(value), &self)) }
    }
}

/// Dollars in quotes, such as `"12.50"`, or `"none"`; in millionths of a dollar.
pub(super) fn dollars<'de, D: Deserializer<'de>>(from: D) -> Result<Option<NonZeroU64>, D::Error> {
    from.deserialize_any(Dollars)
}

struct Dollars;

impl Visitor<'_> for Dollars {
    type Value = Option<NonZeroU64>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("dollars in quotes, such as \"12.50\", or \"none\"")
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Self::Value, E> {
        if value == NONE {
            return Ok(None);
        }
        let micros = micros(value).and_then(NonZeroU64::new);
        micros.map(Some).ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(value), &self))
    }
}

/// Millionths of a dollar; `None` where it is no amount, has a fraction of a millionth, or is beyond any budget.
fn micros(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || whole.len() > 9 || fraction.len() > 6 {
        return None;
    }
    let fraction: u64 = format!("{fraction:0<6}").parse().ok()?;
    Some(whole.parse::<u64>().ok()? * 1_000_000 + fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_are_read_to_the_millionth() {
        assert_eq!(micros("12.5"), Some(12_500_000));
        assert_eq!(micros("0.000001"), Some(1));
        assert_eq!(micros("999999999"), Some(999_999_999_000_000));
        for wrong in ["", ".", "1.", ".5", "-1", "+1", "1e3", "0.0000001", "1,5", "1000000000", "١"] {
            assert_eq!(micros(wrong), None, "{wrong}");
        }
    }
}
