//! What a migration took against what its plan expected.

use serde::{Deserialize, Serialize};

use crate::plan::Forecast;
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
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Compared {
    /// What.
    pub what: &'static str,
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

/// Everything that was expected, against what it was. `seconds` is the time that all stages took.
pub fn compared(forecast: &Forecast, used: Option<&Used>, seconds: f64) -> Vec<Compared> {
    let bytes = |what, forecast: Option<u64>, actual: Option<u64>| Compared {
        what,
        forecast: forecast.map(|n| n as f64),
        actual: actual.map(|n| n as f64),
        bytes: true,
    };
    let used_bytes = |of: fn(&Used) -> Option<u64>| used.and_then(of);
    vec![
        bytes("target's disks", Some(forecast.target_bytes), used_bytes(|u| Some(u.target_bytes))),
        bytes("overlays", Some(forecast.overlay_bytes), used_bytes(|u| u.overlay_bytes)),
        bytes("temporary files", Some(forecast.temp_bytes), used_bytes(|u| u.temp_bytes)),
        bytes("read from the source", None, used_bytes(|u| u.read_bytes)),
        bytes("written", None, used_bytes(|u| u.written_bytes)),
        Compared { what: "time", forecast: None, actual: Some(seconds), bytes: false },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_measured_has_no_ratio() {
        let forecast = Forecast { target_bytes: 200, overlay_bytes: 50, ..Forecast::default() };
        let used = Used { target_bytes: 100, overlay_bytes: Some(75), ..Used::default() };
        let rows = compared(&forecast, Some(&used), 3.0);
        let ratios: Vec<_> = rows.iter().map(Compared::ratio).collect();
        assert_eq!(ratios, [Some(0.5), Some(1.5), None, None, None, None]);
        assert!(compared(&forecast, None, 3.0).iter().all(|row| row.ratio().is_none()));
    }

    #[test]
    fn one_disk_that_was_not_measured_leaves_the_sum_unknown() {
        let disk = |transfer| ConvertedDisk {
            file: "disk0.qcow2".into(),
            size: 9,
            allocated: 4,
            transfer,
            seconds: None,
        };
        let copied = crate::image::copy::Copied { read: 5, taken_over: 2, written: 6, ..Default::default() };
        let told = crate::transfer::Transferred { engine: "native".to_owned(), copied: Some(copied) };
        let used = Used::of(&[disk(Some(told.clone())), disk(Some(told.clone()))], None);
        assert_eq!((used.read_bytes, used.written_bytes, used.target_bytes), (Some(14), Some(12), 8));
        let used = Used::of(&[disk(Some(told)), disk(None)], None);
        assert_eq!((used.read_bytes, used.target_bytes), (None, 8));
    }
}
