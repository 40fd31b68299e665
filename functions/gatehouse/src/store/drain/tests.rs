use shared::audit::chain::faults;
use shared::audit::{Kind, WriterId};
use shared::fakes;
use shared::ports::AuditQueue;

use super::*;
use crate::store::samples;
use crate::store::spool::Spool;

fn drained(data: &Path, connection: &mut Connection) -> (usize, usize, usize) {
    let Report { drained, rejected, removed } = run(data, connection).unwrap();
    (drained, rejected, removed)
}

fn rejections(connection: &Connection) -> Vec<(String, Vec<u8>)> {
    let mut statement = connection.prepare("SELECT reason, line FROM rejected ORDER BY file, offset").unwrap();
    statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect()
}

#[tokio::test]
async fn takes_each_record_of_a_living_writer_once_and_leaves_its_file() {
    let data = tempfile::tempdir().unwrap();
    let mut connection = sqlite::open(data.path()).unwrap();
    assert_eq!(drained(data.path(), &mut connection), (0, 0, 0));
    let writer = WriterId::new([1; 16]);
    let spool = Spool::open(data.path(), writer).unwrap();
    let records = samples::records(1, 5);
    for record in &records[..3] {
        spool.append(record).await.unwrap();
    }
    assert_eq!(drained(data.path(), &mut connection), (3, 0, 0));
    assert_eq!(drained(data.path(), &mut connection), (0, 0, 0));
    for record in &records[2..] {
        spool.append(record).await.unwrap();
    }
    // One of the three is a repetition.
    assert_eq!(drained(data.path(), &mut connection), (2, 0, 0));
    drop(spool);
    assert_eq!(drained(data.path(), &mut connection), (0, 0, 1));
    assert_eq!(samples::stored(&connection), records);
    assert_eq!(faults(writer, &samples::stored(&connection), None), []);
    assert_eq!(fs::read_dir(spool::directory(data.path())).unwrap().count(), 0);
}

#[test]
fn the_columns_hold_what_the_record_says() {
    let data = tempfile::tempdir().unwrap();
    let mut connection = sqlite::open(data.path()).unwrap();
    let record = samples::chain(WriterId::new([1; 16]), [fakes::entry(Kind::Outcome)]).remove(0);
    samples::leave(data.path(), 1, &samples::lines(std::slice::from_ref(&record)));
    run(data.path(), &mut connection).unwrap();
    // Built from the columns alone, the record is the same.
    let line: String = connection
        .query_row(
            "SELECT json_object('v', v, 'record_id', record_id, 'request_id', request_id, 'kind', kind, 'ts', ts,
                'caller', caller, 'user', user, 'surface', surface, 'operation', operation, 'model', model,
                'decision', decision, 'blocked', json(iif(blocked, 'true', 'false')),
                'blocked_reason', blocked_reason, 'risk_score', risk_score, 'rules', json(rules),
                'redactions', json(redactions), 'prompt', prompt, 'answer', answer, 'prompt_hmac', prompt_hmac,
                'tokens', json_object('prompt', tokens_prompt, 'cached', tokens_cached,
                    'candidates', tokens_candidates, 'thoughts', tokens_thoughts, 'tool_use', tokens_tool_use,
                    'total', tokens_total),
                'cost_micros', cost_micros, 'latency_ms', latency_ms, 'upstream_status', upstream_status,
                'error', error, 'policy_version', policy_version, 'key_version', key_version,
                'pepper_id', pepper_id, 'writer_id', writer_id, 'seq', seq, 'prev_hash', prev_hash,
                'voids', json(voids), 'hash', hash) FROM audit",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(Record::from_line(&line).unwrap(), record);
}

#[test]
fn what_is_no_record_is_set_aside_and_holds_up_nothing() {
    let data = tempfile::tempdir().unwrap();
    let mut connection = sqlite::open(data.path()).unwrap();
    let records = samples::records(1, 3);
    let mut forged = records[1].clone();
    forged.entry.risk_score = 0;
    let mut huge = fakes::entry(Kind::Outcome);
    huge.cost_micros = u64::MAX;
    let huge = samples::lines(&samples::chain(WriterId::new([1; 16]), [huge]));
    let torn = &samples::lines(&records[2..])[..100];
    let content = [
        &samples::lines(&records[..1]),
        b"\0\0\0\n".as_slice(),
        b"\n",
        &samples::lines(&[forged]),
        b"\xff\n",
        &huge,
        &samples::lines(&records[1..]),
        torn,
    ]
    .concat();
    let path = samples::leave(data.path(), 1, &content);
    assert_eq!(drained(data.path(), &mut connection), (3, 5, 1));
    assert_eq!(samples::stored(&connection), records);
    let rejected = rejections(&connection);
    let reasons: Vec<&str> = rejected.iter().map(|(reason, _)| reason.as_str()).collect();
    let expected = [
        "not an audit record (column 1)",
        "the hash is not that of the content",
        "not UTF-8",
        "a value does not fit the table",
        "torn: its writer died before it was whole",
    ];
    assert_eq!(reasons, expected);
    assert_eq!(rejected.last().unwrap().1, torn);

    // Read once more, as after a crash between commit and removal, nothing comes twice.
    fs::write(&path, &content).unwrap();
    assert_eq!(drained(data.path(), &mut connection), (0, 0, 1));
}

#[test]
fn the_torn_line_of_a_living_writer_is_left_until_it_is_whole() {
    let data = tempfile::tempdir().unwrap();
    let mut connection = sqlite::open(data.path()).unwrap();
    let records = samples::records(1, 2);
    let content = samples::lines(&records);
    let path = samples::leave(data.path(), 1, &content[..content.len() - 10]);
    let writer = File::open(&path).unwrap();
    writer.lock().unwrap();
    assert_eq!(drained(data.path(), &mut connection), (1, 0, 0));
    fs::write(&path, &content).unwrap();
    assert_eq!(drained(data.path(), &mut connection), (1, 0, 0));
    drop(writer);
    assert_eq!(drained(data.path(), &mut connection), (0, 0, 1));
    assert_eq!(samples::stored(&connection), records);
}

#[test]
fn several_drains_at_once_take_each_record_once() {
    let data = tempfile::tempdir().unwrap();
    for writer in 1..=4 {
        samples::leave(data.path(), writer, &samples::lines(&samples::records(writer, 600)));
    }
    sqlite::open(data.path()).unwrap();
    let total: usize = std::thread::scope(|scope| {
        let drains: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    let mut connection = sqlite::open(data.path()).unwrap();
                    run(data.path(), &mut connection).unwrap().drained
                })
            })
            .collect();
        drains.into_iter().map(|drain| drain.join().unwrap()).sum()
    });
    assert_eq!(total, 2400);
    let mut connection = sqlite::open(data.path()).unwrap();
    run(data.path(), &mut connection).unwrap();
    assert_eq!(samples::stored(&connection).len(), 2400);
    assert_eq!(fs::read_dir(spool::directory(data.path())).unwrap().count(), 0);
    assert_eq!(rejections(&connection), []);
}

#[tokio::test]
async fn the_loop_drains_by_itself_and_a_last_time_when_it_stops() {
    let data = tempfile::tempdir().unwrap();
    let spool = Spool::open(data.path(), WriterId::new([1; 16])).unwrap();
    let records = samples::records(1, 2);
    let draining = Loop::start(data.path().to_owned(), Duration::from_millis(1)).unwrap();
    let connection = sqlite::open(data.path()).unwrap();
    spool.append(&records[0]).await.unwrap();
    while samples::stored(&connection).is_empty() {
        std::thread::yield_now();
    }
    spool.append(&records[1]).await.unwrap();
    draining.stop().unwrap();
    assert_eq!(samples::stored(&connection), records);
}

#[test]
fn a_file_that_cannot_be_read_keeps_no_other_from_being_drained() {
    let data = tempfile::tempdir().unwrap();
    let records = samples::records(2, 3);
    samples::leave(data.path(), 2, &samples::lines(&records));
    fs::create_dir(spool::directory(data.path()).join("0.ndjson")).unwrap();
    let mut connection = sqlite::open(data.path()).unwrap();
    run(data.path(), &mut connection).unwrap_err();
    assert_eq!(samples::stored(&connection), records);
}
