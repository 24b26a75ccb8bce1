//! Lines on their way to a thread that writes them: whoever logs never waits.

use std::{
    io::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    time::Duration,
};

use tracing_subscriber::fmt::MakeWriter;

/// How long the end of the process waits for lines that are not written yet.
const FAREWELL: Duration = Duration::from_secs(1);

/// What the thread is told.
enum Message {
    Line(Vec<u8>),
    /// Look whether it is time to end.
    Wake,
}

/// The place where lines wait; cheap to clone.
#[derive(Debug, Clone)]
pub struct Queue {
    lines: SyncSender<Message>,
    lost: Lost,
}

/// How many lines found no room, or could not be written.
#[derive(Debug, Clone, Default)]
pub struct Lost(Arc<AtomicU64>);

/// Keeps the thread; dropped, it writes what still waits.
#[derive(Debug)]
pub struct Farewell {
    lines: SyncSender<Message>,
    ends: Arc<AtomicBool>,
    /// Closed by the end of the thread.
    ended: Receiver<()>,
}

impl Lost {
    /// Returns their number.
    pub fn lines(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Queue {
    /// Starts a thread that writes to `to`; at most `room` lines wait for it.
    pub fn start(name: &str, to: impl Write + Send + 'static, room: usize) -> io::Result<(Self, Farewell)> {
        let ((lines, waiting), (end, ended)) = (sync_channel(room), sync_channel(0));
        let (lost, ends) = (Lost::default(), Arc::new(AtomicBool::new(false)));
        let (counted, told) = (lost.clone(), Arc::clone(&ends));
        std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            let _end: SyncSender<()> = end;
            write_all(&waiting, to, &counted, &told);
        })?;
        let farewell = Farewell {
            lines: lines.clone(),
            ends,
            ended,
        };
        Ok((Self { lines, lost }, farewell))
    }

    /// Returns the counter of lines that were lost.
    pub fn lost(&self) -> Lost {
        self.lost.clone()
    }
}

fn write_all(waiting: &Receiver<Message>, mut to: impl Write, lost: &Lost, ends: &AtomicBool) {
    while let Ok(first) = waiting.recv() {
        // What came meanwhile goes out with it.
        for message in std::iter::once(first).chain(waiting.try_iter()) {
            if let Message::Line(line) = message
                && to.write_all(&line).is_err()
            {
                lost.add();
            }
        }
        let _ = to.flush();
        if ends.load(Ordering::Acquire) {
            return;
        }
    }
}

impl Write for Queue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.lines.try_send(Message::Line(line.to_vec())).is_err() {
            self.lost.add();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Queue {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

impl Drop for Farewell {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Release);
        // With no room for this, the thread is awake anyway.
        let _ = self.lines.try_send(Message::Wake);
        // A thread that hangs in a pipe that nobody reads is left behind.
        let _ = self.ended.recv_timeout(FAREWELL);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};

    use super::*;

    /// Hands over each line, and waits before each until it is told to go on.
    struct Slow {
        written: Sender<Vec<u8>>,
        go: Receiver<()>,
    }

    impl Write for Slow {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            self.go.recv().map_err(io::Error::other)?;
            self.written.send(line.to_vec()).map_err(io::Error::other)?;
            Ok(line.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_slow_place_loses_lines_and_counts_them_and_nobody_waits() {
        let ((written, lines), (go_on, go)) = (channel(), channel());
        let (mut queue, farewell) = Queue::start("test", Slow { written, go }, 2).unwrap();
        for number in 0..10 {
            queue.write_all(format!("{number}").as_bytes()).unwrap();
        }
        // Two wait, and one may be in the hands of the thread.
        let lost = queue.lost().lines();
        assert!((7..=8).contains(&lost), "{lost}");
        (0..10).for_each(|_| go_on.send(()).unwrap());
        drop(farewell);
        let kept: Vec<_> = lines.try_iter().collect();
        assert_eq!(kept.len() as u64 + lost, 10);
        assert_eq!(kept[0], b"0");
    }

    #[test]
    fn what_cannot_be_written_is_counted() {
        struct Broken;
        impl Write for Broken {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::Error::other("broken"))
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let (mut queue, farewell) = Queue::start("test", Broken, 10).unwrap();
        queue.write_all(b"one").unwrap();
        drop(farewell);
        assert_eq!(queue.lost().lines(), 1);
    }
}
