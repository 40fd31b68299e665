//! Which parts of a request are documents: the header `x-gatehouse-documents`.

use std::collections::BTreeSet;

use http::HeaderMap;

use crate::problem::{Code, Problem};

const HEADER: &str = "x-gatehouse-documents";

/// Parts that the caller calls documents, by turn (on the `OpenAI` surface: by message) and part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Documents(BTreeSet<(usize, usize)>);

impl Documents {
    /// Those that a request's headers name.
    ///
    /// # Errors
    /// As for [`Documents::parse`].
    pub fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        headers.get(HEADER).map_or_else(|| Ok(Self::default()), |value| Self::parse(value.to_str().unwrap_or("?")))
    }

    /// Reads the header's value: `0.1,2.0` names part 1 of turn 0 and part 0 of turn 2.
    ///
    /// # Errors
    /// A [`Problem`] when it is something else.
    pub fn parse(header: &str) -> Result<Self, Problem> {
        let place = |text: &str| -> Option<(usize, usize)> {
            let (turn, part) = text.trim().split_once('.')?;
            Some((turn.parse().ok()?, part.parse().ok()?))
        };
        header.split(',').map(place).collect::<Option<_>>().map(Self).ok_or_else(|| {
            let message = "x-gatehouse-documents: name parts as turn.part, counted from 0, as in 0.1,2.0";
            Problem::new(Code::InvalidHeader, message)
        })
    }

    /// Whether this part of this turn is one.
    #[must_use]
    pub fn contain(&self, turn: usize, part: usize) -> bool {
        self.0.contains(&(turn, part))
    }
}
