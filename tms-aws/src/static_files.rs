//! Static files in S3, under names that carry their hash: what is there already is what it should be.

use std::collections::BTreeMap;

use aws_sdk_s3::{Client, primitives::ByteStream};
use aws_smithy_types::base64;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use tms_core::blob::{BlobDigest, BlobKey, BlobPrefix};

use crate::{
    client::Aws,
    error::{AwsFault, fault},
    s3,
};

/// A name carries a hash, so what is behind it never changes: a browser need not ask again for a year.
const CACHE: &str = "public, max-age=31536000, immutable";
/// A list keeps its name whatever is in it.
const NO_CACHE: &str = "no-cache";
const AT_A_TIME: usize = 8;

/// A file to be served, most often with a hash in its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaticFile {
    /// Where it is below the address of static files.
    pub path: BlobKey,
    /// What kind of content it is, such as `text/css`.
    pub content_type: String,
    /// The content.
    pub bytes: Bytes,
}

/// What was done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Collected {
    /// The files that were missing, in the order they were given.
    pub uploaded: Vec<BlobKey>,
    /// How many were there already.
    pub present: usize,
}

/// Uploads those of `files` that `bucket` lacks below `prefix`. Nothing is removed: an older release may still serve
/// pages that name it.
///
/// # Errors
/// [`AwsFault`]; the same again goes on where it ended.
pub async fn upload_missing(
    aws: &Aws,
    bucket: &str,
    prefix: &BlobPrefix,
    files: &[StaticFile],
) -> Result<Collected, AwsFault> {
    let client = s3::client(aws);
    let present = list(&client, bucket, prefix).await?;
    let is_missing = |file: &&StaticFile| {
        let object = format!("{}{}", prefix.as_str(), file.path);
        // One of another length was put there by something else.
        present.get(&object).copied() != i64::try_from(file.bytes.len()).ok()
    };
    let missing: Vec<&StaticFile> = files.iter().filter(is_missing).collect();
    let uploads = missing.iter().map(|file| upload(&client, bucket, prefix, file, CACHE));
    let uploaded: Vec<BlobKey> = stream::iter(uploads).buffered(AT_A_TIME).try_collect().await?;
    Ok(Collected {
        present: files.len() - uploaded.len(),
        uploaded,
    })
}

/// Writes a file whose name says nothing of its content, such as the list of the others: whatever was there is replaced,
/// and who keeps a copy must ask whether it still holds.
///
/// # Errors
/// [`AwsFault`].
pub async fn put_list(aws: &Aws, bucket: &str, prefix: &BlobPrefix, file: &StaticFile) -> Result<(), AwsFault> {
    let client = s3::client(aws);
    upload(&client, bucket, prefix, file, NO_CACHE).await.map(drop)
}

async fn list(client: &Client, bucket: &str, prefix: &BlobPrefix) -> Result<BTreeMap<String, i64>, AwsFault> {
    let (mut present, mut token) = (BTreeMap::new(), None);
    loop {
        let request = client.list_objects_v2().bucket(bucket).prefix(prefix.as_str());
        let answer = request.set_continuation_token(token).send().await;
        let answer = answer.map_err(|error| fault(&error))?;
        let found = answer.contents().iter();
        present.extend(found.filter_map(|object| Some((object.key()?.to_owned(), object.size()?))));
        token = answer.next_continuation_token().map(str::to_owned);
        if token.is_none() {
            return Ok(present);
        }
    }
}

async fn upload(
    client: &Client,
    bucket: &str,
    prefix: &BlobPrefix,
    file: &StaticFile,
    caching: &str,
) -> Result<BlobKey, AwsFault> {
    let request = client
        .put_object()
        .bucket(bucket)
        .key(format!("{}{}", prefix.as_str(), file.path))
        .content_type(&file.content_type)
        .cache_control(caching)
        .checksum_sha256(base64::encode(BlobDigest::of(&file.bytes).sha256.0))
        .body(ByteStream::from(file.bytes.clone()));
    request.send().await.map_err(|error| fault(&error))?;
    Ok(file.path.clone())
}
