//! Why a terminal has its status, in plain words, and what to do about it.

use tms_core::{
    presence::{Device, Link, Presence},
    settings::PresenceSettings,
    terminal::{Lifecycle, TerminalView},
};

use crate::console::frame::Frame;

/// The reasons, the main one first, and what helps.
pub(super) struct Why {
    pub(super) reasons: Vec<String>,
    pub(super) advice: Option<String>,
}

/// Explains the status of a terminal.
pub(super) fn why(f: &Frame, view: &TerminalView, rules: &PresenceSettings) -> Why {
    let presence = &view.presence;
    let mut reasons = Vec::new();
    if view.terminal.lifecycle == Lifecycle::Retired {
        reasons.push(f.t("why.retired").to_owned());
        return Why { reasons, advice: None };
    }
    if presence.in_maintenance {
        reasons.push(f.t1("why.maintenance", f.moment(&presence.status_since)));
    }
    let link = presence.link(f.now);
    reasons.push(heard(f, view, link));
    if let Some(reader) = reader(f, presence) {
        reasons.push(reader);
    }
    reasons.extend(deadline(f, presence, link, rules));
    for (cause, since) in presence.breaches.iter() {
        let title = f.name("alert.title", cause);
        reasons.push(f.t2("why.breach", title, f.moment(&since)));
    }
    Why {
        reasons,
        advice: advice(f, presence, link),
    }
}

fn heard(f: &Frame, view: &TerminalView, link: Link) -> String {
    let presence = &view.presence;
    let Some(last) = presence.last_seen else {
        let key = match view.terminal.lifecycle {
            Lifecycle::Registered => "why.registered",
            Lifecycle::Active | Lifecycle::Retired => "why.never",
        };
        return f.t(key).to_owned();
    };
    let silent = f.span(f.now.since(last));
    match link {
        Link::Lost => f.t2("why.lost", f.moment(&last), silent),
        Link::Late => f.t2("why.late", f.moment(&last), silent),
        Link::Never | Link::Connected => f.t2("why.heard", f.moment(&last), silent),
    }
}

fn reader(f: &Frame, presence: &Presence) -> Option<String> {
    match presence.device_seen() {
        Device::Ok => Some(f.t("why.reader_ok").to_owned()),
        Device::Absent => Some(f.t("why.reader_absent").to_owned()),
        Device::Error(0) => Some(f.t("why.reader_failing").to_owned()),
        Device::Error(code) => Some(f.t1("why.reader_error", code)),
        Device::Unknown if presence.last_seen.is_some() => Some(f.t("why.reader_unknown").to_owned()),
        Device::Unknown => None,
    }
}

/// Says when silence becomes, or became, loss.
fn deadline(f: &Frame, presence: &Presence, link: Link, rules: &PresenceSettings) -> Option<String> {
    let deadline = presence.deadline?;
    let limit = f.span(rules.lost_after(presence.next_s));
    match link {
        Link::Lost => Some(f.t2("why.deadline_passed", f.moment(&deadline), limit)),
        Link::Never => None,
        Link::Connected | Link::Late => Some(f.t2("why.deadline", f.moment(&deadline), limit)),
    }
}

fn advice(f: &Frame, presence: &Presence, link: Link) -> Option<String> {
    let key = match (link, presence.device_seen()) {
        (Link::Never, _) => "why.do_enrol",
        (Link::Lost, _) => "why.do_link",
        (_, Device::Absent) => "why.do_reader",
        (_, Device::Error(_)) => "why.do_error",
        (Link::Connected | Link::Late, _) => return None,
    };
    Some(f.t(key).to_owned())
}
