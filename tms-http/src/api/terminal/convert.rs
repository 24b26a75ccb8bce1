//! Terminals between the domain and the wire.

use tms_core::{
    error::FieldErrors,
    heartbeat::Metrics,
    id::CustomerId,
    presence::{Device, Presence},
    terminal::{TerminalDraft, TerminalView},
    text::SerialNumber,
    time::Timestamp,
};

use crate::{
    api::field::{checked, id, optional_date, patch_date, spelled},
    problem::Problem,
    wire::{agent as agent_wire, customer::CustomerRef, terminal as wire},
};

/// Shows a terminal as of `now`.
pub(in crate::api) fn terminal(view: TerminalView, now: Timestamp) -> wire::Terminal {
    let TerminalView {
        terminal,
        presence,
        company_name,
        active_alerts,
    } = view;
    let draft = terminal.draft;
    wire::Terminal {
        id: terminal.id.get(),
        serial_number: draft.serial.as_str().to_owned(),
        model: draft.model,
        lifecycle: terminal.lifecycle.as_str().into(),
        status: presence.status_seen().as_str().into(),
        status_reason: reason(&presence, now),
        customer: CustomerRef {
            id: draft.customer.get(),
            company_name,
        },
        store_name: draft.store_name,
        store_code: draft.store_code,
        installation_address: draft.installation_address,
        metrics: metrics(presence.metrics),
        settings: wire::TerminalSettings {
            heartbeat_interval: draft.heartbeat_interval_s,
            auto_update_enabled: draft.auto_update_enabled,
            maintenance_mode: presence.in_maintenance,
        },
        firmware_version: presence.reported.firmware_version,
        agent_version: presence.reported.agent_version,
        ip_address: presence.reported.ip_address.map(|address| address.to_string()),
        mac_address: terminal.host.mac_address,
        last_heartbeat: spelled(presence.last_seen),
        boot_id: presence.boot.map(|boot| boot.as_str().to_owned()),
        seq: presence.seq,
        active_alerts,
        installed_date: draft.installed_date.map(|date| date.to_string()),
        warranty_end_date: draft.warranty_end_date.map(|date| date.to_string()),
        created_at: terminal.created_at.to_string(),
        updated_at: terminal.updated_at.to_string(),
    }
}

fn reason(presence: &Presence, now: Timestamp) -> wire::StatusReason {
    let device = presence.device_seen();
    wire::StatusReason {
        link: presence.link(now).as_str().into(),
        device: device.name().into(),
        error_code: matches!(device, Device::Error(_)).then(|| i64::from(device.code())),
        since: Some(presence.status_since.to_string()),
        next_deadline: spelled(presence.deadline_ahead()),
    }
}

/// Shows measurements.
pub(super) fn metrics(metrics: Metrics) -> agent_wire::Metrics {
    agent_wire::Metrics {
        cpu_usage: metrics.cpu_percent.map(i64::from),
        memory_usage: metrics.memory_percent.map(i64::from),
        disk_usage: metrics.disk_percent.map(i64::from),
        temperature: metrics.temperature_c.map(i64::from),
    }
}

/// Reads a terminal to register.
pub(super) fn draft(
    request: wire::TerminalCreate,
    usual_interval_s: u32,
    mut errors: FieldErrors,
) -> Result<TerminalDraft, Problem> {
    let serial = errors.take("serial_number", SerialNumber::parse(&request.serial_number));
    let customer = id(&mut errors, "customer_id", CustomerId::new(request.customer_id));
    let installed = optional_date(&mut errors, "installed_date", request.installed_date.as_ref());
    let warranty = optional_date(&mut errors, "warranty_end_date", request.warranty_end_date.as_ref());
    // Stand-ins for what is named as wrong already, so that the rest is looked at too.
    let serial = serial.or_else(|| SerialNumber::parse("NONE").ok());
    let customer = customer.or_else(|| CustomerId::new(1).ok());
    let draft = serial.zip(customer).map(|(serial, customer)| TerminalDraft {
        serial,
        customer,
        model: request.model,
        store_name: request.store_name,
        store_code: request.store_code,
        installation_address: request.installation_address,
        heartbeat_interval_s: request.heartbeat_interval.unwrap_or(usual_interval_s),
        auto_update_enabled: request.auto_update_enabled.unwrap_or(true),
        installed_date: installed,
        warranty_end_date: warranty,
    });
    if let Some(draft) = &draft {
        look_at(draft, &mut errors);
    }
    checked(errors, draft)
}

/// Notes what the rules find wrong with what could be read.
fn look_at(draft: &TerminalDraft, errors: &mut FieldErrors) {
    let mut draft = draft.clone();
    if errors.has("installed_date") {
        // What is not known is not compared with.
        draft.installed_date = None;
    }
    errors.fill(draft.checked());
}

/// Carries out the wishes of a PATCH.
pub(super) fn patched(
    mut draft: TerminalDraft,
    patch: wire::TerminalPatch,
    mut errors: FieldErrors,
) -> Result<TerminalDraft, Problem> {
    if let Some(serial) = patch.serial_number
        && let Some(serial) = errors.take("serial_number", SerialNumber::parse(&serial))
    {
        draft.serial = serial;
    }
    if let Some(customer) = patch.customer_id
        && let Some(customer) = id(&mut errors, "customer_id", CustomerId::new(customer))
    {
        draft.customer = customer;
    }
    if let Some(model) = patch.model {
        draft.model = model;
    }
    patch.store_name.apply(&mut draft.store_name);
    patch.store_code.apply(&mut draft.store_code);
    patch.installation_address.apply(&mut draft.installation_address);
    if let Some(interval) = patch.heartbeat_interval {
        draft.heartbeat_interval_s = interval;
    }
    if let Some(is_enabled) = patch.auto_update_enabled {
        draft.auto_update_enabled = is_enabled;
    }
    patch_date(
        &mut errors,
        "installed_date",
        patch.installed_date,
        &mut draft.installed_date,
    );
    patch_date(
        &mut errors,
        "warranty_end_date",
        patch.warranty_end_date,
        &mut draft.warranty_end_date,
    );
    look_at(&draft, &mut errors);
    errors.finish()?;
    Ok(draft)
}
