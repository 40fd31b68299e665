//! Markup: tags and comments, which stand between words and within them and are not read.

use std::ops::Range;

use super::Layer;
use super::letters::segment;
use super::rewrite::Edits;
use crate::guards::words;

/// How far the end of a tag is looked for, in bytes.
const LONGEST_TAG: usize = 1024;
/// The longest word with tags in it, tags included, in bytes.
const LONGEST_WORD: usize = 1024;

/// The elements that stand on a line or in a cell of their own: words on both sides of one are two words.
const BLOCKS: [&str; 36] = [
    "article",
    "aside",
    "blockquote",
    "body",
    "br",
    "button",
    "caption",
    "dd",
    "div",
    "dl",
    "dt",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "head",
    "header",
    "hr",
    "html",
    "li",
    "nav",
    "ol",
    "option",
    "p",
    "pre",
    "script",
    "section",
    "style",
    "table",
    "td",
    "th",
    "tr",
];

/// Every tag and comment of a text, to be read as a gap, and every word with some in it, to be read as a word.
pub(super) fn strip(text: &str) -> Edits {
    let mut edits = Edits::default();
    let mut tags = Tags::default();
    let bytes = text.as_bytes();
    let (mut at, mut done) = (0, 0);
    while let Some(found) = tags.next(text, at) {
        at = found;
        let Some(end) = tags.end(text, at) else {
            at += 1;
            continue;
        };
        let before = bytes.get(done..at).unwrap_or_default();
        let letters = before.iter().rev().take(LONGEST_WORD).take_while(|byte| is_letter(**byte)).count();
        match tags.word(text, at - letters..at, end) {
            Some((end, word)) => {
                edits.add(at - letters..end, word, Layer::Markup);
                at = end;
            }
            None => {
                // What is no part of a page's layout may forge a chat's, whose roles stand at the beginning of a line.
                let tag = text.get(at..end).unwrap_or_default();
                let is_known = !tag.starts_with('<') || tag.starts_with("<!") || is_one_of(&LAYOUT, name(tag));
                edits.add(at..end, if is_known { " " } else { "\n" }, Layer::Markup);
                at = end;
            }
        }
        done = at;
    }
    edits
}

/// Where tags and comments end.
#[derive(Debug, Default)]
struct Tags {
    opens: Next,
    opens_code: Next,
    angle: Next,
    html: Next,
    code: Next,
}

/// The next place where something stands: found once, and known until it is passed.
#[derive(Debug, Default)]
struct Next {
    from: usize,
    found: Option<usize>,
    searched: bool,
}

impl Next {
    fn of(&mut self, text: &str, at: usize, find: impl Fn(&str) -> Option<usize>) -> Option<usize> {
        if !self.searched || at < self.from || self.found.is_some_and(|found| found < at) {
            let found = text.get(at..).and_then(find).map(|found| at + found);
            *self = Self { from: at, found, searched: true };
        }
        self.found
    }
}

impl Tags {
    /// Where the next tag or comment may begin.
    fn next(&mut self, text: &str, at: usize) -> Option<usize> {
        let code = self.opens_code.of(text, at, |rest| rest.find("/*"));
        let tag = self.opens.of(text, at, |rest| rest.find('<'));
        code.map_or(tag, |code| Some(tag.map_or(code, |tag| tag.min(code))))
    }

    /// The word that begins with the letters at `head` and goes on behind the tag that ends at `at`: where it ends.
    fn word(&mut self, text: &str, head: Range<usize>, mut at: usize) -> Option<(usize, String)> {
        let bytes = text.as_bytes();
        let start = head.start;
        let goes_on = bytes.get(at).is_some_and(|byte| is_letter(*byte) || matches!(byte, b'<' | b'/'));
        if head.is_empty() || !goes_on {
            return None;
        }
        let mut whole = text.get(head.clone())?.to_owned();
        // Where in it a word ends, for a tag said so.
        let mut breaks = Vec::new();
        let mut end = None;
        let mut is_apart = parts_words(text.get(head.end..at)?);
        while at - start <= LONGEST_WORD {
            let rest = bytes.get(at..).unwrap_or_default();
            let length = rest.iter().take(LONGEST_WORD).take_while(|byte| is_letter(**byte)).count();
            if length > 0 {
                breaks.extend(is_apart.then_some(whole.len()));
                is_apart = false;
                whole.push_str(text.get(at..at + length)?);
                at += length;
                end = Some(at);
            }
            let Some(tag) = self.end(text, at) else { break };
            is_apart |= parts_words(text.get(at..tag)?);
            at = tag;
        }
        let end = end?;
        if words::knows(whole.as_bytes()) {
            return Some((end, whole));
        }
        let mut read = String::with_capacity(whole.len() + 8);
        let mut from = 0;
        for to in breaks {
            segment(whole.get(from..to)?, &mut read);
            read.push(' ');
            from = to;
        }
        segment(whole.get(from..)?, &mut read);
        Some((end, read))
    }

    /// Where the tag or comment that begins at `at` ends.
    fn end(&mut self, text: &str, at: usize) -> Option<usize> {
        let bytes = text.as_bytes();
        match (*bytes.get(at)?, *bytes.get(at + 1)?) {
            (b'<', b'!') if bytes.get(at + 2..at + 4) == Some(b"--") => {
                self.html.of(text, at + 4, |rest| rest.find("-->")).map(|found| found + 3)
            }
            (b'<', b'a'..=b'z' | b'A'..=b'Z' | b'/' | b'!' | b'?') => {
                let close = self.angle.of(text, at + 2, |rest| rest.find('>'));
                close.map(|found| found + 1).filter(|end| end - at <= LONGEST_TAG)
            }
            (b'/', b'*') => self.code.of(text, at + 2, |rest| rest.find("*/")).map(|found| found + 2),
            _ => None,
        }
    }
}

const fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte >= 0x80
}

/// Whether words on both sides of a tag are two words.
fn parts_words(tag: &str) -> bool {
    is_one_of(&BLOCKS, name(tag))
}

/// The name of the element that a tag is of.
fn name(tag: &str) -> &str {
    let name = tag.trim_start_matches(['<', '/']);
    let length = name.bytes().take_while(u8::is_ascii_alphanumeric).count();
    name.get(..length).unwrap_or_default()
}

/// Whether a name is one of some in small letters, which are in order.
fn is_one_of(names: &[&str], name: &str) -> bool {
    let small = || name.bytes().map(|byte| byte.to_ascii_lowercase());
    names.binary_search_by(|known| known.bytes().cmp(small())).is_ok()
}

/// The elements that a page is laid out with. Not `system`, `output` and the like, which forge a chat's markup.
const LAYOUT: [&str; 78] = [
    "a",
    "abbr",
    "article",
    "aside",
    "b",
    "big",
    "blockquote",
    "body",
    "br",
    "button",
    "caption",
    "center",
    "cite",
    "code",
    "col",
    "colgroup",
    "dd",
    "del",
    "dfn",
    "div",
    "dl",
    "dt",
    "em",
    "figcaption",
    "figure",
    "font",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "head",
    "header",
    "hr",
    "html",
    "i",
    "iframe",
    "img",
    "input",
    "ins",
    "kbd",
    "label",
    "li",
    "link",
    "mark",
    "meta",
    "nav",
    "ol",
    "option",
    "p",
    "path",
    "picture",
    "pre",
    "q",
    "s",
    "script",
    "section",
    "select",
    "small",
    "span",
    "strike",
    "strong",
    "style",
    "sub",
    "sup",
    "svg",
    "table",
    "tbody",
    "td",
    "textarea",
    "tfoot",
    "th",
    "thead",
    "tr",
    "u",
];
/// From how many words on an attribute's value is prose.
const PROSE: usize = 3;
/// The fewest letters for each of them: they stand around words.
const LETTERS: usize = 2;
/// The fewest signs of Markdown that are worth another look.
const FEWEST_SIGNS: usize = 3;

/// A text with the markup of its layout blanked out, byte for byte; none where there is none. What comments and attributes
/// say in words stays.
pub(in crate::guards) fn laid_out(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut out: Option<Vec<u8>> = None;
    let mut tags = Tags::default();
    let mut at = text.find('<')?;
    let mut blank = |range: Range<usize>| {
        let out = out.get_or_insert_with(|| bytes.to_vec());
        out.get_mut(range).into_iter().for_each(|range| range.fill(b' '));
    };
    while let Some(found) = text.get(at..).and_then(|rest| rest.find('<')) {
        at += found;
        let Some(end) = tags.end(text, at) else {
            at += 1;
            continue;
        };
        let tag = text.get(at..end).unwrap_or_default();
        if is_one_of(&LAYOUT, name(tag)) {
            let mut from = at;
            for (start, value) in values(tag) {
                if value.split_whitespace().count() >= PROSE {
                    blank(from..at + start);
                    from = at + start + value.len();
                }
            }
            blank(from..end);
        }
        at = end;
    }
    out.and_then(|out| String::from_utf8(out).ok())
}

/// A text with the signs of Markdown and the addresses of its links blanked out, byte for byte; none where it neither
/// begins with a link nor has a sign on every second word.
pub(in crate::guards) fn undecorated(text: &str) -> Option<String> {
    let is_link = text.starts_with('[') || text.starts_with("![");
    // Without branches and with a small counter a block: hardly a text has any.
    let signs = |block: &[u8]| block.iter().fold(0, |signs, byte| signs + u8::from(is_decoration(*byte)));
    let all: usize = text.as_bytes().chunks(u8::MAX.into()).map(|block| usize::from(signs(block))).sum();
    if !is_link && all < FEWEST_SIGNS {
        return None;
    }
    let (mut signs, mut words, mut letters, mut before) = (0_usize, 0_usize, 0_usize, b' ');
    for byte in text.bytes() {
        letters += usize::from(is_letter(byte));
        words += usize::from(byte.is_ascii_whitespace() && !before.is_ascii_whitespace());
        signs += usize::from(is_decoration(byte) && !is_decoration(before));
        before = byte;
    }
    if !is_link && (signs < FEWEST_SIGNS || signs * 2 <= words || letters < signs * LETTERS) {
        return None;
    }
    let mut out = String::with_capacity(text.len());
    let (mut at, mut close) = (0, Next::default());
    while let Some(found) = text.get(at..).and_then(|rest| rest.find("](")) {
        let open = at + found;
        blank_signs(text.get(at..open).unwrap_or_default(), &mut out);
        let end = close.of(text, open, |rest| rest.find(')')).filter(|end| end - open < LONGEST_TAG);
        let length = end.map_or(2, |end| end + 1 - open);
        out.extend(std::iter::repeat_n(' ', length));
        at = open + length;
    }
    blank_signs(text.get(at..).unwrap_or_default(), &mut out);
    Some(out)
}

fn blank_signs(text: &str, out: &mut String) {
    out.extend(text.chars().map(|c| if u8::try_from(c).is_ok_and(is_decoration) { ' ' } else { c }));
}

const fn is_decoration(byte: u8) -> bool {
    (byte == b'*')
        | (byte == b'_')
        | (byte == b'`')
        | (byte == b'~')
        | (byte == b'|')
        | (byte == b'[')
        | (byte == b']')
        | (byte == b'#')
}

/// What stands in quotes in a tag, and where.
fn values(tag: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = tag.get(at..)?;
        let open = rest.find(['"', '\''])?;
        let quote = rest.as_bytes().get(open).copied().map(char::from)?;
        let value = rest.get(open + 1..)?;
        let value = value.get(..value.find(quote)?)?;
        let start = at + open + 1;
        at = start + value.len() + 1;
        Some((start, value))
    })
}
