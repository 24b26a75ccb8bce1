//! `tms audit verify`.

use std::{fmt::Write as _, process::ExitCode};

use serde_json::json;
use tms_core::audit::{ChainHash, verify::Verification};

use crate::{
    config::Config,
    output::Output,
    wire_up::{self, explain},
};

/// Walks the whole trail; fails when something is not as it was written.
pub async fn verify(config: &Config, expected: Option<ChainHash>, output: Output) -> anyhow::Result<ExitCode> {
    let tms = wire_up::for_command(config).await?;
    let seen = tms.audit().verify(&tms.system_ctx(), expected).await.map_err(explain)?;
    let finding = seen.finding.as_ref().map(|finding| {
        json!({
            "kind": finding.kind.as_str(),
            "place": finding.place,
            "id": finding.entry,
            "other_id": finding.other,
            "message": finding.to_string(),
        })
    });
    let document = json!({
        "ok": seen.is_intact(),
        "sealed": seen.sealed,
        "unsealed": seen.unsealed,
        "oldest_unsealed": seen.oldest_unsealed.map(|at| at.to_string()),
        "adopted": seen.adopted,
        "older_key": seen.older_key,
        "dropped_to": seen.dropped_to,
        "head": { "place": seen.head.place, "hash": seen.head.hash.to_string() },
        "finding": finding,
    });
    output.result(&document, text(&seen));
    Ok(if seen.is_intact() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn text(seen: &Verification) -> String {
    let mut text = match &seen.finding {
        Some(finding) => format!("FOUND  {finding}\nbefore it: {} entries in the chain", seen.sealed),
        None => format!("ok     {} entries in the chain", seen.sealed),
    };
    // Writing to a string can't fail.
    let _ = match seen.oldest_unsealed {
        Some(oldest) => write!(text, ", {} not linked yet (the oldest of {oldest})", seen.unsealed),
        None => write!(text, ", {} not linked yet", seen.unsealed),
    };
    if seen.dropped_to > 0 {
        let _ = write!(text, "\nretention has dropped the first {}", seen.dropped_to);
    }
    if seen.adopted > 0 {
        let _ = write!(text, "\nthe first {} are older than the chain", seen.adopted);
    }
    let _ = write!(text, "\nhead   {} at place {}", seen.head.hash, seen.head.place);
    text
}
