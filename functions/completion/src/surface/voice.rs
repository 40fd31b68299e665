//! Tells one answer in the words of the surface that was called.

use bytes::Bytes;
use shared::answer::Chunk;
use shared::google::wire;

use super::{Request, Surface, event, gemini, openai};
use crate::problem::Problem;

/// One answer's teller. It remembers what a stream must repeat or keep for its end.
#[derive(Debug)]
pub(crate) enum Voice {
    /// Each chunk is an event, and the last of them ends the stream.
    Gemini,
    /// Chunks are deltas of one completion, which ends with its finish reason, its usage and `[DONE]`.
    OpenAi(Box<openai::Voice>),
}

impl Voice {
    /// A voice for the answer to this request. `created` is in seconds.
    pub(crate) fn new(request: &Request, request_id: &str, created: u64) -> Self {
        match request.ask.surface {
            Surface::Gemini => Self::Gemini,
            Surface::OpenAi => Self::OpenAi(Box::new(openai::Voice::new(request, request_id, created))),
        }
    }

    /// A whole answer.
    ///
    /// # Errors
    /// A [`Problem`] when this surface has no words for how the answer ended.
    pub(crate) fn whole(&mut self, chunk: &Chunk) -> Result<Bytes, Problem> {
        match self {
            Self::Gemini => Ok(wire::bytes(&gemini::Told::of(chunk)).into()),
            Self::OpenAi(voice) => Ok(wire::bytes(&voice.whole(chunk)?).into()),
        }
    }

    /// What to send of a piece of a stream; nothing, where it tells a client nothing yet.
    ///
    /// # Errors
    /// As for [`Voice::whole`].
    pub(crate) fn piece(&mut self, chunk: &Chunk) -> Result<Bytes, Problem> {
        match self {
            Self::Gemini if gemini::says_something(chunk) => Ok(event(&gemini::Told::of(chunk))),
            Self::Gemini => Ok(Bytes::new()),
            Self::OpenAi(voice) => voice.piece(chunk),
        }
    }

    /// What ends a stream that went well.
    pub(crate) fn end(&mut self) -> Bytes {
        match self {
            Self::Gemini => Bytes::new(),
            Self::OpenAi(voice) => voice.end(),
        }
    }
}
