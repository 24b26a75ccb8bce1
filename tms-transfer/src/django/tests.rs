use serde_json::{Value, json};
use tms_core::{
    alert::{AlertState, Cause, Resolution, Severity},
    permission::Role,
    terminal_log::LogLevel,
    transfer::Taken,
};

use super::*;

const HASH: &str = "pbkdf2_sha256$1000$seasalt2$/AgPzJG5e6Yv25JIyxyWfNnB6QXmfp0Y+BEGfC3zoJE=";

#[expect(clippy::needless_pass_by_value, reason = "callers make the value on the spot")]
fn object(model: &str, pk: i64, fields: Value) -> Value {
    json!({ "model": model, "pk": pk, "fields": fields })
}

/// A small system, children before parents.
fn system() -> Vec<Value> {
    vec![
        object(
            "terminals.terminallog",
            9,
            json!({
                "terminal": 5, "timestamp": "2024-12-01T10:00:00+09:00", "level": "WARN", "log_type": "reader",
                "message": "slow", "details": {"ms": 900},
            }),
        ),
        object(
            "terminals.alert",
            7,
            json!({
                "terminal": 5, "alert_type": "offline", "severity": "high", "title": "圏外", "message": "no heartbeat",
                "is_acknowledged": true, "acknowledged_by": 2, "acknowledged_at": "2024-12-01T01:00:00Z",
                "is_resolved": true, "resolved_by": 2, "resolved_at": "2024-12-01T02:00:00Z",
                "resolution_notes": "cable", "created_at": "2024-12-01T00:00:00Z",
            }),
        ),
        object(
            "terminals.terminal",
            5,
            json!({
                "serial_number": "tc-200-001", "customer": 3, "model": "TC-200", "store_name": "新宿店",
                "store_code": "001", "firmware": 4, "mac_address": "00:11:22:33:44:55", "heartbeat_interval": 60,
                "status": "online", "installed_date": "2024-12-01",
            }),
        ),
        object(
            "firmware.firmware",
            4,
            json!({ "version": "2.0.0", "file": "firmware/2.0.0.bin" }),
        ),
        object(
            "terminals.customer",
            3,
            json!({
                "company_name": "ABC 株式会社", "contact_email": "none", "contract_type": "premium", "is_active": true,
            }),
        ),
        object("auth.group", 1, json!({ "name": "Support", "permissions": [1, 2] })),
        object(
            "auth.user",
            2,
            json!({
                "username": "Yamada", "password": HASH, "first_name": "太郎", "last_name": "山田",
                "email": "y@example.com", "is_superuser": false, "is_staff": true, "is_active": true, "groups": [1],
            }),
        ),
        object("sessions.session", 1, json!({ "session_data": "..." })),
        object(
            "contenttypes.contenttype",
            1,
            json!({ "app_label": "terminals", "model": "customer" }),
        ),
    ]
}

fn taken_over(objects: &[Value], mapping: &Mapping) -> (Fixture, Report) {
    read_django(&json!(objects).to_string(), mapping).unwrap()
}

#[test]
#[expect(clippy::too_many_lines, reason = "many fields are looked at")]
fn a_system_is_taken_over_whatever_its_order() {
    let (fixture, report) = taken_over(&system(), &Mapping::default());
    let customer = &fixture.customers[0];
    assert_eq!(
        (customer.company_name.as_str(), &customer.contact_email),
        ("ABC 株式会社", &None)
    );
    let user = &fixture.users[0];
    assert_eq!(
        (user.username.as_str(), user.profile.full_name.as_str()),
        ("yamada", "山田 太郎")
    );
    assert_eq!(user.profile.role, Role::Support, "a group says it better than is_staff");
    assert_eq!(user.password_hash.as_ref().unwrap().expose(), HASH);
    let terminal = &fixture.terminals[0];
    assert_eq!(
        (terminal.draft.serial.as_str(), terminal.draft.customer.as_str()),
        ("TC-200-001", "ABC 株式会社")
    );
    assert_eq!(
        terminal.firmware_version.as_deref(),
        Some("2.0.0"),
        "by the image that it names"
    );
    assert_eq!(terminal.draft.heartbeat_interval_s, 60);
    let alert = &fixture.alerts[0];
    assert_eq!(
        (alert.cause, alert.severity, alert.state()),
        (Cause::Offline, Severity::High, AlertState::Resolved)
    );
    let end = alert.resolved.as_ref().unwrap();
    assert_eq!(
        (end.resolution, end.by.as_deref()),
        (Resolution::Operator, Some("yamada"))
    );
    let line = &fixture.logs[0];
    assert_eq!(
        (line.entry.event_id.as_str(), line.entry.level),
        ("django-9", LogLevel::Warning)
    );
    assert_eq!(line.entry.timestamp.to_string(), "2024-12-01T01:00:00Z");
    assert_eq!(report.unknown_models().len(), 2);
    let firmware = &report.rows()[&Kind::Firmware];
    assert_eq!((firmware.read, firmware.fitting, firmware.skipped.len()), (1, 0, 1));
    let notes = &report.rows()[&Kind::Customer].notes;
    assert!(notes.keys().next().unwrap().contains("contact_email"), "{notes:?}");
    let taken = Taken {
        customers: 1,
        users: 1,
        ..Taken::default()
    };
    let document = report.to_json(&taken);
    let text = report.shown(&taken).to_string();
    assert!(text.contains("sessions.session: 1 read"), "{text}");
    let row = document["kinds"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["kind"] == "terminal")
        .unwrap();
    assert_eq!(
        (&row["read"], &row["imported"], &row["there_already"]),
        (&json!(1), &json!(0), &json!(1))
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "many fields are looked at")]
fn what_has_no_place_is_skipped_with_its_reason() {
    let mut objects = system();
    for (pk, fields) in [
        (20, json!({ "serial_number": "TC-200-001", "customer": 3 })),
        (21, json!({ "serial_number": "x", "customer": 3 })),
        (22, json!({ "serial_number": "TC-200-022", "customer": 99 })),
        (23, json!({ "serial_number": "TC-200-023" })),
    ] {
        objects.push(object("terminals.terminal", pk, fields));
    }
    for (pk, fields) in [
        (
            30,
            json!({ "terminal": 22, "alert_type": "offline", "severity": "HIGH", "created_at": "2024-12-01T00:00:00Z" }),
        ),
        (
            31,
            json!({ "terminal": 5, "alert_type": "printer", "severity": "HIGH", "created_at": "2024-12-01T00:00:00Z" }),
        ),
        (
            32,
            json!({ "terminal": 5, "alert_type": "offline", "severity": "HIGH", "created_at": "2024-12-01T00:00:00Z" }),
        ),
    ] {
        objects.push(object("terminals.alert", pk, fields));
    }
    objects.push(object(
        "auth.user",
        40,
        json!({ "username": "yamada@example.com", "password": HASH }),
    ));
    objects.push(object(
        "auth.user",
        41,
        json!({ "username": "sato", "password": "bcrypt_sha256$$2b$12$xyz" }),
    ));
    objects.push(object(
        "auth.user",
        42,
        json!({ "username": "suzuki", "password": "!unusable", "is_superuser": true }),
    ));
    let (fixture, report) = taken_over(&objects, &Mapping::default());
    assert_eq!(
        (fixture.terminals.len(), fixture.alerts.len(), fixture.users.len()),
        (1, 1, 3)
    );
    let reasons: Vec<&String> = report.rows().values().flat_map(|row| row.skipped.keys()).collect();
    for why in [
        "upper case",
        "3 to 50",
        "customer was not taken",
        "no customer",
        "terminal was not taken",
        "printer",
        "same moment",
        "username",
    ] {
        assert!(reasons.iter().any(|reason| reason.contains(why)), "{why}: {reasons:?}");
    }
    let sato = fixture.users.iter().find(|user| user.username == "sato").unwrap();
    assert!(sato.password_hash.is_none() && sato.profile.role == Role::Viewer);
    let notes: Vec<&String> = report.rows()[&Kind::User].notes.keys().collect();
    assert!(
        notes.iter().any(|note| note.contains("bcrypt_sha256")) && notes.iter().any(|note| note.contains("as before"))
    );
    let document = report.to_json(&Taken::default()).to_string();
    assert!(!document.contains("$2b$12"), "a report shows no hash");
}

#[test]
fn a_mapping_names_what_nobody_could_guess() {
    let mapping = Mapping::read(
        r#"{"models": {"shops.Device": "terminal", "shops.owner": "customer", "x.event": "alert"},
            "alert_types": {"COMM": "offline"}, "roles": {"managers": "operator"}, "time_zone": "Asia/Tokyo"}"#,
    )
    .unwrap();
    let objects = [
        object("shops.owner", 1, json!({ "name": "ABC" })),
        object("shops.device", 2, json!({ "serial": "TC-1", "customer": 1 })),
        object(
            "x.event",
            3,
            json!({ "device": 2, "type": "comm", "severity": "warning", "created_at": "2024-12-01 09:00:00" }),
        ),
        object("auth.group", 4, json!({ "name": "Managers" })),
        object(
            "auth.user",
            5,
            json!({ "username": "yamada", "groups": [["Managers"]] }),
        ),
    ];
    let (fixture, _) = taken_over(&objects, &mapping);
    assert_eq!(fixture.terminals[0].draft.model, "unknown");
    assert_eq!(fixture.alerts[0].cause, Cause::Offline);
    assert_eq!(
        fixture.alerts[0].created_at.to_string(),
        "2024-12-01T00:00:00Z",
        "Tokyo is nine hours ahead"
    );
    assert_eq!(fixture.users[0].profile.role, Role::Operator);
    for (wrong, said) in [
        (r#"{"models": {"a.b": "printer"}}"#, "models.a.b: must be one of"),
        (r#"{"alert_types": {"a": "b"}}"#, "alert_types.a"),
        (r#"{"roles": {"a": "boss"}}"#, "roles.a"),
        (r#"{"time_zone": "Mars"}"#, "time_zone"),
        (r#"{"model": {}}"#, "unknown field"),
    ] {
        let error = Mapping::read(wrong).unwrap_err().to_string();
        assert!(error.contains(said), "{wrong}: {error}");
    }
}

#[test]
fn natural_keys_and_json_lines_are_understood() {
    let lines = [
        json!({ "model": "terminals.customer", "fields": { "company_name": "ABC" } }),
        json!({ "model": "terminals.terminal", "fields": { "serial_number": "TC-1", "customer": ["ABC"] } }),
        json!({ "model": "terminals.log", "pk": "5f0c", "fields": {
            "terminal": ["tc-1"], "timestamp": "2024-12-01T00:00:00Z", "message": "a\u{0}b",
        } }),
    ];
    let text = lines.map(|line| line.to_string()).join("\n");
    let (fixture, report) = read_django(&format!("\u{feff}{text}\n"), &Mapping::default()).unwrap();
    assert_eq!((fixture.terminals.len(), fixture.logs.len()), (1, 1), "{report:?}");
    assert_eq!(fixture.logs[0].entry.message, "ab");
    assert_eq!(fixture.logs[0].entry.event_id, "django-5f0c");
}

#[test]
fn what_is_no_dump_is_refused() {
    for text in [
        "",
        "hello",
        "{\"a\": 1}",
        "[1]",
        "[{\"model\": \"a.b\"}]",
        "[{\"model\": \"a.b\", \"fields\": {}}",
    ] {
        assert!(read_django(text, &Mapping::default()).is_err(), "{text:?}");
    }
    assert!(read_django("[]", &Mapping::default()).is_ok());
}

proptest::proptest! {
    #[test]
    fn no_field_makes_it_panic(serial in ".{0,60}", time in ".{0,30}", pk in proptest::num::i64::ANY) {
        let objects = [
            object("terminals.customer", 1, json!({ "company_name": serial, "contract_start_date": time })),
            object("terminals.terminal", pk, json!({ "serial_number": serial, "customer": 1, "installed_date": time })),
            object("terminals.alert", pk, json!({ "terminal": pk, "alert_type": serial, "severity": "HIGH", "created_at": time })),
            object("terminals.log", pk, json!({ "terminal": pk, "timestamp": time, "message": serial })),
            object("auth.user", pk, json!({ "username": serial, "password": time, "groups": [pk] })),
        ];
        let _ = taken_over(&objects, &Mapping::default());
    }
}
