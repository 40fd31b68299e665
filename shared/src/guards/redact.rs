//! Redaction of secrets and personal data, whole and streaming.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The `[output]` table of a policy, as far as the redactor reads it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Types to turn off or on; a type not named is on.
    pub types: BTreeMap<String, bool>,
    /// The operator's own patterns.
    pub patterns: Vec<OperatorPattern>,
}

/// A pattern of the operator's own, replaced by `[REDACTED:name]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperatorPattern {
    /// The name in the mark and in records: lower-case letters, digits and `_`.
    pub name: String,
    /// A regular expression with a finite longest match.
    pub pattern: String,
}
