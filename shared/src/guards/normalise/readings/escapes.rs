//! Character references, escapes of programming languages, percent-encoding.

/// Named references that text is disguised with.
const NAMED: [(&str, char); 34] = [
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("apos", '\''),
    ("nbsp", ' '),
    ("Tab", '\t'),
    ("NewLine", '\n'),
    ("excl", '!'),
    ("num", '#'),
    ("dollar", '$'),
    ("percnt", '%'),
    ("lpar", '('),
    ("rpar", ')'),
    ("ast", '*'),
    ("plus", '+'),
    ("comma", ','),
    ("period", '.'),
    ("sol", '/'),
    ("colon", ':'),
    ("semi", ';'),
    ("equals", '='),
    ("quest", '?'),
    ("commat", '@'),
    ("lsqb", '['),
    ("bsol", '\\'),
    ("rsqb", ']'),
    ("lowbar", '_'),
    ("grave", '`'),
    ("lcub", '{'),
    ("verbar", '|'),
    ("rcub", '}'),
    ("hyphen", '-'),
    ("shy", '\u{AD}'),
];
/// The longest reference between `&` and `;`, in bytes.
const LONGEST: usize = 10;

/// A run with its character references resolved, if there is any.
pub(super) fn entities(run: &str) -> Option<String> {
    let mut out = String::with_capacity(run.len());
    let mut rest = run;
    let mut any = false;
    while let Some(at) = rest.find('&') {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        match reference(from) {
            Some((c, length)) => {
                out.push(c);
                any = true;
                rest = from.get(length..).unwrap_or_default();
            }
            None => {
                out.push('&');
                rest = from.get(1..).unwrap_or_default();
            }
        }
    }
    out.push_str(rest);
    any.then_some(out)
}

/// The character that a text begins with a reference to, and the reference's length. Numbers may lack the semicolon.
fn reference(from: &str) -> Option<(char, usize)> {
    let body = from.get(1..)?;
    let length = body.bytes().take(LONGEST).take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'#').count();
    let name = body.get(..length)?;
    let closed = body.as_bytes().get(length) == Some(&b';');
    if let Some(number) = name.strip_prefix('#') {
        let (digits, radix) = match number.strip_prefix(['x', 'X']) {
            Some(hex) => (hex, 16),
            None => (number, 10),
        };
        let digits = digits.get(..digits.chars().take_while(|c| c.is_digit(radix)).count())?;
        let c = char::from_u32(u32::from_str_radix(digits, radix).ok()?)?;
        let taken = name.len() - (number.len() - (number.len().min(digits.len() + usize::from(radix == 16))));
        let whole = closed && taken == name.len();
        return Some((c, 1 + taken + usize::from(whole)));
    }
    let (_, c) = NAMED.iter().find(|(known, _)| closed && *known == name)?;
    Some((*c, length + 2))
}

/// How many characters that each stand behind a backslash are set apart by it: of fewer, each may be an escape.
const SET_APART: usize = 3;

/// A run without its backslashes, where one stands before every character.
fn set_apart(run: &str) -> Option<String> {
    let letters = run.split('\\').filter(|between| !between.is_empty());
    let single = run.starts_with('\\') && letters.clone().all(|between| between.chars().nth(1).is_none());
    (single && letters.clone().count() >= SET_APART).then(|| letters.collect())
}

/// A run with its backslash escapes resolved, if there is any.
pub(super) fn backslashes(run: &str) -> Option<String> {
    if let Some(read) = set_apart(run) {
        return Some(read);
    }
    let mut out: Vec<u8> = Vec::with_capacity(run.len());
    let mut rest = run;
    let mut any = false;
    while let Some(at) = rest.find('\\') {
        let (before, from) = rest.split_at(at);
        out.extend(before.bytes());
        let taken = escape(from, &mut out);
        any |= taken > 0;
        if taken == 0 {
            out.push(b'\\');
        }
        rest = from.get(taken.max(1)..).unwrap_or_default();
    }
    out.extend(rest.bytes());
    any.then(|| String::from_utf8_lossy(&out).into_owned())
}

/// Appends what the escape that a text begins with stands for, and returns its length; 0 where it is none.
fn escape(from: &str, out: &mut Vec<u8>) -> usize {
    let push = |out: &mut Vec<u8>, c: char| out.extend(c.encode_utf8(&mut [0; 4]).bytes());
    let hex = |from: &str, start: usize, digits: usize| {
        let text = from.get(start..start + digits)?;
        text.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u32::from_str_radix(text, 16).ok()).flatten()
    };
    match from.as_bytes().get(1) {
        Some(b'u') if from.as_bytes().get(2) == Some(&b'{') => {
            let Some(length) = from.get(3..).and_then(|rest| rest.bytes().take(7).position(|byte| byte == b'}')) else {
                return 0;
            };
            let Some(c) = hex(from, 3, length).and_then(char::from_u32) else { return 0 };
            push(out, c);
            4 + length
        }
        Some(b'u') => {
            let Some(unit) = hex(from, 2, 4) else { return 0 };
            if let Some(c) = char::from_u32(unit) {
                push(out, c);
                return 6;
            }
            let low = (from.get(6..8) == Some("\\u")).then(|| hex(from, 8, 4)).flatten();
            let pair = low.filter(|low| unit < 0xDC00 && (0xDC00..0xE000).contains(low));
            let Some(c) = pair.and_then(|low| char::from_u32(0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00)))
            else {
                return 0;
            };
            push(out, c);
            12
        }
        Some(b'U') => {
            let Some(c) = hex(from, 2, 8).and_then(char::from_u32) else { return 0 };
            push(out, c);
            10
        }
        Some(b'x') => {
            let Some(byte) = hex(from, 2, 2).and_then(|byte| u8::try_from(byte).ok()) else { return 0 };
            out.push(byte);
            4
        }
        Some(b'n' | b'r' | b't') => {
            out.push(b'\n');
            2
        }
        Some(b'0'..=b'1') => {
            let digits = from.get(1..4).filter(|digits| digits.bytes().all(|byte| matches!(byte, b'0'..=b'7')));
            let Some(byte) = digits.and_then(|digits| u8::from_str_radix(digits, 8).ok()) else { return 0 };
            out.push(byte);
            4
        }
        _ => 0,
    }
}

/// A run with its percent-encoding resolved; a plus between letters is a space, where there are two or some `%XX`.
pub(super) fn percent(run: &str) -> Option<String> {
    let bytes = run.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let (mut codes, mut plus) = (0_usize, 0_usize);
    let mut at = 0;
    while let Some(byte) = bytes.get(at).copied() {
        let code = (byte == b'%').then(|| run.get(at + 1..at + 3)).flatten();
        let code = code.filter(|code| code.bytes().all(|byte| byte.is_ascii_hexdigit()));
        if let Some(decoded) = code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            out.push(decoded);
            codes += 1;
            at += 3;
            continue;
        }
        let alone = at > 0 && bytes.get(at - 1) != Some(&b'+') && bytes.get(at + 1).is_some_and(|next| *next != b'+');
        if byte == b'+' && alone {
            out.push(b' ');
            plus += 1;
        } else {
            out.push(byte);
        }
        at += 1;
    }
    if codes == 0 && plus < 2 {
        return None;
    }
    String::from_utf8(out).ok()
}
