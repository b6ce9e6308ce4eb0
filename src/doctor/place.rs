//! Room: for temporary files, for results, in memory.

use std::path::Path;

use super::{Finding, Host};
use crate::plan::text::bytes;

/// Least room for temporary files in bytes: the appliance takes about half a gibibyte.
const LEAST_TEMP: u64 = 1 << 30;

/// Room below which a user should look, in bytes. A small VM's disk has that.
const SMALL: u64 = 10 << 30;

/// Least memory in bytes: libguestfs gives its appliance 1280 MiB.
const LEAST_MEMORY: u64 = 1280 << 20;

/// Memory below which a user should look, in bytes: the appliance and h2k, with something left for the host.
const SMALL_MEMORY: u64 = 2 << 30;

pub(super) fn temporary(host: &dyn Host) -> Finding {
    let dir = host.temporary();
    let finding = room(host, &dir, LEAST_TEMP);
    finding.advice_if_bad("name another directory with --temp-dir, H2K_TEMP_DIR or TMPDIR")
}

pub(super) fn output(host: &dyn Host) -> Finding {
    match host.output() {
        None => Finding::ok("no directory is set: h2k migrate asks for one with -o"),
        Some(dir) => room(host, &dir, 1).advice_if_bad("name another directory with -o, or make room"),
    }
}

fn room(host: &dyn Host, dir: &Path, least: u64) -> Finding {
    let shown = dir.display();
    match host.free(dir) {
        Err(e) => Finding::fail(format!("{shown}: {e}")),
        Ok(free) if free < least => Finding::fail(format!("{shown}: only {} free", bytes(free))),
        Ok(free) if free < SMALL => Finding::warn(format!("{shown}: {} free", bytes(free))),
        Ok(free) => Finding::ok(format!("{shown}: {} free", bytes(free))),
    }
}

pub(super) fn memory(host: &dyn Host) -> Finding {
    let text = match host.read(Path::new("/proc/meminfo")) {
        Ok(text) => text,
        Err(e) => return Finding::warn(format!("/proc/meminfo cannot be read: {e}")),
    };
    match available(&text) {
        None => Finding::warn("/proc/meminfo does not tell what is available"),
        Some(n) if n < LEAST_MEMORY => {
            Finding::fail(format!("{} available: the appliance takes {}", bytes(n), bytes(LEAST_MEMORY)))
                .advice("stop other programs or VMs, or give this host more")
        }
        Some(n) if n < SMALL_MEMORY => Finding::warn(format!("{} available", bytes(n))),
        Some(n) => Finding::ok(format!("{} available", bytes(n))),
    }
}

/// `MemAvailable` of proc_meminfo(5), in bytes.
fn available(text: &str) -> Option<u64> {
    let value = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    value.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
}

impl Finding {
    fn advice_if_bad(self, advice: &str) -> Self {
        if self.health == super::Health::Ok { self } else { self.advice(advice) }
    }
}
