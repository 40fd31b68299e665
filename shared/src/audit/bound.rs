//! Keeps a record below what a queue takes as one message, by trimming its texts before it is sealed.
//!
//! A record that is too large to be sent would be a call without a record. Nothing of the bound is policy: the texts
//! that a policy keeps are shorter by far, unless they are made of control characters, which JSON spells six times as
//! long.

use super::Entry;

/// The longest line of a record. SQS takes messages of 1 MiB, but the queue that we make takes 262,144 bytes; what is
/// between is room to spare.
pub const LINE_BYTES: usize = 250_000;

/// For the prompt and the answer together, as JSON spells them.
pub const TEXT_BYTES: usize = 120_000;
/// For each other text: ids, names and codes, of which none should have more than some hundred bytes.
const WORD: usize = 2_000;
/// For the rules' ids, and as much for the kinds of redactions.
const LIST: usize = 36_000;

/// Stands at the end of a text for what was cut off. It fits wherever something is cut.
pub const MARK: &str = " [trimmed]";

/// A prompt or an answer with no more than a record can hold of it, for who would else keep all of it until then.
#[must_use]
pub fn trimmed(mut text: String) -> String {
    trim(&mut text, TEXT_BYTES);
    text
}

impl Entry {
    /// The entry with its texts trimmed, where they are too long for a line of [`LINE_BYTES`].
    pub(super) fn bounded(mut self) -> Self {
        let words = [&mut self.request_id, &mut self.caller, &mut self.surface, &mut self.operation, &mut self.model];
        let others = [
            &mut self.user,
            &mut self.blocked_reason,
            &mut self.prompt_hmac,
            &mut self.error,
            &mut self.key_version,
            &mut self.pepper_id,
        ];
        for word in words.into_iter().chain([&mut self.policy_version]).chain(others.into_iter().flatten()) {
            trim(word, WORD);
        }
        bound_list(&mut self);
        let (prompt, answer) = (length(self.prompt.as_ref()), length(self.answer.as_ref()));
        if prompt + answer > TEXT_BYTES {
            // What one does not need of its half is the other's.
            let (half, spare) = (TEXT_BYTES / 2, |other: usize| TEXT_BYTES.saturating_sub(other));
            self.prompt.iter_mut().for_each(|text| trim(text, half.max(spare(answer))));
            self.answer.iter_mut().for_each(|text| trim(text, half.max(spare(prompt))));
        }
        self
    }
}

fn bound_list(entry: &mut Entry) {
    // Quotes and comma, or quotes, colon, number and comma.
    const AROUND: usize = 16;
    let mut room = LIST;
    let fits = |text: &str, room: &mut usize| {
        let needed = spelled(text).saturating_add(AROUND);
        let fits = needed <= *room;
        *room = if fits { *room - needed } else { 0 };
        fits
    };
    let (rules, types) = (entry.rules.len(), entry.redactions.len());
    entry.rules.retain(|rule| fits(rule, &mut room));
    if entry.rules.len() < rules {
        entry.rules.push(MARK.trim().to_owned());
    }
    let mut room = LIST;
    entry.redactions.retain(|kind, _| fits(kind, &mut room));
    if entry.redactions.len() < types {
        entry.redactions.insert(MARK.trim().to_owned(), 0);
    }
}

fn length(text: Option<&String>) -> usize {
    text.map_or(0, |text| spelled(text))
}

/// Cuts a text where its spelling would pass `most`, and marks it.
fn trim(text: &mut String, most: usize) {
    // No byte is spelled longer than six: most texts need no counting.
    if text.len() <= most / 6 || spelled(text) <= most {
        return;
    }
    // One mark is enough for what was cut twice.
    if let Some(kept) = text.strip_suffix(MARK) {
        text.truncate(kept.len());
    }
    let mut room = most.saturating_sub(MARK.len());
    let end = text.char_indices().find_map(|(at, c)| {
        let Some(rest) = room.checked_sub(width(c)) else { return Some(at) };
        room = rest;
        None
    });
    text.truncate(end.unwrap_or(text.len()));
    text.push_str(MARK);
}

/// How many bytes a text has between its quotes in a line.
fn spelled(text: &str) -> usize {
    text.chars().map(width).sum()
}

const fn width(c: char) -> usize {
    match c {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => 6,
        other => other.len_utf8(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Hash, Link, Record, Void, WriterId};
    use super::*;
    use crate::audit::Kind;
    use crate::fakes::entry;

    /// As many voids as the recorder names at most.
    fn seal(entry: Entry) -> Record {
        let voids = (0..256).map(|seq| Void { seq: u64::MAX - seq, hash: Hash::ZERO }).collect();
        let (record_id, writer_id) = ("0".repeat(36), WriterId::new([255; 16]));
        Record::seal(entry, Link { record_id, writer_id, seq: u64::MAX, prev_hash: Hash::ZERO, voids })
    }

    /// Every text as long as it likes, of characters that JSON spells at every width.
    fn text() -> impl Strategy<Value = String> {
        let c = prop_oneof!["\u{0}", "\"", "\u{fffe}", "\u{1f}", "ä", "😀", "a"];
        (c, 0_usize..200_000).prop_map(|(c, times)| c.repeat(times))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]

        #[test]
        fn every_record_fits_into_a_message_and_is_true(
            (prompt, answer, user, model, reason) in (text(), text(), text(), text(), text()),
            (rule, rules, kinds) in (text(), 0_usize..30_000, 0_u32..30_000),
        ) {
            let mut wild = entry(Kind::Outcome);
            wild.prompt = Some(prompt);
            wild.answer = Some(answer);
            wild.user = Some(user);
            wild.model = model;
            wild.blocked_reason = Some(reason);
            wild.rules = std::iter::once(rule).chain((0..rules).map(|n| n.to_string())).collect();
            wild.redactions = (0..kinds).map(|n| (n.to_string(), u32::MAX)).collect();
            let record = seal(wild);
            let line = record.to_line();
            prop_assert!(line.len() <= LINE_BYTES, "{} bytes", line.len());
            prop_assert!(record.verify_hash());
            prop_assert_eq!(Record::from_line(&line).unwrap(), record);
        }
    }

    #[test]
    fn the_longest_record_of_all_fits() {
        let worst = || "\u{0}".repeat(400_000);
        let record = seal(Entry {
            request_id: worst(),
            caller: worst(),
            user: Some(worst()),
            surface: worst(),
            operation: worst(),
            model: worst(),
            blocked_reason: Some(worst()),
            rules: (0..100_000).map(|_| "\u{0}".repeat(100)).collect(),
            redactions: (0..100_000_u32).map(|n| (format!("\u{0}{n}"), u32::MAX)).collect(),
            prompt: Some(worst()),
            answer: Some(worst()),
            prompt_hmac: Some(worst()),
            error: Some(worst()),
            policy_version: worst(),
            key_version: Some(worst()),
            pepper_id: Some(worst()),
            ..entry(Kind::Outcome)
        });
        let length = record.to_line().len();
        assert!((LINE_BYTES * 9 / 10..=LINE_BYTES).contains(&length), "{length}");
    }

    #[test]
    fn a_text_is_trimmed_with_a_mark_and_only_as_far_as_needed() {
        let long = "\u{0}".repeat(64 << 10);
        let wild = Entry { prompt: Some(long), answer: Some("short".to_owned()), ..entry(Kind::Outcome) };
        let kept = wild.bounded();
        assert_eq!(kept.answer.as_deref(), Some("short"));
        let prompt = kept.prompt.unwrap();
        assert!(prompt.ends_with(MARK));
        assert_eq!(prompt.matches('\u{0}').count(), (TEXT_BYTES - "short".len() - MARK.len()) / 6);
        // What most prompts and answers have is below the bound.
        let usual =
            Entry { prompt: Some("ä".repeat(25 << 10)), answer: Some("\n".repeat(30 << 10)), ..entry(Kind::Outcome) };
        assert_eq!(usual.clone().bounded(), usual);
    }

    #[test]
    fn what_is_trimmed_before_its_record_is_marked_once() {
        for c in ["a", "\u{0}"] {
            let early = trimmed(c.repeat(200_000));
            assert!(spelled(&early) <= TEXT_BYTES && early.ends_with(MARK));
            let of = |prompt: &String, answer: &str| Entry {
                prompt: Some(prompt.clone()),
                answer: Some(answer.to_owned()),
                ..entry(Kind::Outcome)
            };
            assert_eq!(of(&early, "").bounded().prompt.as_ref(), Some(&early));
            for answer in ["a".to_owned(), "a".repeat(5), "a".repeat(100_000)] {
                let kept = of(&early, &answer).bounded();
                let prompt = kept.prompt.unwrap();
                assert_eq!(prompt.strip_suffix(MARK).unwrap().trim_end_matches(c), "");
                assert!(spelled(&prompt) + spelled(&kept.answer.unwrap()) <= TEXT_BYTES);
            }
        }
        assert_eq!(trimmed("short".to_owned()), "short");
    }
}
