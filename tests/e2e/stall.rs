//! The stock runtime leaves the first byte of every stream waiting for a late acknowledgement, and ours does not. This
//! fails when upstream mends that, and with it goes one of two reasons for a loop of our own (`shared::host`).

use std::collections::HashMap;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use http::Response;
use serde_json::json;
use shared::host::{self, Body, Door};
use tests::aws::bare::Bare;

/// A busy machine makes a try longer, never shorter: the best of some tells.
const TRIES: usize = 7;

/// Ends with the test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _dead = self.0.kill();
        let _gone = self.0.wait();
    }
}

/// The shortest wait between a response's head and the first byte of its body.
fn best(bare: &Bare) -> Duration {
    let event = json!({
        "version": "2.0", "rawPath": "/", "headers": {}, "requestContext": {"http": {"method": "GET"}},
    });
    let tries = (0..TRIES).map(|_| {
        let _when = bare.asked();
        bare.hand(&event.to_string());
        let told = bare.told();
        assert!(told.body.ends_with(b"hello"), "{}", String::from_utf8_lossy(&told.body));
        told.first - told.head
    });
    tries.min().unwrap_or_default()
}

#[test]
fn the_stock_runtime_stalls_every_stream() {
    let bare = Bare::start();
    // Cargo builds it beside the tests.
    let program = std::env::current_exe().unwrap().with_file_name("../examples/stock");
    let child = Command::new(&program)
        .env("AWS_LAMBDA_RUNTIME_API", bare.address())
        .env("AWS_LAMBDA_FUNCTION_NAME", "stock")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
        .stderr(Stdio::null())
        .spawn();
    let _process = Process(child.unwrap_or_else(|error| panic!("{}: {error}", program.display())));
    let best = best(&bare);
    assert!(best > Duration::from_millis(20), "upstream is mended: its best try stalls for {best:?} only");
}

#[test]
fn ours_does_not() {
    let bare = Bare::start();
    let address = bare.address();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let environment = HashMap::from([(host::RUNTIME_API, address.as_str())]);
    let door = runtime.block_on(Door::open(&environment)).unwrap();
    runtime.spawn(host::serve(door, |_| hello(), std::future::pending()));
    let best = best(&bare);
    assert!(best < Duration::from_millis(5), "even its best try stalls for {best:?}");
    runtime.shutdown_background();
}

async fn hello() -> Response<Body> {
    let (writer, body) = host::stream("broken".into());
    writer.send("hello".into()).await.unwrap();
    writer.end().await;
    Response::new(body)
}
