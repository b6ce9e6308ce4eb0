//! Who decides when a stage may begin, and what runs around it: nobody for a VM that is migrated alone; the batch for
//! one of many.

use crate::error::Failure;
use crate::stage::Stage;

/// What a stage takes of the machine while it runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Need {
    /// Memory in bytes, of h2k, its appliance and its QEMU together.
    pub memory: u64,
    /// Cores that it keeps busy.
    pub cores: usize,
}

/// Memory that h2k itself takes at most, in bytes.
const OWN_MEMORY: u64 = 200 << 20;

/// Memory that QEMU takes besides its guest's, in bytes: its own, and the code that it translates without KVM.
const QEMU_MEMORY: u64 = 320 << 20;

impl Need {
    /// Of a stage that works in h2k alone.
    pub fn own() -> Self {
        Self { memory: OWN_MEMORY, cores: 1 }
    }

    /// Of a stage with a machine of `guest_memory` bytes.
    pub fn machine(guest_memory: u64) -> Self {
        Self { memory: OWN_MEMORY + QEMU_MEMORY + guest_memory, cores: 1 }
    }

    /// Memory that is left for a machine's guest within `budget` bytes.
    pub fn guest_memory_within(budget: u64) -> u64 {
        budget.saturating_sub(OWN_MEMORY + QEMU_MEMORY)
    }
}

/// Stands at every stage's door.
pub trait Warden: Sync {
    /// Returns when the stage may begin. What the VM held for the stage before is given back.
    ///
    /// # Errors
    /// It may not: the user cancelled, or what was to run before it failed.
    fn before(&self, vm: &str, stage: Stage, need: Need) -> Result<(), Failure>;

    /// A stage came to its end well.
    ///
    /// # Errors
    /// What was to run after it failed.
    fn after(&self, vm: &str, stage: Stage) -> Result<(), Failure>;

    /// Most memory that the machine of a boot test may have, in bytes.
    fn memory_limit(&self) -> Option<u64> {
        None
    }
}

/// Lets every stage begin at once.
#[derive(Debug, Clone, Copy, Default)]
pub struct Alone;

impl Warden for Alone {
    fn before(&self, _: &str, _: Stage, _: Need) -> Result<(), Failure> {
        Ok(())
    }

    fn after(&self, _: &str, _: Stage) -> Result<(), Failure> {
        Ok(())
    }
}
