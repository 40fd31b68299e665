//! Delivers what Gemini answers: counts, whole answers and streams, each with its outcome on record before it ends.

use std::pin::pin;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{Response, StatusCode};
use shared::answer::{Chunk, Usage};
use shared::audit::{Entry, TEXT_BYTES};
use shared::clock::Clock;
use shared::conversation::Content;
use shared::guards::{Category, links};
use shared::host::{self, Body, Gone, Writer};
use shared::ports::{Answer, AuditQueue, Callers, Deadline, Failure, Mode, Model, Prompt};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use crate::finish::{self, Finish};
use crate::gate;
use crate::output::Outlet;
use crate::problem::{Code, Problem};
use crate::routes::Operation;
use crate::service::{self, Passage};
use crate::surface::gemini;

/// How much may be ready before it leaves whatever else is at hand, in bytes.
const MOST_READY_BYTES: usize = 32 << 10;

/// How long an answer that is at its end is waited for to close, for what it may yet tell of its usage.
const AFTER_THE_END: Duration = Duration::from_secs(1);

/// What a record says of a client that did not wait for its answer.
const CALLER_GONE: &str = "caller_gone";

/// The answer to a prompt that the guard blocked, shaped as Gemini's own refusal is.
pub(crate) fn blocked<M, C, Q, K>(passage: &mut Passage<'_, M, C, Q, K>) -> Result<Response<Body>, Problem> {
    let chunk = Chunk {
        block_reason: Some("PROHIBITED_CONTENT".into()),
        usage: Some(Usage::default()),
        model_version: Some(passage.entry.model.clone()),
        response_id: Some(passage.entry.request_id.clone()),
        ..Chunk::default()
    };
    if passage.entry.operation != Operation::Stream.as_str() {
        return Ok(gate::whole(passage.voice.whole(&chunk)?, &passage.receipt));
    }
    let all = [passage.voice.piece(&chunk)?, passage.voice.end()].concat();
    Ok(gate::stream(Bytes::from(all).into(), &passage.receipt))
}

/// Counts tokens.
pub(crate) async fn count<M: Model, C: Callers, Q: AuditQueue, K: Clock>(
    passage: &mut Passage<'_, M, C, Q, K>,
    prompt: &Prompt,
) -> Result<(), Problem> {
    let parts = passage.visit.parts.clone();
    let began = Instant::now();
    let count = timeout_at(began + passage.visit.time_left(), parts.model.count(prompt)).await.unwrap_or_else(late);
    passage.upstream += began.elapsed();
    let count = count.map_err(|failure| passage.failed(&failure))?;
    passage.entry.tokens = count.usage;
    passage.entry.key_version = count.key_version;
    passage.entry.upstream_status = Some(StatusCode::OK.as_u16());
    passage.conclude().await?;
    // Only Gemini's API has this operation.
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
    let began = Instant::now();
    let end_by = began + passage.visit.time_left();
    let asked = tokio::select! {
        asked = timeout_at(end_by, asked) => asked.unwrap_or_else(late),
        () = passage.visit.gone() => {
            passage.entry.error = Some(CALLER_GONE.into());
            return passage.conclude().await;
        }
    };
    passage.upstream += began.elapsed();
    let (chunk, key_version) = asked.map_err(|failure| passage.failed(&failure))?;
    passage.reservation.answered();
    passage.entry.upstream_status = Some(StatusCode::OK.as_u16());
    passage.entry.key_version = key_version;

    let rules = passage.visit.rules.clone();
    let mut outlet = Outlet::new(&rules, json);
    let mut progress = Progress::default();
    progress.note(&chunk, passage);
    progress.ended().map_err(|failure| passage.failed(&failure))?;
    let mut chunk = outlet.pass(chunk);
    if outlet.leaked() {
        withhold(&mut chunk, &mut passage.entry);
    }
    let answer = text_of(&chunk);
    note_output(passage, &outlet, &answer);
    passage.receipt.redactions = Some(outlet.found().values().sum());
    let told = passage.voice.whole(&chunk)?;
    passage.conclude().await?;
    let response = gate::whole(told, &passage.receipt);
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
    let began = Instant::now();
    let end_by = began + passage.visit.time_left();
    let asked = tokio::select! {
        asked = timeout_at(end_by, parts.model.generate(prompt, Mode::Stream)) => asked.unwrap_or_else(late),
        () = passage.visit.gone() => {
            passage.entry.error = Some(CALLER_GONE.into());
            return passage.conclude().await;
        }
    };
    passage.upstream += began.elapsed();
    let mut answer = asked.map_err(|failure| passage.failed(&failure))?;
    passage.reservation.answered();
    passage.entry.upstream_status = Some(StatusCode::OK.as_u16());
    passage.entry.key_version = answer.key_version().map(str::to_owned);

    let (surface, request_id) = (passage.visit.surface, passage.entry.request_id.clone());
    let (writer, body) = host::stream(surface.error_event(&Problem::internal(), &request_id));
    let response = gate::stream(body, &passage.receipt);
    passage.visit.respond(response);

    let rules = passage.visit.rules.clone();
    let mut outlet = Outlet::new(&rules, json);
    let mut said = String::new();
    let (mut ready, mut last) = (BytesMut::new(), BytesMut::new());
    let flow = &mut Flow { writer: &writer, end_by, ready: &mut ready, last: &mut last, said: &mut said };
    let mut end = pour(passage, &mut answer, &mut outlet, flow).await;
    // What was let out before a leak showed, and has not left yet, stays.
    if !matches!(end, End::CallerGone | End::Leaked) && send(&writer, end_by, ready).await == Err(Gone) {
        end = End::CallerGone;
    }
    // Closes the connection to Gemini, should it still be sending.
    drop(answer);

    let whole = matches!(end, End::Whole);
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
        passage.entry.error.get_or_insert_with(|| problem.code.as_str().to_owned());
    }
    note_output(passage, &outlet, &said);
    let problem = passage.conclude().await.err().or(problem);
    let last = match problem {
        Some(problem) => surface.error_event(&problem, &request_id),
        None if whole => {
            last.extend_from_slice(&passage.voice.end());
            last.freeze()
        }
        None => Bytes::new(),
    };
    if !last.is_empty() {
        // Should the client be gone, there is nobody to tell.
        let _gone = timeout(parts.config.deadlines.idle, writer.send(last)).await;
    }
    writer.end().await;
    Ok(())
}

/// Where a stream flows.
struct Flow<'f> {
    writer: &'f Writer,
    end_by: Instant,
    /// What is ready to leave.
    ready: &'f mut BytesMut,
    /// What says that the answer is at its end: it leaves once the outcome is on record.
    last: &'f mut BytesMut,
    /// What was said, where records keep it.
    said: &'f mut String,
}

/// Lets an answer out as it comes, until it ends. What comes together leaves together: a write to the client costs more
/// than all the work on a chunk. It leaves as soon as nothing more is at hand.
async fn pour<M: Model, C: Callers, Q: AuditQueue, K: Clock>(
    passage: &mut Passage<'_, M, C, Q, K>,
    answer: &mut impl Answer,
    outlet: &mut Outlet<'_>,
    Flow { writer, end_by, ready, last, said }: &mut Flow<'_>,
) -> End {
    let mut progress = Progress::default();
    let mut over = pin!(sleep_until(*end_by));
    loop {
        let asked = Instant::now();
        let next = tokio::select! {
            biased;
            next = answer.next() => next,
            () = &mut over => late(()),
            () = std::future::ready(()), if !ready.is_empty() => {
                if send(writer, *end_by, ready.split()).await == Err(Gone) {
                    return End::CallerGone;
                }
                continue;
            }
            () = writer.gone() => return End::CallerGone,
        };
        passage.upstream += asked.elapsed();
        let chunk = match next {
            Ok(Some(chunk)) => chunk,
            Ok(None) => {
                return progress.ended().map_or_else(|failure| End::Failed(passage.failed(&failure)), |()| End::Whole);
            }
            // What follows the end of the answer cannot make it less whole.
            Err(_) if progress.is_over() => return End::Whole,
            Err(failure) => return End::Failed(passage.failed(&failure)),
        };
        progress.note(&chunk, passage);
        if progress.is_over() {
            over.as_mut().reset((Instant::now() + AFTER_THE_END).min(*end_by));
        }
        let chunk = outlet.pass(chunk);
        if outlet.leaked() {
            return End::Leaked;
        }
        if passage.keeps_texts() && said.len() <= TEXT_BYTES {
            said.push_str(&text_of(&chunk));
        }
        let piece = match passage.voice.piece(&chunk) {
            Ok(piece) => piece,
            Err(problem) => return End::Failed(problem),
        };
        let out = if progress.is_over() { &mut *last } else { &mut *ready };
        out.extend_from_slice(&piece);
        if ready.len() > MOST_READY_BYTES && send(writer, *end_by, ready.split()).await == Err(Gone) {
            return End::CallerGone;
        }
    }
}

/// What becomes of a call that outlasts what time there is, be it ours or the platform's.
pub(crate) fn late<T, L>(_: L) -> Result<T, Failure> {
    Err(Failure::TimedOut(Deadline::Total))
}

/// Sends what is ready. A client that reads more slowly than the whole answer may take is as good as gone.
async fn send(writer: &Writer, end_by: Instant, ready: BytesMut) -> Result<(), Gone> {
    if ready.is_empty() {
        return Ok(());
    }
    timeout_at(end_by, writer.send(ready.freeze())).await.unwrap_or(Err(Gone))
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
    fn note<M, C, Q, K>(&mut self, chunk: &Chunk, passage: &mut Passage<'_, M, C, Q, K>) {
        let entry = &mut passage.entry;
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
            passage.finish = Some(finish::name(reason).to_owned());
            match Finish::of(reason) {
                Finish::Length | Finish::Stop => {}
                Finish::Failed => entry.error = Some(format!("finish:{}", finish::name(reason))),
                Finish::Withheld => note_block(reason, entry),
            }
        }
    }

    const fn is_over(&self) -> bool {
        self.finished || self.refused
    }

    /// Whether the answer came to its end: one that breaks off is never a success.
    fn ended(&self) -> Result<(), Failure> {
        if self.is_over() { Ok(()) } else { Err(Failure::Cut("it ended without a finish reason".into())) }
    }
}

fn note_block(reason: &str, entry: &mut Entry) {
    entry.blocked = true;
    entry.blocked_reason = Some(format!("provider:{}", finish::name(reason)));
}

fn note_leak(entry: &mut Entry) {
    entry.blocked = true;
    entry.blocked_reason = Some("prompt_leak".into());
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
    let found = outlet.found();
    for rule in links::rules(&found) {
        passage.find(rule, Category::Exfiltration);
    }
    passage.entry.redactions = found.iter().map(|(name, count)| (name.to_string(), *count)).collect();
    let rules = &passage.visit.rules;
    passage.entry.answer = service::kept(&rules.policy, &rules.redactor, answer);
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
