//! What a request can take: the bytes of all that is sent, its media by type, and what may be answered.

use serde_json::{Map, Value};
use shared::conversation::{Content, Part, Provenance};
use shared::limits::Weight;
use shared::policy::Policy;

use crate::surface::Ask;

/// What stands around each part and turn when it is sent: a role, the names of fields.
const FRAME: usize = 16;

/// What spotlighting adds: to a document, and once to the instruction.
const DOCUMENT: usize = 256;

/// The weight of a request under this policy, with its generation config as it will be sent.
pub(super) fn of(ask: &Ask, generation: &Map<String, Value>, policy: &Policy) -> Weight {
    let mut weight = Weight::default();
    // As long as the canary that will stand there.
    let canary = "ghc_abcdefghijklmnopqrstuvwxyz";
    weight.add_text(policy.prompt.render(canary).map_or(0, |instruction| instruction.len()) + DOCUMENT);
    let turns = ask.conversation.turns.iter().flat_map(|turn| &turn.parts);
    for part in ask.conversation.system.iter().chain(turns) {
        add(part, &mut weight);
    }
    for tool in &ask.tools {
        weight.add_text(json(tool));
    }
    for setting in ask.tool_config.iter().chain(generation.values()) {
        weight.add_settings(json(setting));
    }
    let asked = generation.get("maxOutputTokens").and_then(number);
    weight.add_output(asked.unwrap_or_else(|| policy.generation.max_output_tokens.into()));
    // Models 2.5 to 3.7 were seen to keep thoughts within maxOutputTokens (github.com/googleapis/python-genai/issues/2062),
    // and Google promises nothing of it: a budget that is asked for is reserved, and what is not used is given back.
    let thinking = generation.get("thinkingConfig").and_then(|config| config.get("thinkingBudget"));
    weight.add_output(thinking.and_then(number).unwrap_or_default());
    weight
}

fn add(part: &Part, weight: &mut Weight) {
    let marks = if part.provenance == Provenance::Document { DOCUMENT } else { 0 };
    let signature = part.thought_signature.as_ref().map_or(0, |signature| signature.0.len());
    weight.add_text(FRAME + marks);
    weight.add_settings(signature);
    match &part.content {
        Content::Call { id, name, args: value } | Content::Reply { id, name, response: value } => {
            weight.add_text(id.as_ref().map_or(0, String::len) + name.len() + json(&value.0));
        }
        Content::Code { language, code: text } | Content::CodeResult { outcome: language, output: text } => {
            weight.add_text(language.len() + text.len());
        }
        Content::Inline { mime_type, .. } => weight.add_media(mime_type),
        Content::Text(text) => weight.add_text(text.len()),
    }
}

fn json(value: &Value) -> usize {
    value.to_string().len()
}

/// A number of tokens, also where it is written as a float.
fn number(value: &Value) -> Option<u64> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "negative ones are told apart, and the cast saturates"
    )]
    let float = value.as_f64().filter(|float| *float >= 0.0).map(|float| float.ceil() as u64);
    value.as_u64().or(float)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use shared::conversation::{Conversation, Role, Turn};

    use super::*;
    use crate::surface::Surface;

    fn weigh(parts: Vec<Part>, generation: &Value) -> Weight {
        let ask = Ask {
            conversation: Conversation { system: Vec::new(), turns: vec![Turn { role: Role::User, parts }] },
            tools: Vec::new(),
            tool_config: None,
            generation: Map::new(),
            safety: Vec::new(),
            ignored: Vec::new(),
            placeholders: 0,
            surface: Surface::Gemini,
        };
        of(&ask, generation.as_object().unwrap(), &Policy::embedded())
    }

    #[test]
    fn an_answer_weighs_what_it_may_have_at_most() {
        let output = |generation| weigh(Vec::new(), &generation).output_tokens();
        assert_eq!(output(json!({"maxOutputTokens": 100, "thinkingConfig": {"thinkingBudget": 50}})), 150);
        assert_eq!(output(json!({"maxOutputTokens": 100.0})), 100);
        assert_eq!(output(json!({})), 65_536);
    }

    #[test]
    fn every_byte_of_a_part_weighs() {
        let empty = weigh(vec![Part::text(Provenance::User, "")], &json!({})).input_tokens();
        let text = weigh(vec![Part::text(Provenance::User, "é".repeat(500))], &json!({})).input_tokens();
        assert_eq!(text - empty, 1000);
        let document = weigh(vec![Part::text(Provenance::Document, "")], &json!({})).input_tokens();
        assert!(document > empty);
    }
}
