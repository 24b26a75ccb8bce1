//! A presence row as bytes: a third of what the value takes, for the memory of recent heartbeats. Never stored.

#![allow(
    clippy::option_option,
    reason = "the outer None is bytes that can't be read, the inner one a field without a value"
)]

use std::net::IpAddr;

use tms_core::{
    alert::CauseSet,
    heartbeat::Metrics,
    id::{CustomerId, TerminalId},
    presence::{BootId, Counters, Device, Presence, Reported, Status},
    time::Timestamp,
};

/// Packs everything but the terminal, by which the bytes are found.
pub(super) fn pack(row: &Presence) -> Box<[u8]> {
    let mut out = Packing(Vec::with_capacity(192));
    out.number(row.customer.get());
    out.number(row.version);
    out.number(i64::from(row.interval_s));
    let flags = i64::from(row.is_active) | i64::from(row.in_maintenance) << 1 | i64::from(row.is_lost) << 2;
    out.number(flags);
    out.number(row.config_version);
    out.time(row.first_seen);
    out.time(row.last_seen);
    out.number(i64::from(row.next_s));
    out.time(row.deadline);
    out.text(row.device.name());
    out.number(i64::from(row.device.code()));
    out.maybe_text(row.boot.as_ref().map(BootId::as_str));
    out.maybe(row.seq);
    out.number(i64::try_from(row.past_boots.len()).unwrap_or(0));
    for boot in &row.past_boots {
        out.text(boot.as_str());
    }
    out.time(row.agent_time);
    let Metrics {
        cpu_percent,
        memory_percent,
        disk_percent,
        temperature_c,
    } = row.metrics;
    for metric in [cpu_percent, memory_percent, disk_percent, temperature_c] {
        out.maybe(metric.map(i64::from));
    }
    out.maybe_text(row.reported.firmware_version.as_deref());
    out.maybe_text(row.reported.agent_version.as_deref());
    out.maybe_text(row.reported.ip_address.map(|ip| ip.to_string()).as_deref());
    out.maybe(row.reported.config_version);
    out.maybe(row.counters.uptime_s);
    out.time(row.counters.last_transaction);
    out.maybe(row.counters.transaction_count);
    out.text(row.status.as_str());
    out.number(row.status_since.as_micros());
    out.text(&row.breaches.to_string());
    out.number(i64::from(row.raised.bits()));
    out.number(i64::from(row.alerted.bits()));
    out.0.into_boxed_slice()
}

/// Unpacks what [`pack`] made; `None` for anything else.
pub(super) fn unpack(terminal: i64, bytes: &[u8]) -> Option<Presence> {
    let mut from = Unpacking(bytes);
    let terminal = TerminalId::new(terminal).ok()?;
    let customer = CustomerId::new(from.number()?).ok()?;
    let version = from.number()?;
    let interval_s = u32::try_from(from.number()?).ok()?;
    let flags = from.number()?;
    Some(Presence {
        terminal,
        customer,
        version,
        interval_s,
        is_active: flags & 1 != 0,
        in_maintenance: flags & 2 != 0,
        is_lost: flags & 4 != 0,
        config_version: from.number()?,
        first_seen: from.time()?,
        last_seen: from.time()?,
        next_s: u32::try_from(from.number()?).ok()?,
        deadline: from.time()?,
        device: from.device()?,
        boot: from.maybe_boot()?,
        seq: from.maybe()?,
        past_boots: from.boots()?,
        agent_time: from.time()?,
        metrics: from.metrics()?,
        reported: from.reported()?,
        counters: Counters {
            uptime_s: from.maybe()?,
            last_transaction: from.time()?,
            transaction_count: from.maybe()?,
        },
        status: from.text()?.parse::<Status>().ok()?,
        status_since: Timestamp::from_micros(from.number()?),
        breaches: from.text()?.parse().ok()?,
        raised: CauseSet::from_bits(i32::try_from(from.number()?).ok()?),
        alerted: CauseSet::from_bits(i32::try_from(from.number()?).ok()?),
    })
}

struct Packing(Vec<u8>);

impl Packing {
    /// Seven bits a byte, lowest first; the sign stands in the lowest bit, so that small numbers stay short.
    fn number(&mut self, value: i64) {
        let mut rest = ((value << 1) ^ (value >> 63)).cast_unsigned();
        loop {
            let [low, ..] = (rest & 0x7f).to_le_bytes();
            rest >>= 7;
            if rest == 0 {
                self.0.push(low);
                return;
            }
            self.0.push(low | 0x80);
        }
    }

    fn maybe(&mut self, value: Option<i64>) {
        self.0.push(u8::from(value.is_some()));
        if let Some(value) = value {
            self.number(value);
        }
    }

    fn time(&mut self, value: Option<Timestamp>) {
        self.maybe(value.map(Timestamp::as_micros));
    }

    fn text(&mut self, value: &str) {
        self.number(i64::try_from(value.len()).unwrap_or(0));
        self.0.extend_from_slice(value.as_bytes());
    }

    fn maybe_text(&mut self, value: Option<&str>) {
        self.0.push(u8::from(value.is_some()));
        if let Some(value) = value {
            self.text(value);
        }
    }
}

struct Unpacking<'a>(&'a [u8]);

impl<'a> Unpacking<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn number(&mut self) -> Option<i64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some((value >> 1).cast_signed() ^ -(value & 1).cast_signed());
            }
        }
        None
    }

    fn maybe(&mut self) -> Option<Option<i64>> {
        if self.byte()? == 0 {
            Some(None)
        } else {
            self.number().map(Some)
        }
    }

    fn time(&mut self) -> Option<Option<Timestamp>> {
        Some(self.maybe()?.map(Timestamp::from_micros))
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = usize::try_from(self.number()?).ok()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        std::str::from_utf8(text).ok()
    }

    fn maybe_text(&mut self) -> Option<Option<&'a str>> {
        if self.byte()? == 0 {
            Some(None)
        } else {
            self.text().map(Some)
        }
    }

    fn device(&mut self) -> Option<Device> {
        let name = self.text()?;
        Device::from_parts(name, i32::try_from(self.number()?).ok()?).ok()
    }

    fn maybe_boot(&mut self) -> Option<Option<BootId>> {
        self.maybe_text()?.map(BootId::parse).transpose().ok()
    }

    fn boots(&mut self) -> Option<Vec<BootId>> {
        let count = self.number()?;
        (0..count).map(|_| BootId::parse(self.text()?).ok()).collect()
    }

    fn metric(&mut self) -> Option<Option<i16>> {
        self.maybe()?.map(i16::try_from).transpose().ok()
    }

    fn metrics(&mut self) -> Option<Metrics> {
        Some(Metrics {
            cpu_percent: self.metric()?,
            memory_percent: self.metric()?,
            disk_percent: self.metric()?,
            temperature_c: self.metric()?,
        })
    }

    fn reported(&mut self) -> Option<Reported> {
        Some(Reported {
            firmware_version: self.maybe_text()?.map(str::to_owned),
            agent_version: self.maybe_text()?.map(str::to_owned),
            ip_address: self.maybe_text()?.map(str::parse::<IpAddr>).transpose().ok()?,
            config_version: self.maybe()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tms_core::testkit::build;

    use super::*;

    fn row() -> Presence {
        Presence::new(
            TerminalId::new(7).unwrap(),
            CustomerId::new(3).unwrap(),
            300,
            build::NOW,
        )
    }

    #[test]
    fn a_row_reads_back() {
        let mut full = row();
        full.first_seen = Some(build::NOW);
        full.last_seen = Some(Timestamp::MAX);
        full.deadline = Some(build::at(660));
        full.device = Device::Error(i32::MIN);
        full.boot = Some(BootId::parse("boot-4").unwrap());
        full.past_boots = ["boot-3", "boot-2", "boot-1"]
            .map(|boot| BootId::parse(boot).unwrap())
            .to_vec();
        full.metrics = build::metrics(-100);
        full.reported.ip_address = Some("2001:db8::1".parse().unwrap());
        full.reported.firmware_version = Some("新 1.0".to_owned());
        full.breaches = "high_cpu=1769248800000000".parse().unwrap();
        full.raised = CauseSet::from_bits(3);
        full.in_maintenance = true;
        full.status = Status::Maintenance;
        for row in [row(), full] {
            assert_eq!(unpack(7, &pack(&row)), Some(row));
        }
    }

    proptest! {
        #[test]
        fn every_number_reads_back(value: i64, other: Option<i64>) {
            let row = Presence { version: value, seq: other, ..row() };
            prop_assert_eq!(unpack(7, &pack(&row)), Some(row));
        }

        #[test]
        fn rubbish_is_no_row(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = unpack(7, &bytes);
        }
    }
}
