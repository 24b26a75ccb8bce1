//! What is said to people, in their language: message files with a text for each key, embedded.

use std::{collections::HashMap, fmt::Display, sync::LazyLock};

use http::{HeaderMap, header::ACCEPT_LANGUAGE};
use tms_core::named_enum;

named_enum!(
    /// A language of the console.
    Locale {
        /// English, which every key has first.
        English = "en",
        /// Japanese.
        Japanese = "ja",
    }
);

impl Locale {
    /// Returns what the language calls itself.
    pub(crate) const fn own_name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::Japanese => "日本語",
        }
    }

    /// Chooses by the wishes that a browser sends along.
    pub(crate) fn wished(headers: &HeaderMap) -> Self {
        let wishes = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        let mut best = (0.0_f32, Self::English);
        for wish in wishes.unwrap_or_default().split(',').take(20) {
            let (range, rest) = wish.split_once(';').unwrap_or((wish, ""));
            let weight = rest.trim().strip_prefix("q=").map_or(Some(1.0), |q| q.parse().ok());
            let primary = range.trim().split('-').next().unwrap_or_default();
            let locale = Self::ALL
                .iter()
                .find(|locale| locale.as_str().eq_ignore_ascii_case(primary));
            if let (Some(locale), Some(weight)) = (locale, weight)
                && weight > best.0
            {
                best = (weight, *locale);
            }
        }
        best.1
    }
}

type Catalog = HashMap<String, String>;

const ENGLISH: &str = include_str!("../messages/en.toml");
const JAPANESE: &str = include_str!("../messages/ja.toml");
const FAULTS: &str = include_str!("../messages/faults.ja.toml");

static CATALOGS: LazyLock<[Catalog; 2]> = LazyLock::new(|| [read(ENGLISH), read(JAPANESE)]);
static FAULTS_IN_JAPANESE: LazyLock<Vec<(String, String)>> = LazyLock::new(|| {
    let mut faults: Vec<_> = read(FAULTS).into_iter().collect();
    // What says more is tried first, or a general pattern would take its place.
    faults.sort_by_key(|(pattern, _)| std::cmp::Reverse(pattern.len()));
    faults
});

/// Reads a message file; a test holds that each can be read.
fn read(text: &str) -> Catalog {
    let mut catalog = Catalog::new();
    flatten("", &text.parse().unwrap_or_default(), &mut catalog);
    catalog
}

fn flatten(prefix: &str, table: &toml::Table, catalog: &mut Catalog) {
    for (key, value) in table {
        let key = if prefix.is_empty() {
            key.clone()
        } else {
            format!("{prefix}.{key}")
        };
        match value {
            toml::Value::Table(table) => flatten(&key, table, catalog),
            toml::Value::String(text) => drop(catalog.insert(key, text.clone())),
            _ => {}
        }
    }
}

/// The texts of one language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Words(pub(crate) Locale);

impl Words {
    /// Returns the text of a key. A key without one is shown itself: a test finds it before anybody sees it.
    pub(crate) fn t(self, key: &str) -> &str {
        let [english, japanese] = &*CATALOGS;
        let catalog = match self.0 {
            Locale::English => english,
            Locale::Japanese => japanese,
        };
        catalog.get(key).map_or(key, String::as_str)
    }

    /// Returns the text of a key with `{0}`, `{1}`... replaced by what they stand for.
    pub(crate) fn fill(self, key: &str, values: &[&dyn Display]) -> String {
        fill(self.t(key), values)
    }

    /// Returns what a service says is wrong, which it says in English, in this language.
    pub(crate) fn fault(self, message: &str) -> String {
        if self.0 == Locale::English {
            return sentence(message);
        }
        let known = FAULTS_IN_JAPANESE.iter().find_map(|(pattern, text)| {
            let found = parts_of(message, pattern)?;
            let found: Vec<&dyn Display> = found.iter().map(|part| part as &dyn Display).collect();
            Some(fill(text, &found))
        });
        known.unwrap_or_else(|| sentence(message))
    }
}

/// Makes a sentence of a message that services begin with a small letter.
fn sentence(message: &str) -> String {
    let mut letters = message.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    format!("{}{}", first.unwrap_or_default(), letters.as_str())
}

fn fill(text: &str, values: &[&dyn Display]) -> String {
    let mut filled = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let place = after.split_once('}').and_then(|(place, behind)| {
            let value = values.get(place.parse::<usize>().ok()?)?;
            Some((value, behind))
        });
        let Some((value, behind)) = place else {
            filled.push('{');
            rest = after;
            continue;
        };
        filled.push_str(&value.to_string());
        rest = behind;
    }
    filled.push_str(rest);
    filled
}

/// Finds what stands in `text` where `pattern` has `{0}`, `{1}`...
fn parts_of<'t>(text: &'t str, pattern: &str) -> Option<Vec<&'t str>> {
    let mut fixed = pattern
        .split('{')
        .map(|part| part.split_once('}').map_or(part, |(_, text)| text));
    let mut rest = text.strip_prefix(fixed.next()?)?;
    let mut found = Vec::new();
    let fixed: Vec<_> = fixed.collect();
    for (index, part) in fixed.iter().enumerate() {
        let is_last = index + 1 == fixed.len();
        let end = match *part {
            "" => rest.len(),
            part if is_last => rest.strip_suffix(part)?.len(),
            part => rest.find(part)?,
        };
        let (value, behind) = rest.split_at_checked(end)?;
        found.push(value);
        rest = behind.strip_prefix(part)?;
    }
    rest.is_empty().then_some(found)
}

#[cfg(test)]
mod fault_tests;
#[cfg(test)]
mod tests {
    use super::*;

    fn wish(text: &'static str) -> Locale {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_LANGUAGE, http::HeaderValue::from_static(text));
        Locale::wished(&headers)
    }

    #[test]
    fn the_language_that_is_wished_most_is_taken() {
        assert_eq!(wish("ja"), Locale::Japanese);
        assert_eq!(wish("ja-JP,en;q=0.8"), Locale::Japanese);
        assert_eq!(wish("en-US,ja;q=0.8"), Locale::English);
        assert_eq!(wish("de, ja;q=0.5, en;q=0.4"), Locale::Japanese);
        for nothing in ["", "de", "*", "ja;q=x", ";;;,,,", "ja;q=0"] {
            assert_eq!(wish(nothing), Locale::English, "{nothing}");
        }
    }

    #[test]
    fn places_are_filled_once() {
        assert_eq!(fill("{1} of {0}{2} {x}", &[&"{1}", &2]), "2 of {1}{2} {x}");
    }

    #[test]
    fn what_services_say_is_said_in_japanese() {
        let words = Words(Locale::Japanese);
        assert_eq!(
            words.fault("must be 3 to 50 characters"),
            "3〜50文字で入力してください。"
        );
        assert_eq!(words.fault("something new"), "Something new");
        // What says more has the word before what says less.
        assert_eq!(words.fault("at most 7"), "7件以内にしてください。");
        assert_eq!(words.fault("at most 7 days at a time"), "期間は7日以内にしてください。");
        assert_eq!(words.fault("there is no customer 8"), "顧客 8 が見つかりません。");
        assert_eq!(Words(Locale::English).fault("is not known"), "Is not known");
    }
}
