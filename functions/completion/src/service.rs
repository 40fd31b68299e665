//! A request's way: read it, bound it, judge it, record the intent, ask, deliver, record the outcome.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Buf;
use http::HeaderMap;
use http_body::Body as HttpBody;
use shared::answer::Usage;
use shared::audit::{self, Entry, Kind};
use shared::caller::Caller;
use shared::clock::{Clock, Timestamp};
use shared::conversation::{Conversation, Text};
use shared::guards::redact::Redactor;
use shared::guards::{Category, Decision, Verdict};
use shared::policy::{Blocked, Models, Policy, Texts, UserNames};
use shared::ports::{AuditQueue, Callers, Failure, Model, Prompt};
use shared::telemetry::Chain;
use tokio::time::timeout;

use crate::admission::{self, Reservation};
use crate::compose::{self, Bounded, Marks};
use crate::gate::{self, Visit};
use crate::history::{self, Judged};
use crate::problem::{Code, Problem};
use crate::receipt::Receipt;
use crate::routes::{Operation, Target};
use crate::surface::{self, Ask, Documents, Request, Voice};
use crate::{body, delivery, json};

const USER: &str = "x-gatehouse-user";

/// The longest name of an end user, in bytes.
const LONGEST_USER: usize = 256;

/// The most of Gemini's own words that are passed on, in characters.
const LONGEST_REFUSAL: usize = 500;

/// What is asked, before its body is read.
#[derive(Debug)]
pub struct Call {
    /// What the path asks for.
    pub target: Target,
    /// The request's headers.
    pub headers: HeaderMap,
}

/// Whether callers may use a model.
///
/// # Errors
/// A [`Problem`] that lists those they may.
pub fn allowed(model: &str, models: &Models) -> Result<(), Problem> {
    if models.allows(model) {
        return Ok(());
    }
    let message = format!("this model is not allowed here; use one of {}", models.allowed.join(", "));
    Err(Problem { field: Some("model".into()), ..Problem::new(Code::ModelNotAllowed, message) })
}

/// Takes a request all its way. The response is sent through `visit`; a problem from before there is one is returned.
pub(crate) async fn run<M, C, Q, K, B>(
    visit: &mut Visit<M, C, Q, K>,
    caller: Caller,
    call: Call,
    body: B,
) -> Result<(), Problem>
where
    M: Model,
    C: Callers,
    Q: AuditQueue,
    K: Clock,
    B: HttpBody + Unpin,
    B::Data: Buf,
{
    let parts = visit.parts.clone();
    let rules = visit.rules.clone();
    let policy = &rules.policy;
    let began = parts.clock.now();
    let Call { target, headers } = call;
    let limit = policy.limits.max_body_bytes.get();
    let room = visit.room.clone();
    let mut held = room.take(&caller.name, &headers, limit).await?;
    let bytes = body::read(&headers, body, limit).await?;
    held.shrink(bytes.len());
    let request = read(target, &headers, &bytes, policy)?;
    drop(bytes);
    allowed(&request.model, &policy.models)?;
    let voice = Voice::new(&request, &visit.request_id, began.0 / 1000);
    let Request { model, operation, user, mut ask, .. } = request;
    let user = end_user(&headers, user, policy)?;
    let bounded = compose::bound(&ask, policy)?;
    let operation = operation.as_str();
    let asking = admission::Asking { caller: &caller, user: user.as_deref(), model: &model, operation };
    let reservation = admission::admit(visit, &asking, &ask, &bounded).await?;
    let Judged { verdict, before, dropped } =
        history::judge(&rules.guard, &mut ask.conversation, policy.input.blocked_history);
    // What was seen stays on record, though it is left out.
    let decision = if dropped.is_empty() { verdict.decision } else { verdict.decision.max(Decision::Flag) };
    let seen = before.as_ref().unwrap_or(&verdict);

    let mut receipt = visit.receipt();
    receipt.decision = Some(decision);
    receipt.rules = rule_ids(seen);
    receipt.blocked_turns.clone_from(&verdict.blocked);
    receipt.dropped_turns = dropped;
    receipt.standing = reservation.standing();
    receipt.ignored = ask.ignored.iter().chain(&bounded.clamped).cloned().collect();
    receipt.placeholders = ask.placeholders;
    let judged = judged_text(&ask.conversation);
    let user = user.map(|user| match policy.audit.user {
        UserNames::Clear => user,
        UserNames::Hmac => visit.pepper.hmac("user", &user),
    });
    let entry = Entry {
        request_id: visit.request_id.clone(),
        kind: Kind::Intent,
        ts: began,
        caller: caller.name,
        user,
        surface: visit.surface.as_str().into(),
        operation: operation.into(),
        model,
        decision,
        blocked: false,
        blocked_reason: None,
        risk_score: seen.risk_score.as_thousandths(),
        rules: receipt.rules.iter().cloned().chain(receipt.history()).chain(reservation.opening()).collect(),
        redactions: BTreeMap::new(),
        prompt: kept(policy, &rules.redactor, &judged),
        answer: None,
        prompt_hmac: Some(visit.pepper.hmac("prompt", &judged)),
        tokens: Usage::default(),
        cost_micros: 0,
        latency_ms: 0,
        upstream_status: None,
        error: None,
        policy_version: policy.version().to_owned(),
        key_version: None,
        pepper_id: Some(visit.pepper.id().to_owned()),
    };
    let (categories, upstream, finish) = (categories(seen), Duration::ZERO, None);
    let told = false;
    let mut passage = Passage { visit, entry, began, receipt, reservation, voice, categories, upstream, finish, told };
    if decision == Decision::Block {
        return passage.block(policy.answers.blocked).await;
    }
    if let Err(problem) = passage.record().await {
        admission::release(&mut passage).await;
        return Err(problem);
    }
    // From here on Google may be called: whatever happens ends in an outcome.
    let asked = ask_model(&mut passage, &ask, bounded).await;
    match asked {
        Ok(()) => Ok(()),
        Err(problem) => passage.fail(problem).await,
    }
}

async fn ask_model<M: Model, C: Callers, Q: AuditQueue, K: Clock>(
    passage: &mut Passage<'_, M, C, Q, K>,
    ask: &Ask,
    bounded: Bounded,
) -> Result<(), Problem> {
    let rules = passage.visit.rules.clone();
    let policy = &rules.policy;
    let model = passage.entry.model.clone();
    if passage.entry.operation == Operation::Count.as_str() {
        return delivery::count(passage, &compose::compose_count(&model, ask)).await;
    }
    let marks = Marks::mint().map_err(|error| {
        tracing::error!(error = %Chain(&error), "could not draw a canary");
        Problem::internal()
    })?;
    let prompt = compose::compose(&model, ask, bounded, policy, &marks);
    count(passage, &prompt, ask.surface.spelt("contents")).await?;
    passage.visit.has_time()?;
    passage.reservation.asking();
    if passage.entry.operation == Operation::Stream.as_str() {
        delivery::stream(passage, &prompt, ask.wants_json()).await
    } else {
        delivery::whole(passage, &prompt, ask.wants_json()).await
    }
}

/// Has Gemini count the prompt as it will be sent, where its bytes alone are too much for the policy or the limits. The
/// count then decides.
async fn count<M: Model, C: Callers, Q: AuditQueue, K: Clock>(
    passage: &mut Passage<'_, M, C, Q, K>,
    prompt: &Prompt,
    field: &str,
) -> Result<(), Problem> {
    let parts = passage.visit.parts.clone();
    let limit = u64::from(passage.visit.rules.policy.limits.max_input_tokens.get());
    if !passage.reservation.needs_count(limit) {
        return Ok(());
    }
    let counted = timeout(passage.visit.time_left(), parts.model.count(prompt)).await.unwrap_or_else(delivery::late);
    let counted = counted.map_err(|failure| passage.failed(&failure))?;
    let tokens = counted.usage.total;
    if tokens > limit {
        let message = format!("the prompt has {tokens} tokens, and {limit} are allowed; shorten it");
        return Err(Problem::at(Code::PromptTooLarge, field, &message));
    }
    admission::reserve_counted(passage, tokens).await
}

/// A request under way, and the record that grows with it.
pub(crate) struct Passage<'v, M, C, Q, K> {
    pub(crate) visit: &'v mut Visit<M, C, Q, K>,
    pub(crate) entry: Entry,
    pub(crate) receipt: Receipt,
    pub(crate) reservation: Reservation,
    pub(crate) voice: Voice,
    /// The groups of rules that matched, for the log.
    categories: String,
    /// How long Gemini was waited for.
    pub(crate) upstream: Duration,
    /// How Gemini ended its answer.
    pub(crate) finish: Option<String>,
    /// Whether the log has how it went.
    told: bool,
    began: Timestamp,
}

impl<M, C, Q, K> Passage<'_, M, C, Q, K> {
    /// Notes a rule that the answer touched, for the record, the log and, where it is still to come, the receipt.
    pub(crate) fn find(&mut self, rule: &str, category: Category) {
        for rules in [&mut self.entry.rules, &mut self.receipt.rules] {
            if !rules.iter().any(|known| known == rule) {
                rules.push(rule.to_owned());
            }
        }
        if !self.categories.split(',').any(|known| known == category.as_str()) {
            let comma = if self.categories.is_empty() { "" } else { "," };
            self.categories = format!("{}{comma}{}", self.categories, category.as_str());
        }
    }
}

impl<M: Model, C: Callers, Q: AuditQueue, K: Clock> Passage<'_, M, C, Q, K> {
    /// Stores the entry as it stands.
    pub(crate) async fn record(&mut self) -> Result<(), Problem> {
        self.entry.ts = self.visit.parts.clock.now();
        let took = self.entry.ts.since(self.began).as_millis();
        self.entry.latency_ms = u64::try_from(took).unwrap_or(u64::MAX);
        let recorded = self.visit.record(self.entry.clone()).await;
        recorded.map_err(|unavailable| Problem::unrecorded(&unavailable))
    }

    /// Stores the outcome, and says in the log how it went.
    pub(crate) async fn conclude(&mut self) -> Result<(), Problem> {
        self.entry.kind = Kind::Outcome;
        let due = self.reservation.due(&self.entry.tokens);
        self.entry.cost_micros = due.cost_micros();
        let recorded = self.record().await;
        admission::close(self, due, recorded.is_ok()).await;
        // An outcome that could not be stored is tried once more, with what is then told of it.
        if !std::mem::replace(&mut self.told, true) {
            self.tell(recorded.as_ref().err());
        }
        recorded
    }

    /// Says in the log how it went; with a problem, that the outcome could not be stored. It has cost no less.
    fn tell(&self, unrecorded: Option<&Problem>) {
        let (entry, tokens) = (&self.entry, &self.entry.tokens);
        let upstream_ms = u64::try_from(self.upstream.as_millis()).unwrap_or(u64::MAX);
        let counts = entry.operation == Operation::Count.as_str();
        // OpenTelemetry's names where it has some. Metrics are read off this line: see `shared::metrics`.
        tracing::info!(
            code = unrecorded.map(|problem| problem.code.as_str()),
            caller = entry.caller,
            surface = entry.surface,
            operation = entry.operation,
            decision = entry.decision.as_str(),
            blocked = entry.blocked,
            blocked_reason = entry.blocked_reason,
            categories = self.categories,
            error.type = entry.error,
            gen_ai.provider.name = "gcp.gemini",
            gen_ai.operation.name = if counts { "count_tokens" } else { "generate_content" },
            gen_ai.request.model = entry.model,
            gen_ai.response.finish_reasons = self.finish,
            gen_ai.usage.input_tokens = tokens.prompt + tokens.tool_use,
            gen_ai.usage.output_tokens = tokens.candidates + tokens.thoughts,
            gen_ai.usage.reasoning.output_tokens = tokens.thoughts,
            gen_ai.usage.cache_read.input_tokens = tokens.cached,
            tool_tokens = tokens.tool_use,
            cost_micros = entry.cost_micros,
            placeholders = self.receipt.placeholders,
            latency_ms = entry.latency_ms,
            upstream_ms,
            "{}",
            if unrecorded.is_none() { "answered" } else { "unrecorded" }
        );
    }

    /// Notes what the provider's failure was, for the record and the log, and what the caller is told of it.
    pub(crate) fn failed(&mut self, failure: &Failure) -> Problem {
        self.entry.upstream_status = failure.status();
        self.reservation.failed(failure);
        let mut problem = Problem::of_failure(failure);
        if let Failure::Refused { message, .. } = failure
            && !message.is_empty()
        {
            // Only Gemini knows what it disliked, and only the caller, whose request it was, gets to read it.
            let redacted = self.visit.rules.redactor.redact(message.expose()).text;
            let words: String = redacted.chars().take(LONGEST_REFUSAL).collect();
            problem.message = format!("Gemini refused the request: {words}");
        }
        if matches!(problem.code, Code::ProviderKey | Code::ProviderAccount | Code::ProviderModelGone) {
            // The operator must act: this line is what an alarm watches for.
            let leaked = matches!(failure, Failure::KeyRejected { leaked: true, .. });
            tracing::error!(
                code = problem.code.as_str(),
                leaked,
                gen_ai.request.model = self.entry.model,
                error = %Chain(failure),
                "the provider refuses us"
            );
        } else {
            tracing::warn!(code = problem.code.as_str(), error = %Chain(failure), "the provider failed");
        }
        problem
    }

    /// Ends a request that Gemini did not answer: the outcome first, then the answer.
    async fn fail(&mut self, problem: Problem) -> Result<(), Problem> {
        self.entry.error.get_or_insert_with(|| problem.code.as_str().to_owned());
        let problem = self.conclude().await.err().unwrap_or(problem);
        self.refuse(&problem);
        Ok(())
    }

    fn refuse(&mut self, problem: &Problem) {
        let refusal = gate::refusal(self.visit.surface, problem, &self.receipt);
        self.visit.respond(refusal);
    }

    async fn block(&mut self, shape: Blocked) -> Result<(), Problem> {
        self.entry.blocked = true;
        self.entry.blocked_reason = Some("input_guard".into());
        if let Err(problem) = self.conclude().await {
            self.refuse(&problem);
            return Ok(());
        }
        // A count has no shape that says "blocked".
        let counts = self.entry.operation == Operation::Count.as_str();
        let response = match if counts { Blocked::Error } else { shape } {
            Blocked::Error => {
                let message = format!("the prompt was blocked by {}", self.receipt.rules.join(", "));
                let message = match self.receipt.blamed() {
                    Some(turns) => format!("{message}, in turn {turns}, counted from 0; leave it out and ask again"),
                    None => message,
                };
                let problem = Problem::new(Code::PromptBlocked, message);
                gate::refusal(self.visit.surface, &problem, &self.receipt)
            }
            Blocked::Gemini => delivery::blocked(self)?,
        };
        self.visit.respond(response);
        Ok(())
    }
}

fn read(target: Target, headers: &HeaderMap, bytes: &[u8], policy: &Policy) -> Result<Request, Problem> {
    let mut documents = Documents::of(headers)?;
    let value = json::read(bytes, policy.limits.max_json_depth.get()).map_err(|error| match error {
        json::Error::Duplicate { .. } => Problem::new(Code::DuplicateKey, format!("a key is given twice at {error}")),
        json::Error::Syntax { .. } => Problem::new(Code::InvalidJson, format!("the body is not JSON at {error}")),
        json::Error::TooMany => Problem::new(Code::PromptTooLarge, format!("the body has {error}; send less")),
        json::Error::TooDeep => {
            let message = format!("the JSON nests deeper than {} levels", policy.limits.max_json_depth);
            Problem::new(Code::TooDeep, message)
        }
    })?;
    surface::read(target, value, &mut documents, policy)
}

/// The end user, by the header or by the body's own field.
fn end_user(headers: &HeaderMap, named: Option<Text>, policy: &Policy) -> Result<Option<String>, Problem> {
    let named = named.as_ref().map(|user| user.expose().trim());
    let Some(value) = headers.get(USER) else {
        return match named {
            None if policy.users.require => {
                let message = "name the end user in the header x-gatehouse-user, or in OpenAI's field user";
                Err(Problem::new(Code::UserRequired, message))
            }
            None => Ok(None),
            Some(user) if fits_a_name(user) => Ok(Some(user.to_owned())),
            Some(_) => Err(Problem::invalid("user", &format!("must have 1 to {LONGEST_USER} bytes"))),
        };
    };
    if headers.get_all(USER).iter().nth(1).is_some() {
        return Err(Problem::new(Code::InvalidHeader, format!("{USER}: name one end user, once")));
    }
    let user = std::str::from_utf8(value.as_bytes()).unwrap_or_default().trim();
    if !fits_a_name(user) {
        let message = format!("{USER}: give a name of 1 to {LONGEST_USER} bytes in UTF-8");
        return Err(Problem::new(Code::InvalidHeader, message));
    }
    if named.is_some_and(|named| named != user) {
        return Err(Problem::invalid("user", "is not the end user of the header x-gatehouse-user; give one of them"));
    }
    Ok(Some(user.to_owned()))
}

const fn fits_a_name(user: &str) -> bool {
    !user.is_empty() && user.len() <= LONGEST_USER
}

fn rule_ids(verdict: &Verdict) -> Vec<String> {
    let mut ids: Vec<String> = Vec::new();
    for finding in &verdict.findings {
        if !ids.contains(&finding.rule) {
            ids.push(finding.rule.clone());
        }
    }
    ids
}

/// The groups of rules that matched, each once.
fn categories(verdict: &Verdict) -> String {
    let found: BTreeSet<&str> = verdict.findings.iter().map(|finding| finding.category.as_str()).collect();
    found.into_iter().collect::<Vec<_>>().join(",")
}

/// All text that the guard has read, in order.
fn judged_text(conversation: &Conversation) -> String {
    let turns = conversation.turns.iter().flat_map(|turn| &turn.parts);
    let mut all = String::new();
    for part in conversation.system.iter().chain(turns) {
        all.push_str(&part.judged_text());
        all.push('\n');
    }
    all
}

/// A text as a record keeps it: not at all, or redacted and no longer than a record may be.
pub(crate) fn kept(policy: &Policy, redactor: &Redactor, text: &str) -> Option<String> {
    match policy.audit.texts {
        Texts::Off => None,
        Texts::Redacted => Some(audit::trimmed(redactor.redact(text).text.into_owned())),
    }
}
