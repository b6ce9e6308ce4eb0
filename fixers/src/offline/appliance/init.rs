//! The start of the appliance's user space, made short where the processor is emulated.
//!
//! libguestfs' `/init` (appliance/init in its source) asks udev to go through every device, and waits until that is
//! done. Four in five of them are terminals, parts of ACPI's tree, blocks of memory and the like, for which udev's
//! rules do nothing that the appliance needs: the devices' nodes are the kernel's own. Without KVM that is most of what
//! `/init` takes.
//!
//! ```text
//! kernel's arguments ─▶ what the kernel does not know: environment of init ─▶ bash: functions `udevadm`, `guestfsd`
//! ```
//!
//! `/init` is a script for bash, which takes functions from its environment (bash(1), export -f). These remove themselves
//! when they are called, so nothing that the daemon runs later has them.
//!
//! An appliance that is saved goes through all of `/init`, without any disk, up to the daemon. What `/init` does for disks
//! (its lines with mdadm, lvm and ldmtool) is done once more when some are there that may be members of something.

/// Kernel's arguments for [`guestfs::Handle::set_append`]. A value with blanks is in double quotes, which a value itself
/// cannot have (the kernel's admin-guide/kernel-parameters).
pub fn arguments() -> String {
    let trigger = trigger("udevadm");
    function("udevadm", &format!("unset -f udevadm; case $1 in trigger) {trigger};; *) udevadm $*;; esac;"))
}

/// Name of the port by which an appliance that is saved is talked to.
pub const PORT: &str = "h2k";

/// Kernel's arguments of an appliance that is saved: when nothing is left to start but the daemon, it says `ready` (or `no`,
/// where nothing would tell its kernel that it is a copy, or `/init` does other things for disks), waits until no disks are
/// there but its own, says `bare`, and waits for a line with the number of disks that it is to have and the time in seconds.
pub fn saved_arguments() -> String {
    let disks = |comparison: &str, count: &str| {
        format!("while set -- /sys/block/sd*; [ $# {comparison} {count} ]; do sleep .02; done;")
    };
    let daemon = [
        "unset -f guestfsd; a=$*;",
        // Read from the disk now, not each time.
        "guestfsd --help >/dev/null;",
        "grep -E '^(mdadm -As |lvm (pv|vg)|ldmtool create )' /init >/run/disks;",
        // An ACPI driver in older kernels, one of a platform device in newer ones.
        "set -- /sys/bus/*/drivers/vmgenid/*:*;",
        &format!("exec 9<>/dev/virtio-ports/{PORT};"),
        "if [ -e $1 -a $(wc -l </run/disks) = 4 ]; then echo ready >&9; else echo no >&9; fi;",
        &disks("-gt", "1"),
        "udevadm settle; echo bare >&9; read -r n t <&9; exec 9>&-; date -s @$t;",
        &disks("-le", "$n"),
        // A disk is there before the kernel has looked for its partitions, and udev hears of it after that.
        "n=0; for p in /sys/block/sd*; do until [ -e /run/udev/data/b$(<$p/dev) -o $((n++)) -gt 500 ]; do sleep .02; done;",
        "done; udevadm settle;",
        // As `/init` does for disks that may be far away.
        "for f in /sys/block/sd*/device/timeout; do echo 300 >$f; done;",
        // What is no member of anything, by udev's own look at each device, is nothing to those who assemble: neither a
        // file system's type says so, nor a partition's (those of dynamic disks). They are asked, too, where udev says
        // nothing: of a partition in which it finds two things, or for ten seconds of a disk.
        "n=$((n>500?9999:0)); for p in /sys/block/sd*/sd*; do [ -e $p ] && let ++n; done;",
        "for p in $(grep -hsE '^E:ID_(FS|PART_ENTRY)_TYPE=' /run/udev/data/b*); do case $p in *_member) n=9999;;",
        "*=0x42|*=af9b60a0*|*=5808c8aa*);; *Y_TYPE=*) let --n;; esac; done; [ $n -gt 0 ] && . /run/disks;",
        "guestfsd $a;",
    ]
    .join(" ");
    format!("{} {}", arguments(), function("guestfsd", &daemon))
}

fn function(name: &str, body: &str) -> String {
    format!("\"BASH_FUNC_{name}%%=() {{ {body} }}\"")
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
