//! The adapters of `DynamoDB` against one that changes items atomically: laws, races, faults.

mod callers;
mod connector;
mod faults;
mod laws;
mod policy;
mod race;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Config, Credentials, Region};
use connector::Connector;

/// A client of the `DynamoDB` at `endpoint`.
fn client(endpoint: &str) -> Client {
    let credentials = Credentials::new("id", "secret", None, None, "test");
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .endpoint_url(endpoint)
        .credentials_provider(credentials)
        .http_client(Connector::client());
    Client::from_conf(config.build())
}
