//! The model that answers where there is no key for Gemini. It says so plainly, repeats what it is asked to repeat, so
//! that redaction can be seen at work, and is otherwise as dull as a model can be.
//!
//! The same prompt always has the same answer. Nothing here is reachable from the functions that run on Lambda.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::{Map, Value, json};
use shared::answer::{Candidate, Chunk, Usage};
use shared::conversation::{Content, Conversation, Json, Part, Provenance, Role, Signature};
use shared::ports::{self, Count, Failure, Mode, Prompt};

const INTRODUCTION: &str =
    "This is Gatehouse's offline model; no Gemini was called. Set GEMINI_API_KEY to have Gemini answer.";

/// Between two words of a stream: slow enough to be seen.
const PACE: Duration = Duration::from_millis(4);

/// The offline model.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Offline {
    pace: Duration,
}

impl Default for Offline {
    fn default() -> Self {
        Self { pace: PACE }
    }
}

impl ports::Model for Offline {
    type Answer = Answer;

    async fn generate(&self, prompt: &Prompt, mode: Mode) -> Result<Answer, Failure> {
        let part = answer(prompt);
        let usage = usage(prompt, &part);
        let mut pieces: VecDeque<Chunk> = match (mode, &part.content) {
            (Mode::Stream, Content::Text(text)) => {
                words(text.expose()).map(|word| chunk(prompt, Part::text(Provenance::Model, word))).collect()
            }
            _ => VecDeque::from([chunk(prompt, part)]),
        };
        if let Some(last) = pieces.back_mut() {
            last.usage = Some(usage);
            last.candidates.iter_mut().for_each(|candidate| candidate.finish_reason = Some("STOP".to_owned()));
        }
        Ok(Answer { pieces, pace: self.pace, begun: false })
    }

    async fn count(&self, prompt: &Prompt) -> Result<Count, Failure> {
        let prompt = prompt_tokens(&prompt.conversation);
        Ok(Count { usage: Usage { prompt, total: prompt, ..Usage::default() }, key_version: None })
    }
}

/// An answer of the offline model.
#[derive(Debug)]
pub(crate) struct Answer {
    pieces: VecDeque<Chunk>,
    pace: Duration,
    begun: bool,
}

impl ports::Answer for Answer {
    async fn next(&mut self) -> Result<Option<Chunk>, Failure> {
        if self.begun && !self.pieces.is_empty() && !self.pace.is_zero() {
            tokio::time::sleep(self.pace).await;
        }
        self.begun = true;
        Ok(self.pieces.pop_front())
    }

    fn key_version(&self) -> Option<&str> {
        None
    }
}

fn chunk(prompt: &Prompt, part: Part) -> Chunk {
    Chunk {
        candidates: vec![Candidate { parts: vec![part], ..Candidate::default() }],
        model_version: Some(format!("{}-offline", prompt.model)),
        response_id: Some("offline".to_owned()),
        ..Chunk::default()
    }
}

/// The whole answer: a function call where one is asked for, else text.
fn answer(prompt: &Prompt) -> Part {
    let asked = last_question(&prompt.conversation);
    if let Some(name) = function_to_call(prompt, asked) {
        return Part {
            provenance: Provenance::Model,
            content: Content::Call { id: None, name: name.to_owned(), args: Json(Value::Object(Map::new())) },
            thought_signature: Some(Signature("b2ZmbGluZQ==".to_owned())),
        };
    }
    let text = match echo(asked) {
        Some(echo) => echo.to_owned(),
        None => introduction(&prompt.conversation),
    };
    let json = prompt.generation.get("responseMimeType").and_then(Value::as_str) == Some("application/json");
    Part::text(Provenance::Model, if json { as_json(&text) } else { text })
}

/// The last words of the user's side; a tool's result and media are none.
fn last_question(conversation: &Conversation) -> &str {
    let turn = conversation.turns.iter().rev().find(|turn| turn.role == Role::User);
    let texts = turn.map(|turn| turn.parts.as_slice()).unwrap_or_default().iter().rev();
    texts
        .filter_map(|part| if let Content::Text(text) = &part.content { Some(text.expose()) } else { None })
        .next()
        .unwrap_or_default()
}

/// What the text asks to have repeated.
fn echo(asked: &str) -> Option<&str> {
    const REQUESTS: [&str; 4] = ["repeat after me:", "please repeat:", "repeat:", "say "];
    let asked = asked.trim();
    REQUESTS.iter().find_map(|request| {
        let (head, rest) = asked.split_at_checked(request.len())?;
        let rest = rest.trim();
        (head.eq_ignore_ascii_case(request) && !rest.is_empty()).then_some(rest)
    })
}

/// The declared function that the text asks to have called: "call NAME".
fn function_to_call<'a>(prompt: &Prompt, asked: &'a str) -> Option<&'a str> {
    let (head, rest) = asked.trim().split_at_checked("call ".len())?;
    let name = rest.split(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))).next()?;
    let declared = prompt.tools.iter().filter_map(|tool| tool.get("functionDeclarations")?.as_array()).flatten();
    let known = declared.into_iter().any(|function| function.get("name").and_then(Value::as_str) == Some(name));
    (head.eq_ignore_ascii_case("call ") && known).then_some(name)
}

fn introduction(conversation: &Conversation) -> String {
    match conversation.turns.len() {
        0 | 1 => format!("{INTRODUCTION} Write \"repeat: …\" and I repeat it."),
        turns => format!("{INTRODUCTION} I have read {turns} turns. Write \"repeat: …\" and I repeat it."),
    }
}

/// The text itself where it is JSON, else an object that holds it.
fn as_json(text: &str) -> String {
    match serde_json::from_str::<Value>(text) {
        Ok(_) => text.to_owned(),
        Err(_) => json!({"offline": true, "text": text}).to_string(),
    }
}

/// A text word by word, its white space kept; an empty text is one empty word.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let empty = text.is_empty().then_some("");
    empty.into_iter().chain(text.split_inclusive(' '))
}

/// About four bytes a token, as in English.
fn tokens(bytes: usize) -> u64 {
    u64::try_from(bytes.div_ceil(4)).unwrap_or(u64::MAX)
}

fn prompt_tokens(conversation: &Conversation) -> u64 {
    let parts = conversation.system.iter().chain(conversation.turns.iter().flat_map(|turn| &turn.parts));
    tokens(parts.map(|part| part.judged_text().len()).sum())
}

fn usage(prompt: &Prompt, answer: &Part) -> Usage {
    let (prompt, candidates) = (prompt_tokens(&prompt.conversation), tokens(answer.judged_text().len()));
    Usage { prompt, candidates, total: prompt + candidates, ..Usage::default() }
}

#[cfg(test)]
mod tests {
    use shared::conversation::Turn;
    use shared::ports::{Answer as _, Model as _};

    use super::*;

    fn prompt(text: &str) -> Prompt {
        Prompt {
            model: "gemini-3.5-flash".into(),
            conversation: Conversation::of_text(Provenance::User, text),
            tools: Vec::new(),
            tool_config: None,
            generation: Map::new(),
            safety: Vec::new(),
        }
    }

    async fn pieces(prompt: &Prompt, mode: Mode) -> Vec<Chunk> {
        let mut answer = Offline { pace: Duration::ZERO }.generate(prompt, mode).await.unwrap();
        let mut pieces = Vec::new();
        while let Some(piece) = answer.next().await.unwrap() {
            pieces.push(piece);
        }
        pieces
    }

    fn text(pieces: &[Chunk]) -> String {
        pieces.iter().flat_map(|piece| &piece.candidates).flat_map(|one| &one.parts).map(Part::judged_text).collect()
    }

    #[tokio::test]
    async fn it_says_what_it_is() {
        let whole = pieces(&prompt("What is the capital of France?"), Mode::Whole).await;
        assert_eq!(whole.len(), 1);
        assert!(text(&whole).contains("offline model; no Gemini was called"));
        assert_eq!(whole[0].candidates[0].finish_reason.as_deref(), Some("STOP"));
    }

    #[tokio::test]
    async fn it_repeats_what_it_is_asked_to_repeat() {
        for (asked, answer) in [
            ("repeat: my  key ", "my  key"),
            ("Repeat after me: größe 日本", "größe 日本"),
            ("  please Repeat: a\nb", "a\nb"),
            ("say cheese", "cheese"),
        ] {
            assert_eq!(text(&pieces(&prompt(asked), Mode::Whole).await), answer, "{asked}");
        }
        for asked in ["repeat", "repeat: ", "sayings", "日本語日本語"] {
            assert!(text(&pieces(&prompt(asked), Mode::Whole).await).starts_with(INTRODUCTION), "{asked}");
        }
    }

    #[tokio::test]
    async fn a_stream_is_the_whole_in_pieces_and_ends_with_usage() {
        for asked in ["repeat: one two  three ", "hello", "repeat:", "repeat:\u{a0}", ""] {
            let (whole, stream) =
                (pieces(&prompt(asked), Mode::Whole).await, pieces(&prompt(asked), Mode::Stream).await);
            assert!(stream.len() > 1, "{asked}");
            assert_eq!(text(&whole), text(&stream), "{asked}");
            assert_eq!(whole[0].usage, stream.last().unwrap().usage);
            let ends = |piece: &Chunk| piece.candidates[0].finish_reason.is_some();
            assert_eq!(stream.iter().filter(|piece| ends(piece) || piece.usage.is_some()).count(), 1);
            assert!(ends(stream.last().unwrap()));
        }
    }

    #[tokio::test]
    async fn the_same_prompt_has_the_same_answer() {
        let prompt = prompt("tell me a story");
        assert_eq!(pieces(&prompt, Mode::Stream).await, pieces(&prompt, Mode::Stream).await);
    }

    #[tokio::test]
    async fn it_tells_how_many_turns_it_read() {
        let mut prompt = prompt("hello");
        prompt
            .conversation
            .turns
            .push(Turn { role: Role::Model, parts: vec![Part::text(Provenance::Model, "repeat: no")] });
        prompt
            .conversation
            .turns
            .push(Turn { role: Role::User, parts: vec![Part::text(Provenance::User, "and now?")] });
        assert!(text(&pieces(&prompt, Mode::Whole).await).contains("I have read 3 turns"));
    }

    #[tokio::test]
    async fn json_mode_is_answered_with_json() {
        let mut prompt = prompt("repeat: {\"a\": 1}");
        prompt.generation.insert("responseMimeType".into(), "application/json".into());
        assert_eq!(text(&pieces(&prompt, Mode::Whole).await), "{\"a\": 1}");
        prompt.conversation = Conversation::of_text(Provenance::User, "repeat: \"quoted\" text");
        let answer: Value = serde_json::from_str(&text(&pieces(&prompt, Mode::Stream).await)).unwrap();
        assert_eq!(answer["text"], "\"quoted\" text");
    }

    #[tokio::test]
    async fn a_declared_function_is_called_with_a_signature() {
        let mut prompt = prompt("Call get_weather, please");
        assert!(text(&pieces(&prompt, Mode::Whole).await).starts_with(INTRODUCTION), "not declared");
        prompt.tools = vec![json!({"functionDeclarations": [{"name": "get_weather"}]})];
        for mode in [Mode::Whole, Mode::Stream] {
            let pieces = pieces(&prompt, mode).await;
            let part = &pieces[0].candidates[0].parts[0];
            assert!(matches!(&part.content, Content::Call { name, .. } if name == "get_weather"));
            assert!(part.thought_signature.is_some());
            assert_eq!(pieces[0].candidates[0].finish_reason.as_deref(), Some("STOP"));
        }
    }

    #[tokio::test]
    async fn tokens_are_counted_alike_before_and_after() {
        let prompt = prompt("repeat: 12345678");
        let counted = Offline::default().count(&prompt).await.unwrap().usage;
        let used = pieces(&prompt, Mode::Whole).await[0].usage.unwrap();
        assert_eq!((counted.prompt, counted.total), (4, 4));
        assert_eq!((used.prompt, used.candidates, used.total), (4, 2, 6));
    }
}
