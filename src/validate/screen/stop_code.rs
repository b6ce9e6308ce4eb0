//! Stop codes of Windows: those that a guest with other hardware meets (Microsoft's "Bug check code reference").

use std::fmt;

/// A stop code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StopCode(pub u32);

/// Codes and their names.
pub(super) const KNOWN: &[(u32, &str)] = &[
    (0x0A, "IRQL_NOT_LESS_OR_EQUAL"),
    (0x1A, "MEMORY_MANAGEMENT"),
    (0x1E, "KMODE_EXCEPTION_NOT_HANDLED"),
    (0x24, "NTFS_FILE_SYSTEM"),
    (0x2E, "DATA_BUS_ERROR"),
    (0x3B, "SYSTEM_SERVICE_EXCEPTION"),
    (0x50, "PAGE_FAULT_IN_NONPAGED_AREA"),
    (0x5C, "HAL_INITIALIZATION_FAILED"),
    (0x5D, "UNSUPPORTED_PROCESSOR"),
    (0x67, "CONFIG_INITIALIZATION_FAILED"),
    (0x69, "IO1_INITIALIZATION_FAILED"),
    (0x6B, "PROCESS1_INITIALIZATION_FAILED"),
    (0x74, "BAD_SYSTEM_CONFIG_INFO"),
    (0x77, "KERNEL_STACK_INPAGE_ERROR"),
    (0x79, "MISMATCHED_HAL"),
    (0x7A, "KERNEL_DATA_INPAGE_ERROR"),
    (0x7B, "INACCESSIBLE_BOOT_DEVICE"),
    (0x7E, "SYSTEM_THREAD_EXCEPTION_NOT_HANDLED"),
    (0x7F, "UNEXPECTED_KERNEL_MODE_TRAP"),
    (0x80, "NMI_HARDWARE_FAILURE"),
    (0x8E, "KERNEL_MODE_EXCEPTION_NOT_HANDLED"),
    (0x9F, "DRIVER_POWER_STATE_FAILURE"),
    (0xA5, "ACPI_BIOS_ERROR"),
    (0xC2, "BAD_POOL_CALLER"),
    (0xC4, "DRIVER_VERIFIER_DETECTED_VIOLATION"),
    (0xCE, "DRIVER_UNLOADED_WITHOUT_CANCELLING_PENDING_OPERATIONS"),
    (0xD1, "DRIVER_IRQL_NOT_LESS_OR_EQUAL"),
    (0xED, "UNMOUNTABLE_BOOT_VOLUME"),
    (0xEF, "CRITICAL_PROCESS_DIED"),
    (0xF4, "CRITICAL_OBJECT_TERMINATION"),
    (0xFC, "ATTEMPTED_EXECUTE_OF_NOEXECUTE_MEMORY"),
    (0x101, "CLOCK_WATCHDOG_TIMEOUT"),
    (0x109, "CRITICAL_STRUCTURE_CORRUPTION"),
    (0x116, "VIDEO_TDR_FAILURE"),
    (0x124, "WHEA_UNCORRECTABLE_ERROR"),
    (0x133, "DPC_WATCHDOG_VIOLATION"),
    (0x139, "KERNEL_SECURITY_CHECK_FAILURE"),
    (0x154, "UNEXPECTED_STORE_EXCEPTION"),
    (0xC000_0145, "STATUS_APP_INIT_FAILURE"),
    (0xC000_0218, "STATUS_CANNOT_LOAD_REGISTRY_FILE"),
    (0xC000_021A, "STATUS_SYSTEM_PROCESS_TERMINATED"),
    (0xC000_0221, "STATUS_IMAGE_CHECKSUM_MISMATCH"),
];

impl StopCode {
    /// Its name, if it is one that is known here.
    pub fn name(self) -> Option<&'static str> {
        KNOWN.iter().find(|(code, _)| *code == self.0).map(|(_, name)| *name)
    }
}

impl fmt::Display for StopCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "stop code 0x{:08X} ({name})", self.0),
            None => write!(f, "stop code 0x{:08X}", self.0),
        }
    }
}
