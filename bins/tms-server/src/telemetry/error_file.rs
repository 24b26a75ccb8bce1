//! The file with errors: it starts anew when it is full, and the former ones are numbered.

use std::{
    fs::File,
    io::{self, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use anyhow::Context;

/// How big a file gets.
pub const BYTES: u64 = 10_000_000;
/// How many former files there are beside the one that is written.
const FORMER: u32 = 9;
const NAME: &str = "tms-error.log";
/// Two processes that rotate the same files would overwrite each other's.
const LOCK: &str = "tms-error.lock";

/// Writes lines; comes back by itself when folder or disk do.
#[derive(Debug)]
pub struct ErrorFile {
    path: PathBuf,
    most: u64,
    file: File,
    _lock: File,
}

impl ErrorFile {
    /// Opens the file in `folder`, which is made if need be; it gets `most` bytes.
    ///
    /// # Errors
    /// When the folder can't be written, or another server writes there.
    pub fn open(folder: &Path, most: u64) -> anyhow::Result<Self> {
        let named = || format!("TMS_LOG_DIR: {}", folder.display());
        std::fs::create_dir_all(folder).with_context(named)?;
        let lock = File::create(folder.join(LOCK)).with_context(named)?;
        if lock.try_lock().is_err() {
            anyhow::bail!(
                "{}: another server writes its errors there; name another folder",
                named()
            );
        }
        let path = folder.join(NAME);
        Ok(Self {
            file: append(&path).with_context(named)?,
            path,
            most,
            _lock: lock,
        })
    }

    /// Opens the file again if somebody moved it or its folder away: what is held open would be written to nobody.
    fn follow(&mut self) -> io::Result<()> {
        let held = self.file.metadata()?;
        let is_there = std::fs::metadata(&self.path).is_ok_and(|there| there.ino() == held.ino());
        if !is_there {
            if let Some(folder) = self.path.parent() {
                std::fs::create_dir_all(folder)?;
            }
            self.file = append(&self.path)?;
        }
        Ok(())
    }

    /// Numbers the file and those before it one higher, and begins a new one.
    fn rotate(&mut self) -> io::Result<()> {
        let former = |number: u32| self.path.with_file_name(format!("{NAME}.{number}"));
        for number in (1..FORMER).rev() {
            if former(number).exists() {
                std::fs::rename(former(number), former(number + 1))?;
            }
        }
        std::fs::rename(&self.path, former(1))?;
        self.file = append(&self.path)?;
        Ok(())
    }
}

impl Write for ErrorFile {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.follow()?;
        let size = self.file.metadata()?.len();
        let added = u64::try_from(line.len()).unwrap_or(u64::MAX);
        if size > 0 && size.saturating_add(added) > self.most {
            self.rotate()?;
        }
        self.file.write(line)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn append(path: &Path) -> io::Result<File> {
    File::options().create(true).append(true).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_files_are_numbered_and_ten_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = ErrorFile::open(folder.path(), 100).unwrap();
        for number in 0..100 {
            file.write_all(format!("line {number:<40}\n").as_bytes()).unwrap();
        }
        let entries = std::fs::read_dir(folder.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.filter(|name| name != LOCK).collect();
        names.sort();
        assert_eq!(names.len(), 10, "{names:?}");
        assert_eq!(names[9], format!("{NAME}.9"));
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
        assert!(read(NAME).trim_end().ends_with("99"));
        assert!(
            names
                .iter()
                .all(|name| read(name).len() <= 100 && read(name).ends_with('\n'))
        );
        assert!(
            read(&names[9]).starts_with("line 80"),
            "the last twenty lines are there"
        );
    }

    #[test]
    fn what_was_written_before_is_kept_and_one_server_writes() {
        let folder = tempfile::tempdir().unwrap();
        let mut first = ErrorFile::open(folder.path(), BYTES).unwrap();
        first.write_all(b"one\n").unwrap();
        let refused = ErrorFile::open(folder.path(), BYTES).unwrap_err();
        assert!(refused.to_string().contains("another server"), "{refused}");
        drop(first);
        let mut second = ErrorFile::open(folder.path(), BYTES).unwrap();
        second.write_all(b"two\n").unwrap();
        let text = std::fs::read_to_string(folder.path().join(NAME)).unwrap();
        assert_eq!(text, "one\ntwo\n");
    }

    #[test]
    fn a_folder_that_vanished_comes_back_and_one_that_cannot_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let logs = folder.path().join("logs");
        let mut file = ErrorFile::open(&logs, BYTES).unwrap();
        std::fs::remove_dir_all(&logs).unwrap();
        file.write_all(b"again\n").unwrap();
        assert_eq!(std::fs::read_to_string(logs.join(NAME)).unwrap(), "again\n");
        std::fs::remove_dir_all(&logs).unwrap();
        std::fs::write(&logs, "a file where the folder was").unwrap();
        assert!(file.write_all(b"lost\n").is_err());
    }
}
