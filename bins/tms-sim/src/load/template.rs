//! The bytes of a heartbeat request, written once and patched in place: only what differs from one to the next is
//! touched.

use std::ops::Range;

use crate::clock::{Stamp, write_digits};

/// How many digits every `seq` has, so that it can be patched.
pub const SEQ_DIGITS: usize = 16;

/// What a request says of its terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity<'a> {
    /// The number printed on the reader.
    pub serial: &'a str,
    /// The credential; `None` sends none.
    pub token: Option<&'a str>,
}

/// What a request says of its moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beat<'a> {
    /// The PC's clock.
    pub stamp: &'a [u8; Stamp::LENGTH],
    /// Counts within the boot; 16 digits.
    pub seq: u64,
}

/// Where a template goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The value of the Host header.
    pub host: String,
    /// The path.
    pub path: String,
    /// The boot that all requests name.
    pub boot: String,
}

/// A heartbeat request that can be sent again and again.
#[derive(Debug, Clone)]
pub struct Template {
    address: Address,
    bytes: Vec<u8>,
    body_from: usize,
    slots: Slots,
}

#[derive(Debug, Clone, Default)]
struct Slots {
    token: Range<usize>,
    header_serial: Range<usize>,
    serial: Range<usize>,
    timestamp: Range<usize>,
    seq: Range<usize>,
    cpu: Range<usize>,
    memory: Range<usize>,
    temperature: Range<usize>,
    last_transaction: Range<usize>,
    transaction_count: Range<usize>,
}

/// Text that grows, and tells where a part of it stands.
#[derive(Default)]
struct Draft(Vec<u8>);

impl Draft {
    fn text(mut self, text: &str) -> Self {
        self.0.extend_from_slice(text.as_bytes());
        self
    }

    fn slot(mut self, text: &str, slot: &mut Range<usize>) -> Self {
        let from = self.0.len();
        self.0.extend_from_slice(text.as_bytes());
        *slot = from..self.0.len();
        self
    }
}

impl Template {
    /// Writes the request of a terminal.
    pub fn new(address: Address, who: Identity<'_>) -> Self {
        let mut template = Self {
            address,
            bytes: Vec::new(),
            body_from: 0,
            slots: Slots::default(),
        };
        template.write(who);
        template
    }

    fn write(&mut self, who: Identity<'_>) {
        let mut slots = Slots::default();
        let body = body(&self.address.boot, who.serial, &mut slots);
        let head = head(&self.address, who, body.len(), &mut slots);
        self.body_from = head.len();
        for slot in [
            &mut slots.serial,
            &mut slots.timestamp,
            &mut slots.seq,
            &mut slots.cpu,
            &mut slots.memory,
            &mut slots.temperature,
            &mut slots.last_transaction,
            &mut slots.transaction_count,
        ] {
            *slot = slot.start + head.len()..slot.end + head.len();
        }
        self.bytes = head;
        self.bytes.extend_from_slice(&body);
        self.slots = slots;
    }

    /// Makes it the request of another terminal.
    pub fn address_to(&mut self, who: Identity<'_>) {
        let token = who.token.unwrap_or_default();
        if who.serial.len() != self.slots.serial.len() || token.len() != self.slots.token.len() {
            self.write(who);
            return;
        }
        put(&mut self.bytes, &self.slots.token, token.as_bytes());
        put(&mut self.bytes, &self.slots.header_serial, who.serial.as_bytes());
        put(&mut self.bytes, &self.slots.serial, who.serial.as_bytes());
    }

    /// Makes it the request of another moment.
    pub fn set(&mut self, beat: Beat<'_>) {
        let slots = &self.slots;
        put(&mut self.bytes, &slots.timestamp, beat.stamp);
        put(&mut self.bytes, &slots.last_transaction, beat.stamp);
        let mut digits = |slot: &Range<usize>, value: u64| {
            if let Some(place) = self.bytes.get_mut(slot.clone()) {
                write_digits(place, value);
            }
        };
        digits(&slots.seq, beat.seq);
        // Values of a healthy PC: they differ from one heartbeat to the next and cross no threshold.
        digits(&slots.cpu, 10 + beat.seq % 50);
        digits(&slots.memory, 30 + beat.seq % 40);
        digits(&slots.temperature, 30 + beat.seq % 20);
        digits(&slots.transaction_count, 100 + beat.seq % 900);
    }

    /// Returns the bytes to send.
    pub fn request(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the JSON within them.
    pub fn body(&self) -> &[u8] {
        self.bytes.get(self.body_from..).unwrap_or_default()
    }
}

fn put(bytes: &mut [u8], slot: &Range<usize>, value: &[u8]) {
    if let Some(place) = bytes.get_mut(slot.clone()).filter(|place| place.len() == value.len()) {
        place.copy_from_slice(value);
    }
}

fn body(boot: &str, serial: &str, slots: &mut Slots) -> Vec<u8> {
    const NEVER: &str = "1970-01-01T00:00:00.000Z";
    Draft::default()
        .text(r#"{"serial_number":""#)
        .slot(serial, &mut slots.serial)
        .text(r#"","timestamp":""#)
        .slot(NEVER, &mut slots.timestamp)
        .text(r#"","boot_id":""#)
        .text(boot)
        .text(r#"","seq":"#)
        .slot("1000000000000000", &mut slots.seq)
        .text(r#","status":"online","device":{"state":"ok","error_code":0},"metrics":{"cpu_usage":"#)
        .slot("10", &mut slots.cpu)
        .text(r#","memory_usage":"#)
        .slot("30", &mut slots.memory)
        .text(r#","disk_usage":30,"temperature":"#)
        .slot("35", &mut slots.temperature)
        .text(r#"},"firmware_version":"2.0.0","agent_version":"1.0.0","ip_address":"192.168.1.100","uptime_seconds":86400"#)
        .text(r#","last_transaction":""#)
        .slot(NEVER, &mut slots.last_transaction)
        .text(r#"","transaction_count":"#)
        .slot("100", &mut slots.transaction_count)
        .text(r#","config_version":1}"#)
        .0
}

fn head(address: &Address, who: Identity<'_>, body_length: usize, slots: &mut Slots) -> Vec<u8> {
    let mut draft = Draft::default()
        .text("POST ")
        .text(&address.path)
        .text(" HTTP/1.1\r\nHost: ")
        .text(&address.host)
        .text("\r\nContent-Type: application/json\r\n");
    if let Some(token) = who.token {
        draft = draft
            .text("Authorization: Bearer ")
            .slot(token, &mut slots.token)
            .text("\r\nX-Terminal-Serial: ")
            .slot(who.serial, &mut slots.header_serial)
            .text("\r\n");
    }
    draft.text(&format!("Content-Length: {body_length}\r\n\r\n")).0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tms_http::wire::agent::{DeviceReport, HeartbeatRequest, Metrics};

    use super::*;

    fn intended<'a>(serial: &'a str, stamp: &'a str, seq: u64) -> HeartbeatRequest<'a> {
        let number = |n: u64| Some(i64::try_from(n).unwrap());
        HeartbeatRequest {
            serial_number: serial.into(),
            timestamp: stamp.into(),
            boot_id: Some("b-1".into()),
            seq: number(seq),
            status: "online".into(),
            device: Some(DeviceReport {
                state: "ok".into(),
                error_code: Some(0),
            }),
            metrics: Some(Metrics {
                cpu_usage: number(10 + seq % 50),
                memory_usage: number(30 + seq % 40),
                disk_usage: Some(30),
                temperature: number(30 + seq % 20),
            }),
            firmware_version: Some("2.0.0".into()),
            agent_version: Some("1.0.0".into()),
            ip_address: Some("192.168.1.100".into()),
            uptime_seconds: Some(86_400),
            last_transaction: Some(stamp.into()),
            transaction_count: number(100 + seq % 900),
            config_version: Some(1),
        }
    }

    fn address() -> Address {
        Address {
            host: "localhost:1".to_owned(),
            path: "/api/v1/agent/heartbeat".to_owned(),
            boot: "b-1".to_owned(),
        }
    }

    proptest! {
        #[test]
        fn patched_bytes_are_the_intended_request(
            terminals in prop::collection::vec(("[A-Z0-9]{3,12}", "[a-z0-9_]{8,10}"), 1..6),
            moments in prop::collection::vec((0_i64..4_102_444_800_000, 1_000_000_000_000_000_u64..9_999_999_999_999_999), 1..6),
        ) {
            let who = |at: usize| Identity { serial: &terminals[at].0, token: Some(&terminals[at].1) };
            let mut template = Template::new(address(), who(0));
            let mut stamp = Stamp::new();
            for (at, (serial, token)) in terminals.iter().enumerate() {
                template.address_to(who(at));
                for (ms, seq) in &moments {
                    template.set(Beat { stamp: stamp.at(*ms), seq: *seq });
                    let text = crate::clock::rfc3339(*ms);
                    let sent: HeartbeatRequest<'_> = serde_json::from_slice(template.body()).unwrap();
                    prop_assert_eq!(&sent, &intended(serial, &text, *seq));

                    let mut headers = [httparse::EMPTY_HEADER; 8];
                    let mut request = httparse::Request::new(&mut headers);
                    let parsed = request.parse(template.request()).unwrap();
                    prop_assert_eq!(parsed.unwrap() + template.body().len(), template.request().len());
                    let header = |name: &str| {
                        let found = request.headers.iter().find(|h| h.name.eq_ignore_ascii_case(name)).unwrap();
                        std::str::from_utf8(found.value).unwrap().to_owned()
                    };
                    prop_assert_eq!(header("content-length"), template.body().len().to_string());
                    prop_assert_eq!(header("authorization"), format!("Bearer {token}"));
                    prop_assert_eq!(header("x-terminal-serial"), serial.clone());
                }
            }
        }
    }

    #[test]
    fn without_a_credential_none_is_sent() {
        let who = Identity {
            serial: "A-1",
            token: None,
        };
        let template = Template::new(address(), who);
        let text = std::str::from_utf8(template.request()).unwrap();
        assert!(!text.contains("Authorization") && !text.contains("X-Terminal-Serial"));
        assert!(serde_json::from_slice::<HeartbeatRequest<'_>>(template.body()).is_ok());
    }
}
