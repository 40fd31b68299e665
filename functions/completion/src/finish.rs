//! How Gemini ended an answer.

/// The kinds of finish reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// The model did something that makes no answer.
    Failed,
    /// The answer is as long as was asked for.
    Length,
    /// The answer is all there.
    Stop,
    /// Gemini held the answer back, or ended it for a reason that is not known yet.
    Withheld,
}

impl Finish {
    /// The kind of a reason. Source: the enum of google-genai 3.4.0; it is open, and an unknown one is not clean.
    #[must_use]
    pub fn of(reason: &str) -> Self {
        match reason {
            "STOP" | "CONTINUATION" => Self::Stop,
            "MAX_TOKENS" => Self::Length,
            "LANGUAGE"
            | "MALFORMED_FUNCTION_CALL"
            | "MALFORMED_RESPONSE"
            | "MISSING_THOUGHT_SIGNATURE"
            | "NO_IMAGE"
            | "OTHER"
            | "TOO_MANY_TOOL_CALLS"
            | "UNEXPECTED_TOOL_CALL" => Self::Failed,
            _ => Self::Withheld,
        }
    }
}

/// An open enum's value, as far as it looks like one.
#[must_use]
pub fn name(reason: &str) -> &str {
    let plain = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    if reason.len() <= 64 && reason.bytes().all(plain) { reason } else { "UNKNOWN" }
}
