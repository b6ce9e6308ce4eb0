//! The machine's memory and cores, and who holds how much of them. A VM takes for each stage what that stage needs,
//! and gives back what it held for the one before if it has to wait, so nobody waits with something in its hands. What
//! takes no more than the stage before goes on at once: an appliance lives from INSPECT until FIX is done.

use std::collections::{HashMap, VecDeque};

use crate::warden::Need;

/// What all VMs may take together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Bytes of memory.
    pub memory: u64,
    /// Cores.
    pub cores: usize,
}

/// Part of the machine's available memory that is taken where the user says nothing, in percent: other programs live
/// here too.
const SHARE: u64 = 80;

impl Budget {
    /// What the user gives; what is not said is found on this machine.
    pub fn of(memory: Option<u64>, cores: Option<usize>) -> Self {
        Self {
            memory: memory.unwrap_or_else(|| available_memory() / 100 * SHARE),
            cores: cores.unwrap_or_else(available_cores).max(1),
        }
    }
}

/// Cores that this process may use: sched_getaffinity(2) and its control group's quota, as far as the library sees
/// them.
pub fn available_cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Memory that may be taken, in bytes: `MemAvailable` of proc_meminfo(5), less where a control group allows less.
/// Nothing where neither can be seen.
fn available_memory() -> u64 {
    let meminfo = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let host = kib(&meminfo, "MemAvailable:").unwrap_or_default();
    match group_memory() {
        Some(group) => host.min(group),
        None => host,
    }
}

fn kib(meminfo: &str, key: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|l| l.strip_prefix(key))?;
    let number: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    number.checked_mul(1024)
}

/// What this process's control group leaves (cgroup v2, `memory.max` less `memory.current`).
fn group_memory() -> Option<u64> {
    let own = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    let path = own.lines().find_map(|l| l.strip_prefix("0::"))?;
    let number = |file: &str| -> Option<u64> {
        let dir = std::path::Path::new("/sys/fs/cgroup").join(path.trim_start_matches('/'));
        std::fs::read_to_string(dir.join(file)).ok()?.trim().parse().ok()
    };
    Some(number("memory.max")?.saturating_sub(number("memory.current")?))
}

/// Who holds what, and who waits. Holders are known by a number.
#[derive(Debug)]
pub struct Ledger {
    budget: Budget,
    held: HashMap<usize, Need>,
    waiting: VecDeque<(usize, Need)>,
    /// Who goes on with what it held.
    going_on: Vec<usize>,
}

impl Ledger {
    /// Nobody holds anything.
    pub fn new(budget: Budget) -> Self {
        Self { budget, held: HashMap::new(), waiting: VecDeque::new(), going_on: Vec::new() }
    }

    /// `who` wants this instead of what it holds.
    ///
    /// # Errors
    /// It is more memory than there is in all: bytes that are wanted, and bytes that there are.
    pub fn ask(&mut self, who: usize, need: Need) -> Result<(), (u64, u64)> {
        if let Some(held) = self.held.get_mut(&who)
            && need.memory <= held.memory
            && need.cores <= held.cores
        {
            *held = need;
            self.going_on.push(who);
            return Ok(());
        }
        self.release(who);
        if need.memory > self.budget.memory {
            return Err((need.memory, self.budget.memory));
        }
        self.waiting.push_back((who, need));
        Ok(())
    }

    /// `who` gives back what it holds, and waits no more.
    pub fn release(&mut self, who: usize) {
        self.held.remove(&who);
        self.waiting.retain(|(other, _)| *other != who);
        self.going_on.retain(|other| *other != who);
    }

    /// Who may go on now, in the order of asking. One that does not fit yet holds up those behind it, so that a large
    /// one is not overtaken for ever; who wants nothing is never held up.
    pub fn grant(&mut self) -> Vec<usize> {
        let mut granted = std::mem::take(&mut self.going_on);
        let mut held_up = false;
        for (who, need) in std::mem::take(&mut self.waiting) {
            if need == Need::default() || !held_up && self.fits(need) {
                self.held.insert(who, need);
                granted.push(who);
            } else {
                held_up = true;
                self.waiting.push_back((who, need));
            }
        }
        granted
    }

    fn fits(&self, need: Need) -> bool {
        let cores = self.cores();
        // A stage that wants more cores than there are runs alone; it only takes longer.
        self.memory() + need.memory <= self.budget.memory
            && (cores + need.cores <= self.budget.cores || cores == 0 || need.cores == 0)
    }

    /// Memory that is held, in bytes.
    pub fn memory(&self) -> u64 {
        self.held.values().map(|n| n.memory).sum()
    }

    fn cores(&self) -> usize {
        self.held.values().map(|n| n.cores).sum()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GIB: u64 = 1 << 30;

    fn ledger(memory: u64, cores: usize) -> Ledger {
        Ledger::new(Budget { memory, cores })
    }

    #[test]
    fn a_stage_waits_until_there_is_room() {
        let mut ledger = ledger(4 * GIB, 8);
        let two = Need { memory: 2 * GIB, cores: 1 };
        for who in 0..3 {
            ledger.ask(who, two).unwrap();
        }
        assert_eq!(ledger.grant(), [0, 1]);
        assert_eq!(ledger.grant(), Vec::<usize>::new());
        ledger.ask(0, two).unwrap();
        assert_eq!(ledger.grant(), [0], "what goes on with as much is not overtaken");
        ledger.ask(0, Need { memory: 3 * GIB, cores: 1 }).unwrap();
        assert_eq!(ledger.grant(), [2], "what was given back goes to who asked first");
        ledger.release(1);
        ledger.ask(2, Need { memory: GIB, cores: 1 }).unwrap();
        assert_eq!(ledger.grant(), [2, 0]);
    }

    #[test]
    fn cores_are_counted_and_one_that_wants_more_runs_alone() {
        let mut ledger = ledger(64 * GIB, 2);
        let need = |cores| Need { memory: GIB, cores };
        ledger.ask(0, need(1)).unwrap();
        ledger.ask(1, need(4)).unwrap();
        assert_eq!(ledger.grant(), [0]);
        ledger.release(0);
        assert_eq!(ledger.grant(), [1]);
        ledger.ask(2, need(1)).unwrap();
        assert!(ledger.grant().is_empty());
    }

    #[test]
    fn what_never_fits_is_refused() {
        let mut ledger = ledger(GIB, 1);
        assert_eq!(ledger.ask(0, Need { memory: 2 * GIB, cores: 1 }), Err((2 * GIB, GIB)));
        assert!(ledger.grant().is_empty());
    }

    #[test]
    fn what_the_kernel_says_is_read() {
        assert_eq!(kib("MemTotal: 9 kB\nMemAvailable:   2048 kB\n", "MemAvailable:"), Some(2 << 20));
        assert!(Budget::of(None, None).memory > 0);
        assert_eq!(Budget::of(Some(7), Some(3)), Budget { memory: 7, cores: 3 });
    }

    proptest! {
        /// The memory that is held never exceeds the budget, and everybody gets its turn.
        #[test]
        fn the_budget_is_kept_and_nobody_starves(
            needs in prop::collection::vec((0..8_u64, 0..4_usize), 1..20),
            budget in 7..16_u64,
            cores in 1..4_usize,
        ) {
            let mut ledger = ledger(budget, cores);
            for (who, (memory, cores)) in needs.iter().enumerate() {
                ledger.ask(who, Need { memory: *memory, cores: *cores }).unwrap();
            }
            let mut served = 0;
            let mut running: VecDeque<usize> = VecDeque::new();
            while served < needs.len() {
                running.extend(ledger.grant());
                prop_assert!(ledger.memory() <= budget);
                let who = running.pop_front();
                prop_assert!(who.is_some(), "somebody waits, and nothing runs");
                ledger.release(who.unwrap_or_default());
                served += 1;
            }
        }
    }
}
