//! Where files are kept: in a folder, or in a bucket of S3.

use std::{fmt, path::PathBuf};

use tms_core::blob::BlobPrefix;

const SCHEME: &str = "s3://";

/// Where files are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// In a folder.
    Folder(PathBuf),
    /// In a bucket, below a prefix.
    S3 {
        /// The bucket.
        bucket: String,
        /// What keys begin with.
        prefix: BlobPrefix,
    },
}

impl Location {
    /// Reads a folder or `s3://BUCKET/PREFIX`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let Some(rest) = text.strip_prefix(SCHEME) else {
            return Ok(Self::Folder(PathBuf::from(text)));
        };
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        check_bucket(bucket)?;
        let prefix = BlobPrefix::new(prefix).map_err(|_| format!("{prefix:?} can't be what keys begin with"))?;
        if cfg!(not(feature = "aws")) {
            return Err("this build has no AWS; build it with `--features aws`".to_owned());
        }
        Ok(Self::S3 {
            bucket: bucket.to_owned(),
            prefix,
        })
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => write!(f, "{}", folder.display()),
            Self::S3 { bucket, prefix } => write!(f, "{SCHEME}{bucket}/{}", prefix.as_str()),
        }
    }
}

/// Checks that a text can be the name of a bucket.
pub(super) fn check_bucket(name: &str) -> Result<(), String> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-');
    if (3..=63).contains(&name.len()) && name.bytes().all(is_plain) {
        Ok(())
    } else {
        Err(format!("{name:?} is not the name of a bucket"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_folders_or_buckets() {
        let folder = Location::parse("/var/backups/tms").unwrap();
        assert_eq!(folder, Location::Folder("/var/backups/tms".into()));
        assert_eq!(folder.to_string(), "/var/backups/tms");
        for wrong in [
            "s3://",
            "s3://UPPER",
            "s3://ab",
            "s3://bucket/../x",
            "s3://bucket//x",
            "s3://user@bucket/x",
        ] {
            assert!(Location::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[cfg(feature = "aws")]
    #[test]
    fn a_bucket_has_a_name_and_a_prefix() {
        for (text, under) in [
            ("s3://tms-backups", ""),
            ("s3://tms-backups/", ""),
            ("s3://tms-backups/a/b/", "a/b/"),
        ] {
            let place = Location::parse(text).unwrap();
            assert_eq!(place.to_string(), format!("s3://tms-backups/{under}"), "{text}");
            let prefix = BlobPrefix::new(under).unwrap();
            let bucket = "tms-backups".to_owned();
            assert_eq!(place, Location::S3 { bucket, prefix }, "{text}");
        }
    }

    #[cfg(not(feature = "aws"))]
    #[test]
    fn a_build_without_aws_says_so() {
        let wrong = Location::parse("s3://tms-backups/a").unwrap_err();
        assert!(wrong.contains("--features aws"), "{wrong}");
    }
}
