//! Morse code.

/// The fewest letters that are believed: fewer turn up in lists and rulers.
const FEWEST: usize = 5;

const LETTERS: [(&str, char); 36] = [
    (".-", 'a'),
    ("-...", 'b'),
    ("-.-.", 'c'),
    ("-..", 'd'),
    (".", 'e'),
    ("..-.", 'f'),
    ("--.", 'g'),
    ("....", 'h'),
    ("..", 'i'),
    (".---", 'j'),
    ("-.-", 'k'),
    (".-..", 'l'),
    ("--", 'm'),
    ("-.", 'n'),
    ("---", 'o'),
    (".--.", 'p'),
    ("--.-", 'q'),
    (".-.", 'r'),
    ("...", 's'),
    ("-", 't'),
    ("..-", 'u'),
    ("...-", 'v'),
    (".--", 'w'),
    ("-..-", 'x'),
    ("-.--", 'y'),
    ("--..", 'z'),
    ("-----", '0'),
    (".----", '1'),
    ("..---", '2'),
    ("...--", '3'),
    ("....-", '4'),
    (".....", '5'),
    ("-....", '6'),
    ("--...", '7'),
    ("---..", '8'),
    ("----.", '9'),
];

/// The longest letter, in signs.
const LONGEST: usize = 5;

/// The sign that a character is, of the several that are written for it.
const fn sign(c: char) -> Option<char> {
    match c {
        '.' | '\u{B7}' | '\u{2022}' | '\u{2219}' | '\u{22C5}' | '\u{25CF}' => Some('.'),
        '-' | '_' => Some('-'),
        _ => None,
    }
}

/// Dots and dashes from `from` on: where they end, and the words they spell, if any.
pub(super) fn decode(text: &str, from: usize) -> (usize, Option<String>) {
    let bytes = text.as_bytes();
    let mut read = String::new();
    let mut letters = 0_usize;
    let mut at = from;
    let mut end = from;
    // A row of nothing but gaps would be read again from each of them.
    if text.get(from..).and_then(|rest| rest.chars().next()).and_then(sign).is_none() {
        return (from, None);
    }
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let (mut signs, mut length) = (String::new(), 0);
        for c in text.get(at..).unwrap_or_default().chars() {
            let Some(sign) = sign(c) else { break };
            length += c.len_utf8();
            signs.push(sign);
            if signs.len() > LONGEST {
                break;
            }
        }
        if length > 0 {
            let Some((_, letter)) = LETTERS.iter().find(|(known, _)| *known == signs) else { break };
            read.push(*letter);
            letters += 1;
            at += length;
            end = at;
        } else if matches!(rest.first(), Some(b'/' | b'|')) {
            read.push(' ');
            at += 1;
        } else {
            break;
        }
        let rest = bytes.get(at..).unwrap_or_default();
        let gap = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        if gap > 1 || (gap == 1 && rest.first() == Some(&b'\n')) {
            read.push(' ');
        }
        at += gap;
    }
    let first = read.chars().next();
    let varied = read.chars().filter(|c| c.is_ascii_alphanumeric()).any(|c| Some(c) != first);
    (end, (letters >= FEWEST && varied).then_some(read))
}
