//! The least that can stream on Lambda, by the stock runtime: what ours is measured against.
#![expect(clippy::disallowed_methods, reason = "it does what the stock runtime's own examples do")]

use lambda_runtime::streaming::{Body, Response, channel};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(hello)).await
}

async fn hello(_: LambdaEvent<Value>) -> Result<Response<Body>, Error> {
    let (mut sender, body) = channel();
    tokio::task::spawn(async move {
        // A client that is gone misses nothing.
        let _gone = sender.send_data("hello".into()).await;
    });
    Ok(Response::from(body))
}
