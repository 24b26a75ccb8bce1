//! The day of a shop in Japan: when it is busy, and how many cards it has read so far.

use crate::rng::mix;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// Japan keeps one time all year.
const JAPAN_MS: i64 = 9 * HOUR_MS;

/// How busy each hour is, in percent of the busiest.
const HOURS: [i64; 24] = [
    4, 2, 1, 1, 1, 3, 8, 20, 35, 48, 62, 88, 100, 82, 66, 60, 68, 84, 96, 80, 55, 34, 18, 9,
];

fn of_day(now_ms: i64) -> i64 {
    (now_ms + JAPAN_MS).rem_euclid(DAY_MS)
}

fn hour_weight(hour: i64) -> i64 {
    usize::try_from(hour)
        .ok()
        .and_then(|hour| HOURS.get(hour))
        .copied()
        .unwrap_or(0)
}

/// Returns how busy the shop is, in percent, gliding from hour to hour.
pub fn activity(now_ms: i64) -> i64 {
    let of_day = of_day(now_ms);
    let (hour, into) = (of_day / HOUR_MS, of_day % HOUR_MS);
    let (this, next) = (hour_weight(hour), hour_weight((hour + 1) % 24));
    this + (next - this) * into / HOUR_MS
}

/// Returns how many cards a shop reads in a day.
fn a_day(seed: u64) -> i64 {
    40 + i64::try_from(mix(seed ^ 0xDA7) % 360).unwrap_or(0)
}

/// Returns how many cards were read since midnight.
pub fn transactions(seed: u64, now_ms: i64) -> i64 {
    let of_day = of_day(now_ms);
    let (hour, into) = (of_day / HOUR_MS, of_day % HOUR_MS);
    let whole: i64 = (0..hour).map(hour_weight).sum();
    let all: i64 = HOURS.iter().sum();
    let so_far = whole * HOUR_MS + hour_weight(hour) * into;
    a_day(seed) * (so_far / 1_000) / (all * HOUR_MS / 1_000)
}

/// Returns when the last card was read; `None` when none was today.
pub fn last_transaction(seed: u64, now_ms: i64) -> Option<i64> {
    (transactions(seed, now_ms) > 0).then(|| {
        // Between two cards of a busy shop lie some minutes, of a sleepy one more.
        let gap_s = 30_000 / (activity(now_ms) * a_day(seed)).max(10);
        let slot_ms = (gap_s * 1_000).clamp(20_000, of_day(now_ms).max(20_000));
        now_ms - now_ms.rem_euclid(slot_ms)
    })
}
