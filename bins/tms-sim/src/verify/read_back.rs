//! Reads what the server has of each terminal.

use std::{sync::Arc, time::Duration};

use futures::{StreamExt, stream};
use serde::{Deserialize, de::DeserializeOwned};
use tms_http::{
    client::{ClientError, OperatorClient, operator::Walk},
    wire::terminal::Terminal,
};

use super::{
    judge::{Claim, Finding},
    ledger::{Account, Ledger, event_number},
    ranges::Ranges,
};
use crate::{error::SimError, fleet::backoff::Backoff, rng::Rng};

/// How many terminals are read at a time.
const PARALLEL: usize = 16;
/// How often a request is tried while the server is away: more than a minute in all.
const TRIES: u32 = 40;

/// What was found of one terminal.
pub(super) struct OneTerminal {
    pub(super) beats: Finding,
    pub(super) lines: Finding,
    pub(super) wrong_state: Option<String>,
}

/// The only thing that matters of a heartbeat.
#[derive(Debug, Deserialize)]
struct SeqRow {
    seq: Option<i64>,
}

/// The only thing that matters of a log line.
#[derive(Debug, Deserialize)]
struct EventRow {
    event_id: String,
}

/// Compares every terminal of a ledger.
pub(super) async fn each(
    operator: &OperatorClient,
    ledger: Ledger,
    mut found: impl FnMut(OneTerminal),
) -> Result<(), SimError> {
    let run = Arc::new(Run {
        boot: ledger.last_boot,
        base: ledger.last_base,
        is_complete: ledger.is_complete,
    });
    let mut comparisons = stream::iter(ledger.accounts)
        .map(|(terminal, account)| compare(operator, run.clone(), terminal, account))
        .buffer_unordered(PARALLEL);
    while let Some(one) = comparisons.next().await {
        found(one?);
    }
    Ok(())
}

struct Run {
    boot: String,
    base: i64,
    is_complete: bool,
}

async fn compare(
    operator: &OperatorClient,
    run: Arc<Run>,
    terminal: i64,
    account: Account,
) -> Result<OneTerminal, SimError> {
    let beats = Claim::of_heartbeats(terminal, &account, run.is_complete);
    let walk = operator.metrics_walk(terminal, None, None).as_rows();
    let beats = match beats.first() {
        Some(first) => settle(&beats, numbers(walk, first, |row: &SeqRow| row.seq).await?),
        None => Finding::default(),
    };
    let lines = Claim::of_lines(terminal, &account, run.is_complete);
    let walk = operator.logs_walk(terminal).as_rows();
    let number = |row: &EventRow| event_number(&row.event_id);
    let lines = match lines.first() {
        Some(first) => settle(&lines, numbers(walk, first, number).await?),
        None => Finding::default(),
    };
    let state = patiently(|| async {
        let found = operator.terminal(terminal).await;
        found
            .map(|tagged| tagged.value)
            .map_err(SimError::server("read a terminal"))
    })
    .await?;
    Ok(OneTerminal {
        beats,
        lines,
        wrong_state: wrong_state(&run, &account, &state),
    })
}

fn settle(claim: &Claim<'_>, stored: Vec<i64>) -> Finding {
    let mut finding = claim.judge(stored.clone());
    if finding.missing > 0 {
        let mut stored = stored;
        stored.sort_unstable();
        claim.name_missing(&stored.into_iter().collect::<Ranges>(), &mut finding);
    }
    finding
}

/// Reads the numbers from `first` on, newest rows first, until a whole page is older.
async fn numbers<T: DeserializeOwned>(
    mut walk: Walk<'_, T>,
    first: i64,
    number: impl Fn(&T) -> Option<i64>,
) -> Result<Vec<i64>, SimError> {
    let (mut numbers, mut tries) = (Vec::new(), Tries::default());
    loop {
        let page = match walk.next().await {
            Ok(Some(page)) => page,
            Ok(None) => return Ok(numbers),
            Err(error) => {
                tries.after(error, "read the history of a terminal").await?;
                continue;
            }
        };
        tries = Tries::default();
        // A row without a number of ours is an earlier one, or another program's.
        let before = numbers.len();
        numbers.extend(page.iter().filter_map(&number).filter(|n| *n >= first));
        if numbers.len() == before {
            return Ok(numbers);
        }
    }
}

fn wrong_state(run: &Run, account: &Account, state: &Terminal) -> Option<String> {
    let last = account.beats.last().filter(|last| *last >= run.base)?;
    let highest_sent = account.unsure_beats.last().max(Some(last)).unwrap_or(last);
    let highest = if run.is_complete { highest_sent } else { i64::MAX };
    let is_right = state.boot_id.as_deref() == Some(run.boot.as_str())
        && state.seq.is_some_and(|seq| (last..=highest).contains(&seq));
    (!is_right).then(|| {
        format!(
            "terminal {}: {last} of boot {} was acknowledged last, but its state is that of {:?} of boot {:?}",
            state.id, run.boot, state.seq, state.boot_id
        )
    })
}

/// Failures in a row while the server is away.
struct Tries {
    rng: Rng,
    backoff: Backoff,
    left: u32,
}

impl Default for Tries {
    fn default() -> Self {
        Self {
            rng: Rng::new(1),
            backoff: Backoff::new(Duration::from_millis(100), Duration::from_secs(3)),
            left: TRIES,
        }
    }
}

impl Tries {
    async fn after(&mut self, error: ClientError, doing: &'static str) -> Result<(), SimError> {
        if !error.is_transient() || self.left == 0 {
            return Err(SimError::server(doing)(error));
        }
        self.left -= 1;
        tokio::time::sleep(self.backoff.wait(error.retry_after(), &mut self.rng)).await;
        Ok(())
    }
}

/// Asks again while the server is away.
pub(super) async fn patiently<T, F: Future<Output = Result<T, SimError>>>(ask: impl Fn() -> F) -> Result<T, SimError> {
    let mut tries = Tries::default();
    loop {
        match ask().await {
            Err(SimError::Server { doing, source }) => tries.after(source, doing).await?,
            other => return other,
        }
    }
}
