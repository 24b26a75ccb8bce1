//! What is looked at on the machine: room on disks, backups, files, limits.

use std::{os::unix::fs::PermissionsExt, path::Path, time::Duration};

use rustix::process::{Resource, getrlimit};
use tms_core::time::{Clock, SystemClock, Timestamp};

use super::finding::Finding;
use crate::{
    config::{Config, Location},
    wire_up::backups::depot,
};

/// The least free room on the disk, in MiB, and how much there should be.
const LEAST_FREE_MIB: u64 = 512;
const GOOD_FREE_MIB: u64 = 5_120;
/// How old the newest backup may be.
const FRESH: Duration = Duration::from_secs(26 * 3_600);
const NIGHTLY: &str = "let `tms backup` run each night";
/// Files that a process needs beside its connections.
const OTHER_FILES: u64 = 256;

/// Looks whether the data folder has room.
pub fn disk(folder: &Path) -> Finding {
    match free_mib(folder) {
        Ok(free) if free < LEAST_FREE_MIB => {
            let text = format!("only {free} MiB are free below {}", folder.display());
            Finding::fault("disk", text, "make room")
        }
        Ok(_) => Finding::ok("disk"),
        Err(error) => Finding::fault("disk", format!("{}: {error}", folder.display()), ""),
    }
}

/// Looks whether backups are made; who has other backups needs none of ours.
pub async fn backups(config: &Config) -> Finding {
    let newest = match depot(config).await {
        Ok(depot) => depot.find(None).await.map_err(anyhow::Error::new),
        Err(error) => Err(error),
    };
    match newest {
        Err(error) => Finding::better("backups", format!("{error:#}"), NIGHTLY),
        Ok(manifest) => match manifest.created_at.parse::<Timestamp>() {
            Ok(at) if SystemClock.now().since(at) < FRESH => Finding::ok("backups"),
            _ => Finding::better("backups", format!("the newest is of {}", manifest.created_at), NIGHTLY),
        },
    }
}

/// Looks at what only matters in production.
pub fn strictly(config: &Config) -> Vec<Finding> {
    vec![
        room(config),
        encryption(config),
        connections(config),
        rights(),
        env_file(),
        set_up(config),
    ]
}

fn room(config: &Config) -> Finding {
    let backups = match &config.backup.place {
        Location::Folder(folder) => Some(folder.as_path()),
        Location::S3 { .. } => None,
    };
    let folders = [Some(config.data_dir.as_path()), config.log_dir.as_deref(), backups];
    for folder in folders.into_iter().flatten() {
        match free_mib(folder) {
            Ok(free) if free < GOOD_FREE_MIB => {
                let text = format!("{free} MiB are free below {}", folder.display());
                return Finding::better(
                    "room",
                    text,
                    format!("have {GOOD_FREE_MIB} MiB, and an alarm before that"),
                );
            }
            Ok(_) => {}
            Err(error) => return Finding::fault("room", format!("{}: {error}", folder.display()), ""),
        }
    }
    Finding::ok("room")
}

fn encryption(config: &Config) -> Finding {
    if config.backup.recipient.is_some() {
        return Finding::ok("backup encryption");
    }
    let fix = "make a key with `age-keygen`, keep it elsewhere, and set TMS_BACKUP_PUBLIC_KEY";
    Finding::better("backup encryption", "backups are not encrypted", fix)
}

fn connections(config: &Config) -> Finding {
    let needed = u64::try_from(config.max_connections)
        .unwrap_or(u64::MAX)
        .saturating_add(OTHER_FILES);
    match getrlimit(Resource::Nofile).current {
        Some(limit) if limit < needed => Finding::fault(
            "open files",
            format!(
                "this process may open {limit} files, and {} connections need {needed}",
                config.max_connections
            ),
            "raise LimitNOFILE of the unit (`ulimit -n`), or lower TMS_MAX_CONNECTIONS",
        ),
        _ => Finding::ok("open files"),
    }
}

fn rights() -> Finding {
    if rustix::process::geteuid().is_root() {
        let fix = "run the server, and this check, as a user of its own (deploy/systemd/tms.service)";
        Finding::better("user", "this runs as root", fix)
    } else {
        Finding::ok("user")
    }
}

fn env_file() -> Finding {
    private("environment file", Path::new(".env"))
}

/// Looks whether others can read a file that may have secrets.
pub fn private(name: &'static str, path: &Path) -> Finding {
    match std::fs::metadata(path) {
        Ok(file) if file.permissions().mode() & 0o077 != 0 => {
            let text = format!("others can read {}", path.display());
            Finding::fault(name, text, format!("chmod 600 {}", path.display()))
        }
        _ => Finding::ok(name),
    }
}

/// The file with the first password should be gone: its reader has chosen another by then.
fn set_up(config: &Config) -> Finding {
    let path = config.data_dir.join(crate::command::serve::SETUP_FILE);
    if path.exists() {
        let text = format!("the first password still stands in {}", path.display());
        Finding::fault("set-up secret", text, "choose another password, then delete the file")
    } else {
        Finding::ok("set-up secret")
    }
}

fn free_mib(folder: &Path) -> rustix::io::Result<u64> {
    let existing = folder.ancestors().find(|path| path.exists()).unwrap_or(Path::new("."));
    let existing = if existing.as_os_str().is_empty() {
        Path::new(".")
    } else {
        existing
    };
    let room = rustix::fs::statvfs(existing)?;
    Ok(room.f_bavail.saturating_mul(room.f_frsize) / (1 << 20))
}
