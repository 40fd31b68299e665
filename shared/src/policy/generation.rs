//! Bounds on `generationConfig`: each field a caller may send is passed on, moved into the policy's range, or refused
//! by name with the remedy. What no rule knows is refused, so that nothing reaches the model unseen.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The `[generation]` table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Generation {
    /// `maxOutputTokens` where the caller names none.
    pub default_output_tokens: u32,
    /// The most that a caller may ask for.
    pub max_output_tokens: u32,
    /// The most tokens that a caller may have the model think with.
    pub max_thinking_budget: u32,
    /// Where `temperature` may lie.
    pub temperature: Range<f64>,
    /// Where `topP` may lie.
    pub top_p: Range<f64>,
    /// Where `topK` may lie.
    pub top_k: Range<u32>,
    /// The most stop sequences.
    pub max_stop_sequences: usize,
    /// The forms of answer that callers may ask for.
    pub response_mime_types: Vec<String>,
    /// Further fields to pass on as they come.
    pub extra_fields: Vec<String>,
}

/// From `min` to `max`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a range such as { min = 0, max = 1 }")]
pub struct Range<T> {
    /// The least.
    pub min: T,
    /// The most.
    pub max: T,
}

/// A field that was moved into the policy's range.
#[derive(Clone, Debug, PartialEq)]
pub struct Clamped {
    /// The field's path in the request, such as `generationConfig.temperature`.
    pub field: String,
    /// What is sent in its place.
    pub to: Value,
}

/// A field that is not passed on, by its name and never by its value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct Refusal {
    /// The field's path in the request.
    pub field: String,
    /// What is wrong with it.
    pub problem: String,
    /// What to do about it.
    pub remedy: String,
}

impl Refusal {
    pub(super) fn new(field: impl Into<String>, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { field: field.into(), problem: problem.into(), remedy: remedy.into() }
    }
}

/// What becomes of a field.
enum Fate {
    /// Goes on as it is.
    Keep,
    /// Goes on as this number, which is the same written otherwise.
    Respell(Value),
    /// Goes on with this value.
    Set(Value),
    /// Has no effect, and is left out.
    Drop,
}

type Ruling = Result<Fate, (String, String)>;

impl Generation {
    /// Moves a `generationConfig` into the policy's bounds, and tells what was changed. Afterwards `maxOutputTokens`
    /// is set, whether the caller named it or not.
    ///
    /// # Errors
    /// A [`Refusal`] for every field that has a wrong type, that the policy does not admit, or that nobody knows. The
    /// map is then to be thrown away.
    pub fn clamp(&self, config: &mut Map<String, Value>) -> Result<Vec<Clamped>, Vec<Refusal>> {
        let mut clamped = Vec::new();
        let mut refusals = Vec::new();
        for (name, value) in std::mem::take(config) {
            let field = format!("generationConfig.{}", shown(&name));
            // In Google's JSON null is as good as absent.
            if value.is_null() {
                continue;
            }
            match self.rule(&name, &value) {
                Ok(Fate::Keep) => {
                    config.insert(name, value);
                }
                Ok(Fate::Respell(same)) => {
                    config.insert(name, same);
                }
                Ok(Fate::Set(to)) => {
                    clamped.push(Clamped { field, to: to.clone() });
                    config.insert(name, to);
                }
                Ok(Fate::Drop) => {}
                Err((problem, remedy)) => refusals.push(Refusal { field, problem, remedy }),
            }
        }
        if !config.contains_key("maxOutputTokens") {
            config.insert("maxOutputTokens".into(), self.default_output_tokens.into());
        }
        if refusals.is_empty() { Ok(clamped) } else { Err(refusals) }
    }

    fn rule(&self, name: &str, value: &Value) -> Ruling {
        match name {
            "candidateCount" => match whole(value)? {
                1 => Ok(Fate::Keep),
                _ => refuse("only one candidate is answered", "leave it out, or ask again for another answer"),
            },
            "maxOutputTokens" => at_most(value, 1, self.max_output_tokens),
            "temperature" => within(value, self.temperature),
            "topP" => within(value, self.top_p),
            "topK" => within_whole(value, self.top_k),
            "seed" => whole(value).map(|_| Fate::Keep),
            "presencePenalty" | "frequencyPenalty" => number(value).map(|_| Fate::Keep),
            "stopSequences" => self.stop_sequences(value),
            "responseMimeType" => self.mime_type(value),
            "responseSchema" | "responseJsonSchema" | "_responseJsonSchema" if value.is_object() => Ok(Fate::Keep),
            "responseSchema" | "responseJsonSchema" | "_responseJsonSchema" => wrong_type("an object"),
            "responseModalities" => modalities(value),
            "thinkingConfig" => self.thinking(value),
            // Below every bound above, so that admitting a field cannot take its bound off.
            _ if self.extra_fields.iter().any(|extra| extra == name) => Ok(Fate::Keep),
            // False asks for nothing.
            "responseLogprobs" | "enableEnhancedCivicAnswers" if *value == Value::Bool(false) => Ok(Fate::Drop),
            _ => refuse(
                "this gate does not pass it on",
                "leave it out, or have the operator name it in `generation.extra_fields` of the policy",
            ),
        }
    }

    fn stop_sequences(&self, value: &Value) -> Ruling {
        let Some(items) = strings(value) else { return wrong_type("an array of strings") };
        if items.len() > self.max_stop_sequences {
            // To leave some out would change the answer in silence.
            return refuse("has too many entries", format!("send at most {}", self.max_stop_sequences));
        }
        Ok(Fate::Keep)
    }

    fn mime_type(&self, value: &Value) -> Ruling {
        match value.as_str() {
            Some(asked) if self.response_mime_types.iter().any(|admitted| admitted == asked) => Ok(Fate::Keep),
            Some(_) => {
                refuse("is not a type that may be asked for", format!("use {}", self.response_mime_types.join(" or ")))
            }
            None => wrong_type("a string"),
        }
    }

    fn thinking(&self, value: &Value) -> Ruling {
        let Value::Object(fields) = value else { return wrong_type("an object") };
        let mut kept = fields.clone();
        for (name, value) in fields {
            match name.as_str() {
                _ if value.is_null() => {}
                "thinkingBudget" => match whole(value).map_err(|why| inside(name, why))? {
                    budget if budget == -1 || budget > i64::from(self.max_thinking_budget) => {
                        kept.insert(name.clone(), self.max_thinking_budget.into());
                    }
                    budget if budget >= 0 => {}
                    _ => return refuse("`thinkingBudget` is below -1", "send -1, 0 or a number of tokens"),
                },
                // An open enum; yet only a word goes on, since the receipt may repeat it.
                "thinkingLevel" if value.as_str().is_some_and(is_word) => {}
                "thinkingLevel" => return wrong_type("a level such as LOW").map_err(|why| inside(name, why)),
                // Thoughts are never shown to a caller, so there is no use in having them sent.
                "includeThoughts" if value.is_boolean() => {
                    kept.insert(name.clone(), false.into());
                }
                "includeThoughts" => return wrong_type("a boolean").map_err(|why| inside(name, why)),
                _ => return refuse(format!("`{}` is not known", shown(name)), "leave it out"),
            }
        }
        if kept == *fields { Ok(Fate::Keep) } else { Ok(Fate::Set(Value::Object(kept))) }
    }
}

fn refuse(problem: impl Into<String>, remedy: impl Into<String>) -> Ruling {
    Err((problem.into(), remedy.into()))
}

fn wrong_type(wanted: &str) -> Ruling {
    refuse("has the wrong type", format!("send {wanted}"))
}

fn inside(name: &str, (problem, remedy): (String, String)) -> (String, String) {
    (format!("`{name}` {problem}"), remedy)
}

/// An integer, also where it is written `1.0`, as JavaScript and Google's own JSON allow. One beyond 64 bits is taken
/// for the largest: what is too much stays too much.
fn whole(value: &Value) -> Result<i64, (String, String)> {
    #[expect(clippy::cast_possible_truncation, reason = "the float has no fraction, and the cast saturates")]
    let float = value.as_f64().filter(|float| float.fract() == 0.0).map(|float| float as i64);
    value.as_i64().or(float).ok_or_else(|| ("has the wrong type".to_owned(), "send an integer".to_owned()))
}

fn number(value: &Value) -> Result<f64, (String, String)> {
    value.as_f64().ok_or_else(|| ("has the wrong type".to_owned(), "send a number".to_owned()))
}

fn at_most(value: &Value, least: i64, most: u32) -> Ruling {
    match whole(value)? {
        asked if asked < least => refuse(format!("is less than {least}"), format!("send at least {least}")),
        asked if asked > i64::from(most) => Ok(Fate::Set(most.into())),
        // What is reserved by it must be the number that Google reads, and not every reader takes `1e1` for one.
        asked => Ok(if value.is_i64() { Fate::Keep } else { Fate::Respell(asked.into()) }),
    }
}

fn within(value: &Value, range: Range<f64>) -> Ruling {
    let asked = number(value)?;
    let moved = asked.clamp(range.min, range.max);
    if moved == asked { Ok(Fate::Keep) } else { Ok(Fate::Set(moved.into())) }
}

fn within_whole(value: &Value, range: Range<u32>) -> Ruling {
    // Some SDKs give topK as a float with a fraction; Google rounds it, and so its range is what counts.
    let asked = number(value)?;
    if asked < f64::from(range.min) {
        Ok(Fate::Set(range.min.into()))
    } else if asked > f64::from(range.max) {
        Ok(Fate::Set(range.max.into()))
    } else {
        Ok(Fate::Keep)
    }
}

fn modalities(value: &Value) -> Ruling {
    let Some(items) = strings(value) else { return wrong_type("an array of strings") };
    if items.iter().any(|item| item != "TEXT") {
        return refuse("asks for other answers than text", "send [\"TEXT\"], or leave it out");
    }
    Ok(Fate::Keep)
}

fn strings(value: &Value) -> Option<&Vec<Value>> {
    value.as_array().filter(|items| items.iter().all(Value::is_string))
}

fn is_word(text: &str) -> bool {
    (1..=40).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphabetic() || b == b'_')
}

/// A field's name fit for a message: it is the caller's, and may be long or hold anything.
fn shown(name: &str) -> String {
    const LONGEST: usize = 40;
    name.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(LONGEST).collect()
}

#[cfg(test)]
mod tests;
