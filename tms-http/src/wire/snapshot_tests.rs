//! The examples of the contract, read into the types and written again: nothing may be lost or renamed on the way.

use std::fmt::Debug;

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{
    agent::{HeartbeatAnswer, HeartbeatRequest, LogAnswer, LogBatch, RegisterAnswer, RegisterRequest, RotateAnswer},
    alert::{Alert, AlertPatch, AlertPatched},
    auth::{LoginRequest, RefreshRequest, TokenAnswer},
    customer::{Customer, CustomerCreate, CustomerPatch},
    enrollment_code::{EnrollmentCode, EnrollmentCodeCreate},
    history::{LogRow, MetricsRow, StatusChange},
    list::{Links, List, Meta},
    maintenance::{Maintenance, MaintenanceCreate},
    problem::ErrorBody,
    summary::Summary,
    terminal::{Terminal, TerminalPatch, TerminalQuery},
};

/// Reads an example of the contract and expects to write the very same.
fn survives<T: DeserializeOwned + Serialize + PartialEq + Debug>(example: &Value) -> T {
    let read: T = serde_json::from_value(example.clone()).unwrap();
    assert_eq!(&serde_json::to_value(&read).unwrap(), example);
    read
}

#[test]
fn register_is_as_the_contract_says() {
    survives::<RegisterRequest>(&json!({
        "serial_number": "TC-200-001", "enrollment_code": "K7QM-2V8P-9XAB-4C6D", "model": "TC-200",
        "mac_address": "00:11:22:33:44:55", "agent_version": "1.0.0", "firmware_version": "2.0.0",
        "hostname": "POS-001", "ip_address": "192.168.1.100",
        "os_info": {"name": "Windows", "version": "10", "build": "19043"}}));
    let answer: RegisterAnswer = survives(&json!({
        "terminal_id": 123, "agent_token": "tms_ag_x", "heartbeat_interval": 300,
        "server_time": "2026-01-24T10:00:00Z",
        "config": {"version": 7, "log_level": "INFO", "auto_update": true}}));
    assert!(
        !format!("{answer:?}").contains("tms_ag_"),
        "a credential is never printed"
    );
    survives::<RotateAnswer>(&json!({"agent_token": "tms_ag_y", "previous_valid_until": "2026-01-24T10:10:00Z"}));
}

const HEARTBEAT: &str = r#"{"serial_number":"TC-200-001","timestamp":"2026-01-24T10:00:00Z","boot_id":"f3","seq":812,
 "status":"online","device":{"state":"ok","error_code":0},
 "metrics":{"cpu_usage":45,"memory_usage":60,"disk_usage":30,"temperature":35},
 "firmware_version":"2.0.0","agent_version":"1.0.0","ip_address":"192.168.1.100","uptime_seconds":86400,
 "last_transaction":"2026-01-24T09:58:00Z","transaction_count":150,"config_version":7}"#;

#[test]
fn heartbeat_is_as_the_contract_says_and_borrows() {
    let beat: HeartbeatRequest<'_> = serde_json::from_str(HEARTBEAT).unwrap();
    let example: Value = serde_json::from_str(HEARTBEAT).unwrap();
    assert_eq!(serde_json::to_value(&beat).unwrap(), example);
    let texts = [
        &beat.serial_number,
        &beat.timestamp,
        beat.boot_id.as_ref().unwrap(),
        &beat.device.as_ref().unwrap().state,
        beat.firmware_version.as_ref().unwrap(),
        beat.last_transaction.as_ref().unwrap(),
    ];
    for text in texts {
        assert!(matches!(text.0, std::borrow::Cow::Borrowed(_)), "{text:?} was copied");
    }
}

#[test]
fn a_heartbeat_needs_three_fields_and_lives_with_new_ones() {
    let short = r#"{"serial_number":"A-1","timestamp":"t","status":"online"}"#;
    let beat: HeartbeatRequest<'_> = serde_json::from_str(short).unwrap();
    assert_eq!(serde_json::to_string(&beat).unwrap(), short);
    let newer = r#"{"serial_number":"A-1","timestamp":"t","status":"online","battery":7,"seq":null}"#;
    assert_eq!(serde_json::from_str::<HeartbeatRequest<'_>>(newer).unwrap(), beat);
    let double = r#"{"serial_number":"A-1","serial_number":"A-2","timestamp":"t","status":"online"}"#;
    assert!(
        serde_json::from_str::<HeartbeatRequest<'_>>(double).is_err(),
        "a key said twice"
    );
    let fraction = r#"{"serial_number":"A-1","timestamp":"t","status":"online","metrics":{"cpu_usage":4.5}}"#;
    assert!(serde_json::from_str::<HeartbeatRequest<'_>>(fraction).is_err());
}

#[test]
fn the_answer_to_a_heartbeat_carries_commands() {
    let answer: HeartbeatAnswer = survives(&json!({
        "status": "acknowledged", "server_time": "2026-01-24T10:00:05Z", "next_heartbeat": 297, "config_version": 8,
        "commands": [{"id": 457, "attempt": 1, "lease_seconds": 120, "type": "update_firmware", "priority": "high",
            "parameters": {"firmware_id": 10, "version": "2.1.0", "url": "u", "checksum": "sha256:x", "size": 10_485_760}}]}));
    insta::assert_debug_snapshot!(answer.commands);
    let newer = json!({"id": 1, "attempt": 1, "lease_seconds": 1, "type": "dance", "priority": "low"});
    let command: super::command::Command = serde_json::from_value(newer).unwrap();
    assert_eq!(command.command_type, super::command::CommandType::Unknown);
}

#[test]
fn logs_are_as_the_contract_says() {
    let example = r#"{"serial_number":"A-1","logs":[{"event_id":"e1","timestamp":"2026-01-24T10:00:00Z","level":"INFO","type":"reader","message":"ok","details":{"n":1}}]}"#;
    let batch: LogBatch<'_> = serde_json::from_str(example).unwrap();
    assert_eq!(serde_json::to_string(&batch).unwrap(), example);
    survives::<LogAnswer>(&json!({"status": "received", "count": 2}));
    survives::<LogRow>(&json!({"id": 5, "event_id": "e1", "timestamp": "2026-01-24T10:00:00Z",
        "received_at": "2026-01-24T10:00:01Z", "level": "INFO", "type": "reader", "message": "ok", "details": null}));
}

#[test]
fn a_terminal_is_as_decided() {
    survives::<Terminal>(
        &json!({"id": 123, "serial_number": "TC-200-001", "model": "TC-200", "lifecycle": "active", "status": "online",
        "status_reason": {"link": "connected", "device": "ok", "since": "2026-01-24T09:00:00Z", "next_deadline": "2026-01-24T10:11:00Z"},
        "customer": {"id": 1, "company_name": "ABC Store Inc."}, "store_name": "Shinjuku Store", "store_code": "001",
        "installation_address": "Tokyo", "firmware_version": "2.0.0", "agent_version": "1.0.0", "ip_address": "192.168.1.100",
        "mac_address": "00:11:22:33:44:55", "last_heartbeat": "2026-01-24T10:00:00Z", "boot_id": "f3", "seq": 812,
        "metrics": {"cpu_usage": 45, "memory_usage": 60, "disk_usage": 30, "temperature": 35},
        "settings": {"heartbeat_interval": 300, "auto_update_enabled": true, "maintenance_mode": false},
        "active_alerts": 0, "installed_date": "2024-12-01", "warranty_end_date": "2026-12-01",
        "created_at": "2024-12-01T00:00:00Z", "updated_at": "2024-12-01T00:00:00Z"}),
    );
    survives::<TerminalPatch>(&json!({"store_name": null, "store_code": "002", "heartbeat_interval": 60}));
}

#[test]
fn an_alert_is_as_decided() {
    let open = json!({"id": 789, "terminal": {"id": 123, "serial_number": "TC-200-001", "store_name": "Shinjuku Store"},
        "customer": {"id": 1, "company_name": "ABC"}, "alert_type": "offline", "severity": "HIGH", "state": "open",
        "title": "t", "message": "m", "details": {}, "occurrences": 1, "is_acknowledged": false, "acknowledged_by": null,
        "acknowledged_at": null, "is_resolved": false, "resolved_by": null, "resolved_at": null, "resolution": null,
        "resolution_notes": null, "created_at": "2026-01-24T10:00:00Z"});
    survives::<Alert>(&open);
    survives::<AlertPatch>(&json!({"is_acknowledged": true}));
    survives::<AlertPatched>(
        &json!({"id": 789, "status": "resolved", "resolved_at": "2026-01-24T10:00:00Z",
        "resolved_by": "mika"}),
    );
}

#[test]
fn customers_codes_and_maintenance_are_as_decided() {
    survives::<Customer>(
        &json!({"id": 1, "company_name": "ABC", "company_name_kana": "エービーシー", "contact_person": null,
        "contact_email": "a@example.com", "contact_phone": null, "postal_code": "160-0022", "address": null,
        "contract_type": "standard", "contract_start_date": "2024-01-01", "contract_end_date": null, "is_active": true,
        "max_terminals": 10, "notes": null, "created_at": "2024-01-01T00:00:00Z", "updated_at": "2024-01-01T00:00:00Z"}),
    );
    survives::<CustomerCreate>(&json!({"company_name": "ABC", "max_terminals": 3}));
    survives::<CustomerPatch>(&json!({"notes": null, "is_active": false}));
    survives::<EnrollmentCodeCreate>(
        &json!({"customer_id": 1, "store_name": "Shinjuku Store", "uses": 2, "ttl_hours": 24}),
    );
    let code = json!({"id": 4, "code": "K7QM-2V8P-9XAB-4C6D", "customer_id": 1, "store_name": null, "store_code": null,
        "serial_number": null, "uses": 1, "used": 0, "expires_at": "2026-01-25T10:00:00Z", "is_revoked": false,
        "created_by": "mika", "created_at": "2026-01-24T10:00:00Z"});
    let read: EnrollmentCode = survives(&code);
    assert!(!format!("{read:?}").contains("K7QM"), "a code is never printed");
    survives::<MaintenanceCreate>(&json!({"terminal_id": 123, "until": "2026-01-24T12:00:00Z", "reason": "new PC"}));
    survives::<Maintenance>(
        &json!({"id": 1, "terminal_id": 123, "from": "2026-01-24T10:00:00Z", "until": null,
        "reason": "new PC", "created_by": "mika", "created_at": "2026-01-24T10:00:00Z"}),
    );
}

#[test]
fn summary_and_history_are_as_decided() {
    survives::<Summary>(
        &json!({"terminals": {"total": 10, "online": 7, "offline": 1, "error": 1, "maintenance": 1},
        "alerts": {"total": 3, "CRITICAL": 0, "HIGH": 2, "MEDIUM": 1, "LOW": 0, "INFO": 0}, "as_of": "2026-01-24T10:00:00Z"}),
    );
    survives::<MetricsRow>(
        &json!({"timestamp": "2026-01-24T10:00:00Z", "received_at": "2026-01-24T10:00:01Z", "seq": 812,
        "device": {"state": "ok", "error_code": 0}, "metrics": {"cpu_usage": 45}, "transaction_count": 150}),
    );
    survives::<StatusChange>(
        &json!({"status": "online", "from": "2026-01-24T10:00:00Z", "to": "2026-01-24T11:00:00Z",
        "next_status": "offline"}),
    );
}

#[test]
fn sign_in_is_as_the_contract_says() {
    let answer: TokenAnswer = survives(
        &json!({"access_token": "tms_at_x", "refresh_token": "tms_rt_y", "token_type": "Bearer",
        "expires_in": 900, "user": {"id": 1, "username": "mika", "full_name": "Mika", "role": "admin", "email": null,
        "customer_id": null, "mfa_enabled": true, "mfa_setup_required": false}}),
    );
    let login = LoginRequest {
        username: "mika".to_owned(),
        password: "hunter2hunter2".to_owned(),
        ..LoginRequest::default()
    };
    let refresh = RefreshRequest {
        refresh_token: "tms_rt_y".to_owned(),
    };
    let printed = format!("{answer:?} {login:?} {refresh:?}");
    assert!(!printed.contains("hunter2") && !printed.contains("tms_"), "{printed}");
}

#[test]
fn lists_and_errors_are_as_the_contract_says() {
    let list = List {
        data: vec![1],
        meta: Meta {
            current_page: Some(1),
            per_page: 20,
            total: Some(150),
            total_exact: true,
            total_pages: Some(8),
            from: Some(1),
            to: Some(20),
            next_cursor: Some("c".to_owned()),
        },
        links: Links {
            first: Some("f".to_owned()),
            last: Some("l".to_owned()),
            prev: None,
            next: Some("n".to_owned()),
        },
    };
    insta::assert_json_snapshot!(list);
    survives::<ErrorBody>(
        &json!({"error": {"code": "VAL_001", "message": "Validation failed", "details": "2 fields are wrong",
        "field_errors": {"serial_number": ["must be 3 to 50 of A-Z, 0-9 and -"]},
        "request_id": "b1946ac9", "timestamp": "2026-01-24T10:00:00Z"}}),
    );
}

#[test]
fn requests_of_operators_refuse_unknown_fields() {
    fn refused<T: DeserializeOwned>(body: Value) -> bool {
        serde_json::from_value::<T>(body).is_err()
    }
    assert!(refused::<LoginRequest>(
        json!({"username": "a", "password": "b", "remember": true})
    ));
    assert!(refused::<CustomerCreate>(json!({"company_name": "a", "colour": 1})));
    assert!(refused::<TerminalPatch>(json!({"status": "online"})));
    assert!(refused::<AlertPatch>(json!({"is_acknowledged": null})));
    assert!(refused::<TerminalQuery>(json!({"filter": "x"})));
}
