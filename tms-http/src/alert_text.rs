//! What an alert says to people, made from its cause and its facts (DECISIONS 22).

use serde_json::Value;
use tms_core::{
    alert::{Alert, Cause},
    time::Timestamp,
};

use crate::words::Words;

/// Returns the headline.
pub(crate) fn title(words: Words, alert: &Alert) -> String {
    if alert.is_mass_loss() {
        return words.t("alert.title.mass_loss").to_owned();
    }
    words.t(&format!("alert.title.{}", alert.cause)).to_owned()
}

/// Returns the sentence with the facts, times as `spell` spells them; a fact that is missing is left out.
pub(crate) fn message(words: Words, alert: &Alert, spell: impl Fn(Timestamp) -> String) -> String {
    if alert.is_mass_loss() {
        let number = |key: &str| alert.details.get(key).and_then(Value::as_u64);
        let counted = number("due").zip(number("connected"));
        return counted.map_or_else(
            || title(words, alert),
            |(due, connected)| words.fill("alert.message.mass_loss", &[&due, &connected]),
        );
    }
    of_cause(words, alert.cause, &alert.details, spell)
}

fn of_cause(words: Words, cause: Cause, details: &Value, spell: impl Fn(Timestamp) -> String) -> String {
    let text = |key: &str| details.get(key).and_then(Value::as_str);
    let number = |key: &str| details.get(key).and_then(Value::as_i64);
    let plain = || words.t(&format!("alert.plain.{cause}")).to_owned();
    let full = format!("alert.message.{cause}");
    match cause {
        Cause::Offline => {
            let last = text("last_heartbeat").and_then(|at| at.parse().ok());
            last.map_or_else(plain, |at| words.fill(&full, &[&spell(at)]))
        }
        Cause::DeviceError => {
            let code = number("error_code").filter(|code| *code != 0);
            code.map_or_else(plain, |code| words.fill(&full, &[&code]))
        }
        Cause::HighCpu | Cause::HighMemory | Cause::HighDisk | Cause::HighTemperature | Cause::ClockSkew => {
            let crossed = number("value").zip(number("threshold"));
            crossed.map_or_else(plain, |(value, limit)| words.fill(&full, &[&value, &limit]))
        }
        Cause::Security => text("reason").map_or_else(plain, str::to_owned),
        Cause::ReaderAbsent | Cause::UpdateFailed | Cause::OutOfConfig => plain(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::words::Locale;

    #[test]
    fn facts_are_told_when_there_are_any() {
        let facts = json!({ "value": 93, "threshold": 90 });
        let say = |locale, cause, facts: &Value| of_cause(Words(locale), cause, facts, |at| at.to_string());
        assert_eq!(
            say(Locale::English, Cause::HighCpu, &facts),
            "Processor use is 93 %; the limit is 90 %."
        );
        for cause in Cause::ALL {
            for (locale, stop) in [(Locale::English, '.'), (Locale::Japanese, '。')] {
                let plain = say(locale, *cause, &json!(null));
                assert!(plain.ends_with(stop), "{plain}");
            }
        }
    }
}
