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
//! when it is done, so nothing that the daemon runs later has it.

/// Kernel's arguments for [`guestfs::Handle::set_append`]. A value with blanks is in double quotes, which a value itself
/// cannot have (the kernel's admin-guide/kernel-parameters).
pub fn arguments() -> String {
    let trigger = trigger("udevadm");
    function(&format!("unset -f udevadm; case $1 in trigger) {trigger};; *) udevadm $*;; esac;"))
}

/// Name of the port by which an appliance that is saved is talked to.
pub const PORT: &str = "h2k";

/// Kernel's arguments of an appliance that is saved: after udev's first round, before anything looks at disks, it says
/// `ready` (or `no`, where nothing would tell its kernel that it is a copy), waits until no disks are there but its own,
/// says `bare`, and waits for a line with the number of disks that it is to have and the time in seconds.
pub fn saved_arguments() -> String {
    let trigger = trigger("command udevadm");
    let disks = |comparison: &str, count: &str| {
        format!("while set -- /sys/block/sd*; [ $# {comparison} {count} ]; do sleep .02; done;")
    };
    let pause = [
        // What comes next is read from the disk now, not each time.
        "{ modprobe dm_mod; mdadm -V; lvm version; ldmtool -h; guestfsd --help; } >/dev/null 2>&1 </dev/null;",
        // An ACPI driver in older kernels, one of a platform device in newer ones.
        "set -- /sys/bus/*/drivers/vmgenid/*:*;",
        &format!("exec 9<>/dev/virtio-ports/{PORT};"),
        "if [ -e $1 ]; then echo ready >&9; else echo no >&9; fi;",
        &disks("-gt", "1"),
        "udevadm settle; echo bare >&9; read -r n t <&9; exec 9>&-; date -s @$t;",
        &disks("-le", "$n"),
        "udevadm settle;",
    ]
    .join(" ");
    function(&format!(
        "case $1 in trigger) {trigger};; settle) unset -f udevadm; udevadm $*; {pause} ;; *) command udevadm $*;; esac;"
    ))
}

fn function(body: &str) -> String {
    format!("\"BASH_FUNC_udevadm%%=() {{ {body} }}\"")
}

/// Where udevadm does not take the options, as it would be called without them.
fn trigger(udevadm: &str) -> String {
    let left_out: String = LEFT_OUT.iter().map(|subsystem| format!(" -S{subsystem}")).collect();
    format!("{udevadm} $*{left_out} || {udevadm} $*")
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
