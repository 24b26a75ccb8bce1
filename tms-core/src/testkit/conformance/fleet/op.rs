//! What may happen to a fleet, at random.

use proptest::{collection::vec, option, prelude::*};

use crate::presence::Device;

/// A heartbeat of one of the terminals, at the time of the step.
#[derive(Debug, Clone)]
pub(super) struct Beat {
    pub(super) terminal: usize,
    /// The boot and the counter; small, so that repeats and old boots are common.
    pub(super) sequence: Option<(u8, i64)>,
    pub(super) device: Device,
    pub(super) cpu_percent: Option<i16>,
    /// How far the agent's clock is ahead.
    pub(super) skew_s: i64,
    pub(super) firmware: Option<u8>,
}

/// One step of a history.
#[derive(Debug, Clone)]
pub(super) enum Op {
    Enrol,
    Beats(Vec<Beat>),
    /// Time passes and we are there.
    Wait(u64),
    /// Time passes and we are not.
    Outage(u64),
    Sweep,
    /// A sweep between whose looking and writing these arrive.
    LateSweep(Vec<Beat>),
    Maintain(usize, bool),
    SettleAlerts,
    ResolveByHand(usize),
    Edit(usize, u32),
    Retire(usize),
}

fn any_device() -> impl Strategy<Value = Device> {
    prop_oneof![
        4 => Just(Device::Ok),
        1 => (-3..3_i32).prop_map(Device::Error),
        1 => Just(Device::Absent),
        1 => Just(Device::Unknown),
    ]
}

fn any_beat() -> impl Strategy<Value = Beat> {
    let sequence = option::weighted(0.9, (0..3_u8, 0..9_i64));
    let cpu = option::of(prop_oneof![Just(10_i16), Just(85), Just(95)]);
    let skew = prop_oneof![5 => Just(0_i64), 1 => Just(45), 1 => Just(600), 1 => Just(-600)];
    (
        0..4_usize,
        sequence,
        any_device(),
        cpu,
        skew,
        option::weighted(0.3, 0..3_u8),
    )
        .prop_map(|(terminal, sequence, device, cpu_percent, skew_s, firmware)| Beat {
            terminal,
            sequence,
            device,
            cpu_percent,
            skew_s,
            firmware,
        })
}

/// Any step, heartbeats and time most often.
pub(super) fn any_op() -> impl Strategy<Value = Op> {
    let seconds = prop_oneof![1..30_u64, 200..400_u64, 600..1_500_u64];
    prop_oneof![
        2 => Just(Op::Enrol),
        10 => vec(any_beat(), 1..6).prop_map(Op::Beats),
        8 => seconds.prop_map(Op::Wait),
        2 => (16..900_u64).prop_map(Op::Outage),
        5 => Just(Op::Sweep),
        2 => vec(any_beat(), 1..4).prop_map(Op::LateSweep),
        3 => (0..4_usize, any::<bool>()).prop_map(|(index, on)| Op::Maintain(index, on)),
        6 => Just(Op::SettleAlerts),
        1 => (0..3_usize).prop_map(Op::ResolveByHand),
        1 => (0..4_usize, prop_oneof![Just(60_u32), Just(300), Just(1)]).prop_map(|(index, s)| Op::Edit(index, s)),
        1 => (0..4_usize).prop_map(Op::Retire),
    ]
}
