//! Delivers what Gemini answers: counts, whole answers and streams, each with its outcome on record before it ends.

use http::{Response, StatusCode};
use shared::answer::Chunk;
use shared::audit::Entry;
use shared::clock::Clock;
use shared::conversation::Content;
use shared::host::{self, Body};
use shared::ports::{Answer, AuditQueue, Callers, Failure, Mode, Model, Prompt};
use tokio::time::timeout;

use crate::gate;
use crate::output::Outlet;
use crate::problem::{Code, Problem};
use crate::receipt::Receipt;
use crate::routes::Operation;
use crate::service::{self, Passage};
use crate::surface::gemini;

/// What a record says of a client that did not wait for its answer.
const CALLER_GONE: &str = "caller_gone";

/// The answer to a blocked prompt, in Gemini's own shape.
pub(crate) fn blocked(entry: &Entry, receipt: &Receipt) -> Response<Body> {
    let value = gemini::blocked(&entry.model, &entry.request_id);
    if entry.operation == Operation::Stream.as_str() {
        return gate::stream(gemini::event(&value).into(), receipt);
    }
    gate::answer(StatusCode::OK, &value, receipt)
}

/// Counts tokens.
pub(crate) async fn count<M: Model, C: Callers, Q: AuditQueue, K: Clock>(
    passage: &mut Passage<'_, M, C, Q, K>,
    prompt: &Prompt,
) -> Result<(), Problem> {
    let parts = passage.visit.parts.clone();
    let count = parts.model.count(prompt).await.map_err(|failure| passage.failed(&failure))?;
    passage.entry.tokens = count.usage;
    passage.entry.key_version = count.key_version;
    passage.entry.upstream_status = Some(StatusCode::OK.as_u16());
    passage.conclude().await?;
    let response = gate::answer(StatusCode::OK, &gemini::count(count.usage), &passage.receipt);
    passage.visit.respond(response);
    Ok(())
}

/// Delivers an answer in one piece.
pub(crate) async fn whole<M: Model, C: Callers, Q: AuditQueue, K: Clock>(
    passage: &mut Passage<'_, M, C, Q, K>,
    prompt: &Prompt,
    json: bool,
) -> Result<(), Problem> {
    let parts = passage.visit.parts.clone();
    let asked = async {
        let mut answer = parts.model.generate(prompt, Mode::Whole).await?;
        let chunk = answer.next().await?.ok_or(Failure::Garbled("it is empty"))?;
        Ok((chunk, answer.key_version().map(str::to_owned)))
    };
    let asked = tokio::select! {
        asked = asked => asked,
        () = passage.visit.gone() => {
            passage.entry.error = Some(CALLER_GONE.into());
            return passage.conclude().await;
        }
    };
    let (chunk, key_version) = asked.map_err(|failure| passage.failed(&failure))?;
    passage.reservation.answered();
    passage.entry.upstream_status = Some(StatusCode::OK.as_u16());
    passage.entry.key_version = key_version;

    let rules = passage.visit.rules.clone();
    let mut outlet = Outlet::new(&rules.redactor, json, rules.policy.answers.tool_arguments);
    let mut progress = Progress::default();
    progress.note(&chunk, &mut passage.entry);
    progress.ended().map_err(|failure| passage.failed(&failure))?;
    let mut chunk = outlet.pass(chunk);
    if outlet.leaked() {
        withhold(&mut chunk, &mut passage.entry);
    }
    let answer = text_of(&chunk);
    note_output(passage, &outlet, &answer);
    passage.receipt.redactions = Some(outlet.found().values().sum());
    passage.conclude().await?;
    let response = gate::answer(StatusCode::OK, &gemini::chunk(&chunk), &passage.receipt);
    passage.visit.respond(response);
    Ok(())
}

/// Delivers an answer as it comes.
pub(crate) async fn stream<M: Model, C: Callers, Q: AuditQueue, K: Clock>(
    passage: &mut Passage<'_, M, C, Q, K>,
    prompt: &Prompt,
    json: bool,
) -> Result<(), Problem> {
    let parts = passage.visit.parts.clone();
    let asked = tokio::select! {
        asked = parts.model.generate(prompt, Mode::Stream) => asked,
        () = passage.visit.gone() => {
            passage.entry.error = Some(CALLER_GONE.into());
            return passage.conclude().await;
        }
    };
    let mut answer = asked.map_err(|failure| passage.failed(&failure))?;
    passage.reservation.answered();
    passage.entry.upstream_status = Some(StatusCode::OK.as_u16());
    passage.entry.key_version = answer.key_version().map(str::to_owned);

    let request_id = passage.entry.request_id.clone();
    let (writer, body) = host::stream(gemini::error_event(&Problem::internal(), &request_id));
    let response = gate::stream(body, &passage.receipt);
    passage.visit.respond(response);

    let rules = passage.visit.rules.clone();
    let mut outlet = Outlet::new(&rules.redactor, json, rules.policy.answers.tool_arguments);
    let mut progress = Progress::default();
    let mut said = String::new();
    let end = loop {
        let next = tokio::select! {
            next = answer.next() => next,
            () = writer.gone() => break End::CallerGone,
        };
        let chunk = match next {
            Ok(Some(chunk)) => chunk,
            Ok(None) => {
                break progress.ended().map_or_else(|failure| End::Failed(passage.failed(&failure)), |()| End::Whole);
            }
            // What follows the end of the answer cannot make it less whole.
            Err(_) if progress.finished => break End::Whole,
            Err(failure) => break End::Failed(passage.failed(&failure)),
        };
        progress.note(&chunk, &mut passage.entry);
        let chunk = outlet.pass(chunk);
        if outlet.leaked() {
            break End::Leaked;
        }
        if passage.keeps_texts() {
            said.push_str(&text_of(&chunk));
        }
        if !worth_sending(&chunk) {
            continue;
        }
        // A client that takes longer for a piece than the whole answer may take is as good as gone.
        let sent = timeout(parts.config.deadlines.total, writer.send(gemini::event(&gemini::chunk(&chunk)))).await;
        if !matches!(sent, Ok(Ok(()))) {
            break End::CallerGone;
        }
    };
    // Closes the connection to Gemini, should it still be sending.
    drop(answer);

    let problem = match end {
        End::CallerGone => {
            passage.entry.error = Some(CALLER_GONE.into());
            None
        }
        End::Failed(problem) => Some(problem),
        End::Leaked => {
            note_leak(&mut passage.entry);
            let message = "the answer was stopped: it repeated the confidential system instruction";
            Some(Problem::new(Code::PromptLeak, message))
        }
        End::Whole => None,
    };
    if let Some(problem) = &problem {
        passage.entry.error = Some(problem.code.as_str().to_owned());
    }
    note_output(passage, &outlet, &said);
    let problem = passage.conclude().await.err().or(problem);
    if let Some(problem) = problem {
        // Should the client be gone, there is nobody to tell.
        let _gone = timeout(parts.config.deadlines.idle, writer.send(gemini::error_event(&problem, &request_id))).await;
    }
    writer.end().await;
    Ok(())
}

enum End {
    CallerGone,
    Failed(Problem),
    Leaked,
    Whole,
}

impl<M: Model, C: Callers, Q: AuditQueue, K: Clock> Passage<'_, M, C, Q, K> {
    fn keeps_texts(&self) -> bool {
        self.entry.prompt.is_some()
    }
}

/// What an answer has told of its end.
#[derive(Debug, Default)]
struct Progress {
    finished: bool,
    refused: bool,
}

impl Progress {
    fn note(&mut self, chunk: &Chunk, entry: &mut Entry) {
        if let Some(usage) = chunk.usage {
            // The last one counts; they are never added.
            entry.tokens = usage;
        }
        if chunk.dropped > 0 {
            tracing::debug!(fields = chunk.dropped, "dropped unknown fields of an answer");
        }
        if let Some(reason) = &chunk.block_reason {
            self.refused = true;
            note_block(reason, entry);
        }
        for reason in chunk.candidates.iter().filter_map(|candidate| candidate.finish_reason.as_deref()) {
            self.finished = true;
            match kind(reason) {
                Finish::Clean => {}
                Finish::Failed => entry.error = Some(format!("finish:{}", name(reason))),
                Finish::Withheld => note_block(reason, entry),
            }
        }
    }

    /// Whether the answer came to its end: one that breaks off is never a success.
    fn ended(&self) -> Result<(), Failure> {
        if self.finished || self.refused {
            Ok(())
        } else {
            Err(Failure::Cut("it ended without a finish reason".into()))
        }
    }
}

enum Finish {
    /// The answer is all there, or as long as was asked for.
    Clean,
    /// The model did something that makes no answer.
    Failed,
    /// Gemini held the answer back, or ended it for a reason that is not known yet.
    Withheld,
}

/// The finish reasons of google-genai 3.4.0; the enum is open, and an unknown one is not clean.
fn kind(reason: &str) -> Finish {
    match reason {
        "STOP" | "MAX_TOKENS" | "CONTINUATION" => Finish::Clean,
        "LANGUAGE"
        | "MALFORMED_FUNCTION_CALL"
        | "MALFORMED_RESPONSE"
        | "MISSING_THOUGHT_SIGNATURE"
        | "NO_IMAGE"
        | "OTHER"
        | "TOO_MANY_TOOL_CALLS"
        | "UNEXPECTED_TOOL_CALL" => Finish::Failed,
        _ => Finish::Withheld,
    }
}

fn note_block(reason: &str, entry: &mut Entry) {
    entry.blocked = true;
    entry.blocked_reason = Some(format!("provider:{}", name(reason)));
}

fn note_leak(entry: &mut Entry) {
    entry.blocked = true;
    entry.blocked_reason = Some("prompt_leak".into());
}

/// An open enum's value, as far as it looks like one.
fn name(reason: &str) -> &str {
    let plain = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    if reason.len() <= 64 && reason.bytes().all(plain) { reason } else { "UNKNOWN" }
}

/// Takes the content out of an answer that gives the system instruction away.
fn withhold(chunk: &mut Chunk, entry: &mut Entry) {
    note_leak(entry);
    for candidate in &mut chunk.candidates {
        candidate.parts.clear();
        candidate.extras.clear();
        candidate.finish_message = None;
        candidate.finish_reason = Some("SAFETY".into());
    }
}

fn note_output<M, C, Q, K>(passage: &mut Passage<'_, M, C, Q, K>, outlet: &Outlet<'_>, answer: &str) {
    let rules = &passage.visit.rules;
    passage.entry.redactions = outlet.found().iter().map(|(name, count)| (name.to_string(), *count)).collect();
    passage.entry.answer = service::kept(&rules.policy, &rules.redactor, answer);
}

/// Whether a chunk tells a client anything: one whose text is all held back does not.
fn worth_sending(chunk: &Chunk) -> bool {
    chunk.blocked()
        || chunk.candidates.iter().any(|candidate| {
            !candidate.parts.is_empty() || candidate.finish_reason.is_some() || !candidate.extras.is_empty()
        })
        || (chunk.candidates.is_empty() && chunk.usage.is_some())
}

fn text_of(chunk: &Chunk) -> String {
    let parts = chunk.candidates.iter().flat_map(|candidate| &candidate.parts);
    parts
        .filter_map(|part| match &part.content {
            Content::Text(text) => Some(text.expose()),
            Content::Call { .. }
            | Content::Code { .. }
            | Content::CodeResult { .. }
            | Content::Inline { .. }
            | Content::Reply { .. } => None,
        })
        .collect()
}
