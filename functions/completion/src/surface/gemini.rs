//! The Gemini surface: requests in, answers, events and errors out.

mod answer;
mod error;
mod fields;
mod request;

pub(super) use answer::{Told, says_something};
pub use answer::{count, model, models};
pub use error::body as error_body;
pub use fields::table as fields;
pub use request::{read, read_count};
