//! The bodies of requests, from the tables of fields.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use shared::fields::Treatment;

use super::types::{self, Fields, null_or};
use crate::surface::Surface;

/// The schema of a request on a surface.
pub(super) fn schema(surface: Surface) -> Value {
    let rows: BTreeMap<_, _> = surface.fields().rows().collect();
    Writer { rows, fields: types::of(surface) }.object("")
}

struct Writer {
    rows: BTreeMap<&'static str, Treatment>,
    fields: &'static Fields,
}

impl Writer {
    /// The object at a path: what is admitted there, and nothing else.
    fn object(&self, at: &str) -> Value {
        let mut properties = Map::new();
        let mut required = Vec::new();
        for (path, name) in self.admitted(at) {
            if self.fields.required.contains(&path) {
                required.push(name);
                properties.insert(name.to_owned(), self.field(path));
            } else {
                properties.insert(name.to_owned(), null_or(self.field(path)));
            }
        }
        json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
    }

    fn field(&self, path: &'static str) -> Value {
        if self.rows.get(path) == Some(&Treatment::Ignore) {
            return json!({"description": "has no effect"});
        }
        let of_its_own = self.fields.types.iter().find(|(typed, _)| *typed == path).map(|(_, schema)| schema());
        let items = format!("{path}[]");
        let beneath = if self.admitted(&items).next().is_some() {
            let least = usize::from(self.fields.required.contains(&path));
            Some(json!({"type": "array", "items": self.object(&items), "minItems": least}))
        } else {
            self.admitted(path).next().map(|_| self.object(path))
        };
        match (of_its_own, beneath) {
            (Some(one), Some(other)) => json!({"anyOf": [one, other]}),
            (one, other) => one.or(other).unwrap_or_default(),
        }
    }

    /// Paths and names of the fields of the object at a path that are not refused.
    fn admitted<'w>(&'w self, at: &'w str) -> impl Iterator<Item = (&'static str, &'static str)> + 'w {
        self.rows.iter().filter_map(move |(path, treatment)| {
            let (parent, name) = path.rsplit_once('.').unwrap_or(("", path));
            (parent == at && !matches!(treatment, Treatment::Refuse(_))).then_some((*path, name))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SURFACES: [Surface; 2] = [Surface::Gemini, Surface::OpenAi];

    #[test]
    fn every_field_that_is_admitted_says_what_it_takes() {
        for surface in SURFACES {
            let rows: BTreeMap<_, _> = surface.fields().rows().collect();
            let writer = Writer { rows, fields: types::of(surface) };
            for (path, treatment) in &writer.rows {
                if matches!(treatment, Treatment::Forward | Treatment::Clamp | Treatment::Opaque) {
                    assert_ne!(writer.field(path), Value::Null, "{path}");
                }
            }
        }
    }

    #[test]
    fn nothing_is_said_of_a_field_that_is_not_admitted() {
        for surface in SURFACES {
            let fields = types::of(surface);
            for path in fields.types.iter().map(|(path, _)| path).chain(fields.required) {
                let row = surface.fields().treatment(path);
                let admitted = matches!(row, Some(Treatment::Forward | Treatment::Clamp | Treatment::Opaque));
                assert!(admitted, "{path}: {row:?}");
            }
        }
    }

    #[test]
    fn what_is_refused_is_not_in_the_document() {
        let schema = schema(Surface::Gemini);
        assert!(schema.pointer("/properties/contents/items/properties/parts/items/properties/text").is_some());
        assert_eq!(schema.pointer("/properties/cachedContent"), None);
        assert_eq!(schema["additionalProperties"], false);
        assert_eq!(schema["required"], json!(["contents"]));
    }
}
