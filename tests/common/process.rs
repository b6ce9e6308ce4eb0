//! Trees of processes: h2k with its workers, their appliances and QEMUs.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::{Place, run};

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

/// Starts h2k in a process group of its own and waits until it tells `event` of `stage`.
pub fn start_until(place: &Place, args: &[&str], event: &str, stage: &str) -> Child {
    start_when(place, args, |told| told["event"] == event && told["stage"] == stage)
}

/// The same until it tells what `found` looks for.
pub fn start_when(place: &Place, args: &[&str], found: impl Fn(&serde_json::Value) -> bool) -> Child {
    let mut command = place.command();
    command
        .args(args)
        .args(["--log-format", "json"])
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .process_group(0);
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut seen = Vec::new();
    for line in lines.by_ref() {
        let line = line.unwrap();
        let told: serde_json::Value = serde_json::from_str(&line).unwrap();
        seen.push(line);
        if found(&told) {
            // Nobody reads on: a full pipe must not stop h2k before it is killed.
            std::thread::spawn(move || lines.for_each(drop));
            return child;
        }
    }
    child.wait().unwrap();
    panic!("what was waited for was not told:\n{}", seen.join("\n"));
}

/// Kills h2k alone, without a chance to clean up; its appliance must die with it.
pub fn kill_one(mut child: Child, signal: &str) -> Option<i32> {
    run(Command::new("kill").args([format!("-{signal}"), child.id().to_string()])).expect(0);
    child.wait().unwrap().code()
}

/// Stages that the run took from earlier runs, and those that it ran.
pub fn stages(stderr: &str) -> (Vec<String>, Vec<String>) {
    let told = stderr.lines().filter_map(|l| serde_json::from_str::<serde_json::Value>(l).ok());
    let (mut resumed, mut done) = (Vec::new(), Vec::new());
    for event in told {
        let stage = event["stage"].as_str().unwrap_or_default().to_owned();
        match event["event"].as_str() {
            Some("stage-resumed") => resumed.push(stage),
            Some("stage-done") => done.push(stage),
            _ => {}
        }
    }
    (resumed, done)
}

/// The name of a process, as long as it lives.
fn name(pid: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (name, rest) = stat.split_once('(')?.1.rsplit_once(')')?;
    (!rest.starts_with(" Z") && !rest.starts_with(" X")).then(|| name.to_owned())
}

/// Whether a process is a QEMU that lives.
pub fn is_qemu(pid: u32) -> bool {
    // Names are cut to 15 bytes.
    name(pid).is_some_and(|n| n.starts_with("qemu-system"))
}

/// The arguments of a process; none where it is gone.
pub fn arguments(pid: u32) -> Vec<String> {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    line.split(|b| *b == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect()
}

/// The arguments of the appliance that runs below `root`, and its process: not of the QEMUs that are only asked what
/// they can do.
pub fn appliance_arguments(root: u32) -> Option<(u32, Vec<String>)> {
    let mut qemus = tree(root).into_iter().filter(|pid| is_qemu(*pid)).map(|pid| (pid, arguments(pid)));
    qemus
        .find(|(_, words)| words.iter().any(|word| word.starts_with("guestfs_platform") || word == "-append"))
}

/// The appliance that runs below `root`.
pub fn appliance(root: u32) -> Option<u32> {
    appliance_arguments(root).map(|(pid, _)| pid)
}

/// Waits for what is looked for; `None` if it does not come.
pub fn wait<T>(seconds: u64, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let started = Instant::now();
    loop {
        let found = look();
        if found.is_some() || started.elapsed() > Duration::from_secs(seconds) {
            return found;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}
