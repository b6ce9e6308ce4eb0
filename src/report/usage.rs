//! What a migration took against what its plan expected.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::StageTiming;
use crate::plan::Forecast;
use crate::plan::time::{MEASURED, TimeForecast};
use crate::stages::convert::ConvertedDisk;

/// What was used, in bytes. What was not measured is `None`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Used {
    /// Data that the copy read, or took over from an interrupted run.
    pub read_bytes: Option<u64>,
    /// Data and tables that the copy wrote.
    pub written_bytes: Option<u64>,
    /// What the target's files take on the host.
    pub target_bytes: u64,
    /// What the overlays took when FIX was done.
    pub overlay_bytes: Option<u64>,
    /// What temporary files took.
    pub temp_bytes: Option<u64>,
}

impl Used {
    /// From the copied disks, and what FIX measured.
    pub fn of(disks: &[ConvertedDisk], overlay_bytes: Option<u64>) -> Self {
        let copied = || disks.iter().map(|disk| disk.transfer.as_ref()?.copied.as_ref());
        Self {
            read_bytes: copied().map(|c| c.map(|c| c.read.saturating_add(c.taken_over))).sum(),
            written_bytes: copied().map(|c| c.map(|c| c.written)).sum(),
            target_bytes: disks.iter().map(|disk| disk.allocated).sum(),
            overlay_bytes,
            temp_bytes: None,
        }
    }
}

/// One thing that was expected, and what came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Compared {
    /// What.
    pub what: Cow<'static, str>,
    /// What the plan expected.
    pub forecast: Option<f64>,
    /// What it was.
    pub actual: Option<f64>,
    /// Whether these are bytes; seconds otherwise.
    pub bytes: bool,
}

impl Compared {
    /// Actual by forecast, where both are known.
    pub fn ratio(&self) -> Option<f64> {
        let (forecast, actual) = (self.forecast?, self.actual?);
        (forecast > 0.0).then(|| actual / forecast)
    }
}

/// Everything that was expected, against what it was. `stages` is the time that they took.
pub fn compared(forecast: &Forecast, used: Option<&Used>, stages: &[StageTiming]) -> Vec<Compared> {
    let bytes = |what: &'static str, forecast: Option<u64>, actual: Option<u64>| Compared {
        what: what.into(),
        forecast: forecast.map(|n| n as f64),
        actual: actual.map(|n| n as f64),
        bytes: true,
    };
    let used_bytes = |of: fn(&Used) -> Option<u64>| used.and_then(of);
    let mut rows = vec![
        bytes("target's disks", Some(forecast.target_bytes), used_bytes(|u| Some(u.target_bytes))),
        bytes("overlays", Some(forecast.overlay_bytes), used_bytes(|u| u.overlay_bytes)),
        bytes("temporary files", Some(forecast.temp_bytes), used_bytes(|u| u.temp_bytes)),
        bytes("read from the source", None, used_bytes(|u| u.read_bytes)),
        bytes("written", None, used_bytes(|u| u.written_bytes)),
    ];
    rows.extend(times(forecast.time.as_ref(), stages));
    rows
}

/// The time in all, and that of each stage that was forecast before it began.
fn times(forecast: Option<&TimeForecast>, stages: &[StageTiming]) -> Vec<Compared> {
    let time = |what: Cow<'static, str>, forecast, actual| Compared { what, forecast, actual, bytes: false };
    let all = stages.iter().map(|stage| stage.seconds).sum();
    let mut rows = vec![time("time".into(), forecast.map(|f| f.all.seconds), Some(all))];
    let later = forecast.iter().flat_map(|f| &f.stages).filter(|stage| stage.basis != MEASURED);
    rows.extend(later.map(|expected| {
        let actual = stages.iter().find(|s| s.stage == expected.stage).map(|s| s.seconds);
        time(format!("time of {}", expected.stage).into(), Some(expected.time.seconds), actual)
    }));
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::time::{Range, StageTime};
    use crate::stage::Stage;

    #[test]
    fn what_was_not_measured_has_no_ratio() {
        let forecast = Forecast { target_bytes: 200, overlay_bytes: 50, ..Forecast::default() };
        let used = Used { target_bytes: 100, overlay_bytes: Some(75), ..Used::default() };
        let rows = compared(&forecast, Some(&used), &[]);
        let ratios: Vec<_> = rows.iter().map(Compared::ratio).collect();
        assert_eq!(ratios, [Some(0.5), Some(1.5), None, None, None, None]);
        assert!(compared(&forecast, None, &[]).iter().all(|row| row.ratio().is_none()));
    }

    #[test]
    fn the_time_of_stages_that_were_forecast_is_compared() {
        let stage = |stage, seconds: f64, basis: &str| StageTime {
            stage,
            time: Range::exactly(seconds),
            basis: basis.to_owned(),
        };
        let stages = vec![stage(Stage::Inspect, 8.0, MEASURED), stage(Stage::Convert, 2.0, "a sample")];
        let time = TimeForecast { all: Range::exactly(10.0), stages, ..TimeForecast::default() };
        let took = |stage, seconds| StageTiming {
            stage,
            started: None,
            seconds,
            summary: String::new(),
            resumed: false,
        };
        let took = [took(Stage::Inspect, 8.0), took(Stage::Convert, 3.0), took(Stage::Validate, 1.0)];
        let rows = times(Some(&time), &took);
        let rows: Vec<_> = rows.iter().map(|row| (row.what.as_ref(), row.actual, row.ratio())).collect();
        assert_eq!(rows, [("time", Some(12.0), Some(1.2)), ("time of convert", Some(3.0), Some(1.5))]);
    }

    #[test]
    fn one_disk_that_was_not_measured_leaves_the_sum_unknown() {
        let disk = |transfer| ConvertedDisk {
            file: "disk0.qcow2".into(),
            size: 9,
            allocated: 4,
            transfer,
            seconds: None,
            base: None,
        };
        let copied = crate::image::copy::Copied { read: 5, taken_over: 2, written: 6, ..Default::default() };
        let told = crate::transfer::Transferred { engine: "native".to_owned(), copied: Some(copied) };
        let used = Used::of(&[disk(Some(told.clone())), disk(Some(told.clone()))], None);
        assert_eq!((used.read_bytes, used.written_bytes, used.target_bytes), (Some(14), Some(12), 8));
        let used = Used::of(&[disk(Some(told)), disk(None)], None);
        assert_eq!((used.read_bytes, used.target_bytes), (None, 8));
    }
}
