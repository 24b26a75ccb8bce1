//! Sets of numbers that mostly follow one another, kept as ranges.

/// A set of numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ranges(Vec<(i64, i64)>);

impl Ranges {
    /// Adds a number. Cheap when it is the largest so far.
    pub fn insert(&mut self, n: i64) {
        self.insert_run(n, 1);
    }

    /// Adds `count` numbers from `first` on.
    pub fn insert_run(&mut self, first: i64, count: u32) {
        if count == 0 {
            return;
        }
        let last = first.saturating_add(i64::from(count) - 1);
        if let Some(range) = self.0.last_mut()
            && range.1.checked_add(1) == Some(first)
        {
            range.1 = last;
            return;
        }
        if self.0.last().is_none_or(|range| range.1 < first) {
            self.0.push((first, last));
            return;
        }
        self.merge(first, last);
    }

    /// Adds a range anywhere, joining those that it touches.
    fn merge(&mut self, mut first: i64, mut last: i64) {
        let from = self.0.partition_point(|range| range.1.saturating_add(1) < first);
        let to = self.0.partition_point(|range| range.0 <= last.saturating_add(1));
        for range in self.0.get(from..to).unwrap_or_default() {
            first = first.min(range.0);
            last = last.max(range.1);
        }
        self.0.splice(from..to.max(from), [(first, last)]);
    }

    /// Tells whether a number is in the set.
    pub fn contains(&self, n: i64) -> bool {
        let place = self.0.partition_point(|range| range.1 < n);
        self.0.get(place).is_some_and(|range| range.0 <= n)
    }

    /// Returns how many numbers there are.
    pub fn len(&self) -> u64 {
        self.0.iter().map(|range| range.1.abs_diff(range.0) + 1).sum()
    }

    /// Tells whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the smallest.
    pub fn first(&self) -> Option<i64> {
        self.0.first().map(|range| range.0)
    }

    /// Returns the largest.
    pub fn last(&self) -> Option<i64> {
        self.0.last().map(|range| range.1)
    }

    /// Returns every number, smallest first.
    pub fn iter(&self) -> impl Iterator<Item = i64> {
        self.0.iter().flat_map(|range| range.0..=range.1)
    }
}

impl FromIterator<i64> for Ranges {
    fn from_iter<I: IntoIterator<Item = i64>>(numbers: I) -> Self {
        let mut ranges = Self::default();
        for n in numbers {
            ranges.insert(n);
        }
        ranges
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ranges_are_a_set(runs in prop::collection::vec((0_i64..60, 0_u32..6), 0..30)) {
            let (mut ranges, mut set) = (Ranges::default(), BTreeSet::new());
            for (first, count) in runs {
                ranges.insert_run(first, count);
                set.extend(first..first + i64::from(count));
            }
            prop_assert_eq!(ranges.iter().collect::<Vec<_>>(), set.iter().copied().collect::<Vec<_>>());
            prop_assert_eq!(ranges.len(), u64::try_from(set.len()).unwrap());
            prop_assert_eq!((ranges.first(), ranges.last()), (set.first().copied(), set.last().copied()));
            for n in -1..70 {
                prop_assert_eq!(ranges.contains(n), set.contains(&n));
            }
            prop_assert!(ranges.0.windows(2).all(|pair| pair[0].1 + 1 < pair[1].0), "ranges that touch are one");
        }
    }
}
