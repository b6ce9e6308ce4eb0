//! Trees of processes: h2k with its workers, their appliances and QEMUs.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Every process below `root`, and itself.
pub fn tree(root: u32) -> Vec<u32> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Ok(pid) = entry.file_name().to_string_lossy().parse::<u32>() else { continue };
        let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
        // After the name, which may hold blanks: state, parent.
        let parent = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(1)?.parse().ok());
        children.entry(parent.unwrap_or(0)).or_default().push(pid);
    }
    let mut found = vec![root];
    let mut next = 0;
    while let Some(pid) = found.get(next) {
        found.extend(children.remove(pid).unwrap_or_default());
        next += 1;
    }
    found
}

/// SIGKILL to all of them at once, and waits until none of them is left.
pub fn kill(pids: &[u32]) {
    for pid in pids {
        // One that has ended meanwhile is as good.
        let _ = std::process::Command::new("kill").args(["-9", &pid.to_string()]).output();
    }
    let started = Instant::now();
    let lives = |pid: &&u32| {
        std::fs::read_to_string(format!("/proc/{pid}/stat"))
            .is_ok_and(|s| !s.contains(") Z ") && !s.contains(") X "))
    };
    while let Some(pid) = pids.iter().find(lives) {
        assert!(started.elapsed() < Duration::from_secs(20), "process {pid} outlives SIGKILL");
        std::thread::sleep(Duration::from_millis(50));
    }
}
