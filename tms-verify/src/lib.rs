//! Looks at a deployment of TMS from outside, as browsers, people and agents do, and says whether it works.
//!
//! It knows only what strangers know: an address and a name to sign in with. It never looks into a database.

mod agent;
mod certificate;
mod console;
mod operator;
mod outside;
mod page;
mod report;
mod visitor;

use std::sync::Arc;

use tms_core::{
    random::{RandomSource, SystemRandom},
    secret::Secret,
    time::{Clock, SystemClock},
};
use url::Url;

pub use report::{Check, Outcome, Report};

/// Who signs in.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// A person.
    Person {
        /// The name.
        username: String,
        /// The password.
        password: Secret<String>,
        /// A code of the second factor, if the person has one.
        code: Option<Secret<String>>,
    },
    /// A program with a personal API token.
    Token(Secret<String>),
}

/// What is to be looked at.
#[derive(Debug, Clone)]
pub struct Target {
    /// The address, such as `https://tms.example.com`.
    pub url: Url,
    /// Certificates, as PEM, that are trusted beside those of the machine.
    pub roots: Option<Vec<u8>>,
    /// Who signs in; without, nothing behind the sign-in is looked at, which is a fault.
    pub credentials: Option<Credentials>,
    /// Whether the console is served there.
    pub console: bool,
    /// The clock, for certificates and heartbeats.
    pub clock: Arc<dyn Clock>,
    /// The source of the serial number of the terminal that is made.
    pub random: Arc<dyn RandomSource>,
}

impl Target {
    /// Takes an address; the rest is as usual.
    pub fn new(url: Url) -> Self {
        Self {
            url,
            roots: None,
            credentials: None,
            console: true,
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
        }
    }
}

/// Why nothing could be looked at.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The address is none of a server.
    #[error("{0} is not an address such as https://tms.example.com")]
    Address(Url),
    /// The further certificates can't be read.
    #[error("the certificates can't be read: {0}")]
    Roots(#[source] reqwest::Error),
    /// No client could be made.
    #[error("no connection can be prepared: {0}")]
    Client(#[source] reqwest::Error),
}

/// Looks at everything, and goes on after a fault, so that one run says all that is wrong.
///
/// # Errors
/// [`VerifyError`] when nothing can be looked at at all; what is wrong with the deployment is in the report.
pub async fn verify(target: &Target) -> Result<Report, VerifyError> {
    let visitor = visitor::Visitor::new(target)?;
    let mut report = Report::new(target.url.as_str());
    if !outside::answers(&visitor, &mut report).await {
        report.skip_rest();
        return Ok(report);
    }
    outside::look(&visitor, target, &mut report).await;
    if target.console {
        page::look(&visitor, &mut report).await;
    } else {
        report.skip("pages", "the console is not asked for");
        report.skip("static files", "the console is not asked for");
    }
    match operator::sign_in(&visitor, target, &mut report).await {
        Some(operator) => {
            if target.console {
                console::look(&visitor, target, &mut report).await;
            } else {
                report.skip("console", "the console is not asked for");
            }
            operator.look(&mut report).await;
            agent::round_trip(&operator, target, &mut report).await;
            operator.sign_out(&mut report).await;
        }
        None => report.skip_rest(),
    }
    Ok(report)
}
