//! A policy document, and which of its statements concern an access.

use serde_json::{Map, Value};

use super::{Access, Grant};
use crate::aws::ACCOUNT;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    Allow,
    Deny,
}

#[derive(Debug)]
pub(super) struct Policy {
    pub(super) statements: Vec<Statement>,
}

#[derive(Debug)]
pub(super) struct Statement {
    pub(super) effect: Effect,
    sid: String,
    /// `None` in the policy of a role, which is its own principal.
    principals: Option<Vec<String>>,
    actions: Vec<String>,
    resources: Vec<String>,
    conditions: Vec<Condition>,
}

#[derive(Debug)]
struct Condition {
    operator: Operator,
    /// Holds where the key is absent.
    if_exists: bool,
    key: String,
    values: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equals { negated: bool, folded: bool },
    Like { negated: bool },
    Null,
}

impl Policy {
    /// Reads a document; an error tells what in it is not known here.
    pub(super) fn read(document: &str) -> Result<Self, String> {
        Self::of(&serde_json::from_str(document).map_err(|error| format!("a policy: {error}"))?)
    }

    /// The same, of a document that is JSON already.
    pub(super) fn of(document: &Value) -> Result<Self, String> {
        let statements = several(&document["Statement"]).iter().map(Statement::read).collect::<Result<_, _>>()?;
        Ok(Self { statements })
    }
}

impl Statement {
    fn read(statement: &Value) -> Result<Self, String> {
        let fields = statement.as_object().ok_or("a statement is no object")?;
        let known = ["Sid", "Effect", "Principal", "Action", "Resource", "Condition"];
        if let Some(unknown) = fields.keys().find(|field| !known.contains(&field.as_str())) {
            return Err(format!("{unknown} is not evaluated"));
        }
        let effect = match statement["Effect"].as_str() {
            Some("Allow") => Effect::Allow,
            Some("Deny") => Effect::Deny,
            other => return Err(format!("the effect {other:?} is not known")),
        };
        let texts = |field: &str| strings(&statement[field]).map_err(|why| format!("{field}: {why}"));
        let conditions = statement["Condition"].as_object().into_iter().flatten();
        let conditions =
            conditions.map(|(operator, keys)| Condition::read(operator, keys)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            effect,
            sid: statement["Sid"].as_str().unwrap_or_default().to_owned(),
            principals: fields.get("Principal").map(principals).transpose()?,
            actions: texts("Action")?,
            resources: texts("Resource")?,
            conditions: conditions.into_iter().flatten().collect(),
        })
    }

    /// Every action on every resource that it speaks of.
    pub(super) fn grants(&self) -> Vec<Grant> {
        let pairs =
            self.actions.iter().flat_map(|action| self.resources.iter().map(move |resource| (action, resource)));
        let grant = |(action, resource): (&String, &String)| Grant {
            statement: self.sid.clone(),
            action: action.clone(),
            resource: resource.clone(),
        };
        pairs.map(grant).collect()
    }

    /// Those of them that an access falls under: none where a condition does not hold.
    pub(super) fn matching(&self, access: &Access) -> Result<Vec<Grant>, String> {
        let falls = |grant: &Grant| {
            let action = glob(&grant.action.to_ascii_lowercase(), &access.action.to_ascii_lowercase());
            action && glob(&grant.resource, &access.resource)
        };
        let matching: Vec<_> = self.grants().into_iter().filter(falls).collect();
        if matching.is_empty() {
            return Ok(matching);
        }
        for condition in &self.conditions {
            if !condition.holds(access)? {
                return Ok(Vec::new());
            }
        }
        Ok(matching)
    }

    /// Whether the statement of a resource's policy speaks of a role: by its name, as anybody, or by leaving it to the
    /// account.
    pub(super) fn concerns(&self, role: &str) -> bool {
        let account = format!("arn:aws:iam::{ACCOUNT}:root");
        let named = |principal: &String| principal == "*" || principal == role || *principal == account;
        self.principals.as_ref().is_none_or(|principals| principals.iter().any(named))
    }
}

impl Condition {
    fn read(operator: &str, keys: &Value) -> Result<Vec<Self>, String> {
        let (name, if_exists) = operator.strip_suffix("IfExists").map_or((operator, false), |name| (name, true));
        let operator = match name {
            "StringEquals" => Operator::Equals { negated: false, folded: false },
            "StringNotEquals" => Operator::Equals { negated: true, folded: false },
            "StringEqualsIgnoreCase" | "Bool" => Operator::Equals { negated: false, folded: true },
            "StringLike" | "ArnLike" | "ArnEquals" => Operator::Like { negated: false },
            "StringNotLike" | "ArnNotLike" | "ArnNotEquals" => Operator::Like { negated: true },
            "Null" if !if_exists => Operator::Null,
            _ => return Err(format!("the operator {operator} is not evaluated")),
        };
        let keys: &Map<_, _> = keys.as_object().ok_or("a condition without keys")?;
        let read = |(key, values): (&String, &Value)| {
            Ok(Self { operator, if_exists, key: key.clone(), values: strings(values)? })
        };
        keys.iter().map(read).collect()
    }

    fn holds(&self, access: &Access) -> Result<bool, String> {
        if !is_known(&self.key) {
            return Err(format!("the condition key {} is not known", self.key));
        }
        let key = self.key.to_ascii_lowercase();
        let found = access.context.iter().find(|(name, _)| name.to_ascii_lowercase() == key).map(|(_, value)| value);
        if self.operator == Operator::Null {
            return Ok(self.values.iter().any(|value| (value == "true") == found.is_none()));
        }
        let Some(found) = found else {
            let negated =
                matches!(self.operator, Operator::Equals { negated: true, .. } | Operator::Like { negated: true });
            return Ok(self.if_exists || negated);
        };
        Ok(match self.operator {
            Operator::Equals { negated, folded } => {
                let equal = |value: &String| value == found || (folded && value.eq_ignore_ascii_case(found));
                self.values.iter().any(equal) != negated
            }
            Operator::Like { negated } => self.values.iter().any(|value| glob(value, found)) != negated,
            Operator::Null => false,
        })
    }
}

/// The condition keys that an access tells, or whose absence from it means something.
fn is_known(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    let plain = [
        "aws:principalarn",
        "aws:securetransport",
        "kms:viaservice",
        "lambda:functionurlauthtype",
        "lambda:invokedviafunctionurl",
        "s3:if-none-match",
        "s3:prefix",
    ];
    plain.contains(&key.as_str()) || key.starts_with("kms:encryptioncontext:")
}

fn principals(principal: &Value) -> Result<Vec<String>, String> {
    let Some(kinds) = principal.as_object() else { return strings(principal) };
    Ok(kinds.values().map(strings).collect::<Result<Vec<_>, _>>()?.concat())
}

/// One value or several.
fn several(value: &Value) -> &[Value] {
    value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice)
}

/// One text or several; none with a variable in it, which would have to be filled in.
fn strings(value: &Value) -> Result<Vec<String>, String> {
    let text = |value: &Value| {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Bool(_) | Value::Number(_) => value.to_string(),
            Value::Null | Value::Array(_) | Value::Object(_) => return Err(format!("{value} is no text")),
        };
        if text.contains("${") { Err(format!("the variable in {text} is not filled in")) } else { Ok(text) }
    };
    several(value).iter().map(text).collect()
}

/// Whether a text fits a pattern of `*` and `?`.
pub(super) fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<_>, Vec<_>) = (pattern.chars().collect(), text.chars().collect());
    let mut fits = vec![false; text.len() + 1];
    fits[0] = true;
    for sign in pattern {
        let mut next = vec![false; text.len() + 1];
        next[0] = fits[0] && sign == '*';
        for at in 1..=text.len() {
            next[at] = match sign {
                '*' => fits[at] || next[at - 1],
                '?' => fits[at - 1],
                other => fits[at - 1] && other == text[at - 1],
            };
        }
        fits = next;
    }
    fits[text.len()]
}
