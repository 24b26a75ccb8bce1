//! What can be wrong with a file as a whole.

/// Why a file can't be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransferError {
    /// It is not JSON, or not of the form that is asked for.
    #[error("{place}{cause}")]
    Form {
        /// Where, such as `terminals[3].model: `; empty when it is nowhere in particular.
        place: String,
        /// Why.
        cause: String,
    },
    /// It is of a form that a later release made.
    #[error("it has form {0}, and this release knows form 1 only")]
    Newer(u32),
    /// It is no `dumpdata`.
    #[error("it is no list of objects with `model`, `pk` and `fields`, as Django's dumpdata writes")]
    NoDump,
}

impl TransferError {
    /// Says where and why.
    pub(crate) fn form(place: &str, cause: impl std::fmt::Display) -> Self {
        let place = if place.is_empty() || place == "." {
            String::new()
        } else {
            format!("{place}: ")
        };
        Self::Form {
            place,
            cause: cause.to_string(),
        }
    }
}

/// Reads JSON and says where it is wrong.
pub(crate) fn parse<'de, T: serde::Deserialize<'de>>(text: &'de str) -> Result<T, TransferError> {
    let reader = &mut serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut *reader)
        .map_err(|error| TransferError::form(&error.path().to_string(), error.inner()))?;
    reader.end().map_err(|error| TransferError::form("", error))?;
    Ok(value)
}
