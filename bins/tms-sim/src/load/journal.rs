//! A file to which acknowledgements are appended while a load runs, so that they can be verified later, even after this
//! program or the machine was killed.
//!
//! One line per fact: `run BOOT BASE`, `a TERMINAL SEQ` acknowledged, `f TERMINAL SEQ` sent and not acknowledged,
//! `l TERMINAL FIRST COUNT` log lines acknowledged, `m TERMINAL FIRST COUNT` log lines not acknowledged, `end`.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use crate::{error::SimError, verify::ledger::Ledger};

/// A fact worth remembering.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A run begins.
    Run {
        /// Its boot.
        boot: String,
        /// Its first counter.
        base: i64,
    },
    /// Heartbeats.
    Beat {
        /// Whose.
        terminal: i64,
        /// Which.
        seq: i64,
        /// Whether the server acknowledged it.
        is_acknowledged: bool,
    },
    /// Log lines.
    Lines {
        /// Whose.
        terminal: i64,
        /// The first.
        first: i64,
        /// How many.
        count: u32,
        /// Whether the server acknowledged them.
        is_acknowledged: bool,
    },
    /// The run has come to its end.
    End,
}

impl Entry {
    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        match self {
            Self::Run { boot, base } => writeln!(out, "\nrun {boot} {base}"),
            Self::Beat {
                terminal,
                seq,
                is_acknowledged,
            } => writeln!(out, "{} {terminal} {seq}", if *is_acknowledged { 'a' } else { 'f' }),
            Self::Lines {
                terminal,
                first,
                count,
                is_acknowledged,
            } => {
                let kind = if *is_acknowledged { 'l' } else { 'm' };
                writeln!(out, "{kind} {terminal} {first} {count}")
            }
            Self::End => writeln!(out, "end"),
        }
    }

    fn parse(line: &str) -> Option<Self> {
        let words: Vec<&str> = line.split(' ').collect();
        Some(match *words.as_slice() {
            ["run", boot, base] => Self::Run {
                boot: boot.to_owned(),
                base: base.parse().ok()?,
            },
            [kind @ ("a" | "f"), terminal, seq] => Self::Beat {
                terminal: terminal.parse().ok()?,
                seq: seq.parse().ok()?,
                is_acknowledged: kind == "a",
            },
            [kind @ ("l" | "m"), terminal, first, count] => Self::Lines {
                terminal: terminal.parse().ok()?,
                first: first.parse().ok()?,
                count: count.parse().ok()?,
                is_acknowledged: kind == "l",
            },
            ["end"] => Self::End,
            _ => return None,
        })
    }
}

/// Appends to the file; shared by all workers.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    out: Mutex<BufWriter<File>>,
    fault: Mutex<Option<io::Error>>,
}

impl Journal {
    /// Opens the file, behind what earlier runs have written.
    pub fn open(path: &Path) -> Result<Self, SimError> {
        let file = OpenOptions::new().create(true).append(true).open(path);
        Ok(Self {
            path: path.to_owned(),
            out: Mutex::new(BufWriter::with_capacity(1 << 16, file.map_err(SimError::file(path))?)),
            fault: Mutex::new(None),
        })
    }

    /// Appends a fact; a failure is kept and told by [`Self::flush`].
    pub fn note(&self, entry: &Entry) {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = entry.write(&mut *out) {
            let mut fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
            fault.get_or_insert(error);
        }
    }

    /// Hands what was noted to the operating system.
    pub fn flush(&self) -> Result<(), SimError> {
        let fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        match fault {
            Some(error) => Err(error),
            None => out.flush(),
        }
        .map_err(SimError::file(&self.path))
    }
}

/// Reads what the runs of a journal have sent.
pub fn read(path: &Path) -> Result<Ledger, SimError> {
    let text = std::fs::read_to_string(path).map_err(SimError::file(path))?;
    parse(&text).map_err(|line| SimError::Settings(format!("{}: line {line} can't be read", path.display())))
}

/// Reads a journal; the error is the number of the line that can't be read.
fn parse(text: &str) -> Result<Ledger, usize> {
    let mut ledger = Ledger::default();
    let (mut runs, mut ends, mut torn) = (0_u32, 0_u32, None);
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.is_empty()) {
        let entry = Entry::parse(line);
        // A line that a kill has cut off can only be the last of its run.
        if let Some(torn) = torn
            && !matches!(entry, Some(Entry::Run { .. }))
        {
            return Err(torn);
        }
        torn = None;
        match entry {
            None => torn = Some(number),
            Some(Entry::Run { boot, base }) => {
                runs += 1;
                ledger.last_boot = boot;
                ledger.last_base = base;
            }
            Some(Entry::End) => ends += 1,
            Some(entry) => take(&mut ledger, &entry),
        }
    }
    ledger.is_complete = runs == ends;
    Ok(ledger)
}

fn take(ledger: &mut Ledger, entry: &Entry) {
    match *entry {
        Entry::Beat {
            terminal,
            seq,
            is_acknowledged,
        } => {
            let account = ledger.accounts.entry(terminal).or_default();
            let numbers = if is_acknowledged {
                &mut account.beats
            } else {
                &mut account.unsure_beats
            };
            numbers.insert(seq);
        }
        Entry::Lines {
            terminal,
            first,
            count,
            is_acknowledged,
        } => {
            let account = ledger.accounts.entry(terminal).or_default();
            let numbers = if is_acknowledged {
                &mut account.lines
            } else {
                &mut account.unsure_lines
            };
            numbers.insert_run(first, count);
        }
        Entry::Run { .. } | Entry::End => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Vec<Entry> {
        let beat = |seq, is_acknowledged| Entry::Beat {
            terminal: 3,
            seq,
            is_acknowledged,
        };
        let lines = |first, is_acknowledged| Entry::Lines {
            terminal: 4,
            first,
            count: 2,
            is_acknowledged,
        };
        vec![
            beat(10, true),
            beat(11, false),
            beat(11, true),
            lines(5, true),
            lines(7, false),
        ]
    }

    #[test]
    fn what_is_noted_reads_back_over_several_runs() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        for base in [10, 20] {
            let journal = Journal::open(&path).unwrap();
            let boot = format!("b{base}");
            journal.note(&Entry::Run { boot, base });
            for fact in facts() {
                journal.note(&fact);
            }
            journal.note(&Entry::End);
            journal.flush().unwrap();
        }
        let ledger = read(&path).unwrap();
        assert!(ledger.is_complete);
        assert_eq!((ledger.last_boot.as_str(), ledger.last_base), ("b20", 20));
        assert_eq!(ledger.accounts[&3].beats.iter().collect::<Vec<_>>(), [10, 11]);
        assert_eq!(ledger.accounts[&3].unsure_beats.iter().collect::<Vec<_>>(), [11]);
        assert_eq!(ledger.accounts[&4].lines.iter().collect::<Vec<_>>(), [5, 6]);
        assert_eq!(ledger.accounts[&4].unsure_lines.iter().collect::<Vec<_>>(), [7, 8]);
    }

    #[test]
    fn a_line_torn_by_a_kill_is_forgiven_and_any_other_is_not() {
        let torn = parse("run b 1\na 3 10\na 3 1\nzz").unwrap();
        assert!(!torn.is_complete);
        let resumed = parse("run b 1\na 3 10\na 3\n\nrun c 2\na 3 11\nend\n").unwrap();
        assert!(!resumed.is_complete, "the first run never ended");
        assert_eq!(resumed.accounts[&3].beats.len(), 2);
        assert_eq!(parse("run b 1\na 3\na 3 10\n"), Err(2));
    }
}
