//! Walks a trail wherever it is kept, and hands it to the verifier.

use sha2::{Digest as _, Sha256};
use shared::audit::Hash;
use shared::audit::digest::DIGESTS;
use shared::audit::manifest::Manifest;
use shared::audit::verify::{self, Finding, Known, Report, Verifier};
use shared::ports::Unavailable;
use shared::ports::trail::Store;

use crate::object::{self, MANIFESTS, RECORDS};

/// So many objects are held at a time, to be checked side by side.
const AT_ONCE: usize = 32;

/// Verifies all that is in `store`. `signed` checks a signature over a message.
///
/// # Errors
/// [`Unavailable`] when the store cannot be read.
pub async fn trail<S: Store>(
    store: &S,
    signed: &(dyn Fn(&[u8], &[u8]) -> bool + Sync),
    known: Known,
) -> Result<Report, Unavailable> {
    let mut verifier = Verifier::new(known);
    for key in store.list(DIGESTS, "").await? {
        let Some(bytes) = store.read(&key).await? else { continue };
        let Some(digest) = verifier.digest(&key, &bytes, signed) else { continue };
        for listed in digest.manifests.chunks(AT_ONCE) {
            let mut objects = Vec::new();
            for listed in listed {
                let bytes = store.read(&listed.key).await?;
                objects.extend(verifier.manifest(digest.hour, listed, bytes.as_deref()));
            }
            check(store, &mut verifier, objects, Verifier::object).await?;
        }
        verifier.close(&digest);
    }
    let manifests = store.list(MANIFESTS, "").await?;
    let loose: Vec<String> = manifests.into_iter().filter(|key| !verifier.names(key)).collect();
    for keys in loose.chunks(AT_ONCE) {
        let mut objects = Vec::new();
        for key in keys {
            let Some(bytes) = store.read(key).await? else { continue };
            objects.extend(verifier.unsealed(key, &bytes));
        }
        check(store, &mut verifier, objects, Verifier::unsealed_object).await?;
    }
    for key in store.list(RECORDS, "").await? {
        if verifier.names(&key) {
            continue;
        }
        let Some(body) = store.read(&key).await? else { continue };
        verifier.orphan(&key, object::lines(&key, body.as_slice()).map(Result::ok));
    }
    Ok(verifier.finish())
}

async fn check<S: Store>(
    store: &S,
    verifier: &mut Verifier,
    objects: Vec<Manifest>,
    take: fn(&mut Verifier, Result<u64, Finding>),
) -> Result<(), Unavailable> {
    let mut bodies = Vec::new();
    for manifest in objects {
        let body = store.read(&manifest.object).await?;
        bodies.push((manifest, body));
    }
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let share = bodies.len().div_ceil(threads).max(1);
    let checked: Vec<Vec<Result<u64, Finding>>> = std::thread::scope(|scope| {
        let begun: Vec<_> =
            bodies.chunks(share).map(|part| scope.spawn(move || part.iter().map(one).collect())).collect();
        begun.into_iter().map(|thread| thread.join().unwrap_or_default()).collect()
    });
    checked.into_iter().flatten().for_each(|checked| take(verifier, checked));
    Ok(())
}

fn one((manifest, body): &(Manifest, Option<Vec<u8>>)) -> Result<u64, Finding> {
    let sha256 = body.as_ref().map(|body| Hash::new(Sha256::digest(body).into()));
    let lines = object::lines(&manifest.object, body.as_deref().unwrap_or_default());
    verify::object(manifest, sha256, lines.map(Result::ok))
}
