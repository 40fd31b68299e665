//! A JSON object that is taken apart field by field, and knows where it stands.

use serde_json::{Map, Value};

use crate::problem::Problem;

/// An object and its path in the request.
#[derive(Debug)]
pub(crate) struct Object {
    fields: Map<String, Value>,
    path: String,
}

impl Object {
    pub(crate) fn of(value: Value, path: impl Into<String>) -> Result<Self, Problem> {
        let path = path.into();
        let Value::Object(fields) = value else {
            return Err(Problem::invalid(if path.is_empty() { "body" } else { &path }, "must be an object"));
        };
        Ok(Self { fields, path })
    }

    pub(crate) fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.fields.contains_key(name)
    }

    pub(crate) fn is_string(&self, name: &str) -> bool {
        self.fields.get(name).is_some_and(Value::is_string)
    }

    pub(crate) fn take(&mut self, name: &str) -> Option<Value> {
        self.fields.swap_remove(name)
    }

    pub(crate) fn string(&mut self, name: &str) -> Result<Option<String>, Problem> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Problem::invalid(&self.path_of(name), "must be a string")),
        }
    }

    /// A word that stands for something and says nothing: no guard reads it, so that it must hold no sentence.
    pub(crate) fn token(&mut self, name: &str) -> Result<Option<String>, Problem> {
        const LONGEST: usize = 256;
        let token = self.string(name)?;
        if token
            .as_ref()
            .is_some_and(|token| token.len() > LONGEST || !token.bytes().all(|byte| byte.is_ascii_graphic()))
        {
            let message = format!("must be at most {LONGEST} ASCII characters without spaces");
            return Err(Problem::invalid(&self.path_of(name), &message));
        }
        Ok(token)
    }

    pub(crate) fn required_string(&mut self, name: &str) -> Result<String, Problem> {
        self.string(name)?.ok_or_else(|| Problem::invalid(&self.path_of(name), "is missing"))
    }

    pub(crate) fn bool(&mut self, name: &str) -> Result<Option<bool>, Problem> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(value)),
            Some(_) => Err(Problem::invalid(&self.path_of(name), "must be true or false")),
        }
    }

    pub(crate) fn object(&mut self, name: &str) -> Result<Option<Self>, Problem> {
        let path = self.path_of(name);
        self.take(name).map(|value| Self::of(value, path)).transpose()
    }

    pub(crate) fn required_object(&mut self, name: &str) -> Result<Self, Problem> {
        self.object(name)?.ok_or_else(|| Problem::invalid(&self.path_of(name), "is missing"))
    }

    /// A JSON object that is passed on as it is.
    pub(crate) fn opaque_object(&mut self, name: &str) -> Result<Option<Value>, Problem> {
        match self.take(name) {
            None => Ok(None),
            Some(value @ Value::Object(_)) => Ok(Some(value)),
            Some(_) => Err(Problem::invalid(&self.path_of(name), "must be an object")),
        }
    }

    /// A list of objects.
    pub(crate) fn objects(&mut self, name: &str) -> Result<Vec<Self>, Problem> {
        let path = self.path_of(name);
        match self.take(name) {
            None => Ok(Vec::new()),
            Some(Value::Array(items)) => {
                items.into_iter().enumerate().map(|(at, item)| Self::of(item, format!("{path}[{at}]"))).collect()
            }
            Some(_) => Err(Problem::invalid(&path, "must be a list")),
        }
    }

    /// Refuses what nobody has taken: a field that its table knows, and that has no place beside the others.
    pub(crate) fn finish(self) -> Result<(), Problem> {
        match self.fields.keys().next() {
            None => Ok(()),
            Some(name) => Err(Problem::invalid(&self.path_of(name), "does not belong here")),
        }
    }

    pub(crate) fn into_fields(self) -> Map<String, Value> {
        self.fields
    }
}
