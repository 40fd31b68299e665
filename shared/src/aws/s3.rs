//! The store of record on S3: objects are made once, under `If-None-Match: *`, with a checksum that S3 compares.
//!
//! The bucket encrypts by itself, with its own key: a request that named an algorithm and no key would be given
//! another.

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::get_object::GetObjectError;
use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata as _;
use data_encoding::BASE64;
use sha2::{Digest as _, Sha256};

use super::Fault;
use crate::ports::Unavailable;
use crate::ports::trail::{Created, Store};

/// How often an object is offered while another request for the same key is under way.
const OFFERS: usize = 3;

/// A bucket.
#[derive(Clone, Debug)]
pub struct Bucket {
    client: Client,
    name: String,
}

impl Bucket {
    /// The bucket with this name.
    #[must_use]
    pub fn new(client: Client, name: impl Into<String>) -> Self {
        Self { client, name: name.into() }
    }
}

impl Store for Bucket {
    async fn create(&self, key: &str, body: Vec<u8>) -> Result<Created, Unavailable> {
        let checksum = BASE64.encode(&Sha256::digest(&body));
        let body = bytes::Bytes::from(body);
        let mut conflict = Fault::Late;
        for _ in 0..OFFERS {
            let put = self.client.put_object().bucket(&self.name).key(key);
            let put = put.if_none_match("*").checksum_sha256(&checksum).body(ByteStream::from(body.clone()));
            conflict = match put.send().await {
                Ok(_) => return Ok(Created::New),
                Err(error) => match error.code() {
                    Some("PreconditionFailed") => return Ok(Created::There),
                    Some("ConditionalRequestConflict") => error.into(),
                    Some(_) | None => return Err(unavailable(error.into())),
                },
            };
        }
        Err(unavailable(conflict))
    }

    async fn read(&self, key: &str) -> Result<Option<Vec<u8>>, Unavailable> {
        let answer = match self.client.get_object().bucket(&self.name).key(key).send().await {
            Ok(answer) => answer,
            Err(SdkError::ServiceError(refusal)) if matches!(refusal.err(), GetObjectError::NoSuchKey(_)) => {
                return Ok(None);
            }
            Err(error) => return Err(unavailable(error.into())),
        };
        let body = answer.body.collect().await.map_err(|cut| unavailable(Fault::Unreachable(cut.into())))?;
        Ok(Some(body.to_vec()))
    }

    async fn list(&self, prefix: &str, after: &str) -> Result<Vec<String>, Unavailable> {
        let mut request = self.client.list_objects_v2().bucket(&self.name).prefix(prefix);
        if !after.is_empty() {
            request = request.start_after(after);
        }
        let mut pages = request.into_paginator().send();
        let mut keys = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| unavailable(error.into()))?;
            keys.extend(page.contents.unwrap_or_default().into_iter().filter_map(|object| object.key));
        }
        Ok(keys)
    }
}

fn unavailable(fault: Fault) -> Unavailable {
    Unavailable { store: "audit bucket", cause: fault.into() }
}

#[cfg(test)]
mod tests;
