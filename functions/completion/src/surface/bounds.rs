//! How large a request may be, counted while it is read: the same on every surface.

use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD};
use shared::conversation::{Content, Signature};
use shared::policy::{Limits, Policy};

use super::object::Object;
use crate::problem::{Code, Problem};

/// The policy's limits, and what of them is used up.
pub(super) struct Bounds<'p> {
    limits: &'p Limits,
    parts: usize,
    inline_bytes: usize,
}

impl<'p> Bounds<'p> {
    pub(super) fn of(policy: &'p Policy) -> Self {
        Self { limits: &policy.limits, parts: 0, inline_bytes: 0 }
    }

    /// Whether there are turns, and not too many. `path` is where they stand.
    pub(super) fn turns(&self, turns: &[Object], path: &str) -> Result<(), Problem> {
        if turns.is_empty() {
            return Err(Problem::invalid(path, "must have at least one turn"));
        }
        if turns.len() > self.limits.max_turns.get() {
            let message = format!("has more than {} turns; drop the oldest", self.limits.max_turns);
            return Err(Problem::at(Code::PromptTooLarge, path, &message));
        }
        Ok(())
    }

    /// Counts one more part.
    pub(super) fn part(&mut self, path: &str) -> Result<(), Problem> {
        self.parts += 1;
        if self.parts > self.limits.max_parts.get() {
            let message = format!("has more than {} parts in all; join some", self.limits.max_parts);
            return Err(Problem::at(Code::PromptTooLarge, path, &message));
        }
        Ok(())
    }

    /// A thought signature, which nobody but Gemini reads.
    pub(super) fn signature(&self, signature: String, path: &str) -> Result<Signature, Problem> {
        if signature.len() > self.limits.max_signature_bytes.get() {
            let message = format!("is longer than {} bytes", self.limits.max_signature_bytes);
            return Err(Problem::invalid(path, &message));
        }
        Ok(Signature(signature))
    }

    /// Media of an allowed type, in base64, not too large together with those before.
    pub(super) fn media(&mut self, media: Media<'_>) -> Result<Content, Problem> {
        let Media { mime_type, data, type_path, data_path } = media;
        // It goes on in the policy's letters, so that whoever asks for it by name finds it.
        let mut allowed = self.limits.inline_types.iter();
        let Some(mime_type) = allowed.find(|allowed| allowed.eq_ignore_ascii_case(&mime_type)).cloned() else {
            let message = format!("must be one of {}", self.limits.inline_types.join(", "));
            return Err(Problem::invalid(type_path, &message));
        };
        let bytes = decoded_length(&data).ok_or_else(|| Problem::invalid(data_path, "must be base64"))?;
        self.inline_bytes = self.inline_bytes.saturating_add(bytes);
        if self.inline_bytes > self.limits.max_inline_bytes {
            let message =
                format!("media are larger than {} bytes in all; make them smaller", self.limits.max_inline_bytes);
            return Err(Problem::at(Code::PromptTooLarge, data_path, &message));
        }
        Ok(Content::Inline { mime_type, data: data.into() })
    }
}

/// Media as a request has them, and where.
pub(super) struct Media<'p> {
    pub(super) mime_type: String,
    pub(super) data: String,
    pub(super) type_path: &'p str,
    pub(super) data_path: &'p str,
}

/// Refuses declared functions where the policy allows none.
pub(super) fn functions(declared: bool, policy: &Policy) -> Result<(), Problem> {
    if declared && !policy.tools.functions {
        let message = "functions are not allowed here; the operator can allow them in tools.functions";
        return Err(Problem::at(Code::RefusedField, "tools", message));
    }
    Ok(())
}

/// How many bytes base64 stands for; `None` where it is not base64. Google takes both alphabets, padded or not, and its
/// Python client sends the URL-safe one.
fn decoded_length(data: &str) -> Option<usize> {
    let encodings = [BASE64, BASE64URL, BASE64_NOPAD, BASE64URL_NOPAD];
    encodings.iter().find_map(|encoding| encoding.decode(data.as_bytes()).ok()).map(|bytes| bytes.len())
}
