//! JSON at the door: strict where a lenient reader would let two readers see two different requests.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Why a body is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It is not JSON in UTF-8.
    #[error("line {line}, column {column}")]
    Syntax {
        /// Counted from 1.
        line: usize,
        /// Counted from 1, in bytes.
        column: usize,
    },
    /// An object names a key twice.
    #[error("line {line}, column {column}")]
    Duplicate {
        /// Counted from 1.
        line: usize,
        /// Counted from 1, in bytes.
        column: usize,
    },
    /// It nests deeper than allowed.
    #[error("deeper than allowed")]
    TooDeep,
    /// It has more values than allowed.
    #[error("more than {MAX_VALUES} values")]
    TooMany,
}

/// The most values of a body, however small: each costs tens of bytes in memory, be it an empty object of two. A
/// conversation of 2,000 turns with ten parts each has a quarter of that.
pub const MAX_VALUES: usize = 200_000;

/// Reads a body whose values nest at most `depth` deep.
///
/// # Errors
/// [`Error`], which never quotes the body.
pub fn read(bytes: &[u8], depth: usize) -> Result<Value, Error> {
    let (fault, values) = (Cell::new(Fault::Syntax), Cell::new(MAX_VALUES));
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Strict { depth, fault: &fault, values: &values }.deserialize(&mut reader).and_then(|value| {
        reader.end()?;
        Ok(value)
    });
    value.map_err(|error| match fault.get() {
        Fault::Deep => Error::TooDeep,
        Fault::Many => Error::TooMany,
        Fault::Duplicate => Error::Duplicate { line: error.line(), column: error.column() },
        Fault::Syntax => Error::Syntax { line: error.line(), column: error.column() },
    })
}

#[derive(Clone, Copy)]
enum Fault {
    Deep,
    Duplicate,
    Many,
    Syntax,
}

#[derive(Clone, Copy)]
struct Strict<'f> {
    depth: usize,
    fault: &'f Cell<Fault>,
    /// How many more values there may be.
    values: &'f Cell<usize>,
}

impl Strict<'_> {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        match self.depth.checked_sub(1) {
            Some(depth) => Ok(Self { depth, ..self }),
            None => Err(self.fails(Fault::Deep)),
        }
    }

    fn fails<E: serde::de::Error>(self, fault: Fault) -> E {
        self.fault.set(fault);
        E::custom("refused")
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        match self.values.get().checked_sub(1) {
            Some(left) => self.values.set(left),
            None => return Err(self.fails(Fault::Many)),
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("not a number"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut all = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            all.push(item);
        }
        Ok(all.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut all = Map::new();
        while let Some(name) = fields.next_key::<String>()? {
            if all.contains_key(&name) {
                return Err(self.fails(Fault::Duplicate));
            }
            let field = fields.next_value_seed(inner)?;
            all.insert(name, field);
        }
        Ok(all.into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn refuses_a_key_that_is_given_twice_at_any_depth_and_in_any_spelling() {
        for body in [r#"{"a":1,"a":1}"#, r#"[{"b":{"a":1,"\u0061":2}}]"#] {
            assert!(matches!(read(body.as_bytes(), 64), Err(Error::Duplicate { .. })), "{body}");
        }
    }

    #[test]
    fn refuses_what_nests_deeper_than_allowed_and_takes_what_does_not() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(read(nested(64).as_bytes(), 64).is_ok());
        assert_eq!(read(nested(65).as_bytes(), 64), Err(Error::TooDeep));
        assert_eq!(read(nested(100_000).as_bytes(), 64), Err(Error::TooDeep));
        assert_eq!(read("[".repeat(1_000_000).as_bytes(), 64), Err(Error::TooDeep));
    }

    #[test]
    fn refuses_more_values_than_memory_is_meant_for() {
        let of = |count: usize| format!("[{}0]", "{},".repeat(count - 2));
        assert!(read(of(MAX_VALUES).as_bytes(), 64).is_ok());
        assert_eq!(read(of(MAX_VALUES + 1).as_bytes(), 64), Err(Error::TooMany));
    }

    #[test]
    fn refuses_what_is_not_json() {
        for body in
            [&b""[..], b"{", b"{} {}", b"{'a':1}", b"[1,]", b"nul", b"\"\xff\"", b"\"\\ud800\"", b"01", b"1e999"]
        {
            assert!(matches!(read(body, 64), Err(Error::Syntax { .. })), "{}", body.escape_ascii());
        }
    }

    #[test]
    fn errors_never_quote_the_body() {
        let error = read(b"{\"secret\": hunter2}", 64).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter"));
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            (-1e300..1e300f64).prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..5)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn reads_back_what_was_written(value in any_json()) {
            let text = serde_json::to_vec(&value).unwrap();
            let lenient: Value = serde_json::from_slice(&text).unwrap();
            prop_assert_eq!(read(&text, 64).unwrap(), lenient);
        }

        #[test]
        fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes, 8);
        }
    }

    #[test]
    fn keeps_the_order_of_fields() {
        let value = read(br#"{"z":1,"a":2}"#, 4).unwrap();
        assert_eq!(value.to_string(), r#"{"z":1,"a":2}"#);
        assert_eq!(value, json!({"z": 1, "a": 2}));
    }
}
