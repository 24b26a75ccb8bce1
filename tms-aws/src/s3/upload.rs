//! Storing one blob: small ones at once, larger ones part by part, each with its hash, which S3 checks. What fails
//! leaves nothing.

use std::collections::HashMap;

use aws_sdk_s3::{
    Client,
    primitives::ByteStream,
    types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart},
};
use aws_smithy_types::base64;
use bytes::{Bytes, BytesMut};
use futures::TryStreamExt;
use tms_core::{
    blob::{BlobDigest, BlobError, BlobHash, BlobKey, BlobStream, BlobSum, Existing},
    random::{RandomSource, SystemRandom},
};

use super::blob_error;
use crate::error::{AwsFault, FaultKind, fault};

/// The length of a part, and the most that is held in memory (twice, while it is sent and the next one comes).
const PART: u64 = 8 << 20;
/// S3 takes so many parts at most.
const MOST_PARTS: u64 = 10_000;
/// The name under which an object says which put wrote it.
const MARK: &str = "tms-put";
/// The name under which an object says its hash.
const SHA256: &str = "tms-sha256";

/// Returns a text that no other put has.
pub(super) fn mark() -> Result<String, BlobError> {
    let mut bytes = [0_u8; 16];
    let filled = SystemRandom.fill(&mut bytes);
    filled.map_err(|error| BlobError::Unavailable(error.into()))?;
    Ok(base64::encode(bytes))
}

/// Storing one blob.
pub(super) struct Put<'a> {
    pub(super) client: &'a Client,
    pub(super) bucket: &'a str,
    pub(super) object: String,
    pub(super) key: &'a BlobKey,
    pub(super) expected: BlobDigest,
    pub(super) existing: Existing,
    pub(super) mark: String,
}

impl Put<'_> {
    pub(super) async fn run(&self, content: BlobStream) -> Result<(), BlobError> {
        let mut source = Source {
            content,
            rest: BytesMut::new(),
            sum: BlobSum::default(),
            most: self.expected.bytes,
        };
        let part = usize::try_from(self.part_len()).unwrap_or(usize::MAX);
        let first = source.next(part).await?.unwrap_or_default();
        if self.expected.bytes <= PART {
            return self.whole(first, source).await;
        }
        if first.is_empty() {
            return Err(self.differs());
        }
        let mut upload = self.begin().await?;
        let outcome = self.parts(&mut upload, first, source, part).await;
        upload.end(outcome.is_ok()).await;
        outcome
    }

    fn part_len(&self) -> u64 {
        PART.max(self.expected.bytes.div_ceil(MOST_PARTS))
    }

    async fn whole(&self, content: Bytes, mut source: Source) -> Result<(), BlobError> {
        // There must be nothing left.
        if source.next(1).await?.is_some() {
            return Err(self.differs());
        }
        self.check(source.sum)?;
        let request = self.client.put_object().bucket(self.bucket).key(&self.object);
        let request = request
            .set_if_none_match(self.condition())
            .set_metadata(Some(self.metadata()))
            // A bucket that locks what is put wants to be told which sum it is, too.
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .checksum_sha256(base64::encode(self.expected.sha256.0))
            .body(ByteStream::from(content));
        let sent = request.send().await.map_err(|error| fault(&error));
        self.settle(sent.map(drop)).await
    }

    async fn begin(&self) -> Result<Upload, BlobError> {
        let request = self
            .client
            .create_multipart_upload()
            .bucket(self.bucket)
            .key(&self.object);
        let request = request
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .set_metadata(Some(self.metadata()));
        let begun = request.send().await.map_err(|error| self.error(fault(&error)))?;
        let nameless = || BlobError::Unavailable("an upload without a name was begun".into());
        Ok(Upload {
            client: self.client.clone(),
            bucket: self.bucket.to_owned(),
            object: self.object.clone(),
            id: Some(begun.upload_id.ok_or_else(nameless)?),
        })
    }

    async fn parts(
        &self,
        upload: &mut Upload,
        first: Bytes,
        mut source: Source,
        part_len: usize,
    ) -> Result<(), BlobError> {
        let (mut done, mut next) = (Vec::new(), Some(first));
        while let Some(part) = next {
            let number = i32::try_from(done.len() + 1).unwrap_or(i32::MAX);
            done.push(self.send_part(upload, part, number).await?);
            next = source.next(part_len).await?;
        }
        self.check(source.sum)?;
        let all = CompletedMultipartUpload::builder().set_parts(Some(done)).build();
        let request = self
            .client
            .complete_multipart_upload()
            .bucket(self.bucket)
            .key(&self.object);
        let request = request
            .set_upload_id(upload.id.clone())
            .set_if_none_match(self.condition())
            .multipart_upload(all);
        let sent = request.send().await.map_err(|error| fault(&error));
        self.settle(sent.map(drop)).await
    }

    async fn send_part(&self, upload: &Upload, part: Bytes, number: i32) -> Result<CompletedPart, BlobError> {
        let hash = base64::encode(BlobDigest::of(&part).sha256.0);
        let request = self.client.upload_part().bucket(self.bucket).key(&self.object);
        let request = request
            .set_upload_id(upload.id.clone())
            .part_number(number)
            .checksum_sha256(&hash)
            .body(ByteStream::from(part));
        let sent = request.send().await.map_err(|error| self.error(fault(&error)))?;
        Ok(CompletedPart::builder()
            .part_number(number)
            .set_e_tag(sent.e_tag)
            .checksum_sha256(hash)
            .build())
    }

    /// Says what came of the last request. One whose answer was lost is sent again, and finds its own work done: the
    /// mark tells it from that of others.
    async fn settle(&self, sent: Result<(), AwsFault>) -> Result<(), BlobError> {
        let Err(refused) = sent else { return Ok(()) };
        if matches!(refused.kind, FaultKind::Exists | FaultKind::Missing) {
            let request = self.client.head_object().bucket(self.bucket).key(&self.object);
            let found = request.send().await.ok().and_then(|found| found.metadata);
            if found.is_some_and(|found| found.get(MARK) == Some(&self.mark)) {
                return Ok(());
            }
        }
        Err(self.error(refused))
    }

    fn error(&self, fault: AwsFault) -> BlobError {
        match blob_error(self.key, fault.clone()) {
            // Nothing was asked for that could be missing.
            BlobError::Missing(_) => BlobError::Unavailable(fault.into()),
            error => error,
        }
    }

    fn check(&self, sum: BlobSum) -> Result<(), BlobError> {
        if sum.finish() == self.expected {
            Ok(())
        } else {
            Err(self.differs())
        }
    }

    fn differs(&self) -> BlobError {
        BlobError::Differs(self.key.clone())
    }

    fn condition(&self) -> Option<String> {
        (self.existing == Existing::Keep).then(|| "*".to_owned())
    }

    fn metadata(&self) -> HashMap<String, String> {
        let BlobDigest { sha256, .. } = self.expected;
        let named = |name: &str, value: String| (name.to_owned(), value);
        HashMap::from([
            named(MARK, self.mark.clone()),
            named(SHA256, BlobHash::to_string(&sha256)),
        ])
    }
}

/// Contents as they come, cut into parts of one length.
struct Source {
    content: BlobStream,
    rest: BytesMut,
    sum: BlobSum,
    /// What comes beyond is read no further.
    most: u64,
}

impl Source {
    /// Returns the next part; the last one may be shorter.
    async fn next(&mut self, len: usize) -> Result<Option<Bytes>, BlobError> {
        while self.rest.len() < len && self.sum.bytes() <= self.most {
            let Some(piece) = self.content.try_next().await? else {
                break;
            };
            self.sum.add(&piece);
            self.rest.extend_from_slice(&piece);
        }
        let part = self.rest.split_to(len.min(self.rest.len())).freeze();
        Ok((!part.is_empty()).then_some(part))
    }
}

/// An upload that was begun. S3 keeps its parts, and counts their room, until it is completed or aborted.
struct Upload {
    client: Client,
    bucket: String,
    object: String,
    /// Taken once the upload has ended.
    id: Option<String>,
}

impl Upload {
    async fn end(mut self, is_complete: bool) {
        let id = self.id.take();
        if let Some(id) = id.filter(|_| !is_complete) {
            abort(&self.client, &self.bucket, &self.object, &id).await;
        }
    }
}

impl Drop for Upload {
    /// Whoever waited for the upload may have gone away.
    fn drop(&mut self) {
        let (Some(id), Ok(runtime)) = (self.id.take(), tokio::runtime::Handle::try_current()) else {
            return;
        };
        let (client, bucket, object) = (self.client.clone(), self.bucket.clone(), self.object.clone());
        runtime.spawn(async move { abort(&client, &bucket, &object, &id).await });
    }
}

async fn abort(client: &Client, bucket: &str, object: &str, id: &str) {
    let request = client.abort_multipart_upload().bucket(bucket).key(object).upload_id(id);
    if let Err(error) = request.send().await {
        tracing::warn!(bucket, object, error = %fault(&error), "an upload that failed could not be aborted; the bucket's lifecycle must");
    }
}
