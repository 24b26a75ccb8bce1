//! What an agent measures on its PC.

use crate::error::FieldErrors;

/// Measurements of one heartbeat; what was not measured is `None`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Metrics {
    /// Processor use, percent.
    pub cpu_percent: Option<i16>,
    /// Memory use, percent.
    pub memory_percent: Option<i16>,
    /// Disk use, percent.
    pub disk_percent: Option<i16>,
    /// Temperature, whole degrees Celsius, -100 to 200.
    pub temperature_c: Option<i16>,
}

impl Metrics {
    /// Checks what an agent sent.
    pub fn check(
        cpu: Option<i64>,
        memory: Option<i64>,
        disk: Option<i64>,
        temp: Option<i64>,
        e: &mut FieldErrors,
    ) -> Self {
        let mut bounded = |field: &str, value: Option<i64>, low: i16, high: i16| {
            let value = value?;
            let fits = i16::try_from(value).ok().filter(|v| (low..=high).contains(v));
            if fits.is_none() {
                e.add(field, format!("must be {low} to {high}"));
            }
            fits
        };
        Self {
            cpu_percent: bounded("metrics.cpu_usage", cpu, 0, 100),
            memory_percent: bounded("metrics.memory_usage", memory, 0, 100),
            disk_percent: bounded("metrics.disk_usage", disk, 0, 100),
            temperature_c: bounded("metrics.temperature", temp, -100, 200),
        }
    }
}
