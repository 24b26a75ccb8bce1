//! Why an alert is open. One open alert per terminal and cause, ever.

use std::fmt;

use crate::{heartbeat::metrics::Metrics, named_enum};

named_enum!(
    /// The cause of an alert; `alert_type` on the wire.
    Cause {
        /// The terminal is not heard.
        Offline = "offline",
        /// The reader reports an error.
        DeviceError = "device_error",
        /// The reader is not attached.
        ReaderAbsent = "reader_absent",
        /// The processor is busy for too long.
        HighCpu = "high_cpu",
        /// Memory is nearly used up for too long.
        HighMemory = "high_memory",
        /// The disk is nearly full for too long.
        HighDisk = "high_disk",
        /// The PC is too hot for too long.
        HighTemperature = "high_temperature",
        /// The PC's clock is wrong.
        ClockSkew = "clock_skew",
        /// A firmware update failed.
        UpdateFailed = "update_failed",
        /// The applied configuration is not the desired one.
        OutOfConfig = "out_of_config",
        /// Somebody tried what only an attacker would.
        Security = "security",
    }
);

impl Cause {
    /// The causes with a measured value, a threshold, a duration and a clear value.
    pub const THRESHOLDS: &'static [Self] = &[
        Self::HighCpu,
        Self::HighMemory,
        Self::HighDisk,
        Self::HighTemperature,
        Self::ClockSkew,
    ];

    /// The causes that presence decides.
    pub const PRESENCE: &'static [Self] = &[
        Self::Offline,
        Self::DeviceError,
        Self::ReaderAbsent,
        Self::HighCpu,
        Self::HighMemory,
        Self::HighDisk,
        Self::HighTemperature,
        Self::ClockSkew,
    ];

    const fn bit(self) -> u16 {
        1 << (self as u16)
    }

    /// Returns the measured value of a threshold cause; `None` if it was not measured or the cause has none.
    pub fn measured(self, metrics: &Metrics, skew_s: Option<i64>) -> Option<i64> {
        match self {
            Self::HighCpu => metrics.cpu_percent.map(i64::from),
            Self::HighMemory => metrics.memory_percent.map(i64::from),
            Self::HighDisk => metrics.disk_percent.map(i64::from),
            Self::HighTemperature => metrics.temperature_c.map(i64::from),
            Self::ClockSkew => skew_s,
            _ => None,
        }
    }
}

/// A set of causes.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct CauseSet(u16);

impl CauseSet {
    /// No cause.
    pub const EMPTY: Self = Self(0);

    /// Reads the bits that [`Self::bits`] gave; unknown ones are dropped.
    pub fn from_bits(bits: i32) -> Self {
        let known = Cause::ALL.iter().fold(0, |all, cause| all | cause.bit());
        Self(u16::try_from(bits).unwrap_or(0) & known)
    }

    /// Returns the bits that stores keep.
    pub fn bits(self) -> i32 {
        i32::from(self.0)
    }

    /// Adds a cause.
    pub const fn insert(&mut self, cause: Cause) {
        self.0 |= cause.bit();
    }

    /// Tells whether `cause` is in the set.
    pub const fn contains(self, cause: Cause) -> bool {
        self.0 & cause.bit() != 0
    }

    /// Tells whether the set has no cause.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns what both sets have.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Returns what this set has and the other has not.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Returns the causes in order of declaration.
    pub fn iter(self) -> impl Iterator<Item = Cause> {
        Cause::ALL.iter().copied().filter(move |cause| self.contains(*cause))
    }
}

impl FromIterator<Cause> for CauseSet {
    fn from_iter<I: IntoIterator<Item = Cause>>(causes: I) -> Self {
        let mut set = Self::EMPTY;
        for cause in causes {
            set.insert(cause);
        }
        set
    }
}

impl fmt::Debug for CauseSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}
