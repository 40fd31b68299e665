//! Addresses in an answer that would carry data out of it.
//!
//! Whoever hijacks a model has it write an address of his with the conversation in it: an image, which many clients load
//! without a click, or a link. Both are read where clients would read them: in Markdown, in HTML, and in plain text, which
//! clients turn into links. What points to a host that the policy allows passes, and so does what points nowhere.
//!
//! # What is an image
//! The destination of `![…](…)` and of every `[label]: …`, which an image may refer to; every address in an HTML tag but
//! `<a href>`; all that follows `<script` or `<style`. In a paragraph that has an image, links are images too: which
//! bracket closes which is not worth being fooled about. In a fenced code block, which clients show as it is, there are
//! links only; that a block is one is believed where it begins with its line, as long as no HTML stands before it.
//!
//! # What is not seen
//! Escapes of CSS; schemes other than `http`, `https`, `ftp` and `ws`, which clients do not load; and what a link says in
//! few plain words: see [`Treatment::Data`].

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

mod address;
mod context;
mod hosts;
mod scan;
mod stream;
#[cfg(test)]
mod tests;

pub use hosts::BadHost;
pub use stream::LinkStream;

use super::redact::Found;
use hosts::Hosts;

/// The `[output.links]` table of a policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Hosts that everything may point to: `example.com`, or `*.example.com` for every host beneath it.
    pub allowed: Vec<String>,
    /// What becomes of images from other hosts.
    pub images: Treatment,
    /// What becomes of links to other hosts.
    pub links: Treatment,
}

/// What becomes of an address whose host is not allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Treatment {
    /// It passes.
    Keep,
    /// It is taken out where it carries data: more than 64 bytes of query and fragment, 160 of path or 48 of subdomain,
    /// or more than 44 characters in words that look encoded; a commit's hash has 40.
    Data,
    /// It is taken out.
    Remove,
}

impl Default for Settings {
    fn default() -> Self {
        // Nobody can read the logs of the hosts that RFC 2606 reserves for examples.
        let reserved = ["example.com", "example.net", "example.org"];
        Self {
            allowed: reserved.iter().flat_map(|host| [(*host).to_owned(), format!("*.{host}")]).collect(),
            images: Treatment::Remove,
            links: Treatment::Data,
        }
    }
}

/// How an address would be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Clients may load it by themselves.
    Image,
    /// Clients load it when somebody clicks on it.
    Link,
}

impl Kind {
    /// The name in the mark and in records.
    const fn name(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Link => "link",
        }
    }
}

/// The rules of records for what was found by these names. Names that are none of ours have none.
pub fn rules(found: &BTreeMap<Arc<str>, u32>) -> impl Iterator<Item = &'static str> {
    let rules = [(Kind::Image, "exfiltration.image"), (Kind::Link, "exfiltration.link")];
    rules.into_iter().filter(|(kind, _)| found.contains_key(kind.name())).map(|(_, rule)| rule)
}

/// A text without the addresses that would carry data out.
pub struct Filtered<'a> {
    /// The text with its marks, `[REDACTED:image]` and `[REDACTED:link]`.
    pub text: Cow<'a, str>,
    /// How many of each were taken out.
    pub found: Found,
}

/// Takes addresses out of answers. Built once per policy; cloning shares it.
#[derive(Clone, Debug)]
pub struct Links(Arc<Wanted>);

#[derive(Debug)]
struct Wanted {
    allowed: Hosts,
    images: Treatment,
    links: Treatment,
}

impl Links {
    /// What a policy wants.
    ///
    /// # Errors
    /// Every allowed host that is none.
    pub fn new(settings: &Settings) -> Result<Self, Vec<BadHost>> {
        let allowed = Hosts::new(&settings.allowed)?;
        Ok(Self(Arc::new(Wanted { allowed, images: settings.images, links: settings.links })))
    }

    /// Filters a whole text.
    #[must_use]
    pub fn filter<'a>(&self, text: &'a str) -> Filtered<'a> {
        let (mut stream, mut out) = (self.stream(), String::with_capacity(text.len()));
        stream.push(text, &mut out);
        let found = stream.finish(&mut out);
        Filtered { text: if found.is_empty() { Cow::Borrowed(text) } else { Cow::Owned(out) }, found }
    }

    /// Filters a text as it comes.
    #[must_use]
    pub fn stream(&self) -> LinkStream {
        LinkStream::new(self.clone(), false)
    }

    /// Filters a text that is JSON as it comes: escapes are decoded for reading.
    #[must_use]
    pub fn json_stream(&self) -> LinkStream {
        LinkStream::new(self.clone(), true)
    }

    fn treatment(&self, kind: Kind) -> Treatment {
        match kind {
            Kind::Image => self.0.images,
            Kind::Link => self.0.links,
        }
    }

    fn allows(&self, host: &str) -> bool {
        self.0.allowed.allow(host)
    }
}
