//! `tms collect-static`: puts what the console's pages load where a proxy or a bucket can serve it.

use std::{io::Write, path::Path, process::ExitCode};

use anyhow::Context;
use serde_json::{Value, json};
use tms_core::blob::BlobPrefix;
use tms_http::{ASSET_CACHING, Asset, assets};

use crate::{
    cloud,
    config::{Config, Location},
    output::Output,
};

/// The list of what there is: which name in the source has which name on the wire.
const MANIFEST: &str = "manifest.json";
/// Where the files are in the data folder, and in the bucket of `S3_BUCKET`.
const USUAL: &str = "static";

/// Writes what is missing; what former releases left stays, since their pages may still be open.
pub async fn run(config: &Config, to: Option<&str>, output: Output) -> anyhow::Result<ExitCode> {
    let place = place(config, to)?;
    let manifest = manifest();
    let list = format!("{manifest:#}\n");
    let written = match &place {
        Location::Folder(folder) => collect(folder, &list)?,
        Location::S3 { bucket, prefix } => cloud::collect_statics(config, bucket, prefix, (MANIFEST, &list)).await?,
    };
    let text = format!("{place}: {} files, {} of them new", assets().len(), written.len());
    output.result(
        &json!({ "to": place.to_string(), "files": assets().len(), "written": written, "manifest": manifest }),
        text,
    );
    Ok(ExitCode::SUCCESS)
}

fn place(config: &Config, to: Option<&str>) -> anyhow::Result<Location> {
    match (to, &config.cloud.bucket) {
        (Some(to), _) => Location::parse(to).map_err(|wrong| anyhow::anyhow!("--to {to}: {wrong}")),
        (None, Some(bucket)) => Ok(Location::S3 {
            bucket: bucket.clone(),
            prefix: BlobPrefix::new(USUAL)?,
        }),
        (None, None) => Ok(Location::Folder(config.data_dir.join(USUAL))),
    }
}

fn manifest() -> Value {
    let shown = |asset: &Asset| {
        let file = json!({
            "file": asset.hashed_name, "content_type": asset.content_type, "bytes": asset.bytes.len(),
            "cache_control": ASSET_CACHING,
        });
        (asset.name.to_owned(), file)
    };
    Value::Object(assets().iter().map(shown).collect())
}

/// Writes to a folder; returns the names of the assets that were missing.
fn collect(folder: &Path, list: &str) -> anyhow::Result<Vec<String>> {
    std::fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    let mut written = Vec::new();
    for asset in assets() {
        if write_missing(folder, &asset.hashed_name, asset.bytes)? {
            written.push(asset.hashed_name.clone());
        }
    }
    // Last: whoever reads it finds all that it names.
    write_missing(folder, MANIFEST, list.as_bytes())?;
    Ok(written)
}

/// Writes a file unless it is there as it should be; returns whether it was written.
fn write_missing(folder: &Path, name: &str, bytes: &[u8]) -> anyhow::Result<bool> {
    let path = folder.join(name);
    if std::fs::read(&path).is_ok_and(|there| there == bytes) {
        return Ok(false);
    }
    let named = || format!("writing {}", path.display());
    let mut file = tempfile::NamedTempFile::new_in(folder).with_context(named)?;
    file.write_all(bytes).with_context(named)?;
    // Proxies run as somebody else.
    let readable = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    file.as_file().set_permissions(readable).with_context(named)?;
    file.persist(&path).with_context(named)?;
    Ok(true)
}
