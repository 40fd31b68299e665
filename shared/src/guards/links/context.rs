//! Where in a text an address would stand: in plain words, in Markdown's brackets, in an HTML tag, in a code block.
//!
//! In doubt it is where a client would load it.

use super::Kind;

/// Where an address begins, which says how it is read and where it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In plain text, where clients make links of addresses. `bracketed` says that it stands in brackets.
    Plain { bracketed: bool },
    /// After `](` or `]:`, in `<…>` or not.
    Markdown { angle: bool },
    /// In the value of an attribute, within these quotation marks; `spaced` says that a space does not end it.
    Attribute { quote: Option<u8>, spaced: bool },
}

/// What was read so far.
#[derive(Clone, Debug)]
pub(super) struct Context {
    before: u8,
    line: Line,
    fence: Option<Run>,
    /// Whether a code block is believed to be one.
    trusts_fences: bool,
    /// Whether the paragraph has an image, and how many brackets are open in it.
    image: bool,
    brackets: u8,
    /// Whether the label of a definition is open.
    label: bool,
    /// A Markdown address comes next.
    awaited: Option<Awaited>,
    tag: Tag,
    /// Whether HTML stood at the start of a line: then a blank line ends nothing.
    html: bool,
    /// Whether everything is loaded from here on.
    loads: bool,
}

#[derive(Clone, Copy, Debug)]
struct Awaited {
    kind: Kind,
    angle: bool,
}

/// What begins the line: blanks, then perhaps a run of one of the two characters that fence code in.
#[derive(Clone, Copy, Debug, Default)]
struct Line {
    stage: Stage,
    indent: u8,
    run: Run,
    /// Whether words follow the run, and whether one of its characters does.
    info: bool,
    again: bool,
    /// Whether more than what may stand before a definition has come.
    worded: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Indent,
    Run,
    After,
    Rest,
}

#[derive(Clone, Copy, Debug, Default)]
struct Run {
    mark: u8,
    count: u32,
}

#[derive(Clone, Copy, Debug)]
enum Tag {
    None,
    Name(Name),
    Inside { anchor: bool, attribute: Name, value: Value },
}

/// The first letters of a name, in lower case.
type Name = [u8; 8];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Value {
    None,
    Awaited,
    Quoted(u8),
    Bare,
}

impl Context {
    /// At the start of a text. Where it is JSON its strings are texts of their own, and no line of it is a line of theirs.
    pub(super) fn new(json: bool) -> Self {
        Self {
            before: b'\n',
            line: Line::default(),
            fence: None,
            trusts_fences: !json,
            image: false,
            brackets: 0,
            label: false,
            awaited: None,
            tag: Tag::None,
            html: false,
            loads: false,
        }
    }

    /// Whether an address may begin with this byte, where, and how it would be used.
    pub(super) fn begins(&self, byte: u8) -> Option<(Place, Kind)> {
        let blank = byte.is_ascii_whitespace();
        if self.fence.is_none() {
            match self.awaited {
                Some(Awaited { kind, angle }) if !blank && !matches!(byte, b'<' | b')') => {
                    return Some((Place::Markdown { angle }, self.at_least(kind)));
                }
                Some(_) => return None,
                None => {}
            }
            if let Tag::Inside { anchor, attribute, value } = self.tag {
                let kind = if anchor && attribute.starts_with(b"href\0") { Kind::Link } else { Kind::Image };
                let place = |quote| Place::Attribute { quote, spaced: kind == Kind::Link };
                let starts = !blank
                    && !self.before.is_ascii_alphanumeric()
                    && (byte.is_ascii_alphanumeric() || b"/\\&".contains(&byte));
                match value {
                    Value::Awaited | Value::Bare if starts => return Some((place(None), self.at_least(kind))),
                    Value::Quoted(quote) if starts => return Some((place(Some(quote)), self.at_least(kind))),
                    Value::Awaited | Value::Bare | Value::Quoted(_) => return None,
                    Value::None => {}
                }
            }
            // A comment of code follows a blank or the end of a statement.
            if self.loads && byte == b'/' && matches!(self.before, b'(' | b'"' | b'\'' | b'`' | b'=') {
                return Some((Place::Attribute { quote: None, spaced: false }, Kind::Image));
            }
        }
        let plain = matches!(byte | 0x20, b'f' | b'h' | b'w') && !self.before.is_ascii_alphanumeric();
        plain.then(|| (Place::Plain { bracketed: self.brackets > 0 }, self.at_least(Kind::Link)))
    }

    /// Passes words between which nothing can begin, and tells how many bytes they have: what most text is.
    pub(super) fn skip(&mut self, bytes: &[u8]) -> usize {
        let calm = self.line.stage == Stage::Rest
            && (self.fence.is_some() || self.line.worded && self.awaited.is_none() && matches!(self.tag, Tag::None))
            && !matches!(self.before, b']' | b'<' | b'$');
        let mut before = self.before;
        let mut passed = 0;
        if calm {
            for byte in bytes {
                let begins = matches!(byte | 0x20, b'f' | b'h' | b'w') && !before.is_ascii_alphanumeric();
                let loads = self.loads && *byte == b'/';
                if begins || loads || matches!(byte, b'\n' | b'\r' | b'[' | b']' | b'<' | b'$') {
                    break;
                }
                before = *byte;
                passed += 1;
            }
        }
        self.before = before;
        passed
    }

    fn at_least(&self, kind: Kind) -> Kind {
        if self.loads { Kind::Image } else { kind }
    }

    /// Reads the next byte.
    pub(super) fn see(&mut self, byte: u8) {
        if matches!(byte, b'\n' | b'\r') {
            if (self.before, byte) != (b'\r', b'\n') {
                self.end_line();
            }
        } else {
            self.see_in_line(byte);
        }
        if self.fence.is_none() {
            self.see_markdown(byte);
            self.tag = self.tag_after(byte);
        }
        self.before = byte;
    }

    fn end_line(&mut self) {
        let Line { stage, indent, run, info, again, .. } = std::mem::take(&mut self.line);
        if stage == Stage::Indent && !self.html {
            // A blank line.
            self.image = false;
            self.brackets = 0;
            self.label = false;
            self.awaited = None;
            self.tag = Tag::None;
        }
        let fences = run.count >= 3 && matches!(stage, Stage::Run | Stage::After);
        match self.fence {
            Some(open) if fences && run.mark == open.mark && run.count >= open.count && indent <= 3 && !info => {
                self.fence = None;
            }
            Some(_) => {}
            None if !fences || run.mark == b'`' && again => {}
            // Within a list the block may end before its fence says so.
            None if indent > 0 => self.trusts_fences = false,
            None => self.fence = self.trusts_fences.then_some(run),
        }
    }

    fn see_in_line(&mut self, byte: u8) {
        let line = &mut self.line;
        match line.stage {
            Stage::Indent => match byte {
                b' ' => line.indent = line.indent.saturating_add(1),
                b'\t' => line.indent = line.indent.saturating_add(4),
                b'`' | b'~' => (line.stage, line.run) = (Stage::Run, Run { mark: byte, count: 1 }),
                _ => line.stage = Stage::Rest,
            },
            Stage::Run if byte == line.run.mark => line.run.count = line.run.count.saturating_add(1),
            Stage::Run | Stage::After => {
                line.stage = Stage::After;
                line.info |= !matches!(byte, b' ' | b'\t');
                line.again |= byte == line.run.mark;
            }
            Stage::Rest => {}
        }
    }

    fn see_markdown(&mut self, byte: u8) {
        if self.before == b']' {
            let kind = if self.image { Kind::Image } else { Kind::Link };
            match byte {
                b'(' => self.awaited = Some(Awaited { kind, angle: false }),
                b':' if self.label => self.awaited = Some(Awaited { kind: Kind::Image, angle: false }),
                _ => {}
            }
            self.label = false;
        } else if let Some(awaited) = &mut self.awaited {
            match byte {
                b'<' if !awaited.angle => awaited.angle = true,
                _ if byte.is_ascii_whitespace() => {}
                _ => self.awaited = None,
            }
        }
        match byte {
            b'[' => {
                self.image |= self.before == b'!';
                self.label |= !self.line.worded || self.before == b'"';
                self.brackets = self.brackets.saturating_add(1);
            }
            b']' => self.brackets = self.brackets.saturating_sub(1),
            // Mathematics between these may look like a fence.
            b'$' if self.before == b'$' => self.trusts_fences = false,
            b'<' if !self.line.worded => {
                self.html = true;
                self.trusts_fences = false;
            }
            _ => {}
        }
        // What marks lists and quotations may stand before a definition.
        self.line.worded |= !(byte.is_ascii_digit() || b" \t\r\n>*+-.)".contains(&byte));
    }

    fn tag_after(&mut self, byte: u8) -> Tag {
        match self.tag {
            Tag::None if self.before == b'<' && byte.is_ascii_alphabetic() => Tag::Name(with([0; 8], byte)),
            Tag::None => Tag::None,
            Tag::Name(name) if byte.is_ascii_alphanumeric() || byte == b'-' => Tag::Name(with(name, byte)),
            Tag::Name(name) => {
                let ends = byte == b'>';
                let is_tag = ends || byte == b'/' || byte.is_ascii_whitespace();
                self.loads |= is_tag && (name.starts_with(b"script\0") || name.starts_with(b"style\0"));
                if is_tag && !ends {
                    Tag::Inside { anchor: name.starts_with(b"a\0"), attribute: [0; 8], value: Value::None }
                } else {
                    Tag::None
                }
            }
            Tag::Inside { anchor, attribute, value } => {
                let (attribute, value) = match (value, byte) {
                    (Value::Quoted(quote), _) if byte == quote => ([0; 8], Value::None),
                    (Value::Quoted(_), _) => (attribute, value),
                    (_, b'>') => return Tag::None,
                    (Value::None, b'=') => (attribute, Value::Awaited),
                    (Value::None, _) if byte.is_ascii_whitespace() || byte == b'/' => {
                        // A name, blanks and `=` belong together; a name after blanks is another.
                        (attribute, Value::None)
                    }
                    (Value::None, _) if self.before.is_ascii_whitespace() || self.before == b'/' => {
                        (with([0; 8], byte), Value::None)
                    }
                    (Value::None, _) => (with(attribute, byte), Value::None),
                    (Value::Awaited, b'"' | b'\'') => (attribute, Value::Quoted(byte)),
                    (Value::Awaited, _) if byte.is_ascii_whitespace() => (attribute, value),
                    (Value::Awaited, _) => (attribute, Value::Bare),
                    (Value::Bare, _) if byte.is_ascii_whitespace() => ([0; 8], Value::None),
                    (Value::Bare, _) => (attribute, value),
                };
                Tag::Inside { anchor, attribute, value }
            }
        }
    }
}

/// A name with another letter; the last place counts that it is longer.
fn with(mut name: Name, byte: u8) -> Name {
    if let Some(free) = name.iter_mut().find(|letter| **letter == 0) {
        *free = byte.to_ascii_lowercase();
    }
    name
}
