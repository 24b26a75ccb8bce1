//! What an alert says to people, made from its cause and its facts (DECISIONS 22). English so far.

use serde_json::Value;
use tms_core::alert::Cause;

/// Returns the headline.
pub(super) const fn title(cause: Cause) -> &'static str {
    match cause {
        Cause::Offline => "Terminal is offline",
        Cause::DeviceError => "Card reader reports an error",
        Cause::ReaderAbsent => "Card reader is not attached",
        Cause::HighCpu => "Processor is busy",
        Cause::HighMemory => "Memory is nearly used up",
        Cause::HighDisk => "Disk is nearly full",
        Cause::HighTemperature => "PC is too hot",
        Cause::ClockSkew => "Clock of the PC is wrong",
        Cause::UpdateFailed => "Firmware update failed",
        Cause::OutOfConfig => "Configuration is out of step",
        Cause::Security => "Security event",
    }
}

/// Returns the sentence with the facts; a fact that is missing is left out.
pub(super) fn message(cause: Cause, details: &Value) -> String {
    let text = |key: &str| details.get(key).and_then(Value::as_str);
    let number = |key: &str| details.get(key).and_then(Value::as_i64);
    let crossed = |what: &str, unit: &str| match (number("value"), number("threshold")) {
        (Some(value), Some(limit)) => format!("{what} is {value}{unit}; the limit is {limit}{unit}."),
        _ => format!("{what} is above its limit."),
    };
    match cause {
        Cause::Offline => match text("last_heartbeat") {
            Some(last) => format!("Nothing has been heard since {last}."),
            None => "Nothing has been heard.".to_owned(),
        },
        Cause::DeviceError => match number("error_code").filter(|code| *code != 0) {
            Some(code) => format!("The card reader reports error {code}."),
            None => "The card reader reports an error.".to_owned(),
        },
        Cause::ReaderAbsent => "The PC is heard, but no card reader is attached to it.".to_owned(),
        Cause::HighCpu => crossed("Processor use", " %"),
        Cause::HighMemory => crossed("Memory use", " %"),
        Cause::HighDisk => crossed("Disk use", " %"),
        Cause::HighTemperature => crossed("The temperature", " °C"),
        Cause::ClockSkew => crossed("The difference between the PC's clock and the server's", " s"),
        Cause::UpdateFailed => "A firmware update has failed.".to_owned(),
        Cause::OutOfConfig => "The applied configuration is not the desired one.".to_owned(),
        Cause::Security => text("reason")
            .unwrap_or("Something happened that only an attacker would do.")
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn facts_are_told_when_there_are_any() {
        let facts = json!({ "value": 93, "threshold": 90 });
        assert_eq!(
            message(Cause::HighCpu, &facts),
            "Processor use is 93 %; the limit is 90 %."
        );
        for cause in Cause::ALL {
            assert!(
                !title(*cause).is_empty() && message(*cause, &json!(null)).ends_with('.'),
                "{cause}"
            );
        }
    }
}
