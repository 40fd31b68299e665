//! Special-character density: the guide's sign for symbols laid over a text.

use super::Risk;

/// The rule's id.
pub(super) const RULE: &str = "density.special_characters";
/// The guide's weight.
pub(super) const WEIGHT: Risk = Risk::thousandths(300);

/// Whether more than 0.3 of the characters are neither letters, digits nor white space.
pub(super) fn is_dense(text: &str) -> bool {
    if text.is_ascii() { count_ascii(text.as_bytes()) * 10 > text.len() * 3 } else { lacks_plain(text) }
}

/// Written without branches and with a small counter a block, so that the compiler turns it into vector instructions.
fn count_ascii(text: &[u8]) -> usize {
    let special = |byte: &u8| {
        let plain = (byte.wrapping_sub(b'0') < 10)
            | ((byte | 0x20).wrapping_sub(b'a') < 26)
            | (byte.wrapping_sub(b'\t') < 5)
            | (*byte == b' ');
        u8::from(!plain)
    };
    text.chunks(u8::MAX.into()).map(|block| usize::from(block.iter().map(special).sum::<u8>())).sum()
}

/// The same claim from the other side, so that the look at a text ends once seven in ten are known to be plain.
fn lacks_plain(text: &str) -> bool {
    let needed = (text.chars().count() * 7).div_ceil(10);
    text.chars().filter(|c| is_plain(*c)).take(needed).count() < needed
}

/// Whether `c` is a letter, a digit or white space. The common blocks that are letters throughout are told without a
/// look into Unicode's tables.
fn is_plain(c: char) -> bool {
    match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' | ' ' | '\t'..='\r' => true,
        '\0'..='\x7f' => false,
        '\u{3A3}'..='\u{3F5}'
        | '\u{400}'..='\u{481}'
        | '\u{48A}'..='\u{52F}'
        | '\u{620}'..='\u{657}'
        | '\u{904}'..='\u{93B}'
        | '\u{93D}'..='\u{94C}'
        | '\u{3041}'..='\u{3096}'
        | '\u{30A1}'..='\u{30FA}'
        | '\u{4E00}'..='\u{9FFF}'
        | '\u{AC00}'..='\u{D7A3}' => true,
        '\u{3001}'..='\u{3002}' => false,
        _ => c.is_alphanumeric() || c.is_whitespace(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_in_ten_is_not_dense_and_one_more_is() {
        assert!(!is_dense("abcdefg!!!"));
        assert!(is_dense("abcdef!!!!"));
        assert!(!is_dense(""));
        assert!(is_dense("«»"));
    }

    #[test]
    fn every_character_is_told_as_unicode_tells_it() {
        for c in '\0'..=char::MAX {
            assert_eq!(is_plain(c), c.is_alphanumeric() || c.is_whitespace(), "{c:?}");
        }
    }

    #[test]
    fn ascii_is_judged_like_any_other_text() {
        for special in 0..40 {
            for plain in 0..40 {
                let text = "~".repeat(special) + &"a 1\t".repeat(plain);
                assert_eq!(is_dense(&text), lacks_plain(&text), "{special} and {plain}");
            }
        }
        let all: String = (0..=127).map(char::from).collect();
        assert_eq!(count_ascii(all.as_bytes()), all.chars().filter(|c| !is_plain(*c)).count());
    }
}
