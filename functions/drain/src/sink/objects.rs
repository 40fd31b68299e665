//! The store of record: an object that is made once, then its manifest.
//!
//! Killed in between, the records come again and are stored again, in an object that has a manifest: what has none is
//! sealed by nobody, and what it holds is found elsewhere.

use shared::audit::Hour;
use shared::audit::manifest::Place;
use shared::ports::Unavailable;
use shared::ports::trail::{Created, Store};

use crate::object::{Form, Object};

/// The store of record.
#[derive(Debug)]
pub struct Objects<S> {
    store: S,
}

impl<S: Store> Objects<S> {
    /// Stores into `store`.
    pub const fn new(store: S) -> Self {
        Self { store }
    }

    /// Stores records, which arrived in `hour`, and returns their object's key. To store them again is harmless.
    ///
    /// # Errors
    /// [`Unavailable`] when they are not known to be there whole.
    pub async fn store(&self, hour: Hour, records: Vec<(Place, String)>) -> Result<String, Unavailable> {
        let Object { key, body, manifest_key, manifest } = Object::pack(hour, Form::Gzip, records);
        self.create(&key, body).await?;
        self.create(&manifest_key, manifest.to_line().into_bytes()).await?;
        Ok(key)
    }

    /// Makes an object. Where there is one, it must be the same: its name alone proves nothing.
    async fn create(&self, key: &str, body: Vec<u8>) -> Result<(), Unavailable> {
        if self.store.create(key, body.clone()).await? == Created::New {
            return Ok(());
        }
        if self.store.read(key).await?.is_some_and(|there| there == body) {
            return Ok(());
        }
        let cause = format!("another content is under {key}").into();
        Err(Unavailable { store: "audit store", cause })
    }
}
