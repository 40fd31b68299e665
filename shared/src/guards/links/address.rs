//! Reads an address as clients do: entities and escapes undone, backslashes taken for slashes, line breaks left out.

use std::borrow::Cow;

/// The longest authority that is read. A host has 253 bytes at most.
const LONGEST_AUTHORITY: usize = 512;

/// What plain text becomes a link by.
const PLAIN: [&str; 4] = ["http://", "https://", "ftp://", "www."];
/// Schemes that clients load.
const LOADED: [&str; 5] = ["http", "https", "ftp", "ws", "wss"];
/// Schemes before another address.
const NESTING: [&str; 5] = ["view-source", "feed", "jar", "blob", "filesystem"];

/// What an address is, as far as it is there.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// More must come.
    Open,
    /// It points to no other host.
    Local,
    /// It points to this one; to one that nobody can tell, where it is empty.
    Remote(String),
}

/// Reads an address where one is expected; `whole` says that nothing follows.
pub(super) fn read(raw: &str, whole: bool) -> Reading {
    let text = decoded(raw, whole);
    let open = |otherwise| if whole { otherwise } else { Reading::Open };
    let Some(rest) = authority_of(&text) else {
        return if may_become_remote(&text) { open(Reading::Local) } else { Reading::Local };
    };
    if rest.is_empty() {
        return open(Reading::Local);
    }
    host_of(rest, whole, raw.contains('\\')).map_or(Reading::Open, Reading::Remote)
}

/// Reads an address in plain text, likewise.
pub(super) fn read_plain(raw: &str, whole: bool) -> Reading {
    let Some(rest) = after_plain(raw) else {
        let begins = |prefix: &&str| prefix.get(..raw.len()).is_some_and(|head| head.eq_ignore_ascii_case(raw));
        return if !whole && PLAIN.iter().any(begins) { Reading::Open } else { Reading::Local };
    };
    if rest.is_empty() && whole {
        return Reading::Local;
    }
    host_of(rest, whole, raw.contains('\\')).map_or(Reading::Open, Reading::Remote)
}

/// Whether a remote address says more than where it points to.
pub(super) fn carries_data(raw: &str) -> bool {
    const QUERY: usize = 64;
    const PATH: usize = 160;
    const SUBDOMAIN: usize = 48;
    // A commit's hash has 40.
    const ENCODED: usize = 44;
    let text = decoded(raw, true);
    let rest = authority_of(&text).or_else(|| after_plain(&text)).unwrap_or(&text);
    let (authority, tail) = rest.split_at(rest.find(is_delimiter).unwrap_or(rest.len()));
    let (path, query) = tail.split_at(tail.find(['?', '#']).unwrap_or(tail.len()));
    let name = authority.split(':').next().unwrap_or_default();
    let subdomain = name.rsplit('.').skip(2).map(|label| label.len() + 1).sum::<usize>();
    let user = authority.rfind('@').unwrap_or_default();
    said(query) > QUERY
        || said(path) > PATH
        || subdomain.max(user) > SUBDOMAIN
        || unescaped(rest).split(is_break).filter(|run| looks_encoded(run)).map(str::len).sum::<usize>() > ENCODED
}

/// How many bytes a part says: an escape is one.
fn said(part: &str) -> usize {
    part.len() - 2 * part.matches('%').count().min(part.len() / 3)
}

fn is_break(c: char) -> bool {
    !c.is_ascii_alphanumeric()
}

/// Whether this looks like data rather than a name: letters of both cases among digits, or long hexadecimal.
fn looks_encoded(run: &str) -> bool {
    const MIXED: usize = 16;
    const ONE_CASE: usize = 24;
    let count = |kind: fn(&u8) -> bool| run.bytes().filter(kind).count();
    let (digits, lower, upper) =
        (count(u8::is_ascii_digit), count(u8::is_ascii_lowercase), count(u8::is_ascii_uppercase));
    let mixed = lower > 0 && upper > 0 && (digits > 1 || changes(run) * 2 >= run.len());
    run.len() >= MIXED && mixed || run.len() >= ONE_CASE && digits > 0
}

/// How often the case changes: in CamelCase seldom, in base64 at every second letter.
fn changes(run: &str) -> usize {
    let upper = run.bytes().map(|byte| byte.is_ascii_uppercase());
    upper.clone().zip(upper.skip(1)).filter(|(a, b)| a != b).count()
}

fn unescaped(part: &str) -> Cow<'_, str> {
    if !part.contains('%') {
        return Cow::Borrowed(part);
    }
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = match (first, tail) {
            (b'%', [high, low, ..]) => digit(*high).zip(digit(*low)).map(|(high, low)| high * 16 + low),
            _ => None,
        };
        bytes.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { tail.get(2..).unwrap_or_default() } else { tail };
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

const fn is_slash(c: char) -> bool {
    matches!(c, '/' | '\\')
}

const fn is_delimiter(c: char) -> bool {
    matches!(c, '/' | '\\' | '?' | '#')
}

/// What follows the slashes of an address that points to another host.
fn authority_of(text: &str) -> Option<&str> {
    let text = nested(text);
    let rest = match text.split_once(':') {
        Some((scheme, rest)) if LOADED.iter().any(|loaded| loaded.eq_ignore_ascii_case(scheme)) => rest,
        _ => text.strip_prefix(is_slash).filter(|rest| rest.starts_with(is_slash))?,
    };
    Some(rest.trim_start_matches(is_slash))
}

/// Whether more characters may make it point to another host.
fn may_become_remote(text: &str) -> bool {
    let text = nested(text);
    let begins = |scheme: &&str| scheme.get(..text.len()).is_some_and(|head| head.eq_ignore_ascii_case(text));
    matches!(text, "" | "/" | "\\") || LOADED.iter().chain(&NESTING).any(begins)
}

/// What stands behind schemes that another address follows.
fn nested(mut text: &str) -> &str {
    while let Some((scheme, rest)) = text.split_once(':')
        && NESTING.iter().any(|nesting| nesting.eq_ignore_ascii_case(scheme))
    {
        text = rest;
    }
    text
}

fn after_plain(raw: &str) -> Option<&str> {
    PLAIN.iter().find_map(|prefix| {
        let head = raw.get(..prefix.len())?;
        // The name begins with it.
        let from = if prefix.ends_with('/') { prefix.len() } else { 0 };
        head.eq_ignore_ascii_case(prefix).then(|| raw.get(from..))?
    })
}

/// The host at the start of `rest`, in lower case; empty where clients may disagree on it. `None` where more must come.
fn host_of(rest: &str, whole: bool, escaped: bool) -> Option<String> {
    let end = match rest.find(is_delimiter) {
        Some(end) => end,
        None if whole => rest.len(),
        None if rest.len() > LONGEST_AUTHORITY => return Some(String::new()),
        None => return None,
    };
    let authority = rest.get(..end).unwrap_or_default();
    if escaped || authority.len() > LONGEST_AUTHORITY {
        return Some(String::new());
    }
    let host = authority.rsplit('@').next().unwrap_or_default();
    let host = match host.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => host,
    };
    let host = unescaped(host).to_lowercase();
    Some(host.strip_suffix('.').unwrap_or(&host).to_owned())
}

/// The text with entities and Markdown's escapes undone, and without what clients leave out. What may still become an
/// entity is left for later, unless this is the whole.
fn decoded(raw: &str, whole: bool) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(first) = rest.chars().next() {
        let mut length = first.len_utf8();
        let mut c = Some(first);
        if first == '&' {
            match entity(rest) {
                Some((consumed, _)) if !whole && consumed == rest.len() && !rest.ends_with(';') => break,
                Some((consumed, decoded)) => (length, c) = (consumed, Some(decoded)),
                None if !whole && is_open_entity(rest) => break,
                None => {}
            }
        } else if first == '\\' {
            match rest.get(1..).and_then(|rest| rest.chars().next()) {
                None if !whole => break,
                Some(next) if next.is_ascii_punctuation() && !is_slash(next) => c = None,
                Some(_) | None => {}
            }
        }
        // A client leaves these out wherever they stand, and white space and quotation marks at the start.
        let gone =
            |c: char| matches!(c, '\t' | '\n' | '\r') || text.is_empty() && (c <= ' ' || matches!(c, '"' | '\''));
        if let Some(c) = c.filter(|c| !gone(*c)) {
            text.push(c);
        }
        rest = rest.get(length..).unwrap_or_default();
    }
    text
}

/// The entities that addresses can be spelt with.
const ENTITIES: [(&str, char); 17] = [
    ("Tab", '\t'),
    ("NewLine", '\n'),
    ("amp", '&'),
    ("apos", '\''),
    ("bsol", '\\'),
    ("colon", ':'),
    ("commat", '@'),
    ("dash", '-'),
    ("equals", '='),
    ("hyphen", '-'),
    ("lowbar", '_'),
    ("num", '#'),
    ("percnt", '%'),
    ("period", '.'),
    ("quest", '?'),
    ("quot", '"'),
    ("sol", '/'),
];

/// The entity at the start of `text`: its length and what it stands for.
fn entity(text: &str) -> Option<(usize, char)> {
    let body = text.strip_prefix('&')?;
    if let Some(number) = body.strip_prefix('#') {
        let (digits, radix) = number.strip_prefix(['x', 'X']).map_or((number, 10), |digits| (digits, 16));
        let length = digits.find(|c: char| !c.is_digit(radix)).unwrap_or(digits.len());
        let (value, after) = digits.split_at(length);
        let value = u32::from_str_radix(value, radix).ok().and_then(char::from_u32)?;
        let end = text.len() - after.strip_prefix(';').unwrap_or(after).len();
        return Some((end, value));
    }
    let (name, after) = body.split_once(';')?;
    let (_, value) = ENTITIES.iter().find(|(known, _)| *known == name)?;
    Some((text.len() - after.len(), *value))
}

/// Whether what begins here may yet become an entity.
fn is_open_entity(text: &str) -> bool {
    let body = text.get(1..).unwrap_or_default();
    let number = body.strip_prefix('#').map(|number| number.strip_prefix(['x', 'X']).unwrap_or(number));
    number.map_or_else(
        || ENTITIES.iter().any(|(known, _)| known.starts_with(body)),
        |digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
    )
}
