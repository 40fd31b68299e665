//! What a language cannot say: checksums, ranges, and which part of a match is the secret.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use super::patterns::Check;

/// What becomes of a match.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ruling {
    /// It is none: the scan goes on one byte after its start.
    Refuse,
    /// It is passed unchanged, and nothing is looked for inside.
    Keep,
    /// This part of it is replaced.
    Redact(Range<usize>),
}

/// Rules on a match.
pub(super) fn rule(check: Check, text: &str) -> Ruling {
    let all = 0..text.len();
    match check {
        Check::All | Check::Block => Ruling::Redact(all),
        Check::Keep => Ruling::Keep,
        Check::Mixed => when(is_mixed(text), all),
        Check::Card => when(is_card(text), all),
        Check::Email => email(text),
        Check::Ipv4 => when(text.parse::<Ipv4Addr>().is_ok(), all),
        Check::Ipv6 => ipv6(text),
        Check::Ssn => when(is_ssn(text), all),
        Check::Iban => when(is_iban(text), all),
        Check::International => {
            let number = text.split('x').next().unwrap_or_default();
            when((8..=15).contains(&digits(number).count()) && !is_mask(number), all)
        }
        Check::National => when(is_national(text), all),
        Check::Announced => announced(text),
        Check::Explained => explained(text),
        Check::UrlPassword => url_password(text),
        Check::AwsSecret => aws_secret(text),
        Check::Assigned => after(text, text.find('=')),
        Check::Basic => basic(text),
        Check::Bearer => bearer(text),
        Check::Parameter => parameter(text),
        Check::Password => password(text, text.find(['=', ':', ' '])),
        Check::Told => password(text, text.find(['=', ':', '：'])),
    }
}

fn when(holds: bool, range: Range<usize>) -> Ruling {
    if holds { Ruling::Redact(range) } else { Ruling::Refuse }
}

/// All that follows the one-byte separator at `at`.
fn after(text: &str, at: Option<usize>) -> Ruling {
    at.map_or(Ruling::Refuse, |at| Ruling::Redact(at + 1..text.len()))
}

fn digits(text: &str) -> impl DoubleEndedIterator<Item = u32> + Clone {
    text.chars().filter_map(|c| c.to_digit(10))
}

/// Random tokens have digits or letters of both cases; words joined by hyphens have neither.
fn is_mixed(text: &str) -> bool {
    // The prefix of a token may have a digit or capitals of its own.
    let has = |kind: fn(&u8) -> bool| text.as_bytes().iter().skip(5).any(kind);
    has(u8::is_ascii_digit) || has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase)
}

fn is_card(text: &str) -> bool {
    let length = digits(text).count();
    let start: u32 = digits(text).take(4).fold(0, |sum, digit| sum * 10 + digit);
    let known = match start {
        // Visa
        4000..=4999 => matches!(length, 13 | 16 | 19),
        // Mastercard
        2221..=2720 | 5100..=5599 => length == 16,
        // American Express, and JCB's old cards
        3400..=3499 | 3700..=3799 | 1800 | 2131 => length == 15,
        // Diners Club
        3000..=3059 | 3095 | 3600..=3699 | 3800..=3999 => matches!(length, 14 | 16),
        // JCB, Mir, Discover, UnionPay
        3500..=3599 | 2200..=2204 | 6011 | 6440..=6599 | 6200..=6299 => matches!(length, 16..=19),
        // Maestro
        5000..=5099 | 5600..=5899 | 6304 | 6390 | 6759 | 6761..=6763 => matches!(length, 12..=19),
        // RuPay
        6000..=6099 | 8100..=8299 => length == 16,
        _ => false,
    };
    known && luhn(text)
}

fn luhn(text: &str) -> bool {
    let sum: u32 = digits(text)
        .rev()
        .enumerate()
        .map(|(place, digit)| if place % 2 == 0 { digit } else { digit * 2 / 10 + digit * 2 % 10 })
        .sum();
    sum.is_multiple_of(10)
}

fn email(text: &str) -> Ruling {
    /// Endings of file names that stand after an `@` in names such as `icon@2x.png`.
    const FILES: [&str; 10] = ["png", "jpg", "jpeg", "gif", "svg", "webp", "js", "css", "json", "html"];
    let start = text.find(|c: char| c != '.' && c != '-').unwrap_or(0);
    let Some((local, domain)) = text.get(start..).and_then(|address| address.split_once('@')) else {
        return Ruling::Refuse;
    };
    let mut labels = domain.split('.');
    let numeric = |label: Option<&str>| label.is_some_and(|label| label.bytes().all(|byte| byte.is_ascii_digit()));
    let version = numeric(labels.next()) && numeric(labels.next());
    // `git@github.com:owner/name` is where a repository is.
    let repository = local == "git";
    let file = domain.rsplit('.').next().is_some_and(|end| FILES.contains(&end));
    when(
        !local.is_empty() && local.len() <= 64 && domain.len() <= 253 && !version && !file && !repository,
        start..text.len(),
    )
}

/// An address in full, or with `::`, that is no path of a program: `a::b` is one.
fn ipv6(text: &str) -> Ruling {
    let groups = text.split(':').filter(|group| !group.is_empty()).count();
    // Of two groups: what is local to a link or a site, or global, and no `dead::beef`.
    let short = matches!(
        text.as_bytes(),
        [b'f' | b'F', b'c' | b'd' | b'C' | b'D', _, _, b':', ..]
            | [b'f' | b'F', b'e' | b'E', b'8' | b'9' | b'a' | b'b' | b'A' | b'B', _, b':', ..]
            | [b'2' | b'3', _, _, _, b':', ..]
    );
    let address = (groups >= 3 || (groups == 2 && short))
        && text.bytes().any(|byte| byte.is_ascii_digit())
        && text.parse::<Ipv6Addr>().is_ok();
    let hardware = text.split(':').all(|group| group.len() == 2);
    // A shortened address may be followed by a port that reads like its last group.
    let bare =
        [":8080", ":8443", ":443"].iter().find_map(|port| text.strip_suffix(port)).filter(|bare| !bare.ends_with(':'));
    when(address && !hardware, 0..bare.unwrap_or(text).len())
}

fn is_ssn(text: &str) -> bool {
    let mut parts = text.split('-').map(|part| part.parse::<u32>().unwrap_or(0));
    let (area, group, serial) = (parts.next(), parts.next(), parts.next());
    matches!(area, Some(1..=665 | 667..=899)) && group != Some(0) && serial != Some(0)
}

fn is_iban(text: &str) -> bool {
    let mut characters: Vec<u32> = text.chars().filter_map(|c| c.to_digit(36)).collect();
    let head = characters.len().min(4);
    characters.rotate_left(head);
    let rest = characters.iter().fold(0, |rest, value| (if *value < 10 { rest * 10 } else { rest * 100 } + value) % 97);
    rest == 1
}

/// Whether all digits are the same, as in a form that shows how to write a number.
fn is_mask(number: &str) -> bool {
    let first = digits(number).next();
    digits(number).all(|digit| Some(digit) == first)
}

/// Area codes begin with 2 to 9, which only an extension makes up for.
fn is_national(text: &str) -> bool {
    let (number, extension) =
        text.split_once('x').map_or((text, None), |(number, extension)| (number, Some(extension)));
    let count = digits(number).count();
    !is_mask(number)
        && (extension.is_some() || digits(number).nth(count.saturating_sub(10)).is_some_and(|digit| digit >= 2))
}

/// Seven to fifteen digits that are no date.
fn is_phone(text: &str) -> bool {
    let mut parts = text.split('-').map(str::len);
    let date = text.len() == 10 && [parts.next(), parts.next(), parts.next()] == [Some(4), Some(2), Some(2)];
    !date && !is_mask(text) && (7..=15).contains(&digits(text.split('x').next().unwrap_or_default()).count())
}

/// What may as well announce a count, a date or a register's number is believed of a number that is set as a telephone's.
fn announced(text: &str) -> Ruling {
    let start = text.find(|c: char| c.is_ascii_digit() || c == '+' || c == '(').unwrap_or(0);
    let (word, number) = text.split_at_checked(start).unwrap_or((text, ""));
    let word = word.trim_start();
    let doubtful = ["call", "registered"]
        .iter()
        .any(|known| word.get(..known.len()).is_some_and(|word| word.eq_ignore_ascii_case(known)));
    let set = number.contains(['+', '(', '-', '.', ' ', '/']) || digits(number).count() >= 9;
    when(is_phone(number) && (set || !doubtful), start..text.len())
}

fn explained(text: &str) -> Ruling {
    let end = text.rfind(|c: char| c.is_ascii_digit()).map_or(0, |last| last + 1);
    when(text.get(..end).is_some_and(is_phone), 0..end)
}

fn is_placeholder(word: &str) -> bool {
    const WORDS: [&str; 8] = ["password", "passwd", "pass", "pwd", "secret", "changeme", "example", "redacted"];
    let bare = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    word.starts_with(['$', '%', '<', '{', '[']) && !word.bytes().any(|byte| byte.is_ascii_digit())
        || bare.is_empty()
        || bare.bytes().all(|byte| byte.eq_ignore_ascii_case(&b'x'))
        || WORDS.iter().any(|known| bare.eq_ignore_ascii_case(known))
}

/// Between the first colon of the authority and the `@`. A placeholder is kept: its host is no e-mail's.
fn url_password(text: &str) -> Ruling {
    let Some(authority) = text.find("://").map(|at| at + 3) else { return Ruling::Refuse };
    let Some(start) = text.get(authority..).and_then(|rest| rest.find(':')).map(|at| authority + at + 1) else {
        return Ruling::Refuse;
    };
    if text.get(start..).is_none_or(is_placeholder) { Ruling::Keep } else { Ruling::Redact(start..text.len()) }
}

fn aws_secret(text: &str) -> Ruling {
    let start = text.len().saturating_sub(40);
    let has = |kind: fn(&u8) -> bool| text.as_bytes().iter().skip(start).any(kind);
    when(has(u8::is_ascii_digit) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase), start..text.len())
}

/// `Basic authentication` is prose: encoded credentials have a digit, padding, or capitals amid small letters.
fn basic(text: &str) -> Ruling {
    let Some(start) = text.rfind(' ').map(|at| at + 1) else { return Ruling::Refuse };
    let encoded = text.get(start..).unwrap_or_default();
    let random = encoded.bytes().skip(1).any(|byte| byte.is_ascii_digit() || byte == b'=' || byte.is_ascii_uppercase());
    when(random, start..text.len())
}

fn bearer(text: &str) -> Ruling {
    token(text, text.rfind(' '))
}

fn parameter(text: &str) -> Ruling {
    token(text, text.find('='))
}

/// What stands behind `at`. A token that has a type of its own is left to it.
fn token(text: &str, at: Option<usize>) -> Ruling {
    const OTHERS: [&str; 12] =
        ["eyJ", "gh_", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "ya29.", "sk-", "xox"];
    let Some(start) = at.map(|at| at + 1) else { return Ruling::Refuse };
    let token = text.get(start..).unwrap_or_default();
    let own = OTHERS.iter().any(|other| token.starts_with(other));
    when(!own && token.bytes().any(|byte| byte.is_ascii_digit()), start..text.len())
}

/// The word after `=`, `:` or `is`. Code that reads a password has no digit in that place, a password mostly has.
fn password(text: &str, separator: Option<usize>) -> Ruling {
    let Some(separator) = separator else { return Ruling::Refuse };
    let rest = text.get(separator..).unwrap_or_default();
    let rest = rest.trim_start_matches([' ', '=', ':', '：', '>', '"', '\'', '`']);
    let rest = rest.strip_prefix("is ").unwrap_or(rest).trim_start_matches([' ', '"', '\'', '`']);
    let start = text.len() - rest.len();
    let value = rest.trim_end_matches(['.', '?', ':']);
    let has = |kind: fn(u8) -> bool| value.bytes().any(kind);
    let (lower, upper) = (has(|byte| byte.is_ascii_lowercase()), has(|byte| byte.is_ascii_uppercase()));
    let strong = (lower || upper) && has(|byte| byte.is_ascii_digit())
        || lower && upper && has(|byte| b"!@#$%^&*+~|".contains(&byte));
    when(value.len() >= 6 && strong && !is_placeholder(value), start..start + value.len())
}
