//! Which passwords are tried first: those made of what everybody uses, however often it is repeated, spelled with digits
//! for letters or lengthened by a run of keys. No rule about kinds of characters (NIST SP 800-63B, section 5.1.1.2).

use std::collections::BTreeSet;

/// How much must be in a password beside what everybody uses, in characters; a common word counts as two.
const ENOUGH: usize = 8;
/// How many keys in a row are a run.
const RUN: usize = 4;
/// Keys that lie or are counted in a row.
const ROWS: &[&str] = &[
    "01234567890",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "qwertz",
    "azerty",
    "1qaz2wsx3edc4rfv",
    "1q2w3e4r5t6y",
    "qazwsxedc",
];
/// Words that stand at the top of every list of stolen passwords, and those of this trade.
const WORDS: &[&str] = &[
    "access",
    "admin",
    "administrator",
    "adobe",
    "android",
    "angel",
    "apple",
    "asdf",
    "azerty",
    "baby",
    "banana",
    "baseball",
    "basketball",
    "batman",
    "bitcoin",
    "blink",
    "buster",
    "changeme",
    "charlie",
    "cheese",
    "chelsea",
    "chocolate",
    "computer",
    "cookie",
    "default",
    "diamond",
    "django",
    "dragon",
    "facebook",
    "flower",
    "football",
    "freedom",
    "friend",
    "fuckyou",
    "google",
    "hannah",
    "hello",
    "hunter",
    "iloveyou",
    "internet",
    "jennifer",
    "jessica",
    "jordan",
    "killer",
    "letmein",
    "liverpool",
    "login",
    "london",
    "lovely",
    "manager",
    "master",
    "michael",
    "michelle",
    "microsoft",
    "monkey",
    "mustang",
    "mynoob",
    "nicole",
    "ninja",
    "operator",
    "passwort",
    "password",
    "payment",
    "pepper",
    "pokemon",
    "prince",
    "princess",
    "purple",
    "qwer",
    "qwerty",
    "samsung",
    "secret",
    "secure",
    "security",
    "server",
    "shadow",
    "silver",
    "soccer",
    "spring",
    "starwars",
    "summer",
    "sunshine",
    "superman",
    "support",
    "system",
    "temp",
    "terminal",
    "test",
    "thomas",
    "tigger",
    "trustno",
    "user",
    "welcome",
    "whatever",
    "windows",
    "winter",
    "zaq",
];

/// Tells whether a password is one of the first that somebody tries.
pub(super) fn is_guessable(password: &str, username: &str) -> bool {
    let folded = password.to_lowercase();
    let distinct: BTreeSet<char> = folded.chars().collect();
    if distinct.len() < 4 || (username.len() > 3 && folded.contains(username)) {
        return true;
    }
    let once = without_repetition(&folded);
    // Digits are letters to some and runs to others: what leaves least counts.
    [once.clone(), as_letters(&once)]
        .iter()
        .any(|text| worth(text) < ENOUGH)
}

/// Cuts what is nothing but one piece again and again down to the piece.
fn without_repetition(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let repeats = |period: &usize| chars.iter().zip(chars.iter().skip(*period)).all(|(a, b)| a == b);
    let period = (1..=chars.len() / 2).find(repeats).unwrap_or(chars.len());
    chars.into_iter().take(period).collect()
}

/// Reads digits and signs as the letters that they stand for.
fn as_letters(text: &str) -> String {
    let letter = |c| match c {
        '0' => 'o',
        '1' | '!' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        other => other,
    };
    text.chars().map(letter).collect()
}

/// Counts what is left of a text without common words and runs, and a little for each different one of these.
fn worth(text: &str) -> usize {
    let (mut rest, mut left, mut common) = (text, 0, BTreeSet::new());
    while let Some(first) = rest.chars().next() {
        let length = known(rest);
        if length == 0 {
            left += usize::from(!first.is_whitespace());
            rest = rest.get(first.len_utf8()..).unwrap_or_default();
        } else {
            common.insert(rest.get(..length));
            rest = rest.get(length..).unwrap_or_default();
        }
    }
    left + 2 * common.len()
}

/// Returns the length of the longest common word or run with which a text begins, in bytes.
fn known(text: &str) -> usize {
    let words = WORDS
        .iter()
        .filter(|word| text.starts_with(**word))
        .map(|word| word.len());
    let runs = ROWS.iter().map(|row| {
        let backwards: String = row.chars().rev().collect();
        run(text, row).max(run(text, &backwards))
    });
    words.chain(runs).max().unwrap_or_default()
}

/// Returns how much of a row a text begins with, from wherever in the row; less than a run is none.
fn run(text: &str, row: &str) -> usize {
    let from = |start: usize| {
        let keys = row.bytes().skip(start);
        keys.zip(text.bytes()).take_while(|(key, typed)| key == typed).count()
    };
    let longest = (0..row.len()).map(from).max().unwrap_or_default();
    if longest >= RUN { longest } else { 0 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_everybody_tries_is_guessable() {
        for bad in [
            "password1234",
            "passwordpassword",
            "P4ssw0rdP4ssw0rd",
            "1234567890123456",
            "0987654321098765",
            "qwertyqwerty1234",
            "1qaz2wsx3edc",
            "abcdefghijklmnop",
            "tokyotokyotokyo",
            "aaaaaaaaaaaaaa",
            "administrator12",
            "Welcome-2026",
            "ChangeMe!ChangeMe!",
            "terminaladmin1",
            "xx-yamada-2026",
            "こんにちはこんにちはこんにちは",
        ] {
            assert!(is_guessable(bad, "yamada"), "{bad}");
        }
    }

    #[test]
    fn what_takes_long_to_guess_is_not() {
        for good in [
            "correct horse battery",
            "tsukiji fish at dawn",
            "R7k!pm2#Wq9z",
            "terminal 19 of the blue shop",
            "a password for a run",
            "春はあけぼのやうやう白く",
        ] {
            assert!(!is_guessable(good, "yamada"), "{good}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_judged_and_a_short_one_gets_no_better_by_repeating_it(text in ".{1,40}", times in 2_usize..5) {
            let _ = is_guessable(&text, "");
            let short: String = text.chars().take(ENOUGH - 1).collect();
            prop_assert!(is_guessable(&short.repeat(times), ""));
        }
    }
}
