//! What CloudWatch takes at a time: 10,000 lines or 1 MiB, each line with 26 bytes on top, in order of time, within 24
//! hours.

/// The longest line; CloudWatch takes 256 KiB with the 26 bytes.
pub(super) const MOST_LINE: usize = (256 << 10) - OVERHEAD;
const MOST_LINES: usize = 10_000;
const MOST_BYTES: usize = 1 << 20;
const OVERHEAD: usize = 26;
const LONGEST_SPAN_MS: i64 = 24 * 3_600 * 1_000;

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// When, in milliseconds since 1970.
    pub(super) at_ms: i64,
    /// What.
    pub(super) text: String,
}

impl Line {
    fn bytes(&self) -> usize {
        self.text.len() + OVERHEAD
    }
}

/// Lines that wait to be sent.
#[derive(Debug, Default)]
pub(super) struct Pending {
    lines: Vec<Line>,
    bytes: usize,
}

impl Pending {
    pub(super) fn push(&mut self, line: Line) {
        self.bytes += line.bytes();
        self.lines.push(line);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Tells whether there is enough for a batch.
    pub(super) fn is_full(&self) -> bool {
        self.lines.len() >= MOST_LINES || self.bytes >= MOST_BYTES
    }

    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    /// Returns the oldest lines, as many as CloudWatch takes at a time. They stay until [`Self::forget`].
    pub(super) fn next_batch(&mut self) -> &[Line] {
        // Lines of one moment stay in the order in which they came.
        self.lines.sort_by_key(|line| line.at_ms);
        let begin = self.lines.first().map_or(0, |line| line.at_ms);
        let mut bytes = 0;
        let fits = |line: &&Line| {
            bytes += line.bytes();
            bytes <= MOST_BYTES && line.at_ms.saturating_sub(begin) < LONGEST_SPAN_MS
        };
        let count = self.lines.iter().take(MOST_LINES).take_while(fits).count();
        self.lines.get(..count).unwrap_or_default()
    }

    /// Removes the batch of this length, which was dealt with.
    pub(super) fn forget(&mut self, count: usize) {
        let gone: usize = self
            .lines
            .drain(..count.min(self.lines.len()))
            .map(|line| line.bytes())
            .sum();
        self.bytes = self.bytes.saturating_sub(gone);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(at_ms: i64, len: usize) -> Line {
        Line {
            at_ms,
            text: "x".repeat(len),
        }
    }

    fn pending(lines: impl IntoIterator<Item = Line>) -> Pending {
        let mut pending = Pending::default();
        lines.into_iter().for_each(|line| pending.push(line));
        pending
    }

    fn take(pending: &mut Pending) -> usize {
        let count = pending.next_batch().len();
        pending.forget(count);
        count
    }

    #[test]
    fn batches_are_bounded_in_number_bytes_and_time() {
        let mut many = pending((0..25_000).map(|n| line(n, 1)));
        assert!(many.is_full());
        assert_eq!([(); 4].map(|()| take(&mut many)), [10_000, 10_000, 5_000, 0]);

        let mut long = pending((0..5).map(|n| line(n, MOST_LINE)));
        assert_eq!([(); 3].map(|()| take(&mut long)), [4, 1, 0], "four of them are 1 MiB");
        assert!(long.is_empty() && !long.is_full() && long.bytes == 0);

        let day = LONGEST_SPAN_MS;
        let mut old = pending([line(2 * day, 1), line(0, 1), line(day - 1, 1), line(day, 1)]);
        assert_eq!([(); 3].map(|()| take(&mut old)), [2, 1, 1]);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_every_batch_is_right(
            lines in proptest::collection::vec((0_i64..200_000_000, 0_usize..=MOST_LINE), 0..60)
        ) {
            let mut waiting = pending(lines.iter().map(|(at, len)| line(*at, *len)));
            let mut sent = 0;
            while !waiting.is_empty() {
                let batch = waiting.next_batch();
                let count = batch.len();
                prop_assert!(count > 0 && batch.is_sorted_by_key(|line| line.at_ms));
                prop_assert!(batch.iter().map(Line::bytes).sum::<usize>() <= MOST_BYTES);
                waiting.forget(count);
                sent += count;
            }
            prop_assert_eq!(sent, lines.len());
            prop_assert_eq!(waiting.bytes, 0);
        }
    }
}
