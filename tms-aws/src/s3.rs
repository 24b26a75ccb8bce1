//! Blobs in a bucket of S3, or of what speaks like it.

mod upload;

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_s3::{Client, presigning::PresigningConfig, primitives::ByteStream};
use futures::{StreamExt, stream};
use tms_core::{
    blob::{
        BlobContent, BlobDigest, BlobError, BlobInfo, BlobKey, BlobPrefix, BlobRange, BlobStore, BlobStream, Existing,
    },
    secret::Secret,
};

use crate::{
    client::Aws,
    error::{AwsFault, FaultKind, fault},
};
use upload::Put;

/// S3 signs addresses for seven days at most.
const LONGEST: Duration = Duration::from_secs(7 * 86_400);

/// Blobs in a bucket, below a prefix.
#[derive(Debug, Clone)]
pub struct S3Blobs {
    client: Client,
    bucket: String,
    prefix: BlobPrefix,
}

impl S3Blobs {
    /// Uses what is in `bucket` below `prefix`.
    pub fn new(aws: &Aws, bucket: impl Into<String>, prefix: BlobPrefix) -> Self {
        Self {
            client: client(aws),
            bucket: bucket.into(),
            prefix,
        }
    }

    /// Returns how S3 spells a key.
    fn full(&self, key: &BlobKey) -> String {
        format!("{}{key}", self.prefix.as_str())
    }

    /// Returns the key of an object; `None` for what was not put here as a blob.
    fn own(&self, object: &str) -> Option<BlobKey> {
        object.strip_prefix(self.prefix.as_str())?.parse().ok()
    }

    async fn get_fault(&self, key: &BlobKey, fault: AwsFault) -> BlobError {
        // A range beyond the end of what is not there is of what is not there.
        if fault.text.starts_with("InvalidRange") || fault.text == "status 416" {
            return match self.head(key).await {
                Ok(None) => BlobError::Missing(key.clone()),
                Ok(Some(_)) => BlobError::Range(key.clone()),
                Err(error) => error,
            };
        }
        blob_error(key, fault)
    }
}

pub(crate) fn client(aws: &Aws) -> Client {
    let config = aws_sdk_s3::config::Builder::from(&aws.config)
        .force_path_style(aws.is_path_style)
        .build();
    Client::from_conf(config)
}

/// Sorts a refusal that is about one blob.
fn blob_error(key: &BlobKey, fault: AwsFault) -> BlobError {
    match fault.kind {
        // A bucket that is not there is no empty one.
        FaultKind::Missing if !fault.text.starts_with("NoSuchBucket") => BlobError::Missing(key.clone()),
        FaultKind::Exists => BlobError::Exists(key.clone()),
        FaultKind::Denied => BlobError::Denied(fault.into()),
        _ => BlobError::Unavailable(fault.into()),
    }
}

fn length(of: Option<i64>) -> u64 {
    of.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(0)
}

/// Reads the length of the whole from `bytes 0-4/5`.
fn whole(content_range: &str) -> Option<u64> {
    content_range.rsplit_once('/')?.1.parse().ok()
}

fn parts(body: ByteStream) -> BlobStream {
    stream::try_unfold(body, |mut body| async move {
        match body.next().await {
            None => Ok(None),
            Some(Ok(part)) => Ok(Some((part, body))),
            Some(Err(error)) => Err(BlobError::Unavailable(error.into())),
        }
    })
    .boxed()
}

#[async_trait]
impl BlobStore for S3Blobs {
    async fn put(
        &self,
        key: &BlobKey,
        content: BlobStream,
        expected: BlobDigest,
        existing: Existing,
    ) -> Result<BlobInfo, BlobError> {
        let put = Put {
            client: &self.client,
            bucket: &self.bucket,
            object: self.full(key),
            key,
            expected,
            existing,
            mark: upload::mark()?,
        };
        put.run(content).await?;
        Ok(BlobInfo {
            key: key.clone(),
            bytes: expected.bytes,
        })
    }

    async fn get(&self, key: &BlobKey, range: Option<BlobRange>) -> Result<BlobContent, BlobError> {
        let mut request = self.client.get_object().bucket(&self.bucket).key(self.full(key));
        if let Some(range) = range {
            if range.last < range.first {
                // S3 would answer the whole.
                let found = self.head(key).await?;
                return Err(found.map_or_else(|| BlobError::Missing(key.clone()), |_| BlobError::Range(key.clone())));
            }
            let most = i64::MAX.unsigned_abs();
            request = request.range(format!("bytes={}-{}", range.first.min(most), range.last.min(most)));
        }
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => return Err(self.get_fault(key, fault(&error)).await),
        };
        let bytes = match answer.content_range().and_then(whole) {
            Some(bytes) => bytes,
            None => length(answer.content_length()),
        };
        Ok(BlobContent {
            info: BlobInfo {
                key: key.clone(),
                bytes,
            },
            stream: parts(answer.body),
        })
    }

    async fn head(&self, key: &BlobKey) -> Result<Option<BlobInfo>, BlobError> {
        let request = self.client.head_object().bucket(&self.bucket).key(self.full(key));
        match request.send().await {
            Ok(answer) => Ok(Some(BlobInfo {
                key: key.clone(),
                bytes: length(answer.content_length()),
            })),
            Err(error) => match blob_error(key, fault(&error)) {
                BlobError::Missing(_) => Ok(None),
                error => Err(error),
            },
        }
    }

    async fn delete(&self, key: &BlobKey) -> Result<(), BlobError> {
        let request = self.client.delete_object().bucket(&self.bucket).key(self.full(key));
        match request.send().await.map_err(|error| blob_error(key, fault(&error))) {
            Err(BlobError::Missing(_)) => Ok(()),
            outcome => outcome.map(drop),
        }
    }

    async fn list(&self, prefix: &BlobPrefix, after: Option<BlobKey>, limit: u32) -> Result<Vec<BlobInfo>, BlobError> {
        let limit = usize::try_from(limit.clamp(1, 1_000)).unwrap_or(1_000);
        let (mut found, mut token) = (Vec::new(), None);
        loop {
            let request = self.client.list_objects_v2().bucket(&self.bucket);
            let request = request
                .prefix(format!("{}{}", self.prefix.as_str(), prefix.as_str()))
                .set_start_after(after.as_ref().map(|after| self.full(after)))
                .set_continuation_token(token)
                .max_keys(i32::try_from(limit - found.len()).unwrap_or(1_000));
            let answer = request.send().await.map_err(|error| list_error(fault(&error)))?;
            let blobs = answer.contents().iter().filter_map(|object| {
                let key = self.own(object.key()?)?;
                let bytes = length(object.size());
                Some(BlobInfo { key, bytes })
            });
            found.extend(blobs);
            token = answer.next_continuation_token().map(str::to_owned);
            // What is no blob leaves room on a page, and is no end of the list.
            if found.len() >= limit || token.is_none() {
                return Ok(found);
            }
        }
    }

    async fn download_url(&self, key: &BlobKey, valid_for: Duration) -> Result<Option<Secret<String>>, BlobError> {
        let valid_for = valid_for.clamp(Duration::from_secs(1), LONGEST);
        let signing = PresigningConfig::expires_in(valid_for).map_err(|error| BlobError::Unavailable(error.into()))?;
        let request = self.client.get_object().bucket(&self.bucket).key(self.full(key));
        let signed = request.presigned(signing).await;
        let signed = signed.map_err(|error| blob_error(key, fault(&error)))?;
        Ok(Some(Secret::new(signed.uri().to_owned())))
    }
}

fn list_error(fault: AwsFault) -> BlobError {
    match fault.kind {
        FaultKind::Denied => BlobError::Denied(fault.into()),
        _ => BlobError::Unavailable(fault.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_the_whole_is_read() {
        assert_eq!(whole("bytes 0-4/500"), Some(500));
        assert_eq!(whole("bytes */0"), Some(0));
        assert_eq!(whole("bytes 0-4/*"), None);
        assert_eq!(whole(""), None);
    }
}
