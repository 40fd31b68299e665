//! Tables of fields: what becomes of each field of a wire format, and the walk that applies them.
//!
//! A table maps a path such as `contents[].parts[].text` to a [`Treatment`]. Every field on the wire has a row or is
//! unknown; nothing passes unseen in either direction.

use std::collections::HashMap;
use std::mem;

use serde_json::{Map, Value};

/// What becomes of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Treatment {
    /// Is passed on, less what the policy takes off it.
    Clamp,
    /// Is passed on; what is beneath an object or array has rows of its own.
    Forward,
    /// Has no effect and is not passed on; the receipt names it.
    Ignore,
    /// Is passed on with all that is beneath it, whatever that is.
    Opaque,
    /// Is refused; the text is the remedy.
    Refuse(&'static str),
}

/// The fields of one wire format.
#[derive(Debug)]
pub struct Table {
    rows: HashMap<&'static str, Treatment>,
    spelling: Spelling,
}

/// How a wire format spells its names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spelling {
    /// In camelCase or, as proto3 JSON allows, in `snake_case`.
    Either,
    /// As the rows have them, to the letter.
    Exact,
}

/// What was let in.
#[derive(Debug)]
pub struct Admitted {
    /// The value with known fields only, spelt as in the table, without nulls.
    pub value: Value,
    /// Paths that were accepted and ignored.
    pub ignored: Vec<String>,
}

/// Why a value was not let in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The field is in no table.
    #[error("unknown field")]
    Unknown {
        /// Where it stands.
        path: String,
    },
    /// The field is known, and not accepted.
    #[error("field is not accepted")]
    Refused {
        /// Where it stands.
        path: String,
        /// What to do instead.
        remedy: &'static str,
    },
    /// The field was given twice, in camelCase and in snake_case.
    #[error("field was given twice")]
    Twice {
        /// Where it stands.
        path: String,
    },
}

impl Table {
    /// A table of rows in camelCase, for a format that takes names in camelCase or, as proto3 JSON allows, in
    /// `snake_case`.
    #[must_use]
    pub fn new(rows: &[(&'static str, Treatment)]) -> Self {
        Self { rows: rows.iter().copied().collect(), spelling: Spelling::Either }
    }

    /// A table of rows for a format that takes names only as they are spelt there.
    #[must_use]
    pub fn exact(rows: &[(&'static str, Treatment)]) -> Self {
        Self { rows: rows.iter().copied().collect(), spelling: Spelling::Exact }
    }

    /// What becomes of the field at a path, such as `contents[].parts[].text`; `None` where no row knows it.
    #[must_use]
    pub fn treatment(&self, path: &str) -> Option<Treatment> {
        self.rows.get(path).copied()
    }

    /// Every row: a path, and what becomes of the field there. They come in no order.
    pub fn rows(&self) -> impl Iterator<Item = (&'static str, Treatment)> {
        self.rows.iter().map(|(path, treatment)| (*path, *treatment))
    }

    /// Lets a request in, or says which field is not accepted.
    ///
    /// `admitted` lists paths that a policy admits although their row refuses them. Null is the same as absent.
    ///
    /// # Errors
    /// The first [`Refusal`] in document order.
    pub fn admit(&self, value: Value, admitted: &dyn Fn(&str) -> bool) -> Result<Admitted, Refusal> {
        let mut walk = Walk { table: self, admitted, path: String::new(), ignored: Vec::new() };
        let value = walk.value(value)?;
        Ok(Admitted { value, ignored: walk.ignored })
    }

    /// Takes every field without a row out of an answer, or out of what stands in it at a path, and says how many those
    /// were.
    pub fn prune(&self, value: &mut Value, path: &str) -> u32 {
        self.prune_at(value, &mut path.to_owned())
    }

    /// What becomes of the field `name`, with which `path` ends. A name that is itself written as a path, such as
    /// `parts[].text`, would otherwise be taken for the field that the path leads to.
    fn of_name(&self, name: &str, path: &str) -> Option<Treatment> {
        if name.contains(['.', '[', ']']) { None } else { self.treatment(path) }
    }

    fn prune_at(&self, value: &mut Value, path: &mut String) -> u32 {
        match value {
            Value::Array(items) => {
                let length = path.len();
                path.push_str("[]");
                let dropped = items.iter_mut().map(|item| self.prune_at(item, path)).sum();
                path.truncate(length);
                dropped
            }
            Value::Object(fields) => {
                let mut dropped = 0;
                fields.retain(|name, field| {
                    let length = enter(path, name);
                    let treatment = self.of_name(name, path);
                    match treatment {
                        Some(Treatment::Forward | Treatment::Clamp) => dropped += self.prune_at(field, path),
                        Some(Treatment::Opaque | Treatment::Ignore) => {}
                        Some(Treatment::Refuse(_)) | None => dropped += 1,
                    }
                    path.truncate(length);
                    matches!(treatment, Some(Treatment::Forward | Treatment::Clamp | Treatment::Opaque))
                });
                dropped
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
        }
    }
}

struct Walk<'t> {
    table: &'t Table,
    admitted: &'t dyn Fn(&str) -> bool,
    path: String,
    ignored: Vec<String>,
}

impl Walk<'_> {
    fn value(&mut self, value: Value) -> Result<Value, Refusal> {
        match value {
            Value::Array(items) => {
                let length = self.path.len();
                self.path.push_str("[]");
                let items = items.into_iter().map(|item| self.value(item)).collect::<Result<_, _>>()?;
                self.path.truncate(length);
                Ok(Value::Array(items))
            }
            Value::Object(fields) => self.object(fields).map(Value::Object),
            plain @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => Ok(plain),
        }
    }

    fn object(&mut self, fields: Map<String, Value>) -> Result<Map<String, Value>, Refusal> {
        let mut known = Map::with_capacity(fields.len());
        for (name, field) in fields {
            let name = if self.table.spelling == Spelling::Either { camel_case(name) } else { name };
            let length = enter(&mut self.path, &name);
            let field = match self.table.of_name(&name, &self.path) {
                None => return Err(Refusal::Unknown { path: mem::take(&mut self.path) }),
                Some(_) if field.is_null() => None,
                Some(Treatment::Refuse(remedy)) => {
                    if !(self.admitted)(&self.path) {
                        return Err(Refusal::Refused { path: mem::take(&mut self.path), remedy });
                    }
                    Some(field)
                }
                Some(Treatment::Ignore) => {
                    self.ignored.push(self.path.clone());
                    None
                }
                Some(Treatment::Opaque) => Some(field),
                Some(Treatment::Forward | Treatment::Clamp) => Some(self.value(field)?),
            };
            if let Some(field) = field
                && known.insert(name, field).is_some()
            {
                return Err(Refusal::Twice { path: mem::take(&mut self.path) });
            }
            self.path.truncate(length);
        }
        Ok(known)
    }
}

/// Appends a name to a path and returns the length to go back to.
fn enter(path: &mut String, name: &str) -> usize {
    let length = path.len();
    if length > 0 {
        path.push('.');
    }
    path.push_str(name);
    length
}

/// `system_instruction` as `systemInstruction`. A name without `_` stays as it is, and so does one that is not proper
/// `snake_case`: no table knows it.
fn camel_case(name: String) -> String {
    let mut words = name.split('_');
    let mut camel = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        match letters.next() {
            Some(first) if !camel.is_empty() && !first.is_ascii_uppercase() => camel.push(first.to_ascii_uppercase()),
            Some(_) | None => return name,
        }
        camel.push_str(letters.as_str());
    }
    camel
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn table() -> Table {
        Table::new(&[
            ("top", Treatment::Forward),
            ("top[].inner", Treatment::Forward),
            ("any", Treatment::Opaque),
            ("quiet", Treatment::Ignore),
            ("cachedThing", Treatment::Refuse("leave it out")),
        ])
    }

    fn admit(value: Value) -> Result<Admitted, Refusal> {
        table().admit(value, &|_| false)
    }

    #[test]
    fn passes_known_fields_and_all_beneath_an_opaque_one() {
        let value = json!({"top": [{"inner": 1}], "any": {"what_ever": [null]}});
        assert_eq!(admit(value.clone()).unwrap().value, value);
    }

    #[test]
    fn refuses_an_unknown_field_by_its_path() {
        let refusal = admit(json!({"top": [{"inner": 1}, {"other": 2}]})).unwrap_err();
        assert_eq!(refusal, Refusal::Unknown { path: "top[].other".into() });
    }

    #[test]
    fn refuses_a_known_field_with_its_remedy_unless_admitted() {
        let value = json!({"cached_thing": "x"});
        let refused = Refusal::Refused { path: "cachedThing".into(), remedy: "leave it out" };
        assert_eq!(admit(value.clone()).unwrap_err(), refused);
        let admitted = table().admit(value, &|path| path == "cachedThing").unwrap();
        assert_eq!(admitted.value, json!({"cachedThing": "x"}));
    }

    #[test]
    fn names_what_it_ignores_and_takes_null_for_absent() {
        let admitted = admit(json!({"quiet": true, "top": null})).unwrap();
        assert_eq!(admitted.value, json!({}));
        assert_eq!(admitted.ignored, ["quiet"]);
    }

    #[test]
    fn refuses_a_field_given_in_both_spellings() {
        let table = Table::new(&[("twoWords", Treatment::Forward)]);
        let refusal = table.admit(json!({"twoWords": 1, "two_words": 2}), &|_| false).unwrap_err();
        assert_eq!(refusal, Refusal::Twice { path: "twoWords".into() });
    }

    #[test]
    fn a_name_that_is_written_as_a_path_is_unknown() {
        let table = Table::new(&[
            ("config", Treatment::Forward),
            ("config.mode", Treatment::Forward),
            ("tools", Treatment::Forward),
            ("tools[].names", Treatment::Forward),
            ("tools[].names[].any", Treatment::Opaque),
        ]);
        for value in [
            json!({"config.mode": 1}),
            json!({"tools": [{"names[].any": {}}]}),
            json!({"tools[]": 1}),
            json!({"tools[].names": []}),
        ] {
            let refused = table.admit(value.clone(), &|_| true);
            assert!(matches!(refused, Err(Refusal::Unknown { .. })), "{value}: {refused:?}");
            let mut answer = value.clone();
            assert_eq!(table.prune(&mut answer, ""), 1, "{value}");
            assert!(!answer.to_string().contains("mode") && !answer.to_string().contains("names"), "{answer}");
        }
    }

    #[test]
    fn only_proper_snake_case_stands_for_camel_case() {
        let table = Table::new(&[("twoWords", Treatment::Forward), ("one", Treatment::Forward)]);
        for name in ["two__words", "two_Words", "_twoWords", "twoWords_", "two_words_", "one_", "_one"] {
            let refused = table.admit(json!({name: 1}), &|_| false);
            assert!(matches!(refused, Err(Refusal::Unknown { .. })), "{name}: {refused:?}");
        }
    }

    #[test]
    fn an_exact_table_takes_no_other_spelling() {
        let table = Table::exact(&[("two_words", Treatment::Forward)]);
        assert_eq!(table.admit(json!({"two_words": 1}), &|_| false).unwrap().value, json!({"two_words": 1}));
        let refusal = table.admit(json!({"twoWords": 1}), &|_| false).unwrap_err();
        assert_eq!(refusal, Refusal::Unknown { path: "twoWords".into() });
    }

    #[test]
    fn prunes_and_counts_what_has_no_row() {
        let mut value = json!({"top": [{"inner": 1, "new": {"deep": 2}}], "newer": 3});
        assert_eq!(table().prune(&mut value, ""), 2);
        assert_eq!(value, json!({"top": [{"inner": 1}]}));
    }
}
