//! What a terminal's time counts as when availability is reckoned, and the two turns of its life that end a stretch of
//! it: retirement and return.

use super::{Presence, Status, StatusChange};
use crate::{alert::cause::CauseSet, named_enum, time::Timestamp};

named_enum!(
    /// What a stretch of time counts as (DECISIONS 21). Availability is the share of the first in the first three.
    Phase {
        /// Heard, and the reader works.
        Online = "online",
        /// Not heard.
        Offline = "offline",
        /// Heard, but the reader is absent or in error.
        Error = "error",
        /// In maintenance.
        Maintenance = "maintenance",
        /// Before the first heartbeat, or the first after it came back.
        Unheard = "unheard",
        /// Retired.
        Retired = "retired",
    }
);

impl Phase {
    /// Tells whether such time is part of the whole of which availability is a share.
    pub const fn is_counted(self) -> bool {
        matches!(self, Self::Online | Self::Offline | Self::Error)
    }
}

impl From<Status> for Phase {
    fn from(status: Status) -> Self {
        match status {
            Status::Online => Self::Online,
            Status::Offline => Self::Offline,
            Status::Error => Self::Error,
            Status::Maintenance => Self::Maintenance,
        }
    }
}

impl Presence {
    /// Returns what the time since `status_since` counts as.
    pub fn phase(&self) -> Phase {
        self.phase_until(Timestamp::MAX)
    }

    /// Returns what the time from `status_since` to `end` counts as; a first heartbeat at `end` does not matter.
    pub(super) fn phase_until(&self, end: Timestamp) -> Phase {
        let is_heard = self.first_seen.is_some_and(|first| first < end);
        match self.status {
            _ if !self.is_active => Phase::Retired,
            Status::Offline if !is_heard => Phase::Unheard,
            status => status.into(),
        }
    }

    /// Ends the service of the terminal. The status stays as it was, but its interval ends here: what follows is no
    /// time of service.
    pub fn retire(&mut self, now: Timestamp) -> StatusChange {
        let change = self.change_to(self.status, now);
        self.is_active = false;
        self.raised = CauseSet::EMPTY;
        change
    }

    /// Begins a new life of a retired terminal, not heard so far; only what people set and what the agent said stays.
    pub fn come_back(&mut self, now: Timestamp) -> StatusChange {
        let mut next = Self {
            version: self.version,
            config_version: self.config_version,
            in_maintenance: self.in_maintenance,
            past_boots: std::mem::take(&mut self.past_boots),
            alerted: self.alerted,
            reported: std::mem::take(&mut self.reported),
            ..Self::new(self.terminal, self.customer, self.interval_s, now)
        };
        next.status = next.derived_status();
        let change = self.change_to(next.status, now);
        next.status_since = change.at;
        *self = next;
        change
    }

    /// Ends the interval of the present status and begins one of `next`, which may be the same.
    pub(super) fn change_to(&mut self, next: Status, now: Timestamp) -> StatusChange {
        let at = now.max(self.status_since);
        let change = StatusChange {
            terminal: self.terminal,
            customer: self.customer,
            from: self.status,
            began_at: self.status_since,
            to: next,
            at,
            phase: self.phase_until(at),
        };
        self.status = next;
        self.status_since = at;
        change
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        alert::rule::AlertRules,
        id::{CustomerId, TerminalId},
        presence::Device,
    };

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(1_769_248_800 + secs)
    }

    fn row() -> Presence {
        Presence::new(TerminalId::new(1).unwrap(), CustomerId::new(1).unwrap(), 300, at(0))
    }

    fn hear(row: &mut Presence, now: Timestamp, device: Device) -> Option<StatusChange> {
        row.first_seen = row.first_seen.or(Some(now));
        (row.last_seen, row.is_lost, row.device) = (Some(now), false, device);
        row.settle(now, &AlertRules::default())
    }

    #[test]
    fn time_before_the_first_heartbeat_is_unheard() {
        let mut row = row();
        assert_eq!(row.phase(), Phase::Unheard);
        let change = hear(&mut row, at(10), Device::Ok).unwrap();
        assert_eq!((change.phase, row.phase()), (Phase::Unheard, Phase::Online));
        row.is_lost = true;
        let change = row.settle(at(20), &AlertRules::default()).unwrap();
        assert_eq!((change.phase, row.phase()), (Phase::Online, Phase::Offline));
        let change = hear(&mut row, at(30), Device::Absent).unwrap();
        assert_eq!((change.phase, row.phase()), (Phase::Offline, Phase::Error));
    }

    #[test]
    fn maintenance_before_the_first_heartbeat_is_maintenance() {
        let mut row = row();
        row.in_maintenance = true;
        assert_eq!(row.settle(at(5), &AlertRules::default()).unwrap().phase, Phase::Unheard);
        assert_eq!(hear(&mut row, at(6), Device::Ok), None);
        row.in_maintenance = false;
        let change = row.settle(at(9), &AlertRules::default()).unwrap();
        assert_eq!((change.phase, row.phase()), (Phase::Maintenance, Phase::Online));
    }

    #[test]
    fn retirement_ends_a_stretch_and_return_begins_unheard() {
        let mut row = row();
        hear(&mut row, at(10), Device::Ok);
        let change = row.retire(at(20));
        assert_eq!(
            (change.from, change.to, change.phase),
            (Status::Online, Status::Online, Phase::Online)
        );
        assert_eq!(
            (change.began_at, change.at, row.phase()),
            (at(10), at(20), Phase::Retired)
        );
        row.alerted = CauseSet::from_bits(1);
        row.reported.agent_version = Some("1.0.0".to_owned());
        row.version = 7;
        let change = row.come_back(at(30));
        assert_eq!(
            (change.from, change.to, change.phase),
            (Status::Online, Status::Offline, Phase::Retired)
        );
        assert_eq!(
            (change.began_at, change.at, row.phase()),
            (at(20), at(30), Phase::Unheard)
        );
        assert!(row.is_active && row.last_seen.is_none() && row.deadline.is_none());
        assert_eq!((row.alerted, row.version), (CauseSet::from_bits(1), 7));
        assert_eq!(row.reported.agent_version.as_deref(), Some("1.0.0"));
        assert_eq!(hear(&mut row, at(40), Device::Ok).unwrap().phase, Phase::Unheard);
    }
}
