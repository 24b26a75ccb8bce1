//! One connection and the terminals that report over it, one after the other, each request after the answer to the one
//! before.

use std::{pin::Pin, sync::Arc, time::Duration};

use tokio::time::{Instant, Sleep, sleep, sleep_until};

use super::{
    gauges::Gauges,
    journal::{Entry, Journal},
    line::{Line, Reply},
    pace::Pace,
    roster::Credential,
    target::Target,
    template::{Address, Beat, Identity, Template},
};
use crate::{
    clock::Stamp,
    verify::ledger::{Account, event_id},
};

/// How many lines a batch of logs has.
const LINES: u32 = 2;
/// The first and the longest pause after a failure.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(500));
/// A server that asks for more patience is asked sooner: this is a test.
const LONGEST_OBEYED: Duration = Duration::from_secs(1);
/// How long a server may be away unless the run goes through restarts.
const LONGEST_AWAY: Duration = Duration::from_secs(5);

/// What all workers of a run share.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) target: Target,
    pub(super) boot: String,
    pub(super) base: u64,
    pub(super) is_bare: bool,
    pub(super) timeout: Duration,
    pub(super) log_share: f64,
    pub(super) through_restarts: bool,
    /// The wall clock at the start.
    pub(super) start_ms: i64,
    pub(super) start: Instant,
    pub(super) measure_from: Instant,
    pub(super) until: Instant,
    pub(super) gauges: Arc<Gauges>,
    pub(super) journal: Option<Journal>,
}

impl Plan {
    fn is_over(&self, now: Instant) -> bool {
        now >= self.until || self.gauges.is_stopped()
    }

    /// Returns the wall clock at a moment of the run.
    fn wall_ms(&self, now: Instant) -> i64 {
        let into = now.saturating_duration_since(self.start).as_millis();
        i64::try_from(into).unwrap_or(0) + self.start_ms
    }

    fn note(&self, entry: &Entry) {
        if let Some(journal) = &self.journal {
            journal.note(entry);
        }
    }
}

/// A terminal with what it has sent.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) credential: Credential,
    pub(super) next_seq: u64,
    pub(super) next_line: u64,
    pub(super) account: Account,
}

impl Seat {
    /// Writes down what came of a heartbeat.
    fn settle_beat(&mut self, seq: i64, is_acknowledged: bool, plan: &Plan) {
        let numbers = if is_acknowledged {
            &mut self.account.beats
        } else {
            &mut self.account.unsure_beats
        };
        numbers.insert(seq);
        plan.note(&Entry::Beat {
            terminal: self.credential.terminal_id,
            seq,
            is_acknowledged,
        });
    }

    /// Writes down what came of a batch of log lines.
    fn settle_lines(&mut self, first: i64, is_acknowledged: bool, plan: &Plan) {
        let numbers = if is_acknowledged {
            &mut self.account.lines
        } else {
            &mut self.account.unsure_lines
        };
        numbers.insert_run(first, LINES);
        plan.note(&Entry::Lines {
            terminal: self.credential.terminal_id,
            first,
            count: LINES,
            is_acknowledged,
        });
    }
}

/// What came of a request.
enum Outcome {
    Acknowledged,
    Refused(Reply),
    /// Nobody knows whether the server has acted.
    Broken,
}

/// One connection, made anew when it breaks.
struct Wire {
    line: Option<Line>,
    alarm: Pin<Box<Sleep>>,
    pause: Duration,
    away_since: Option<Instant>,
}

impl Wire {
    /// Sends a request once.
    async fn exchange(&mut self, request: &[u8], plan: &Plan, now: Instant) -> Outcome {
        // Resetting a timer costs; one that rings up to half a time-out late is good enough.
        if self.alarm.deadline() < now + plan.timeout {
            self.alarm.as_mut().reset(now + plan.timeout.mul_f32(1.5));
        }
        let line = &mut self.line;
        let attempt = async {
            let open = match line {
                Some(open) => open,
                None => line.insert(Line::connect(&plan.target.socket).await?),
            };
            open.exchange(request).await
        };
        let answer = tokio::select! {
            biased;
            answer = attempt => Some(answer),
            () = self.alarm.as_mut() => None,
        };
        match answer {
            Some(Ok(reply)) => {
                self.away_since = None;
                if reply.closes {
                    self.line = None;
                }
                if reply.status == 200 {
                    self.pause = PAUSES.0;
                    return Outcome::Acknowledged;
                }
                plan.gauges.refuse(reply.status);
                Outcome::Refused(reply)
            }
            Some(Err(_)) => self.broken(&plan.gauges.connection_errors, now),
            None => self.broken(&plan.gauges.timeouts, now),
        }
    }

    fn broken(&mut self, count: &crate::fleet::counts::Count, now: Instant) -> Outcome {
        count.add();
        self.line = None;
        self.away_since.get_or_insert(now);
        Outcome::Broken
    }

    /// Waits after a failure, longer each time, and gives up when the server is away for too long.
    async fn recover(&mut self, outcome: &Outcome, plan: &Plan) {
        let asked = match outcome {
            Outcome::Refused(reply) => reply.retry_after.unwrap_or_default().min(LONGEST_OBEYED),
            _ => Duration::ZERO,
        };
        let away = self.away_since.map(|since| since.elapsed()).unwrap_or_default();
        if away > LONGEST_AWAY && !plan.through_restarts {
            plan.gauges.give_up();
            return;
        }
        let end = plan.until + PAUSES.1;
        sleep_until((Instant::now() + self.pause.max(asked)).min(end)).await;
        self.pause = (self.pause * 2).min(PAUSES.1);
    }
}

/// One connection and its terminals.
pub(super) struct Worker {
    plan: Arc<Plan>,
    pace: Pace,
    seats: Vec<Seat>,
    wire: Wire,
    template: Template,
    stamp: Stamp,
    log_debt: f64,
}

impl Worker {
    pub(super) fn new(plan: Arc<Plan>, pace: Pace, seats: Vec<Seat>) -> Option<Self> {
        let first = seats.first()?;
        let address = Address {
            host: plan.target.socket.clone(),
            path: plan.target.heartbeat_path.clone(),
            boot: plan.boot.clone(),
        };
        let template = Template::new(address, identity(&first.credential, plan.is_bare));
        Some(Self {
            pace,
            wire: Wire {
                line: None,
                alarm: Box::pin(sleep(plan.timeout)),
                pause: PAUSES.0,
                away_since: None,
            },
            template,
            stamp: Stamp::new(),
            log_debt: 0.0,
            plan,
            seats,
        })
    }

    /// Works until the run is over and returns what was sent.
    pub(super) async fn run(mut self) -> Vec<Seat> {
        let mut now = Instant::now();
        'run: loop {
            for place in 0..self.seats.len() {
                let intended = self.pace.next(now);
                if intended >= self.plan.until || self.plan.is_over(now) {
                    break 'run;
                }
                if intended > now {
                    sleep_until(intended).await;
                }
                self.beat(place, intended).await;
                self.log_debt += self.plan.log_share;
                if self.log_debt >= 1.0 {
                    self.log_debt -= 1.0;
                    self.log(place).await;
                }
                now = Instant::now();
            }
        }
        self.plan.gauges.unsent.add_many(self.pace.behind(self.plan.until));
        self.seats
    }

    /// Sends one heartbeat; through restarts, until it is acknowledged or the run is over.
    async fn beat(&mut self, place: usize, intended: Instant) {
        let plan = &*self.plan;
        let Some(seat) = self.seats.get_mut(place) else { return };
        let number = seat.next_seq;
        seat.next_seq += 1;
        let seq = i64::try_from(number).unwrap_or(i64::MAX);
        self.template.address_to(identity(&seat.credential, plan.is_bare));
        let mut is_again = false;
        loop {
            let now = Instant::now();
            let stamp = self.stamp.at(plan.wall_ms(now));
            self.template.set(Beat { stamp, seq: number });
            let outcome = self.wire.exchange(self.template.request(), plan, now).await;
            if matches!(outcome, Outcome::Acknowledged) {
                seat.settle_beat(seq, true, plan);
                count_acknowledged(plan, intended, is_again);
                return;
            }
            if !is_again {
                seat.settle_beat(seq, false, plan);
            }
            is_again = true;
            self.wire.recover(&outcome, plan).await;
            if !plan.through_restarts || plan.is_over(Instant::now()) {
                return;
            }
        }
    }

    /// Sends one batch of log lines; through restarts, until it is acknowledged or the run is over.
    async fn log(&mut self, place: usize) {
        let plan = &*self.plan;
        let Some(seat) = self.seats.get_mut(place) else { return };
        let first = i64::try_from(seat.next_line).unwrap_or(i64::MAX);
        seat.next_line += u64::from(LINES);
        let stamp = self.stamp.at(plan.wall_ms(Instant::now()));
        let request = log_request(&plan.target, &seat.credential, first, stamp);
        let mut is_again = false;
        loop {
            let outcome = self.wire.exchange(&request, plan, Instant::now()).await;
            if matches!(outcome, Outcome::Acknowledged) {
                seat.settle_lines(first, true, plan);
                plan.gauges.log_lines.add_many(u64::from(LINES));
                return;
            }
            if !is_again {
                seat.settle_lines(first, false, plan);
            }
            is_again = true;
            self.wire.recover(&outcome, plan).await;
            if !plan.through_restarts || plan.is_over(Instant::now()) {
                return;
            }
        }
    }
}

fn count_acknowledged(plan: &Plan, intended: Instant, is_again: bool) {
    let gauges = &plan.gauges;
    gauges.acknowledged.add();
    if is_again {
        gauges.repeated.add();
    }
    let now = Instant::now();
    if intended >= plan.measure_from {
        gauges.latency.record(now - intended);
    }
    if now >= plan.measure_from && now <= plan.until {
        gauges.measured.add();
    }
}

fn identity(credential: &Credential, is_bare: bool) -> Identity<'_> {
    Identity {
        serial: &credential.serial_number,
        token: (!is_bare).then_some(credential.agent_token.as_str()),
    }
}

fn log_request(target: &Target, credential: &Credential, first: i64, stamp: &[u8]) -> Vec<u8> {
    let stamp = String::from_utf8_lossy(stamp);
    let line = |number: i64| {
        format!(
            r#"{{"event_id":"{}","timestamp":"{stamp}","level":"INFO","type":"load","message":"line {number} of a load"}}"#,
            event_id(number)
        )
    };
    let lines: Vec<String> = (0..i64::from(LINES)).map(|n| line(first + n)).collect();
    let body = format!(
        r#"{{"serial_number":"{}","logs":[{}]}}"#,
        credential.serial_number,
        lines.join(",")
    );
    format!(
        "POST {} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nAuthorization: Bearer {}\r\n\
         X-Terminal-Serial: {}\r\nContent-Length: {}\r\n\r\n{body}",
        target.logs_path,
        target.socket,
        credential.agent_token,
        credential.serial_number,
        body.len()
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use tms_http::wire::agent::LogBatch;

    use super::*;

    #[test]
    fn a_log_request_is_what_the_contract_asks_for() {
        let target = Target::parse("http://127.0.0.1:1", None).unwrap();
        let credential = Credential {
            terminal_id: 1,
            serial_number: "A-1".to_owned(),
            agent_token: "tms_ag_x".to_owned(),
        };
        let request = log_request(&target, &credential, 7, Stamp::new().at(0));
        let text = String::from_utf8(request).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let batch: LogBatch<'_> = serde_json::from_str(body).unwrap();
        let ids: Vec<&str> = batch.logs.iter().map(|line| line.event_id.as_str()).collect();
        assert_eq!(ids, ["sim-7", "sim-8"]);
        assert!(head.starts_with("POST /api/v1/agent/logs HTTP/1.1\r\n"));
        assert!(head.contains(&format!("Content-Length: {}", body.len())));
    }
}
