//! Logs in CloudWatch. The sink takes the lines of a log, and never waits; a task of its own sends them in batches. While
//! AWS is away lines wait; what finds no room is dropped and counted.

mod batch;
mod ship;

use std::{
    fmt,
    io::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use tms_core::time::Clock;
use tokio::sync::mpsc;
use tracing_subscriber::fmt::MakeWriter;

use batch::{Line, MOST_LINE};
pub use ship::LogShipper;

/// How many lines wait between the log and the sender, and how many bytes.
const MOST_QUEUED: usize = 10_000;
const MOST_QUEUED_BYTES: usize = 8 << 20;

/// Where lines go in CloudWatch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogDestination {
    /// The group, such as `tms-application`.
    pub group: String,
    /// The stream: of this process alone.
    pub stream: String,
}

/// What became of lines since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LogCounts {
    /// Those that CloudWatch took.
    pub sent: u64,
    /// Those that found no room here.
    pub dropped: u64,
    /// Those that CloudWatch refused, such as for their age.
    pub rejected: u64,
}

#[derive(Debug, Default)]
struct Counters {
    sent: AtomicU64,
    dropped: AtomicU64,
    rejected: AtomicU64,
    /// The bytes of the lines in the queue.
    queued_bytes: AtomicUsize,
}

impl Counters {
    fn add(counter: &AtomicU64, count: usize) {
        counter.fetch_add(u64::try_from(count).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

/// Takes lines: a writer for the layers of `tracing_subscriber::fmt`, each of whose events becomes one line. Cheap to
/// clone.
#[derive(Clone)]
pub struct LogSink {
    lines: mpsc::Sender<Line>,
    counters: Arc<Counters>,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for LogSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogSink")
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}

/// Makes a sink and what sends its lines.
pub fn channel(clock: Arc<dyn Clock>) -> (LogSink, LogShipper) {
    let (lines, queue) = mpsc::channel(MOST_QUEUED);
    let counters = Arc::new(Counters::default());
    let sink = LogSink {
        lines,
        counters: Arc::clone(&counters),
        clock,
    };
    (sink, LogShipper::new(queue, counters))
}

/// Tells whether events of this target may go to CloudWatch: those about sending would make more of themselves.
pub fn is_shipped(target: &str) -> bool {
    let own = ["aws_", "hyper", "h2", "rustls", "tms_aws::cloudwatch_logs"];
    !own.iter().any(|own| target.starts_with(own))
}

impl LogSink {
    /// Takes a line as of now. One that is too long is cut.
    pub fn push(&self, text: &str) {
        let text = text.trim_end();
        if text.is_empty() {
            return;
        }
        let mut end = text.len().min(MOST_LINE);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let text = text.get(..end).unwrap_or_default().to_owned();
        let bytes = text.len();
        let at_ms = self.clock.now().as_micros().div_euclid(1_000);
        let queued = self.counters.queued_bytes.fetch_add(bytes, Ordering::Relaxed);
        let has_room = queued + bytes <= MOST_QUEUED_BYTES;
        if !has_room || self.lines.try_send(Line { at_ms, text }).is_err() {
            self.counters.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
            Counters::add(&self.counters.dropped, 1);
        }
    }

    /// Returns what became of lines since the start.
    pub fn counts(&self) -> LogCounts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        LogCounts {
            sent: read(&self.counters.sent),
            dropped: read(&self.counters.dropped),
            rejected: read(&self.counters.rejected),
        }
    }
}

/// Gathers what is written of one event.
#[derive(Debug)]
pub struct LineWriter<'a> {
    sink: &'a LogSink,
    written: Vec<u8>,
}

impl Write for LineWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.written.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for LineWriter<'_> {
    fn drop(&mut self) {
        self.sink.push(&String::from_utf8_lossy(&self.written));
    }
}

impl<'a> MakeWriter<'a> for LogSink {
    type Writer = LineWriter<'a>;

    fn make_writer(&'a self) -> Self::Writer {
        LineWriter {
            sink: self,
            written: Vec::new(),
        }
    }
}
