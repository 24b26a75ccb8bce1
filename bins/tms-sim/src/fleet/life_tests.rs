//! What holds for every life, whatever its seed and however often it is asked.

use std::time::Duration;

use proptest::prelude::*;

use super::{
    day,
    life::{Life, Report, Step},
    trouble::{Schedule, Trouble, Troubles},
};

const START: i64 = 1_769_248_800_000;

fn steps() -> impl Strategy<Value = Vec<i64>> {
    prop::collection::vec(1_000_i64..120_000, 1..200)
}

fn rates() -> impl Strategy<Value = Troubles> {
    prop_oneof![Just(Troubles::demo()), Just(Troubles::usual()), Just(Troubles::none())]
}

fn play(seed: u64, rates: Troubles, steps: &[i64]) -> Vec<(i64, Step)> {
    let mut life = Life::new(seed, rates, START);
    let mut now = START;
    let mut played = Vec::new();
    for step in steps {
        played.push((now, life.step(now)));
        now += step;
    }
    played
}

fn reports(played: &[(i64, Step)]) -> impl Iterator<Item = (i64, &Report)> {
    played.iter().filter_map(|(at, step)| match step {
        Step::Report(report) => Some((*at, report)),
        Step::Silent { .. } => None,
    })
}

proptest! {
    #[test]
    fn the_same_seed_gives_the_same_run(seed: u64, rates in rates(), steps in steps()) {
        prop_assert_eq!(play(seed, rates, &steps), play(seed, rates, &steps));
    }

    #[test]
    fn every_trouble_ends_and_leaves_a_time_without(seed: u64, demo: bool) {
        let rates = if demo { Troubles::demo() } else { Troubles::usual() };
        let mut schedule = Schedule::new(seed, rates);
        let mut free_from = Duration::ZERO;
        for _ in 0..50 {
            let spell = schedule.spell();
            prop_assert!(free_from <= spell.from && spell.from < spell.to);
            prop_assert!(spell.to <= spell.from + rates.longest_of(spell.trouble) + Duration::from_millis(1));
            free_from = spell.to;
            schedule.advance();
        }
    }

    #[test]
    fn silence_ends_when_it_says(seed: u64, steps in steps()) {
        let mut life = Life::new(seed, Troubles::demo(), START);
        let mut now = START;
        for step in steps {
            if let Step::Silent { until_ms } = life.step(now) {
                prop_assert!(until_ms > now);
                now = until_ms;
                prop_assert!(matches!(life.step(now), Step::Report(_)), "the agent is back");
            }
            now += step;
        }
    }

    #[test]
    fn what_is_reported_stays_within_the_contract(seed: u64, rates in rates(), steps in steps()) {
        for (at, report) in reports(&play(seed, rates, &steps)) {
            for percent in [report.metrics.cpu_usage, report.metrics.memory_usage, report.metrics.disk_usage] {
                prop_assert!((0..=100).contains(&percent.unwrap()));
            }
            prop_assert!((-100..=200).contains(&report.metrics.temperature.unwrap()));
            prop_assert!(report.transactions >= 0 && report.uptime_s >= 0);
            prop_assert!(report.last_transaction_ms.is_none_or(|last| last <= at));
            prop_assert!(report.error_code == 0 || report.device == "error");
        }
    }

    #[test]
    fn the_counter_grows_by_one_within_a_boot_and_begins_anew_with_the_next(seed: u64, steps in steps()) {
        let played = play(seed, Troubles::demo(), &steps);
        let all: Vec<_> = reports(&played).map(|(_, report)| report).collect();
        for pair in all.windows(2) {
            let (a, b) = (pair[0], pair[1]);
            if a.boot == b.boot {
                prop_assert_eq!(b.seq, a.seq + 1);
            } else {
                prop_assert!(b.boot > a.boot);
                prop_assert_eq!(b.seq, 0);
                prop_assert!(b.note.is_some(), "a return is worth a line");
            }
        }
    }

    #[test]
    fn cards_only_add_up_within_a_day(seed: u64, minute in 0_i64..1_439) {
        let midnight = START - (START + 9 * 3_600_000).rem_euclid(86_400_000);
        let now = midnight + minute * 60_000;
        prop_assert!(day::transactions(seed, now) <= day::transactions(seed, now + 60_000 - 1));
        prop_assert!((0..=100).contains(&day::activity(now)));
    }
}

#[test]
fn a_watcher_sees_some_fail_and_recover_within_two_minutes() {
    let (mut fell, mut rose) = (0, 0);
    for seed in 0..200_u64 {
        let mut life = Life::new(crate::rng::mix(seed), Troubles::demo(), START);
        let mut ill_at = None;
        for second in 0..150 {
            let now = START + second * 1_000;
            life.step(now);
            match (life.trouble(now), ill_at) {
                (Some(_), None) if second <= 30 => {
                    fell += 1;
                    ill_at = Some(second);
                }
                (None, Some(_)) => {
                    rose += 1;
                    break;
                }
                _ => {}
            }
        }
    }
    assert!(fell >= 8, "only {fell} of 200 failed within half a minute");
    assert!(rose >= fell / 2, "only {rose} of {fell} recovered within two minutes");
}

#[test]
fn each_trouble_shows_what_it_is() {
    let mut seen = std::collections::HashSet::new();
    for seed in 0..2_000_u64 {
        let schedule = Schedule::new(seed, Troubles::demo());
        let spell = schedule.spell();
        if !seen.insert(spell.trouble.name()) {
            continue;
        }
        let middle = START + i64::try_from(((spell.from + spell.to) / 2).as_millis()).unwrap();
        let mut life = Life::new(seed, Troubles::demo(), START);
        let step = life.step(middle);
        match (spell.trouble, step) {
            (Trouble::LinkLost | Trouble::AgentRestart, step) => assert!(matches!(step, Step::Silent { .. })),
            (Trouble::ReaderUnplugged, Step::Report(r)) => assert_eq!(r.device, "absent"),
            (Trouble::ReaderError, Step::Report(r)) => assert!(r.device == "error" && r.error_code > 0),
            (Trouble::Overheated, Step::Report(r)) => {
                assert!(r.metrics.cpu_usage > Some(90) && r.metrics.temperature > Some(80));
            }
            (Trouble::DiskFull, Step::Report(r)) => assert!(r.metrics.disk_usage > Some(90)),
            (Trouble::ClockSkewed, Step::Report(r)) => assert!((r.clock_ms - middle).abs() > 60_000),
            (trouble, step) => panic!("{trouble:?} gave {step:?}"),
        }
    }
    assert_eq!(seen.len(), 7, "{seen:?}");
}
