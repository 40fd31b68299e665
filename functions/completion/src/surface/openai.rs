//! The `OpenAI` surface: chat completions in, completions and their chunks out.

mod answer;
mod calls;
mod error;
mod fields;
mod messages;
mod request;
mod settings;

pub(crate) use answer::Voice;
pub use answer::{model, models};
pub use error::body as error_body;
pub use fields::{spelt, table as fields};
pub use request::read;
