//! What the console's pages load, in a bucket.

use anyhow::Context;
use bytes::Bytes;
use tms_aws::static_files::{StaticFile, put_list, upload_missing};
use tms_core::blob::BlobPrefix;
use tms_http::{Asset, assets};

use super::with_aws::aws;
use crate::config::Config;

/// Uploads those assets that `bucket` lacks below `prefix`, then the list of all of them, given by name and text;
/// returns the names of the assets that were missing.
pub async fn collect_statics(
    config: &Config,
    bucket: &str,
    prefix: &BlobPrefix,
    (name, text): (&str, &str),
) -> anyhow::Result<Vec<String>> {
    let aws = aws(config).await?;
    let file = |asset: &Asset| -> anyhow::Result<StaticFile> {
        Ok(StaticFile {
            path: asset.hashed_name.parse()?,
            content_type: asset.content_type.to_owned(),
            bytes: Bytes::from_static(asset.bytes),
        })
    };
    let files = assets().iter().map(file).collect::<anyhow::Result<Vec<_>>>()?;
    let said = || format!("writing to s3://{bucket}/{}", prefix.as_str());
    let done = upload_missing(&aws, bucket, prefix, &files).await.with_context(said)?;
    let list = StaticFile {
        path: name.parse()?,
        content_type: "application/json".to_owned(),
        bytes: Bytes::copy_from_slice(text.as_bytes()),
    };
    // Last: whoever reads it finds all that it names.
    put_list(&aws, bucket, prefix, &list).await.with_context(said)?;
    Ok(done.uploaded.iter().map(ToString::to_string).collect())
}
