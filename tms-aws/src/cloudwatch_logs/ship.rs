//! Sending lines.

use std::{
    pin::pin,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use aws_sdk_cloudwatchlogs::{
    Client,
    types::{InputLogEvent, RejectedLogEventsInfo},
};
use tokio::{sync::mpsc, time::Instant};

use super::{
    Counters, LogDestination,
    batch::{Line, Pending},
};
use crate::{
    client::Aws,
    error::{AwsFault, FaultKind, fault},
};

/// How long lines gather before they are sent.
const GATHER: Duration = Duration::from_secs(2);
/// How long the sender rests after a failure: this, doubled with each one, up to the other.
const REST: Duration = Duration::from_secs(1);
const LONGEST_REST: Duration = Duration::from_secs(30);
/// How long the end of the program may wait for the last lines.
const FAREWELL: Duration = Duration::from_secs(3);

/// Sends the lines of a sink.
#[derive(Debug)]
pub struct LogShipper {
    queue: mpsc::Receiver<Line>,
    counters: Arc<Counters>,
    pending: Pending,
}

impl LogShipper {
    pub(super) fn new(queue: mpsc::Receiver<Line>, counters: Arc<Counters>) -> Self {
        Self {
            queue,
            counters,
            pending: Pending::default(),
        }
    }

    /// Sends until `stop` resolves, then what is left, if it goes quickly.
    pub async fn run(mut self, aws: &Aws, to: &LogDestination, stop: impl Future<Output = ()>) {
        let client = Client::new(&aws.config);
        let mut stop = pin!(stop);
        let mut rest = REST;
        loop {
            if !self.pending.is_full() {
                tokio::select! {
                    more = self.gather() => if !more { break },
                    () = &mut stop => break,
                }
            }
            let sent = tokio::select! {
                sent = send_next(&client, to, &mut self.pending, &self.counters) => sent,
                // The batch that was under way is still there, and is sent again below.
                () = &mut stop => break,
            };
            match sent {
                Ok(()) => rest = REST,
                Err(fault) => {
                    tracing::warn!(error = %fault, group = to.group, "lines of the log wait for CloudWatch");
                    tokio::select! {
                        () = tokio::time::sleep(rest) => {}
                        () = &mut stop => break,
                    }
                    rest = (2 * rest).min(LONGEST_REST);
                }
            }
        }
        let _ = tokio::time::timeout(FAREWELL, self.finish(&client, to)).await;
        Counters::add(&self.counters.dropped, self.pending.len() + self.queue.len());
    }

    /// Takes lines until there is enough for a batch, or the first one has waited long enough; false when the sink is
    /// gone and nothing is left.
    async fn gather(&mut self) -> bool {
        if self.pending.is_empty() {
            match self.queue.recv().await {
                Some(line) => self.take(line),
                None => return false,
            }
        }
        let until = Instant::now() + GATHER;
        while !self.pending.is_full() {
            match tokio::time::timeout_at(until, self.queue.recv()).await {
                Ok(Some(line)) => self.take(line),
                Ok(None) | Err(_) => break,
            }
        }
        true
    }

    fn take(&mut self, line: Line) {
        self.counters.queued_bytes.fetch_sub(line.text.len(), Ordering::Relaxed);
        self.pending.push(line);
    }

    async fn finish(&mut self, client: &Client, to: &LogDestination) {
        while let Ok(line) = self.queue.try_recv() {
            self.take(line);
        }
        while !self.pending.is_empty() {
            if send_next(client, to, &mut self.pending, &self.counters).await.is_err() {
                return;
            }
        }
    }
}

/// Sends one batch, which stays until CloudWatch has dealt with it.
async fn send_next(
    client: &Client,
    to: &LogDestination,
    pending: &mut Pending,
    counters: &Counters,
) -> Result<(), AwsFault> {
    let batch = pending.next_batch();
    let count = batch.len();
    let sent = match send(client, to, batch).await {
        Err(fault) if fault.kind == FaultKind::Missing => match prepare(client, to).await {
            Ok(()) => send(client, to, batch).await,
            Err(fault) => Err(fault),
        },
        outcome => outcome,
    };
    match sent {
        Ok(rejected) => {
            Counters::add(&counters.sent, count.saturating_sub(rejected));
            Counters::add(&counters.rejected, rejected);
            pending.forget(count);
            Ok(())
        }
        Err(fault) if fault.kind == FaultKind::Refused => {
            // The same again would be refused again, and hold up all that follow.
            Counters::add(&counters.rejected, count);
            pending.forget(count);
            Err(fault)
        }
        Err(fault) => Err(fault),
    }
}

/// Sends a batch; returns how many lines of it CloudWatch refused.
async fn send(client: &Client, to: &LogDestination, batch: &[Line]) -> Result<usize, AwsFault> {
    let event = |line: &Line| {
        InputLogEvent::builder()
            .timestamp(line.at_ms)
            .message(&line.text)
            .build()
    };
    let events = batch.iter().map(event).collect::<Result<Vec<_>, _>>();
    let events = events.map_err(|error| AwsFault::new(FaultKind::Refused, error.to_string()))?;
    let request = client
        .put_log_events()
        .log_group_name(&to.group)
        .log_stream_name(&to.stream);
    match request.set_log_events(Some(events)).send().await {
        Ok(answer) => Ok(answer
            .rejected_log_events_info()
            .map_or(0, |info| rejected(info, batch.len()))),
        Err(error) => match fault(&error) {
            // The answer to the try before was lost.
            fault if fault.text.starts_with("DataAlreadyAcceptedException") => Ok(0),
            fault => Err(fault),
        },
    }
}

/// Counts what was refused at both ends of a batch: indexes of the first line that is new enough, and of the first one
/// that is too new.
fn rejected(info: &RejectedLogEventsInfo, lines: usize) -> usize {
    let index = |of: Option<i32>| of.and_then(|index| usize::try_from(index).ok());
    let old = index(info.too_old_log_event_end_index()).max(index(info.expired_log_event_end_index()));
    let new = index(info.too_new_log_event_start_index()).unwrap_or(lines);
    lines.min(old.unwrap_or(0) + lines.saturating_sub(new))
}

/// Makes the stream, and the group where that is allowed: usually it is there with how long it is kept.
async fn prepare(client: &Client, to: &LogDestination) -> Result<(), AwsFault> {
    let make_stream = || async {
        let request = client
            .create_log_stream()
            .log_group_name(&to.group)
            .log_stream_name(&to.stream);
        done(request.send().await.map(drop).map_err(|error| fault(&error)))
    };
    match make_stream().await {
        Err(missing) if missing.kind == FaultKind::Missing => {
            let request = client.create_log_group().log_group_name(&to.group);
            let made = done(request.send().await.map(drop).map_err(|error| fault(&error)));
            made.map_err(|fault| AwsFault::new(fault.kind, format!("there is no log group {}: {fault}", to.group)))?;
            make_stream().await
        }
        outcome => outcome,
    }
}

/// Another process may have been quicker.
fn done(outcome: Result<(), AwsFault>) -> Result<(), AwsFault> {
    outcome.or_else(|fault| {
        if fault.kind == FaultKind::Exists {
            Ok(())
        } else {
            Err(fault)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_refused_at_both_ends_is_counted() {
        let info = |old, expired, new| {
            RejectedLogEventsInfo::builder()
                .set_too_old_log_event_end_index(old)
                .set_expired_log_event_end_index(expired)
                .set_too_new_log_event_start_index(new)
                .build()
        };
        assert_eq!(rejected(&info(None, None, None), 10), 0);
        assert_eq!(rejected(&info(Some(2), None, None), 10), 2);
        assert_eq!(rejected(&info(Some(2), Some(3), Some(9)), 10), 4);
        assert_eq!(rejected(&info(Some(10), None, Some(0)), 10), 10);
    }
}
