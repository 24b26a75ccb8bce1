//! What can stop a simulation.

use std::{io, path::PathBuf};

use tms_http::client::ClientError;

/// Why a simulation ended early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SimError {
    /// The server refused or could not be asked.
    #[error("could not {doing}")]
    Server {
        /// What was tried, as an infinitive.
        doing: &'static str,
        /// Why it failed.
        #[source]
        source: ClientError,
    },
    /// The settings don't fit together; the text is for the person who wrote them.
    #[error("{0}")]
    Settings(String),
    /// A file could not be read or written.
    #[error("could not use {}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The server was not reached for too long.
    #[error("the server at {0} was not reached for too long")]
    Unreachable(String),
    /// A part of the simulation stopped by a fault of its own.
    #[error("a part of the simulation stopped")]
    Stopped(#[source] tokio::task::JoinError),
}

impl SimError {
    /// Makes the wrapper for a failed request: `.map_err(SimError::server("sign in"))`.
    pub fn server(doing: &'static str) -> impl FnOnce(ClientError) -> Self {
        move |source| Self::Server { doing, source }
    }

    /// Makes the wrapper for a failed use of a file.
    pub fn file(path: &std::path::Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File {
            path: path.to_owned(),
            source,
        }
    }
}
