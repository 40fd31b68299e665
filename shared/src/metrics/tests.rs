use super::*;

fn event(texts: &[(&str, &str)], numbers: &[(&str, u64)]) -> Event {
    let mut event = Event::default();
    texts.iter().for_each(|(field, value)| event.text(field, value));
    numbers.iter().for_each(|(field, value)| event.number(field, *value));
    event
}

fn told(event: &Event) -> Vec<Value> {
    let lines = event.lines("f", Timestamp(7));
    lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The metrics of a line: each with its value and the sets of dimensions it is kept under.
fn metrics(line: &Value) -> Vec<(String, u64, Vec<String>)> {
    let mut all = Vec::new();
    for directive in line["_aws"]["CloudWatchMetrics"].as_array().unwrap() {
        assert_eq!(directive["Namespace"], "Gatehouse");
        let sets = directive["Dimensions"].as_array().unwrap().iter().map(|set| {
            let names = set.as_array().unwrap().iter().map(|name| name.as_str().unwrap());
            names.map(|name| format!("{name}={}", line[name].as_str().unwrap())).collect::<Vec<_>>().join(" ")
        });
        let sets: Vec<String> = sets.collect();
        for metric in directive["Metrics"].as_array().unwrap() {
            let name = metric["Name"].as_str().unwrap();
            all.push((name.to_owned(), line[name].as_u64().unwrap(), sets.clone()));
        }
    }
    all
}

#[test]
fn an_answer_is_counted_by_its_decision_and_each_category_once() {
    let mut answered = event(
        &[("message", "answered"), ("decision", "block"), ("categories", "density,override"), ("caller", "x")],
        &[
            ("latency_ms", 150),
            ("upstream_ms", 140),
            ("gen_ai.usage.input_tokens", 5),
            ("gen_ai.usage.output_tokens", 9),
            ("gen_ai.usage.reasoning.output_tokens", 4),
            ("gen_ai.usage.cache_read.input_tokens", 2),
            ("tool_tokens", 1),
            ("cost_micros", 77),
            ("unheard_of", 3),
        ],
    );
    answered.truth("blocked", true);
    let lines = told(&answered);
    assert_eq!(lines[0]["_aws"]["Timestamp"], 7);
    assert!(!lines[0].to_string().contains("caller"));
    let by_function = || vec!["function=f".to_owned()];
    let named = |name: &str, value| (name.to_owned(), value, by_function());
    assert_eq!(
        metrics(&lines[0]),
        [
            ("requests".to_owned(), 1, vec!["function=f".to_owned(), "function=f decision=block".to_owned()]),
            named("blocked", 1),
            named("added_latency_ms", 10),
            named("tokens_input", 5),
            named("tokens_output", 9),
            named("tokens_thoughts", 4),
            named("tokens_cached", 2),
            named("tokens_tool", 1),
            named("cost_micros", 77),
            named("upstream_latency_ms", 140),
        ]
    );
    assert_eq!(metrics(&lines[1]), [("rule_matches".to_owned(), 1, vec!["function=f category=density".to_owned()])]);
    assert_eq!(metrics(&lines[2]), [("rule_matches".to_owned(), 1, vec!["function=f category=override".to_owned()])]);
    assert_eq!(lines.len(), 3);
}

#[test]
fn a_refusal_is_counted_by_its_code() {
    let lines = told(&event(&[("message", "refused"), ("code", "ledger_unavailable")], &[]));
    assert_eq!(
        metrics(&lines[0]),
        [
            ("requests".to_owned(), 1, vec!["function=f".to_owned(), "function=f decision=refused".to_owned()]),
            ("refused".to_owned(), 1, vec!["function=f code=ledger_unavailable".to_owned()]),
        ]
    );
    assert_eq!(lines.len(), 1);
}

#[test]
fn what_was_done_without_a_record_counts_as_refused_and_costs_the_same() {
    let texts =
        [("message", "unrecorded"), ("code", "audit_unavailable"), ("decision", "allow"), ("categories", "override")];
    let lines = told(&event(&texts, &[("cost_micros", 77)]));
    let all = metrics(&lines[0]);
    let by = |dimension: &str| format!("function=f {dimension}");
    let named = |name: &str, value, sets: &[String]| all.contains(&(name.to_owned(), value, sets.to_vec()));
    assert!(named("requests", 1, &["function=f".to_owned(), by("decision=refused")]), "{all:?}");
    assert!(named("refused", 1, &[by("code=audit_unavailable")]), "{all:?}");
    assert!(named("cost_micros", 77, &["function=f".to_owned()]), "{all:?}");
    assert_eq!(metrics(&lines[1])[0].0, "rule_matches");
    assert_eq!(lines.len(), 2);
}

#[test]
fn whatever_refuses_every_request_is_counted() {
    for (code, metric) in [
        ("audit_unavailable", "audit_failed"),
        ("callers_unavailable", "ledger_failed"),
        ("ledger_unavailable", "ledger_failed"),
        ("pepper_unavailable", "audit_failed"),
        ("policy_refused", "policy_refused"),
        ("policy_unread", "policy_refused"),
        ("policy_unrecorded", "audit_failed"),
        ("provider_account", "key_rejected"),
        ("provider_key", "key_rejected"),
    ] {
        let lines = told(&event(&[("message", "it failed"), ("code", code)], &[]));
        assert_eq!(metrics(&lines[0]), [(metric.to_owned(), 1, vec!["function=f".to_owned()])], "{code}");
        assert_eq!(lines.len(), 1);
    }
}

#[test]
fn faults_and_openings_are_counted_by_their_code_whatever_their_words() {
    for (code, metric) in FAULTS.into_iter().chain(NOTICES) {
        let lines = told(&event(&[("message", "Google did it"), ("code", code)], &[]));
        assert_eq!(metrics(&lines[0]), [(metric.to_owned(), 1, vec!["function=f".to_owned()])]);
    }
    let lines = told(&event(&[("message", "a request passes"), ("code", "admission_open")], &[]));
    let sets = vec!["function=f".to_owned(), "function=f part=admission".to_owned()];
    assert_eq!(metrics(&lines[0]), [("fail_open".to_owned(), 1, sets)]);
}

#[test]
fn what_is_no_word_of_ours_is_not_counted() {
    assert_eq!(told(&event(&[("message", "hello"), ("code", "policy_changed")], &[])), [] as [Value; 0]);
    let odd = event(&[("message", "answered"), ("categories", "Ignore all"), ("decision", &"a".repeat(129))], &[]);
    let lines = told(&odd);
    assert_eq!((lines.len(), &lines[0]["decision"]), (1, &Value::from("")));
}

/// What is after `name =` on each line, without quotes.
fn settings<'t>(text: &'t str, name: &str) -> Vec<&'t str> {
    let mut all = Vec::new();
    for line in text.lines() {
        let mut rest = line;
        while let Some((before, after)) = rest.split_once(name) {
            rest = after;
            let whole = !before.ends_with(|c: char| c.is_alphanumeric() || c == '_');
            if let Some(value) = after.trim_start().strip_prefix('=').filter(|_| whole) {
                all.push(value.trim_start().split(',').next().unwrap().trim().trim_matches('"'));
            }
        }
    }
    all
}

/// What alarms are set by, and the function that it stands for.
const FUNCTIONS: [(&str, &str); 4] = [
    ("local.of_detection", "detection"),
    ("local.of_drain", "drain"),
    ("local.of_function", "completion"),
    ("local.of_sealer", "sealer"),
];

/// A metric that nobody emits raises no alarm, and one of other dimensions is another metric.
#[test]
fn each_alarm_is_of_a_metric_that_is_emitted_for_the_function_as_a_whole() {
    let messages = [ANSWERED, REFUSED].map(|message| vec![("message", message), ("categories", "override")]);
    let codes = FAULTS.map(|(code, _)| vec![("code", code)]).into_iter().chain([vec![("code", "admission_open")]]);
    let lines: Vec<Value> = messages.into_iter().chain(codes).flat_map(|texts| told(&event(&texts, &[]))).collect();
    let emitted: Vec<_> = lines.iter().flat_map(metrics).collect();
    let whole =
        |name: &str| emitted.iter().any(|(known, _, sets)| known == name && sets.contains(&"function=f".to_owned()));
    let alarms = concat!(include_str!("../../../infra/alarms.tf"), include_str!("../../../infra/warehouse.tf"));
    for (local, function) in FUNCTIONS {
        let of = settings(alarms, local.trim_start_matches("local."));
        assert_eq!(of, [format!("{{ function = module.{function}.name }}")]);
    }
    let mut watched = Vec::new();
    for line in alarms.lines().filter(|line| settings(line, "namespace") == [NAMESPACE]) {
        if let [metric] = settings(line, "metric")[..] {
            let dimensions = settings(line, "dimensions");
            assert!(matches!(dimensions[..], [by] if FUNCTIONS.map(|(local, _)| local).contains(&by)), "{line}");
            watched.push(metric);
        }
    }
    // An alarm of several figures names its metric by itself, below its namespace; some are Amazon's own.
    let lines: Vec<&str> = alarms.lines().collect();
    for pair in lines.windows(2).filter(|pair| settings(pair[0], "namespace") == [NAMESPACE]) {
        watched.extend(settings(pair[1], "metric_name"));
    }
    assert!(watched.iter().all(|metric| whole(metric)), "{watched:?} of {emitted:?}");
    for (_, metric) in FAULTS {
        assert!(watched.contains(&metric), "nobody hears of {metric}");
    }
    assert_eq!(watched.len(), alarms.matches("\"Gatehouse\"").count(), "{watched:?}");
}

#[test]
fn a_rotation_is_counted_and_what_failed_by_its_code() {
    let rotated = told(&event(&[("message", "rotated")], &[]));
    assert_eq!(metrics(&rotated[0]), [("rotations".to_owned(), 1, vec!["function=f".to_owned()])]);
    let failed = told(&event(&[("message", "not_done"), ("code", "no_room")], &[]));
    let sets = vec!["function=f".to_owned(), "function=f code=no_room".to_owned()];
    assert_eq!(metrics(&failed[0]), [("rotation_failed".to_owned(), 1, sets)]);
}

#[test]
fn each_fault_of_the_rotation_has_an_alarm_on_its_function_and_no_alarm_waits_for_ever() {
    let infra = include_str!("../../../infra/rotation.tf");
    let watched: Vec<&str> = infra
        .lines()
        .filter(|line| settings(line, "namespace") == [NAMESPACE])
        .inspect(|line| assert_eq!(settings(line, "dimensions"), ["local.of_rotation"], "{line}"))
        .flat_map(|line| settings(line, "metric"))
        .collect();
    for (code, metric) in ROTATION_FAULTS {
        assert!(watched.contains(&metric), "nobody hears of {metric}");
        let lines = told(&event(&[("message", "a word"), ("code", code)], &[]));
        assert_eq!(metrics(&lines[0]), [(metric.to_owned(), 1, vec!["function=f".to_owned()])], "{code}");
    }
    assert!(watched.iter().all(|name| ROTATION_FAULTS.iter().any(|(_, metric)| metric == name)), "{watched:?}");
}
