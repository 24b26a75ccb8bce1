//! What was looked at, and what is wrong with it.

use serde_json::{Value, json};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Level {
    /// All is well.
    #[value(skip)]
    Ok,
    /// It could be better.
    Warning,
    /// It is wrong.
    Error,
}

/// One look at one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// At what.
    pub name: &'static str,
    /// How bad it is.
    pub level: Level,
    /// What is wrong, could be better, or is worth knowing.
    text: String,
    /// How to mend it.
    fix: String,
}

impl Finding {
    /// Nothing is wrong.
    pub fn ok(name: &'static str) -> Self {
        Self {
            name,
            level: Level::Ok,
            text: String::new(),
            fix: String::new(),
        }
    }

    /// Nothing is wrong, and this is how it is.
    pub fn told(name: &'static str, text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            ..Self::ok(name)
        }
    }

    /// Something is wrong.
    pub fn fault(name: &'static str, text: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            name,
            level: Level::Error,
            text: text.into(),
            fix: fix.into(),
        }
    }

    /// Something could be better.
    pub fn better(name: &'static str, text: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            level: Level::Warning,
            ..Self::fault(name, text, fix)
        }
    }

    /// Returns the finding for people.
    pub fn line(&self) -> String {
        let word = match self.level {
            Level::Ok => "ok    ",
            Level::Warning => "better",
            Level::Error => "FAULT ",
        };
        match self.said() {
            Some(said) => format!("{word} {}: {said}", self.name),
            None => format!("{word} {}", self.name),
        }
    }

    /// Returns the finding for programs.
    pub fn to_json(&self) -> Value {
        let said = |level| (self.level == level).then(|| self.said()).flatten();
        json!({
            "name": self.name, "ok": self.level != Level::Error,
            "fault": said(Level::Error), "advice": said(Level::Warning), "note": said(Level::Ok),
            "fix": Some(&self.fix).filter(|fix| !fix.is_empty()),
        })
    }

    fn said(&self) -> Option<String> {
        match (self.text.is_empty(), self.fix.is_empty()) {
            (true, _) => None,
            (false, true) => Some(self.text.clone()),
            (false, false) => Some(format!("{}; {}", self.text, self.fix)),
        }
    }
}
