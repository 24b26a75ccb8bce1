//! Hashes and encryption of archives, in constant memory. The encryption is that of age (X25519), so that an archive can
//! be read without TMS too.

use std::{
    fmt,
    fs::File,
    io::{self, BufReader, BufWriter, Read, Write},
    iter,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    str::FromStr,
};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::error::BackupError;

/// The length and hash of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest {
    /// Its length in bytes.
    pub bytes: u64,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
}

/// A public key; what is encrypted to it can be read with the private one only.
#[derive(Debug, Clone)]
pub struct Recipient(age::x25519::Recipient);

impl FromStr for Recipient {
    type Err = BackupError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.trim().parse().map(Self).map_err(|_| BackupError::Recipient)
    }
}

/// A private key.
#[derive(Clone)]
pub struct Identity(age::x25519::Identity);

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity")
    }
}

impl Identity {
    /// Reads a file as `age-keygen` writes it: comments, and a line with the key.
    ///
    /// # Errors
    /// [`BackupError::File`], [`BackupError::Identity`].
    pub fn read(path: &Path) -> Result<Self, BackupError> {
        let text = std::fs::read_to_string(path).map_err(BackupError::file(path))?;
        text.lines()
            .find_map(|line| line.trim().parse().ok())
            .map(Self)
            .ok_or_else(|| BackupError::Identity(path.to_owned()))
    }
}

/// Reads a file and sums it up.
pub(crate) async fn digest(path: PathBuf) -> Result<Digest, BackupError> {
    blocking(move || {
        let failed = BackupError::file(path.clone());
        let sum = || {
            let mut file = File::open(&path)?;
            let (mut hash, mut bytes, mut buffer) = (Sha256::new(), 0_u64, vec![0_u8; 1 << 16]);
            loop {
                let read = file.read(&mut buffer)?;
                let Some(part) = buffer.get(..read).filter(|part| !part.is_empty()) else {
                    break;
                };
                hash.update(part);
                bytes = bytes.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
            }
            Ok(Digest {
                bytes,
                sha256: hex(&hash.finalize()),
            })
        };
        sum().map_err(failed)
    })
    .await
}

/// Encrypts a file; the plain one is removed.
pub(crate) async fn encrypt(from: PathBuf, to: PathBuf, recipient: Recipient) -> Result<(), BackupError> {
    blocking(move || {
        let failed = |cause: String| BackupError::Seal {
            verb: "encrypted",
            cause,
        };
        let encryptor = age::Encryptor::with_recipients(iter::once(&recipient.0 as &dyn age::Recipient))
            .map_err(|error| failed(error.to_string()))?;
        let write = || {
            let mut input = BufReader::new(File::open(&from)?);
            let mut output = encryptor.wrap_output(BufWriter::new(private(&to)?))?;
            io::copy(&mut input, &mut output)?;
            output.finish()?.flush()?;
            std::fs::remove_file(&from)
        };
        write().map_err(|error| failed(error.to_string()))
    })
    .await
}

/// Decrypts a file.
pub(crate) async fn decrypt(from: PathBuf, to: PathBuf, identity: Identity) -> Result<(), BackupError> {
    blocking(move || {
        let failed = |cause: String| BackupError::Seal {
            verb: "decrypted",
            cause,
        };
        let input = BufReader::new(File::open(&from).map_err(BackupError::file(&from))?);
        let decryptor = age::Decryptor::new_buffered(input).map_err(|error| failed(error.to_string()))?;
        let mut input = decryptor
            .decrypt(iter::once(&identity.0 as &dyn age::Identity))
            .map_err(|error| failed(error.to_string()))?;
        let mut write = || {
            let mut output = BufWriter::new(private(&to)?);
            io::copy(&mut input, &mut output)?;
            output.flush()
        };
        write().map_err(|error| failed(error.to_string()))
    })
    .await
}

/// Makes a file that only its owner can read.
pub(crate) fn private(path: &Path) -> io::Result<File> {
    File::options().write(true).create_new(true).mode(0o600).open(path)
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
            for digit in [byte >> 4, byte & 15] {
                text.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
            }
            text
        })
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BackupError> + Send + 'static,
) -> Result<T, BackupError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        Err(BackupError::File {
            path: PathBuf::new(),
            source: io::Error::other(error),
        })
    })
}
