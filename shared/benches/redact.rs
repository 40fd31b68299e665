//! Stream redaction with every type on, against one offline `replace_all` of the same patterns.
//!
//! Speeds are only comparable within one run, so the ratio is printed; what does not depend on the machine is asserted:
//! that a probe is redacted by both, and how much of an English text is held back.

#![expect(clippy::expect_used, reason = "a bench fails by panicking")]
#![expect(clippy::print_stdout, reason = "figures are what a bench is for")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use regex::bytes::{Regex, RegexBuilder};
use shared::guards::redact::Redactor;

#[expect(dead_code, unreachable_pub, reason = "the redactor reads the rest")]
#[path = "../src/guards/redact/patterns.rs"]
mod patterns;

const ENGLISH: &str = "When the harbour froze in the winter of 1947, the ferries stopped for eleven days and the islanders \
    walked to market across the ice. Nobody had planned for it; nobody complained, either. \"We carried the flour \
    ourselves,\" one of them wrote later, \"and the post came by sledge.\" The cost (about 3.5 % of the year's budget) was \
    shared between two councils, which agreed - for once - within a week. See the minutes of 12 March for details, or \
    section 4.2 of the report at https://example.org/archive/harbour?id=42.\n\n";
const MULTILINGUAL: &str = "Der Hafen fror im Winter 1947 zu, und elf Tage lang fuhr keine Fähre. 冬に港が凍り、船は十一日間止まった。\
    Зимой 1947 года гавань замёрзла, и паромы не ходили. En hiver, le port gèle et l'on traverse à pied. 港口在冬天结冰，渡轮停了十一天。\
    في الشتاء تجمد الميناء وتوقفت العبارات. El puerto se heló y nadie se quejó: «llevamos la harina nosotros mismos». \
    겨울에 항구가 얼어 배가 다니지 않았다. सर्दियों में बंदरगाह जम गया।\n\n";
const SIZE: usize = 10 << 10;

/// A text's first ten kilobytes or so, repeated from a passage.
fn text(passage: &str) -> String {
    passage.repeat(SIZE / passage.len() + 1)
}

/// One alternation of the table.
fn alternation() -> Regex {
    let languages: Vec<String> =
        patterns::TABLE.iter().map(|entry| format!("{}(?:{}){}", entry.before, entry.body, entry.after)).collect();
    let pattern = format!("(?s-u:{})", languages.join("|"));
    RegexBuilder::new(&pattern).size_limit(64 << 20).build().expect("the table's patterns are well formed")
}

fn stream(redactor: &Redactor, text: &str, chunk: usize) -> String {
    let (mut stream, mut out) = (redactor.stream(), String::with_capacity(text.len()));
    for chunk in text.as_bytes().chunks(chunk) {
        stream.push(chunk, &mut out);
    }
    stream.finish(&mut out);
    out
}

/// How many bytes are held back after a chunk, on average.
fn held(redactor: &Redactor, text: &str, chunk: usize) -> f64 {
    let (mut stream, mut out) = (redactor.stream(), String::new());
    let held: Vec<f64> = text
        .as_bytes()
        .chunks(chunk)
        .map(|chunk| {
            stream.push(chunk, &mut out);
            f64::from(u32::try_from(stream.held()).unwrap_or(u32::MAX))
        })
        .collect();
    held.iter().sum::<f64>() / f64::from(u32::try_from(held.len()).unwrap_or(u32::MAX))
}

/// The fastest of many runs: the least disturbed one.
#[expect(clippy::disallowed_methods, reason = "a bench measures time")]
fn fastest(mut run: impl FnMut() -> usize) -> Duration {
    let once = || {
        let start = Instant::now();
        black_box(run());
        start.elapsed()
    };
    std::iter::repeat_with(once).take(400).min().unwrap_or_default()
}

fn redact(criterion: &mut Criterion) {
    let (redactor, regex) = (Redactor::standard(), alternation());
    let probe = ["Write to ada", "@example.org from 203.0", ".113.77 please"].concat();
    assert_eq!(stream(&redactor, &probe, 4), "Write to [REDACTED:email] from [REDACTED:ip_address] please");
    assert!(regex.replace_all(probe.as_bytes(), &b"[REDACTED]"[..]).len() < probe.len(), "the rival redacts the probe");
    let load = fastest(|| Redactor::standard().stream().held());
    println!("loading all types takes {load:?}");

    for (language, passage) in [("english", ENGLISH), ("multilingual", MULTILINGUAL)] {
        let text = text(passage);
        assert_eq!(stream(&redactor, &text, 20), text, "the text is clean");
        let offline = fastest(|| regex.replace_all(text.as_bytes(), &b"[REDACTED]"[..]).len());
        for chunk in [20, 4, 4096] {
            let streaming = fastest(|| stream(&redactor, &text, chunk).len());
            let held = held(&redactor, &text, chunk);
            println!(
                "{language}, chunks of {chunk}: {:.2} times the speed of one replace_all, {held:.2} bytes held on average",
                offline.as_secs_f64() / streaming.as_secs_f64()
            );
            assert!(language != "english" || held < 8.0, "{held} bytes are held back on average");
        }
        let mut group = criterion.benchmark_group(format!("redact/{language}"));
        group.throughput(Throughput::Bytes(text.len() as u64)).sample_size(20).measurement_time(Duration::from_secs(2));
        group
            .bench_function("replace_all", |b| b.iter(|| regex.replace_all(text.as_bytes(), &b"[REDACTED]"[..]).len()));
        for chunk in [20, 4, 4096] {
            group.bench_function(format!("stream/{chunk}"), |b| b.iter(|| stream(&redactor, &text, chunk)));
        }
        group.finish();
    }
}

criterion_group!(benches, redact);
criterion_main!(benches);
