//! A policy that cannot be used, and every reason why.

use std::fmt;

/// Every mistake found in a policy file, in the order of its lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// The file, as the operator named it.
    pub file: String,
    /// The mistakes; at least one.
    pub mistakes: Vec<Mistake>,
}

/// One mistake, its place and its remedy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mistake {
    /// The line, counted from 1.
    pub line: usize,
    /// The column in characters, counted from 1.
    pub column: usize,
    /// What is wrong.
    pub problem: String,
    /// What to do about it.
    pub remedy: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.problem, self.remedy)
    }
}

/// A line for each mistake: `file:line:column: what (remedy)`.
impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mistake) in self.mistakes.iter().enumerate() {
            let end = if index == 0 { "" } else { "\n" };
            write!(f, "{end}{}:{}:{}: {mistake}", self.file, mistake.line, mistake.column)?;
        }
        Ok(())
    }
}

impl std::error::Error for Invalid {}
