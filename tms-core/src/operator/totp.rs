//! Codes of an authenticator app.
//!
//! Source: RFC 6238 with the parameters that every app knows: SHA-1, six digits, steps of 30 seconds from the epoch.

use std::fmt;

use qrcode::{EcLevel, QrCode, render::svg};
use totp_rs::{Algorithm, Builder, Totp};

use crate::{
    error::{BoxError, Error},
    random::RandomSource,
    time::Timestamp,
};

const STEP_S: u64 = 30;
const ISSUER: &str = "TMS";

/// The secret that server and app share: 160 random bits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Seed(pub(super) [u8; 20]);

/// The number of a step of 30 seconds.
pub type Step = i64;

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(..)")
    }
}

impl Seed {
    /// Makes a new one.
    pub fn generate(random: &dyn RandomSource) -> Result<Self, Error> {
        let mut bytes = [0; 20];
        random.fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// Takes a seed that an app was given.
    pub const fn from_bytes(bytes: [u8; 20]) -> Self {
        Self(bytes)
    }

    /// Returns the step whose code `code` is, if that is the step of `now` or the one before. Whether the step was used
    /// before is for the store to say.
    pub fn step_of(&self, code: &str, now: Timestamp) -> Option<Step> {
        let totp = self.totp("").ok()?;
        let seconds = now.as_micros().unsigned_abs() / 1_000_000;
        let step = [Some(seconds), seconds.checked_sub(STEP_S)]
            .into_iter()
            .flatten()
            .find_map(|at| totp.check(code, at))?;
        Step::try_from(step).ok()
    }

    /// Returns the code of the step of `now`, as the app shows it.
    pub fn code_at(&self, now: Timestamp) -> String {
        let seconds = now.as_micros().unsigned_abs() / 1_000_000;
        self.totp("")
            .map(|totp| totp.generate(seconds).to_string())
            .unwrap_or_default()
    }

    /// Returns the seed as a person can type it.
    pub fn to_base32(self) -> String {
        totp_rs::Secret::new_stack(self.0).to_base32()
    }

    /// Returns the address that an app reads.
    ///
    /// # Errors
    /// [`Error::Internal`] when the name can't stand in it; names to sign in with can.
    pub fn otpauth_uri(&self, username: &str) -> Result<String, Error> {
        let uri = self.totp(username).and_then(|totp| Ok(totp.to_url()?));
        uri.map_err(Error::Internal)
    }

    fn totp(&self, username: &str) -> Result<Totp, BoxError> {
        Ok(Builder::new()
            .with_algorithm(Algorithm::SHA1)
            .with_digits(6)
            .with_skew(0)
            .with_step_duration(STEP_S)
            .with_secret(totp_rs::Secret::new_stack(self.0))
            .with_issuer(Some(ISSUER))
            .with_account_name(username)
            .build()?)
    }
}

/// Draws a QR code as SVG.
///
/// # Errors
/// [`Error::Internal`] when `text` is too long for one.
pub fn draw(text: &str) -> Result<String, Error> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).map_err(|e| Error::Internal(e.into()))?;
    Ok(code
        .render::<svg::Color<'_>>()
        .min_dimensions(200, 200)
        .dark_color(svg::Color("#000"))
        .light_color(svg::Color("#fff"))
        .build())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// RFC 6238, appendix B: the SHA-1 rows, whose last six of eight digits are the code of six digits.
    #[test]
    fn codes_are_those_of_the_rfc() {
        let seed = Seed(*b"12345678901234567890");
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            let now = Timestamp::from_secs(seconds);
            assert_eq!(seed.code_at(now), code);
            assert_eq!(seed.step_of(code, now), Some(seconds / 30), "{seconds}");
        }
    }

    #[test]
    fn only_digits_are_a_code() {
        let (seed, now) = (Seed(*b"12345678901234567890"), Timestamp::from_secs(59));
        for bad in ["", "28708", "2870820", "28708x", " 287082", "+87082", "２８７０８２"] {
            assert_eq!(seed.step_of(bad, now), None, "{bad}");
        }
    }

    #[test]
    fn an_app_can_read_the_address_and_the_picture() {
        let seed = Seed(*b"12345678901234567890");
        let uri = seed.otpauth_uri("yamada.t").unwrap();
        assert_eq!(
            uri,
            "otpauth://totp/TMS:yamada.t?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=TMS"
        );
        let picture = draw(&uri).unwrap();
        assert!(picture.contains("<svg") && !picture.contains("<script"), "{picture}");
    }

    proptest! {
        #[test]
        fn a_code_is_good_in_its_step_and_the_next(seed in any::<[u8; 20]>(), at in 0..4_000_000_000_i64, later in 0..300_i64) {
            let seed = Seed(seed);
            let code = seed.code_at(Timestamp::from_secs(at));
            let found = seed.step_of(&code, Timestamp::from_secs(at + later));
            let age = (at + later) / 30 - at / 30;
            if age <= 1 {
                prop_assert!(found.is_some());
            } else {
                // One in half a million is the code of another step by chance.
                prop_assert!(found.is_none() || found > Some(at / 30));
            }
        }
    }
}
