//! The start of the appliance's user space, made short where the processor is emulated.
//!
//! libguestfs' `/init` (appliance/init in its source) asks udev to go through every device, and waits until that is
//! done. Four in five of them are terminals, parts of ACPI's tree, blocks of memory and the like, for which udev's
//! rules do nothing that the appliance needs: the devices' nodes are the kernel's own. Without KVM that is most of what
//! `/init` takes.
//!
//! ```text
//! kernel's arguments ─▶ what the kernel does not know: environment of init ─▶ bash: a function `udevadm`
//! ```
//!
//! `/init` is a script for bash, which takes functions from its environment (bash(1), export -f). This one removes itself
//! with its first call, so nothing that the daemon runs later has it.

/// Kernel's arguments for [`guestfs::Handle::set_append`]. A value with blanks is in double quotes, which a value itself
/// cannot have (the kernel's admin-guide/kernel-parameters).
pub fn arguments() -> String {
    let left_out: String = LEFT_OUT.iter().map(|subsystem| format!(" -S{subsystem}")).collect();
    // Where udevadm does not take the options, as it would be called without them.
    let trigger = format!("udevadm $*{left_out} || udevadm $*");
    format!(
        "\"BASH_FUNC_udevadm%%=() {{ unset -f udevadm; case $1 in trigger) {trigger};; *) udevadm $*;; esac; }}\""
    )
}

/// Subsystems of the kernel that udev need not go through (udevadm(8), `--subsystem-nomatch`). Disks, buses, network and
/// the daemon's own channel are none of them.
const LEFT_OUT: [&str; 13] = [
    "acpi",
    "clockevents",
    "event_source",
    "leds",
    "mem",
    "memory",
    "misc",
    "platform",
    "pnp",
    "tty",
    "vc",
    "wakeup",
    "workqueue",
];

#[cfg(test)]
mod tests;
