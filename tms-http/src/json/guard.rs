//! One look over a JSON text before serde reads it: what serde lets pass and a stranger must not send.
//!
//! It assumes the syntax that serde checks right after, so it only has to be right about texts that are JSON.

use std::borrow::Cow;

/// How many objects and lists may be inside one another.
pub(crate) const MAX_DEPTH: usize = 32;
/// Members of a body that are objects; serde would take their fields in order from a list, too.
const OBJECTS: &[&[u8]] = &[b"device", b"metrics", b"os_info"];
/// Up to so many keys are compared pair by pair.
const FEW_KEYS: usize = 16;

/// What is wrong with a JSON text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Too many objects and lists inside one another.
    TooDeep,
    /// An object has this key twice.
    Duplicate(String),
    /// A text has the character NUL; the key nearest to it.
    Nul(String),
    /// A text has a bare control character, which JSON forbids; serde does not look into what it skips.
    Control,
    /// A list stands where an object belongs; the key nearest to it.
    NotAnObject(String),
}

#[derive(Clone, Copy)]
struct Frame {
    is_object: bool,
    first_key: usize,
}

struct Walk<'a> {
    bytes: &'a [u8],
    frames: Vec<Frame>,
    /// The keys of all open objects, outermost first.
    keys: Vec<Cow<'a, [u8]>>,
}

/// Looks over `bytes`.
pub(crate) fn check(bytes: &[u8]) -> Result<(), Fault> {
    let mut walk = Walk {
        bytes,
        frames: Vec::with_capacity(4),
        keys: Vec::with_capacity(24),
    };
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'"' => at = walk.text(at)?,
            b'{' => walk.open(true)?,
            b'[' => walk.open(false)?,
            b'}' | b']' => walk.close()?,
            _ => {}
        }
    }
    Ok(())
}

impl Walk<'_> {
    fn nearest_key(&self) -> String {
        let key = self.keys.last().map_or(&b"body"[..], |key| key);
        String::from_utf8_lossy(key).into_owned()
    }

    fn open(&mut self, is_object: bool) -> Result<(), Fault> {
        if self.frames.len() >= MAX_DEPTH {
            return Err(Fault::TooDeep);
        }
        if !is_object && self.wants_object() {
            return Err(Fault::NotAnObject(self.nearest_key()));
        }
        let first_key = self.keys.len();
        self.frames.push(Frame { is_object, first_key });
        Ok(())
    }

    /// Tells whether the value that begins here has to be an object: the body itself, a known member, or what a
    /// member's list has.
    fn wants_object(&self) -> bool {
        match (self.frames.len(), self.frames.last()) {
            (0, _) => true,
            (1, Some(frame)) if frame.is_object => self.keys.last().is_some_and(|key| OBJECTS.contains(&&**key)),
            (2, Some(frame)) => !frame.is_object,
            _ => false,
        }
    }

    fn close(&mut self) -> Result<(), Fault> {
        let Some(frame) = self.frames.pop() else {
            return Ok(());
        };
        let own = self.keys.get_mut(frame.first_key..).unwrap_or_default();
        if let Some(key) = repeated(own) {
            return Err(Fault::Duplicate(String::from_utf8_lossy(key).into_owned()));
        }
        self.keys.truncate(frame.first_key);
        Ok(())
    }

    /// Passes over a text that begins at `start` and returns where it has ended.
    fn text(&mut self, start: usize) -> Result<usize, Fault> {
        let (mut at, mut is_escaped, mut has_nul) = (start, false, false);
        let end = loop {
            match self.bytes.get(at) {
                Some(b'"') => break at,
                Some(b'\\') => {
                    is_escaped = true;
                    has_nul |= self.bytes.get(at + 1..at + 6).is_some_and(|escape| escape == b"u0000");
                    at += 2;
                }
                Some(..0x20) => return Err(Fault::Control),
                Some(_) => at += 1,
                None => return Ok(at),
            }
        };
        if self.is_key(end + 1) {
            let raw = self.bytes.get(start..end).unwrap_or_default();
            let quoted = self.bytes.get(start.saturating_sub(1)..=end).unwrap_or_default();
            let unescaped = is_escaped
                .then(|| serde_json::from_slice::<String>(quoted).ok())
                .flatten();
            let key = unescaped.map_or(Cow::Borrowed(raw), |key| Cow::Owned(key.into()));
            self.keys.push(key);
        }
        if has_nul {
            return Err(Fault::Nul(self.nearest_key().replace('\0', "")));
        }
        Ok(end + 1)
    }

    /// Tells whether the text that ended before `at` is a key.
    fn is_key(&self, at: usize) -> bool {
        let rest = self.bytes.get(at..).unwrap_or_default();
        let next = rest.iter().find(|b| !matches!(b, b' ' | b'\t' | b'\n' | b'\r'));
        next == Some(&b':') && self.frames.last().is_some_and(|frame| frame.is_object)
    }
}

/// Returns a key that stands twice among `keys`.
fn repeated<'k>(keys: &'k mut [Cow<'_, [u8]>]) -> Option<&'k [u8]> {
    if keys.len() > FEW_KEYS {
        keys.sort_unstable();
        let pair = keys.windows(2).find(|pair| pair.first() == pair.last())?;
        return pair.first().map(|key| &**key);
    }
    let mut rest = &*keys;
    while let Some((key, others)) = rest.split_first() {
        if others.contains(key) {
            return Some(key);
        }
        rest = others;
    }
    None
}

#[cfg(test)]
#[path = "guard_tests.rs"]
mod tests;
