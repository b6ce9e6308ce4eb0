//! How long a migration takes: from what was measured of this source and target, and what is known of this host.
//!
//! ```text
//!  FETCH … PLAN  measured: they are done when a plan is shown
//!  FIX           a base and what each edit costs
//!  CONVERT       data / the rate of a sample that the copy's own engine took
//!  VALIDATE      earlier boot tests on this host, else what one takes with this accelerator
//! ```
//!
//! Every time has a range: what is not measured has a wide one. A source that lies in the page cache looks faster than
//! it is; nothing can be done about that without dropping the caches of the whole host.

use h2k_config::{CopySettings, Engine};
use h2k_fixers::facts::KernelFacts;
use h2k_fixers::{Change, Edit};
use serde::{Deserialize, Serialize};

use crate::stage::Stage;
use crate::validate::Accel;

/// FIX without its edits, in seconds: it mounts, discards free space, looks at the guest again, shuts the appliance
/// down. Measured without KVM: Debian 12, 2 cores, 2 to 3.5 s.
const FIX_BASE: f64 = 2.8;
/// A text, a link, a registry value. Measured without KVM: 0.01 to 0.16 s.
const SMALL_EDIT: f64 = 0.05;
/// An archive that is made and appended to an initramfs. Measured without KVM: 0.4 s.
const APPENDED: f64 = 0.5;
/// A generator of initramfs that runs in the appliance, in seconds, for an image of a million bytes; larger images cost
/// more than in proportion, as each module is looked up among more. Measured without KVM, 2 cores, packed with zstd:
/// update-initramfs 22 s for 7.2 MB, 33 s for 9.8 MB, 34 s for 11.1 MB, about 190 s for 39 MB; dracut 71 s for 16.5 MB.
const GENERATOR: f64 = 1.9;
const GENERATOR_GROWTH: f64 = 1.25;
/// How far it may be from that: the size tells little of what the generator looks at on its way.
const GENERATOR_FASTER: f64 = 0.5;
const GENERATOR_SLOWER: f64 = 2.5;
/// Another program of the guest in the appliance. Measured without KVM: 5 to 120 s.
const RUN: Range = Range { seconds: 40.0, low: 5.0, high: 300.0 };
/// Part of FIX's and INSPECT's time that is left with KVM. Not measured.
const WITH_KVM: f64 = 0.3;
/// INSPECT of the host and guest that the times here were measured with: Debian 12, 2 cores, no KVM. A host that is
/// slower or busier takes longer for it.
const USUAL_INSPECT: f64 = 13.0;
/// Boot test without KVM. Measured: Debian 12, 2 cores, 38 to 45 s, the serial console that is added for it among them;
/// up to six times as long while other builds and guests kept the machine busy.
const BOOT_TCG: Range = Range { seconds: 42.0, low: 27.0, high: 250.0 };
/// Boot test with KVM. Not measured: half of it is the time that the test waits for late failures.
const BOOT_KVM: Range = Range { seconds: 25.0, low: 10.0, high: 90.0 };
/// CONVERT besides its data, in seconds: tables, digests, documents, all of them on disk.
const CONVERT_BASE: Range = Range { seconds: 0.3, low: 0.1, high: 1.5 };
/// How far a copy's rate may be from that of its sample: a disk is slower inside than outside, other work comes and goes.
const SLOWER: f64 = 1.5;
const FASTER: f64 = 0.75;
/// The same where the target could not be measured.
const UNSEEN_TARGET: f64 = 4.0;
/// Disks that are copied at once.
const DISKS_AT_ONCE: u64 = 4;
/// Longest time that is told, in seconds: 1,000 days. Beyond it nobody plans, and sums of it stay exact.
const LONGEST: f64 = 86_400_000.0;

/// Basis of a stage that is done.
pub const MEASURED: &str = "measured";

/// Seconds, at least and at most.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Range {
    /// What is expected.
    pub seconds: f64,
    /// At least.
    pub low: f64,
    /// At most.
    pub high: f64,
}

impl Range {
    /// What is measured.
    pub fn exactly(seconds: f64) -> Self {
        Self::of(seconds, seconds, seconds)
    }

    /// In order, finite, and to a hundredth of a second: such a number comes back from JSON as it was.
    pub fn of(seconds: f64, low: f64, high: f64) -> Self {
        let tidy = |n: f64| {
            let n = if n.is_nan() { 0.0 } else { n };
            (n.clamp(0.0, LONGEST) * 100.0).round() / 100.0
        };
        let seconds = tidy(seconds);
        Self { seconds, low: tidy(low).min(seconds), high: tidy(high).max(seconds) }
    }

    /// Times as long.
    #[must_use]
    pub fn times(self, factor: f64) -> Self {
        Self::of(self.seconds * factor, self.low * factor, self.high * factor)
    }

    /// One after the other.
    #[must_use]
    pub fn then(self, next: Self) -> Self {
        Self::of(self.seconds + next.seconds, self.low + next.low, self.high + next.high)
    }
}

/// Forecast of time, in seconds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TimeForecast {
    /// All stages, one after the other.
    #[serde(flatten)]
    pub all: Range,
    /// Each stage.
    pub stages: Vec<StageTime>,
    /// What was measured; `None` where nothing could be.
    pub sample: Option<Sample>,
    /// What could not be measured, and why.
    pub notes: Vec<String>,
}

impl TimeForecast {
    /// Of a stage.
    pub fn of(&self, stage: Stage) -> Option<&StageTime> {
        self.stages.iter().find(|s| s.stage == stage)
    }
}

/// Forecast of a stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StageTime {
    /// Stage.
    pub stage: Stage,
    /// Its time.
    #[serde(flatten)]
    pub time: Range,
    /// Where that comes from, in words.
    pub basis: String,
}

/// A piece of the source that was copied to see how long that takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sample {
    /// Bytes of data, in all.
    pub bytes: u64,
    /// Seconds that it took, in all.
    pub seconds: f64,
    /// Bytes per second of its largest part.
    pub rate: u64,
    /// Of its slowest part that was large enough to tell.
    pub slowest: u64,
    /// Of its fastest.
    pub fastest: u64,
    /// Whether it was written to the target's file system; it was only read and digested otherwise.
    pub written: bool,
    /// Whether the file system shared the blocks instead.
    pub shared: bool,
}

/// What the forecast is made from.
pub struct Known<'a> {
    /// Stages that are done, PLAN among them, with their seconds.
    pub done: &'a [(Stage, f64)],
    /// What FIX will do.
    pub edits: &'a [Edit],
    /// Kernels of the guest, with the initramfs that FIX may make anew.
    pub kernels: &'a [KernelFacts],
    /// Whether there is a guest that FIX looks at.
    pub guest: bool,
    /// Bytes of data that CONVERT copies.
    pub data: u64,
    /// Number of disks.
    pub disks: u64,
    /// How they are copied.
    pub copy: CopySettings,
    /// What was measured, or why nothing was.
    pub sample: Result<Sample, String>,
    /// Whether the result is booted.
    pub boot: bool,
    /// What runs the machines.
    pub accel: Accel,
    /// Seconds of earlier boot tests on this host.
    pub past: &'a [f64],
}

/// Makes the forecast.
pub fn forecast(known: &Known<'_>) -> TimeForecast {
    let mut stages: Vec<StageTime> = known
        .done
        .iter()
        .map(|(stage, seconds)| StageTime {
            stage: *stage,
            time: Range::exactly(*seconds),
            basis: MEASURED.to_owned(),
        })
        .collect();
    let later = [(Stage::Fix, fix(known)), (Stage::Convert, convert(known)), (Stage::Validate, boot(known))];
    stages.extend(later.map(|(stage, (time, basis))| StageTime { stage, time, basis }));
    let mut notes: Vec<String> = known.sample.as_ref().err().cloned().into_iter().collect();
    if known.copy.engine == Engine::Qemu {
        notes.push("the sample was copied by h2k's own engine, not by QEMU's".to_owned());
    }
    TimeForecast {
        all: stages.iter().fold(Range::default(), |sum, stage| sum.then(stage.time)),
        stages,
        sample: known.sample.as_ref().ok().copied(),
        notes,
    }
}

/// Seconds that INSPECT took.
fn inspect(known: &Known<'_>) -> Option<f64> {
    known.done.iter().find(|(stage, _)| *stage == Stage::Inspect).map(|(_, s)| *s).filter(|s| *s > 0.0)
}

/// How much slower this host is now than the one that the constants were measured on, told by INSPECT. Only without
/// KVM: with it nothing was measured.
fn slowness(known: &Known<'_>) -> f64 {
    match (known.accel, inspect(known)) {
        (Accel::Tcg, Some(seconds)) => (seconds / USUAL_INSPECT).clamp(0.25, 8.0),
        _ => 1.0,
    }
}

fn fix(known: &Known<'_>) -> (Range, String) {
    let factor = match known.accel {
        Accel::Kvm => WITH_KVM,
        // It does less of what a busy host is slow at than INSPECT, which starts the appliance: in 8 measured runs the
        // square root came closest.
        Accel::Tcg => slowness(known).sqrt(),
    };
    let mut runs = 0;
    let base = if known.guest { FIX_BASE } else { FIX_BASE / 2.0 };
    let mut sum = Range::of(base, base * 0.6, base * 1.7);
    for edit in known.edits {
        sum = sum.then(match edit.change {
            Change::Run { ref changes, .. } => {
                runs += 1;
                run(changes, known.kernels)
            }
            Change::AppendArchive { .. } => Range::of(APPENDED, 0.3, 3.0),
            _ => Range::of(SMALL_EDIT, 0.0, 0.2),
        });
    }
    let uncertain =
        if runs > 0 { format!(", {runs} of them programs of the guest: uncertain") } else { String::new() };
    (sum.times(factor), format!("what {} edits usually cost{uncertain}", known.edits.len()))
}

/// What a program of the guest costs that writes `changes`: a generator of initramfs makes an image that is about as
/// large as the one there is now.
fn run(changes: &[String], kernels: &[KernelFacts]) -> Range {
    let all = kernels.iter().filter_map(|kernel| kernel.initramfs.as_ref());
    let size: u64 = all.filter(|image| changes.contains(&image.path)).map(|image| image.size).sum();
    if size == 0 {
        return RUN;
    }
    let seconds = GENERATOR * (size as f64 / 1e6).powf(GENERATOR_GROWTH);
    Range::of(seconds, seconds * GENERATOR_FASTER, seconds * GENERATOR_SLOWER)
}

fn convert(known: &Known<'_>) -> (Range, String) {
    let data = known.data as f64;
    let limit = known.copy.limit_rate.map(|rate| rate.saturating_mul(known.disks.clamp(1, DISKS_AT_ONCE)));
    let at = |rate: u64| data / limit.map_or(rate, |limit| rate.min(limit)).max(1) as f64;
    let (copy, basis) = match &known.sample {
        _ if known.data == 0 => (Range::default(), "there is no data".to_owned()),
        Err(_) => {
            // Between one spinning disk and a fast flash disk.
            const GUESS: (u64, u64, u64) = (150 << 20, 30 << 20, 1500 << 20);
            let range = Range::of(at(GUESS.0), at(GUESS.2), at(GUESS.1));
            (range, "not measured: what disks usually do".to_owned())
        }
        Ok(sample) => {
            let slower = if sample.written { SLOWER } else { UNSEEN_TARGET };
            let range = Range::of(at(sample.rate), at(sample.fastest) * FASTER, at(sample.slowest) * slower);
            let what = match (sample.shared, sample.written) {
                (true, _) => "a sample whose blocks the file system shared",
                (_, true) => "a sample that was copied",
                (_, false) => "a sample that was read only: the target was not measured",
            };
            (range, what.to_owned())
        }
    };
    let limited = limit.is_some_and(|limit| known.sample.as_ref().is_ok_and(|s| s.rate > limit));
    let basis = if limited { format!("{basis}; limited by --limit-rate") } else { basis };
    (copy.then(CONVERT_BASE), basis)
}

fn boot(known: &Known<'_>) -> (Range, String) {
    if !known.boot {
        return (Range::default(), "not booted, as asked".to_owned());
    }
    let mut times = known.past.to_vec();
    times.sort_by(f64::total_cmp);
    let (Some(least), Some(most)) = (times.first(), times.last()) else {
        return match known.accel {
            Accel::Tcg => (
                BOOT_TCG.times(slowness(known)),
                "usual without KVM, no boot test of this host yet: uncertain".to_owned(),
            ),
            Accel::Kvm => (BOOT_KVM, "usual with KVM, no boot test of this host yet: uncertain".to_owned()),
        };
    };
    let median = times.get(times.len() / 2).copied().unwrap_or(*least);
    // Few boots tell little of the spread.
    let (low, high) = (least.min(median * 0.6), most.max(median * 2.0));
    (Range::of(median, low, high), format!("median of {} boot tests on this host", times.len()))
}

#[cfg(test)]
#[path = "time_tests.rs"]
mod tests;
