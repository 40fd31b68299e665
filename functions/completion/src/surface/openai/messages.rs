//! Reads the messages of a request into instruction and turns.

use serde_json::{Map, Value};
use shared::conversation::{Content, Conversation, Json, Part, Provenance, Role, Signature, Turn};

use super::calls::{self, Calls};
use crate::json;
use crate::problem::{Code, Problem};
use crate::surface::Documents;
use crate::surface::bounds::{Bounds, Media};
use crate::surface::object::Object;

/// Google's stand-in for a signature that a client lost: Gemini 3 refuses a call without one, and does not check this
/// one, in just these letters. Source: the questions and answers of ai.google.dev/gemini-api/docs/thought-signatures,
/// as clients quote them in 2026-11, which name `context_engineering_is_the_way_to_go` too; this one works on Vertex AI
/// as well.
const PLACEHOLDER: &str = "skip_thought_signature_validator";

/// The name of a user's message that is a document.
const DOCUMENT: &str = "document";

/// Reads messages, oldest first.
pub(super) struct Reader<'r> {
    pub(super) bounds: Bounds<'r>,
    pub(super) documents: &'r mut Documents,
    /// How deep the JSON of arguments may nest.
    pub(super) depth: usize,
    /// Whether the model refuses a replayed call without a signature.
    pub(super) strict: bool,
    pub(super) calls: Calls,
    pub(super) ignored: Vec<String>,
    pub(super) placeholders: u32,
}

impl Reader<'_> {
    pub(super) fn conversation(&mut self, messages: Vec<Object>) -> Result<Conversation, Problem> {
        self.bounds.turns(&messages, "messages")?;
        let mut conversation = Conversation::default();
        let mut replying = false;
        for (at, mut message) in messages.into_iter().enumerate() {
            let role = message.required_string("role")?;
            let was_replying = std::mem::replace(&mut replying, role == "tool");
            let user = if self.named(&mut message, &role)? { Provenance::Document } else { Provenance::User };
            let (role, parts) = match role.as_str() {
                "developer" | "system" => {
                    conversation.system.extend(self.content(&mut message, None, Provenance::Caller)?);
                    message.finish()?;
                    continue;
                }
                "user" => (Role::User, self.content(&mut message, Some(at), user)?),
                "assistant" => (Role::Model, self.assistant(&mut message, at)?),
                "tool" => (Role::User, vec![self.reply(&mut message)?]),
                _ => return Err(no_role(&message.path_of("role"), &role)),
            };
            let path = message.path().to_owned();
            message.finish()?;
            match conversation.turns.last_mut() {
                _ if parts.is_empty() => self.ignored.push(path),
                // Gemini takes the replies to all calls of a turn in one.
                Some(turn) if was_replying && replying => turn.parts.extend(parts),
                _ => conversation.turns.push(Turn { role, parts }),
            }
        }
        if conversation.turns.is_empty() {
            return Err(Problem::invalid("messages", "must have at least one message of a user"));
        }
        Ok(conversation)
    }

    /// Whether the message's name says that it is a document. Another name has no effect.
    fn named(&mut self, message: &mut Object, role: &str) -> Result<bool, Problem> {
        match message.string("name")?.as_deref() {
            None => Ok(false),
            Some(DOCUMENT) if role == "user" => Ok(true),
            Some(_) => {
                self.ignored.push(message.path_of("name"));
                Ok(false)
            }
        }
    }

    /// The parts of a message. `at` is its number, where the header may call one of them a document.
    fn content(&mut self, message: &mut Object, at: Option<usize>, whose: Provenance) -> Result<Vec<Part>, Problem> {
        let provenance = |documents: &mut Documents, part: usize| {
            if at.is_some_and(|at| documents.claim(at, part)) { Provenance::Document } else { whose }
        };
        if message.is_string("content") {
            self.bounds.part("messages")?;
            let text = message.required_string("content")?;
            return Ok(vec![Part::text(provenance(self.documents, 0), text)]);
        }
        if !message.has("content") && whose != Provenance::Model {
            return Err(Problem::invalid(&message.path_of("content"), "is missing"));
        }
        let parts = message.objects("content")?;
        let mut read = Vec::with_capacity(parts.len());
        for (index, mut part) in parts.into_iter().enumerate() {
            self.bounds.part("messages")?;
            let content = self.part(&mut part, whose)?;
            part.finish()?;
            read.push(Part { provenance: provenance(self.documents, index), content, thought_signature: None });
        }
        Ok(read)
    }

    fn part(&mut self, part: &mut Object, whose: Provenance) -> Result<Content, Problem> {
        let kind = part.required_string("type")?;
        let media = matches!(whose, Provenance::User | Provenance::Document);
        match kind.as_str() {
            "text" => Ok(Content::Text(part.required_string("text")?.into())),
            "refusal" if whose == Provenance::Model => Ok(Content::Text(part.required_string("refusal")?.into())),
            "image_url" if media => self.image(part.required_object("image_url")?),
            "input_audio" if media => self.audio(part.required_object("input_audio")?),
            _ => {
                let path = part.path_of("type");
                Err(Problem::invalid(&path, "must be text or, from a user, image_url or input_audio"))
            }
        }
    }

    /// An image, or another medium, that the request itself holds. Whatever lies behind another URL is not fetched:
    /// a gate that fetches what a stranger names reaches into its own network.
    fn image(&mut self, mut image: Object) -> Result<Content, Problem> {
        let path = image.path_of("url");
        let url = image.required_string("url")?;
        image.finish()?;
        let Some(rest) = url.strip_prefix("data:") else {
            let message = "nothing is fetched from a URL; send the image itself as data:image/png;base64,…";
            return Err(Problem::at(Code::RefusedField, &path, message));
        };
        let (kind, data) = rest
            .split_once(";base64,")
            .ok_or_else(|| Problem::invalid(&path, "must be of the form data:image/png;base64,…"))?;
        let mime_type = kind.split(';').next().unwrap_or_default().to_owned();
        self.bounds.media(Media { mime_type, data: data.to_owned(), type_path: &path, data_path: &path })
    }

    fn audio(&mut self, mut audio: Object) -> Result<Content, Problem> {
        let (type_path, data_path) = (audio.path_of("format"), audio.path_of("data"));
        let mime_type = format!("audio/{}", audio.required_string("format")?);
        let data = audio.required_string("data")?;
        audio.finish()?;
        self.bounds.media(Media { mime_type, data, type_path: &type_path, data_path: &data_path })
    }

    /// A replayed answer. Nothing is left of one that said nothing.
    fn assistant(&mut self, message: &mut Object, at: usize) -> Result<Vec<Part>, Problem> {
        let mut parts = self.content(message, Some(at), Provenance::Model)?;
        if let Some(refusal) = message.string("refusal")? {
            self.bounds.part("messages")?;
            parts.push(Part::text(Provenance::Model, refusal));
        }
        parts.retain(|part| !matches!(&part.content, Content::Text(text) if text.is_empty()));
        let calls = message.objects("tool_calls")?;
        for (index, call) in calls.into_iter().enumerate() {
            self.bounds.part("messages")?;
            let mut part = self.call(call)?;
            // Of calls made at once Gemini signs the first.
            if index == 0 && self.strict && part.thought_signature.is_none() {
                self.placeholders += 1;
                part.thought_signature = Some(Signature(PLACEHOLDER.into()));
            }
            parts.push(part);
        }
        Ok(parts)
    }

    fn call(&mut self, mut call: Object) -> Result<Part, Problem> {
        function_only(&mut call)?;
        let id = call.required_string("id")?;
        let mut function = call.required_object("function")?;
        let name = function.required_string("name")?;
        let path = function.path_of("arguments");
        let arguments = function.string("arguments")?.unwrap_or_default();
        let args = self.object(&arguments).ok_or_else(|| Problem::invalid(&path, "must be a JSON object as text"))?;
        self.calls.note(id.clone(), name.clone());
        let google = call.object("extra_content")?.map(|mut extra| extra.object("google")).transpose()?.flatten();
        let signature = match google {
            Some(mut google) => {
                let path = google.path_of("thought_signature");
                google.string("thought_signature")?.map(|text| self.bounds.signature(text, &path)).transpose()?
            }
            None => None,
        };
        let content = Content::Call { id: calls::geminis(&id), name, args: Json(args) };
        Ok(Part { provenance: Provenance::Model, content, thought_signature: signature })
    }

    /// A tool's result. Gemini wants an object; a text that is none becomes the `output` of one.
    fn reply(&mut self, message: &mut Object) -> Result<Part, Problem> {
        let path = message.path_of("tool_call_id");
        let id = message.required_string("tool_call_id")?;
        let name = self.calls.name(&id).map(str::to_owned);
        let name = name.ok_or_else(|| Problem::invalid(&path, "names no call of an earlier message"))?;
        let parts = self.content(message, None, Provenance::Tool)?;
        let text: String = parts.iter().map(Part::judged_text).collect();
        let response = self.object(&text).filter(|_| !text.trim().is_empty());
        let response = response.unwrap_or_else(|| serde_json::json!({"output": text}));
        let content = Content::Reply { id: calls::geminis(&id), name, response: Json(response) };
        Ok(Part { provenance: Provenance::Tool, content, thought_signature: None })
    }

    /// The object that a text spells in JSON. Some clients send no text where a function takes no arguments.
    fn object(&self, text: &str) -> Option<Value> {
        if text.trim().is_empty() {
            return Some(Value::Object(Map::new()));
        }
        json::read(text.as_bytes(), self.depth).ok().filter(Value::is_object)
    }
}

fn no_role(path: &str, role: &str) -> Problem {
    match role {
        "function" => Problem::at(Code::RefusedField, path, "use tools, and role tool for their results"),
        _ => Problem::invalid(path, "must be system, developer, user, assistant or tool"),
    }
}

/// Refuses a tool that is no function.
pub(super) fn function_only(tool: &mut Object) -> Result<(), Problem> {
    let path = tool.path_of("type");
    match tool.string("type")?.as_deref() {
        None | Some("function") => Ok(()),
        Some(_) => Err(Problem::invalid(&path, "must be function")),
    }
}
