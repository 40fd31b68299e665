//! Reads a request of the Gemini surface.

use serde_json::{Map, Value};
use shared::conversation::{Content, Conversation, Json, Part, Provenance, Role, Signature, Turn};
use shared::fields::Admitted;
use shared::policy::Policy;

use super::fields::TABLE;
use crate::problem::{Code, Problem};
use crate::surface::bounds::{self, Bounds, Media};
use crate::surface::object::Object;
use crate::surface::{Ask, Documents, Surface};

/// Reads the body of `generateContent` or `streamGenerateContent`.
///
/// # Errors
/// A [`Problem`] that names the field and what to do.
pub fn read(body: Value, documents: &mut Documents, policy: &Policy) -> Result<Ask, Problem> {
    let admits = |path: &str| {
        let field = path.strip_prefix("generationConfig.");
        field.is_some_and(|field| policy.generation.extra_fields.iter().any(|extra| extra == field))
    };
    let Admitted { value, mut ignored } = TABLE.admit(single_as_list(body), &admits).map_err(Problem::of_field)?;
    let mut body = Object::of(value, "")?;
    if body.bool("store")? == Some(true) {
        return Err(Problem::at(Code::RefusedField, "store", "nothing is stored at Google; leave it out"));
    }
    let mut reader = Reader { bounds: Bounds::of(policy), documents, ignored: &mut ignored };
    let system = match body.object("systemInstruction")? {
        Some(instruction) => reader.system(instruction)?,
        None => Vec::new(),
    };
    let turns = reader.turns(body.objects("contents")?)?;
    documents.all_claimed()?;
    let tools = body.objects("tools")?;
    bounds::functions(tools.iter().any(|tool| tool.has("functionDeclarations")), policy)?;
    Ok(Ask {
        surface: Surface::Gemini,
        conversation: Conversation { system, turns },
        tools: tools.into_iter().map(tool).collect::<Result<_, _>>()?,
        tool_config: body.object("toolConfig")?.map(tool_config).transpose()?,
        generation: body.object("generationConfig")?.map(Object::into_fields).unwrap_or_default(),
        safety: body.objects("safetySettings")?.into_iter().map(safety).collect::<Result<_, _>>()?,
        ignored,
        placeholders: 0,
    })
}

/// Reads the body of `countTokens`: contents alone, or a whole `generateContentRequest`.
///
/// # Errors
/// As for [`read`].
pub fn read_count(mut body: Value, documents: &mut Documents, policy: &Policy) -> Result<Ask, Problem> {
    let inner = body.as_object_mut().and_then(|fields| {
        let name = ["generateContentRequest", "generate_content_request"]
            .into_iter()
            .find(|name| fields.contains_key(*name))?;
        (fields.len() == 1).then(|| fields.remove(name)).flatten()
    });
    match inner {
        None => read(body, documents, policy),
        Some(mut request) => {
            // The path has named the model already.
            if let Some(fields) = request.as_object_mut() {
                fields.remove("model");
            }
            read(request, documents, policy)
        }
    }
}

/// Google takes one object where a list of them is meant, and its older examples are written so.
fn single_as_list(mut body: Value) -> Value {
    fn wrap(value: &mut Value) {
        if value.is_object() {
            *value = Value::Array(vec![value.take()]);
        }
    }
    for name in ["contents", "tools"] {
        body.get_mut(name).map(wrap);
    }
    for name in ["systemInstruction", "system_instruction"] {
        body.get_mut(name).and_then(|instruction| instruction.get_mut("parts")).map(wrap);
    }
    for turn in body.get_mut("contents").and_then(Value::as_array_mut).into_iter().flatten() {
        turn.get_mut("parts").map(wrap);
    }
    body
}

/// A tool, which declares functions: the table lets no other in.
fn tool(mut tool: Object) -> Result<Value, Problem> {
    let declared = tool.objects("functionDeclarations")?;
    let declared: Vec<Value> = declared.into_iter().map(declaration).collect::<Result<_, _>>()?;
    let mut fields = Map::new();
    if !declared.is_empty() {
        fields.insert("functionDeclarations".into(), declared.into());
    }
    Ok(fields.into())
}

fn declaration(mut function: Object) -> Result<Value, Problem> {
    let mut fields = Map::new();
    fields.insert("name".into(), function.required_string("name")?.into());
    fields.extend(function.string("description")?.map(|text| ("description".to_owned(), text.into())));
    for name in ["parameters", "parametersJsonSchema", "response", "responseJsonSchema"] {
        fields.extend(function.opaque_object(name)?.map(|schema| (name.to_owned(), schema)));
    }
    Ok(fields.into())
}

fn tool_config(mut config: Object) -> Result<Value, Problem> {
    let mut fields = Map::new();
    if let Some(mut calling) = config.object("functionCallingConfig")? {
        let mut read = Map::new();
        read.extend(calling.token("mode")?.map(|mode| ("mode".to_owned(), mode.into())));
        if let Some(names) = calling.take("allowedFunctionNames") {
            if !names.as_array().is_some_and(|names| names.iter().all(Value::is_string)) {
                return Err(Problem::invalid(&calling.path_of("allowedFunctionNames"), "must be a list of strings"));
            }
            read.insert("allowedFunctionNames".into(), names);
        }
        fields.insert("functionCallingConfig".into(), read.into());
    }
    Ok(fields.into())
}

fn safety(mut setting: Object) -> Result<(String, String), Problem> {
    Ok((setting.required_string("category")?, setting.required_string("threshold")?))
}

struct Reader<'r> {
    bounds: Bounds<'r>,
    documents: &'r mut Documents,
    ignored: &'r mut Vec<String>,
}

impl Reader<'_> {
    fn system(&mut self, mut instruction: Object) -> Result<Vec<Part>, Problem> {
        let parts = instruction.objects("parts")?;
        parts.into_iter().map(|mut part| Ok(Part::text(Provenance::Caller, part.required_string("text")?))).collect()
    }

    fn turns(&mut self, contents: Vec<Object>) -> Result<Vec<Turn>, Problem> {
        self.bounds.turns(&contents, "contents")?;
        let turns = contents.into_iter().enumerate().map(|(at, turn)| self.turn(at, turn));
        let mut turns: Vec<Turn> = turns.collect::<Result<_, Problem>>()?;
        // A turn that was all thought says nothing any more, and Gemini takes no empty one.
        turns.retain(|turn| !turn.parts.is_empty());
        if turns.is_empty() { Err(Problem::invalid("contents", "holds nothing but thoughts")) } else { Ok(turns) }
    }

    fn turn(&mut self, at: usize, mut turn: Object) -> Result<Turn, Problem> {
        let role = match turn.string("role")?.as_deref() {
            None | Some("" | "user" | "function") => Role::User,
            Some("model") => Role::Model,
            Some(_) => return Err(Problem::invalid(&turn.path_of("role"), "must be user or model")),
        };
        let parts = turn.objects("parts")?;
        if parts.is_empty() {
            return Err(Problem::invalid(&turn.path_of("parts"), "must have at least one part"));
        }
        let mut read = Vec::with_capacity(parts.len());
        for (index, part) in parts.into_iter().enumerate() {
            self.bounds.part("contents")?;
            let document = self.documents.claim(at, index);
            read.extend(self.part(role, document, part)?);
        }
        Ok(Turn { role, parts: read })
    }

    /// A part; `None` for a replayed thought, which this gate never sent and Gemini does not need.
    fn part(&mut self, role: Role, document: bool, mut part: Object) -> Result<Option<Part>, Problem> {
        let declared = declared_document(&mut part)?;
        let thought_signature = self.signature(&mut part)?;
        if part.bool("thought")? == Some(true) {
            self.ignored.push(part.path().to_owned());
            return Ok(None);
        }
        let mut contents = Vec::new();
        contents.extend(part.string("text")?.map(|text| Content::Text(text.into())));
        contents.extend(part.object("inlineData")?.map(|inline| self.inline(inline)).transpose()?);
        contents.extend(part.object("functionCall")?.map(call).transpose()?);
        contents.extend(part.object("functionResponse")?.map(reply).transpose()?);
        contents.extend(part.object("executableCode")?.map(code).transpose()?);
        contents.extend(part.object("codeExecutionResult")?.map(code_result).transpose()?);
        let mut contents = contents.into_iter();
        let content = match (contents.next(), contents.next()) {
            (Some(content), None) => content,
            (None, _) if thought_signature.is_some() => Content::Text(String::new().into()),
            (None, _) => {
                return Err(Problem::invalid(
                    part.path(),
                    "is empty; give it text, inlineData or a function's call or response",
                ));
            }
            (Some(_), Some(_)) => return Err(Problem::invalid(part.path(), "holds two things; make two parts of it")),
        };
        let provenance = match (&content, role) {
            (Content::Reply { .. } | Content::CodeResult { .. }, _) => Provenance::Tool,
            _ if document || declared => Provenance::Document,
            (_, Role::Model) => Provenance::Model,
            (_, Role::User) => Provenance::User,
        };
        Ok(Some(Part { provenance, content, thought_signature }))
    }

    fn signature(&self, part: &mut Object) -> Result<Option<Signature>, Problem> {
        let Some(signature) = part.string("thoughtSignature")? else { return Ok(None) };
        self.bounds.signature(signature, &part.path_of("thoughtSignature")).map(Some)
    }

    fn inline(&mut self, mut inline: Object) -> Result<Content, Problem> {
        let mime_type = inline.required_string("mimeType")?;
        let data = inline.required_string("data")?;
        let (type_path, data_path) = (inline.path_of("mimeType"), inline.path_of("data"));
        self.bounds.media(Media { mime_type, data, type_path: &type_path, data_path: &data_path })
    }
}

/// Whether the part says of itself, in `partMetadata.gatehouse.provenance`, that it is a document. What else it says to
/// this gate is a mistake that must not pass for silence; metadata of others is theirs.
fn declared_document(part: &mut Object) -> Result<bool, Problem> {
    let Some(mut metadata) = part.object("partMetadata")? else { return Ok(false) };
    let Some(mut ours) = metadata.object("gatehouse")? else { return Ok(false) };
    let path = ours.path_of("provenance");
    let provenance = ours.required_string("provenance")?;
    if ours.into_fields().is_empty() {
        match provenance.as_str() {
            "document" => return Ok(true),
            "user" => return Ok(false),
            _ => {}
        }
    }
    Err(Problem::invalid(&path, "must be document or user, and stand alone"))
}

fn call(mut call: Object) -> Result<Content, Problem> {
    let args = Json(call.opaque_object("args")?.unwrap_or_else(|| Value::Object(Map::new())));
    Ok(Content::Call { id: call.token("id")?, name: call.required_string("name")?, args })
}

fn reply(mut reply: Object) -> Result<Content, Problem> {
    let response = reply.opaque_object("response")?;
    let response = response.ok_or_else(|| Problem::invalid(&reply.path_of("response"), "is missing"))?;
    Ok(Content::Reply { id: reply.token("id")?, name: reply.required_string("name")?, response: Json(response) })
}

fn code(mut code: Object) -> Result<Content, Problem> {
    let language = code.token("language")?.unwrap_or_default();
    Ok(Content::Code { language, code: code.required_string("code")?.into() })
}

fn code_result(mut result: Object) -> Result<Content, Problem> {
    let output = result.string("output")?.unwrap_or_default();
    let outcome = result.token("outcome")?;
    let outcome = outcome.ok_or_else(|| Problem::invalid(&result.path_of("outcome"), "is missing"))?;
    Ok(Content::CodeResult { outcome, output: output.into() })
}

#[cfg(test)]
mod tests;
