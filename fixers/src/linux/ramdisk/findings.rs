//! Concerns of the fixer: what it cannot settle.

use h2k_config::DiskBus;

use crate::facts::{GuestFacts, KernelFacts};
use crate::inspect::RESCUE;
use crate::{Concern, Severity};

use super::drivers::{self, State};
use super::way::Ways;

/// What is wrong with kernels beyond a rebuild. It is critical if no kernel is left that can boot.
pub(super) fn of_kernels(kernels: &[(&KernelFacts, State<'_>)]) -> Vec<Concern> {
    if kernels.is_empty() {
        return vec![Concern::new(
            "guest.kernel.none-found",
            Severity::Warning,
            "kernels",
            "no installed kernel with an image and modules was found",
            "Look at how the guest boots: a kernel in an unusual place is not examined, and not repaired.",
        )];
    }
    let hopeless = |s: &State<'_>| matches!(s, State::Absent(_) | State::NoInitramfs(_));
    // An image whose modules are gone is no kernel to fall back on.
    let mut known = kernels.iter().filter(|(_, s)| *s != State::Unknown).peekable();
    let none_boots = known.peek().is_some() && known.all(|(_, s)| hopeless(s));
    let severity = if none_boots { Severity::Critical } else { Severity::Warning };
    kernels.iter().filter_map(|(kernel, state)| of_kernel(kernel, state, severity)).collect()
}

fn of_kernel(kernel: &KernelFacts, state: &State<'_>, severity: Severity) -> Option<Concern> {
    let subject = format!("kernel {}", kernel.version);
    match state {
        State::Fine | State::Lacking(_) => None,
        State::Absent(drivers) => Some(Concern::new(
            "guest.kernel.no-virtio",
            severity,
            subject,
            format!("it has no {}, neither as modules nor built in", drivers.join(", ")),
            "Install a kernel with virtio drivers in the guest, and make it the default, before migrating.",
        )),
        State::NoInitramfs(drivers) => Some(Concern::new(
            "guest.initramfs.missing",
            severity,
            subject,
            format!(
                "it has no initramfs, and {} are modules: the disk would not be found",
                drivers.join(", ")
            ),
            "Create an initramfs for it in the guest, and have the bootloader load it.",
        )),
        State::Unknown => Some(Concern::new(
            "guest.kernel.drivers-unknown",
            Severity::Warning,
            subject,
            "its modules have no index (modules.dep, modules.builtin): what drivers it has cannot be told",
            "Run depmod for this kernel in the guest, or remove what is left of it.",
        )),
        State::Unreadable(why) => Some(Concern::new(
            "guest.initramfs.unreadable",
            Severity::Warning,
            kernel.initramfs.as_ref().map(|i| i.path.clone()).unwrap_or(subject),
            format!("it cannot be listed: {why}"),
            "It is built anew if the guest has a generator. If it was damaged, find out by what.",
        )),
    }
}

/// Rescue kernels are not rebuilt: their tool makes them from the kernel that was running. They boot nothing by
/// default.
pub(super) fn of_rescue_kernels(facts: &GuestFacts, bus: DiskBus) -> Vec<Concern> {
    let builtin = |name: &str| facts.kernels.iter().any(|k| k.builtin.iter().any(|b| b == name));
    let rescue = facts.kernels.iter().filter(|k| k.version.starts_with(RESCUE));
    let found = rescue.filter_map(|kernel| {
        let initramfs = kernel.initramfs.as_ref().filter(|i| i.unreadable.is_none())?;
        let inside = |name: &str| initramfs.modules.iter().any(|m| m == name);
        let lacking: Vec<&str> =
            drivers::needed(bus).iter().copied().filter(|d| !inside(d) && !builtin(d)).collect();
        (!lacking.is_empty()).then(|| {
            Concern::new(
                "guest.initramfs.rescue",
                Severity::Information,
                initramfs.path.clone(),
                format!("the rescue image holds no {}", lacking.join(", ")),
                "Remove it in the guest and have it made anew (kernel-install) once the guest runs on KVM.",
            )
        })
    });
    found.collect()
}

/// Nothing in the guest can build an initramfs, or nothing that h2k knows how to run.
pub(super) fn no_generator(
    other: &str,
    kernels: &[(&KernelFacts, State<'_>)],
    ways: &Ways<'_>,
) -> Option<Concern> {
    let found = match other {
        "" => "the guest has no program that builds one".to_owned(),
        other => format!("the guest builds it with {other}, which h2k does not run"),
    };
    let lacking: Vec<_> = ways.built.iter().filter(|r| !r.unreadable).collect();
    let images: Vec<&str> = lacking.iter().map(|r| r.initramfs.path.as_str()).collect();
    if images.is_empty() {
        return (!ways.appended.is_empty()).then(|| only_now(&found, ways));
    }
    // Bootloaders start the newest kernel unless told otherwise.
    let judged = kernels.iter().rfind(|(_, state)| *state != State::Unknown);
    let newest = judged.is_some_and(|(k, _)| lacking.iter().any(|r| r.kernel.version == k.version));
    let severity = if newest { Severity::Critical } else { Severity::Warning };
    Some(Concern::new(
        "guest.initramfs.no-generator",
        severity,
        images.join(", "),
        format!("the initramfs lacks the drivers of the target's disk, and {found}"),
        "Add virtio_pci, virtio_blk and virtio_scsi to the initramfs in the guest before migrating.",
    ))
}

/// The drivers are appended, and nothing that h2k knows keeps them there.
fn only_now(found: &str, ways: &Ways<'_>) -> Concern {
    let images: Vec<&str> = ways.appended.iter().map(|(r, _)| r.initramfs.path.as_str()).collect();
    Concern::new(
        "guest.initramfs.no-generator",
        Severity::Warning,
        images.join(", "),
        format!(
            "the drivers of the target's disk are appended to it, and {found}: an image that is made later may lack them"
        ),
        "Have whatever makes the guest's initramfs put virtio_pci, virtio_blk and virtio_scsi into it.",
    )
}

/// The image keeps settings that an appended archive does not replace.
pub(super) fn old_names(path: &str, names: &[String]) -> Option<Concern> {
    (!names.is_empty()).then(|| {
        Concern::new(
            "guest.initramfs.old-names",
            Severity::Warning,
            path,
            format!("settings in it name devices of the old hardware, and stay: {}", names.join(", ")),
            "Rebuild it in the guest once it runs on KVM, or migrate with --initramfs tool.",
        )
    })
}

/// Appending was asked for and is not possible.
pub(super) fn not_appended(ways: &Ways<'_>, tool: bool) -> Vec<Concern> {
    let instead = if tool { "; the guest's own generator builds it" } else { "" };
    let concern = |(path, why): &(String, String)| {
        Concern::new(
            "guest.initramfs.not-appended",
            Severity::Warning,
            path,
            format!("nothing can be appended: {why}{instead}"),
            "Look at the edits: this initramfs does not go the way that --initramfs append asks for.",
        )
    };
    ways.refused.iter().map(concern).collect()
}

/// Generators write the new image beside the old one; an archive is appended to it. Both take about `bytes`.
pub(super) fn space(facts: &GuestFacts, path: &str, bytes: u64) -> Option<Concern> {
    let holds = |mountpoint: &str| {
        let rest = path.strip_prefix(mountpoint.trim_end_matches('/'));
        rest.is_some_and(|r| r.starts_with('/'))
    };
    let mount = facts.mounts.iter().filter(|m| holds(&m.mountpoint)).max_by_key(|m| m.mountpoint.len())?;
    let short = mount.size > 0 && mount.free < bytes;
    short.then(|| {
        Concern::new(
            "guest.initramfs.space",
            Severity::Warning,
            mount.mountpoint.clone(),
            format!("{} bytes are free; the repair of {path} takes about {bytes} more", mount.free),
            "Remove old kernels in the guest, or make the file system larger.",
        )
    })
}

/// A list of the generator's settings that h2k does not know how to add to.
pub(super) fn not_kept(file: &str, list: &str, words: &[&str]) -> Concern {
    Concern::new(
        "guest.initramfs.not-kept",
        Severity::Warning,
        file,
        format!(
            "{list} is written in a way that h2k does not edit: a later rebuild may leave the drivers out again"
        ),
        format!("Add {} to {list} in the guest.", words.join(", ")),
    )
}

/// A list of the generator's settings that keeps drivers out.
pub(super) fn omitted(file: &str, list: &str, drivers: &[&str]) -> Concern {
    Concern::new(
        "guest.initramfs.driver-omitted",
        Severity::Critical,
        file,
        format!("{list} keeps {} out of every initramfs", drivers.join(", ")),
        format!("Take these drivers out of {list} in the guest."),
    )
}

/// An image that lacks drivers and that the guest's generator does not build where it is.
pub(super) fn not_built(image: &str, why: &str) -> Concern {
    Concern::new(
        "guest.initramfs.not-built",
        Severity::Critical,
        image,
        format!("it lacks the drivers of the target's disk, and {why}"),
        "Add virtio_pci, virtio_blk and virtio_scsi to the initramfs in the guest before migrating.",
    )
}
