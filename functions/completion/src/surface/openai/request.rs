//! Reads a chat completion request.

use serde_json::Value;
use shared::conversation::Text;
use shared::fields::Admitted;
use shared::policy::Policy;

use super::fields::TABLE;
use super::messages::Reader;
use super::{calls, settings};
use crate::problem::Problem;
use crate::routes::{self, Operation};
use crate::surface::bounds::{self, Bounds};
use crate::surface::object::Object;
use crate::surface::{Ask, Documents, Request, Surface};

/// Reads the body of `chat.completions.create`.
///
/// # Errors
/// A [`Problem`] that names the field and what to do.
pub fn read(body: Value, documents: &mut Documents, policy: &Policy) -> Result<Request, Problem> {
    let Admitted { value, mut ignored } = TABLE.admit(body, &|_| false).map_err(Problem::of_field)?;
    let mut body = Object::of(value, "")?;
    let model = routes::bare(&body.required_string("model")?)?;
    let (operation, usage_event) = delivery(&mut body)?;
    settings::neutral(&mut body, &mut ignored)?;
    let user = user(&mut body)?;
    let mut google = settings::google(&mut body)?;
    let safety = settings::safety(&mut google)?;
    let generation = settings::generation(&mut body, &mut google, &model)?;
    let tools = settings::tools(&mut body)?;
    bounds::functions(!tools.is_empty(), policy)?;
    let tool_config = settings::tool_config(&mut body, !tools.is_empty())?;
    let mut reader = Reader {
        bounds: Bounds::of(policy),
        documents,
        depth: policy.limits.max_json_depth.get(),
        strict: !settings::budgets(&model),
        calls: calls::Calls::default(),
        ignored,
        placeholders: 0,
    };
    let conversation = reader.conversation(body.objects("messages")?)?;
    let Reader { documents, ignored, placeholders, .. } = reader;
    documents.all_claimed()?;
    let ask =
        Ask { surface: Surface::OpenAi, conversation, tools, tool_config, generation, safety, ignored, placeholders };
    body.finish()?;
    Ok(Request { model, operation, user, usage_event, ask })
}

/// Whether the answer comes whole or streamed, and whether a stream tells its usage.
fn delivery(body: &mut Object) -> Result<(Operation, bool), Problem> {
    let streamed = body.bool("stream")?.unwrap_or_default();
    let options = body.object("stream_options")?;
    if options.is_some() && !streamed {
        return Err(Problem::invalid("stream_options", "is for streams only; leave it out, or set stream"));
    }
    let usage = options.map(|mut options| options.bool("include_usage")).transpose()?.flatten().unwrap_or_default();
    Ok((if streamed { Operation::Stream } else { Operation::Generate }, usage))
}

/// The end user, by the newer or the older name of the field.
fn user(body: &mut Object) -> Result<Option<Text>, Problem> {
    match (body.string("safety_identifier")?, body.string("user")?) {
        (Some(newer), Some(older)) if newer != older => {
            Err(Problem::invalid("user", "is not safety_identifier; give one of them"))
        }
        (newer, older) => Ok(newer.or(older).map(Text::from)),
    }
}

#[cfg(test)]
mod tests;
