//! JSON with one spelling: what is equal as a document is equal as bytes, however a store reorders or respells it.

use std::fmt::Write as _;

use serde_json::{Map, Number, Value};

/// Significant digits of a number that is not whole. Every store and every reader of JSON keeps so many; beyond them
/// they round in ways of their own.
const DIGITS: usize = 15;

/// Returns `value` as every store can keep it: numbers that are not whole are cut to 15 significant digits, and U+0000,
/// which PostgreSQL has no room for, becomes U+FFFD.
pub fn storable(value: Value) -> Value {
    match value {
        Value::Number(number) => storable_number(number),
        Value::String(text) => Value::String(storable_text(text)),
        Value::Array(items) => Value::Array(items.into_iter().map(storable).collect()),
        Value::Object(fields) => {
            let fields = fields.into_iter();
            let fields: Map<_, _> = fields
                .map(|(name, value)| (storable_text(name), storable(value)))
                .collect();
            Value::Object(fields)
        }
        other => other,
    }
}

/// Returns a text as every store can keep it.
pub fn storable_text(text: String) -> String {
    if text.contains('\0') {
        text.replace('\0', "\u{fffd}")
    } else {
        text
    }
}

fn storable_number(number: Number) -> Value {
    if number.is_i64() || number.is_u64() {
        return Value::Number(number);
    }
    let cut = number.as_f64().and_then(|float| rounded(float).parse().ok());
    Value::Number(cut.and_then(Number::from_f64).unwrap_or(number))
}

fn rounded(float: f64) -> String {
    format!("{float:.*e}", DIGITS - 1)
}

/// Writes the one spelling of `value` behind `out`: no blanks, names in order of their bytes, texts as JSON spells them
/// with the fewest escapes, numbers as `digits` `e` `exponent` without zeros at the end (`100` is `1e2`, `0.5` is
/// `5e-1`, nothing is `0`).
pub fn spell(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => spell_number(number, out),
        Value::String(text) => spell_text(text, out),
        Value::Array(items) => {
            out.push('[');
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    out.push(',');
                }
                spell(item, out);
            }
            out.push(']');
        }
        Value::Object(fields) => spell_fields(fields, out),
    }
}

fn spell_fields(fields: &Map<String, Value>, out: &mut String) {
    let mut sorted: Vec<_> = fields.iter().collect();
    sorted.sort_unstable_by(|(a, _), (b, _)| a.as_bytes().cmp(b.as_bytes()));
    out.push('{');
    for (place, (name, value)) in sorted.into_iter().enumerate() {
        if place > 0 {
            out.push(',');
        }
        spell_text(name, out);
        out.push(':');
        spell(value, out);
    }
    out.push('}');
}

fn spell_text(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c < ' ' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// Stores differ in how they print one number (`1e2`, `100`, `100.0`), so its digits and its exponent are what counts.
fn spell_number(number: &Number, out: &mut String) {
    let text = match number.as_f64() {
        Some(float) if !number.is_i64() && !number.is_u64() => rounded(float),
        _ => number.to_string(),
    };
    let (sign, text) = text.strip_prefix('-').map_or(("", &*text), |rest| ("-", rest));
    let (digits, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let digits = format!("{whole}{fraction}");
    let exponent: i64 = exponent.parse().unwrap_or(0);
    let exponent = exponent - length(fraction) + length(&digits) - length(digits.trim_end_matches('0'));
    match digits.trim_matches('0') {
        "" => out.push('0'),
        digits => {
            let _ = write!(out, "{sign}{digits}e{exponent}");
        }
    }
}

fn length(text: &str) -> i64 {
    i64::try_from(text.len()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn spelled(value: &Value) -> String {
        let mut out = String::new();
        spell(value, &mut out);
        out
    }

    /// What PostgreSQL's `jsonb` does: names in another order, numbers as plain decimals.
    fn respelled(value: &Value) -> String {
        match value {
            Value::Object(fields) => {
                let mut fields: Vec<_> = fields.iter().collect();
                fields.sort_by_key(|(name, _)| (name.len(), std::cmp::Reverse((*name).clone())));
                let fields: Vec<_> = fields
                    .into_iter()
                    .map(|(name, value)| format!("{}: {}", json!(name), respelled(value)))
                    .collect();
                format!("{{{}}}", fields.join(", "))
            }
            Value::Array(items) => {
                let items: Vec<_> = items.iter().map(respelled).collect();
                format!("[{}]", items.join(", "))
            }
            Value::Number(number) => number
                .as_f64()
                .filter(|_| number.is_f64())
                .map_or_else(|| number.to_string(), |float| format!("{float}")),
            other => other.to_string(),
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            (-1_000_i32..1_000).prop_map(|n| Value::from(f64::from(n) / 8.0)),
            any::<String>().prop_map(Value::String),
        ];
        leaf.prop_recursive(3, 24, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
                prop::collection::vec((any::<String>(), inner), 0..5)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    #[test]
    fn equal_numbers_have_one_spelling() {
        for (value, expected) in [
            (json!(0), "0"),
            (json!(-0.0), "0"),
            (json!(100), "1e2"),
            (json!(100.0), "1e2"),
            (json!(1e2), "1e2"),
            (json!(-12.50), "-125e-1"),
            (json!(0.5), "5e-1"),
            (json!(1e17), "1e17"),
            (json!(100_000_000_000_000_000_u64), "1e17"),
            (json!(u64::MAX), "18446744073709551615e0"),
            (json!(i64::MIN), "-9223372036854775808e0"),
            (json!(1.0e300), "1e300"),
            (
                json!({"b": 1, "a": [true, null, "\"\u{1}é"]}),
                "{\"a\":[true,null,\"\\\"\\u0001é\"],\"b\":1e0}",
            ),
        ] {
            assert_eq!(spelled(&value), expected);
        }
    }

    proptest! {
        #[test]
        fn what_a_store_respells_is_spelled_the_same(value in any_json()) {
            let kept = storable(value);
            for text in [kept.to_string(), respelled(&kept)] {
                let read: Value = serde_json::from_str(&text).unwrap();
                prop_assert_eq!(spelled(&read), spelled(&kept), "{}", text);
            }
        }

        #[test]
        fn different_documents_have_different_spellings(a in any_json(), b in any_json()) {
            let (a, b) = (storable(a), storable(b));
            // Documents that differ only in how a number is written count as one.
            let reread = |value: &Value| serde_json::from_str::<Value>(&respelled(value)).unwrap();
            prop_assert_eq!(spelled(&a) == spelled(&b), reread(&a) == reread(&b) || spelled(&reread(&a)) == spelled(&reread(&b)));
        }

        #[test]
        fn keeping_twice_changes_nothing_more(value in any_json()) {
            let kept = storable(value);
            prop_assert_eq!(storable(kept.clone()), kept);
        }
    }
}
