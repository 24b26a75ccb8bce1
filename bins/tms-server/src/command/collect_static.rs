//! `tms collect-static`: puts what the console's pages load where a proxy or a bucket can serve it.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;
use serde_json::{Value, json};
use tms_http::{ASSET_CACHING, Asset, assets};

use crate::{config::Config, output::Output};

/// The list of what there is: which name in the source has which name on the wire.
const MANIFEST: &str = "manifest.json";

/// Writes what is missing; what former releases left stays, since their pages may still be open.
pub fn run(config: &Config, to: Option<PathBuf>, output: Output) -> anyhow::Result<ExitCode> {
    let folder = to.unwrap_or_else(|| config.data_dir.join("static"));
    if folder.starts_with("s3:") {
        anyhow::bail!("this command writes to folders; collect into one, then `aws s3 sync` it to the bucket");
    }
    std::fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    let mut written = Vec::new();
    for asset in assets() {
        if write_missing(&folder, &asset.hashed_name, asset.bytes)? {
            written.push(asset.hashed_name.as_str());
        }
    }
    let manifest = manifest();
    // Last: whoever reads it finds all that it names.
    write_missing(&folder, MANIFEST, format!("{manifest:#}\n").as_bytes())?;
    let text = format!(
        "{}: {} files, {} of them new",
        folder.display(),
        assets().len(),
        written.len()
    );
    output.result(
        &json!({ "to": folder, "files": assets().len(), "written": written, "manifest": manifest }),
        text,
    );
    Ok(ExitCode::SUCCESS)
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
