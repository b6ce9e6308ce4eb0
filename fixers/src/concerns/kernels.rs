//! Concerns that repairs raise about kernels, their drivers and their initramfs.

use crate::concern::{Explained, Severity};

pub(super) static CONCERNS: &[Explained] = &[
    Explained {
        id: "guest.kernel.none-found",
        severity: Severity::Warning,
        acceptable: true,
        summary: "no installed kernel was found",
        explanation: "What a kernel has cannot be told, and nothing is repaired in an initramfs. The kernel may \
                      lie in an unusual place.",
        advice: "look at how the guest boots: a kernel in an unusual place is not examined, and not repaired",
    },
    Explained {
        id: "guest.kernel.no-virtio",
        severity: Severity::Critical,
        acceptable: true,
        summary: "a kernel has no virtio drivers at all",
        explanation: "Such a kernel does not find its disk. If another kernel of the guest is fine it is a \
                      warning; if none is, the guest does not boot.",
        advice: "install a kernel with virtio drivers in the guest, and make it the default, before migrating",
    },
    Explained {
        id: "guest.kernel.drivers-unknown",
        severity: Severity::Warning,
        acceptable: true,
        summary: "it cannot be told which drivers a kernel has",
        explanation: "Without the index of its modules a kernel is often what an update left behind.",
        advice: "run depmod for this kernel in the guest, or remove what is left of it",
    },
    Explained {
        id: "guest.initramfs.missing",
        severity: Severity::Critical,
        acceptable: true,
        summary: "a kernel has no initramfs, and its virtio drivers are modules",
        explanation: "The disk's driver would lie on the disk. If another kernel of the guest is fine it is a \
                      warning.",
        advice: "create an initramfs for it in the guest, and have the bootloader load it",
    },
    Explained {
        id: "guest.initramfs.unreadable",
        severity: Severity::Warning,
        acceptable: true,
        summary: "an initramfs cannot be listed",
        explanation: "What drivers it has is not known. It is built anew where the guest has a generator.",
        advice: "it is built anew if the guest has a generator; if it was damaged, find out by what",
    },
    Explained {
        id: "guest.initramfs.rescue",
        severity: Severity::Information,
        acceptable: true,
        summary: "the rescue image has no virtio drivers",
        explanation: "It is made once and never updated. The guest boots from its other kernels; the rescue entry \
                      would not find the disk.",
        advice: "remove it in the guest and have it made anew (kernel-install) once the guest runs on KVM",
    },
    Explained {
        id: "guest.initramfs.no-generator",
        severity: Severity::Critical,
        acceptable: true,
        summary: "the guest has no program that makes an initramfs",
        explanation: "Where drivers can be appended, the guest boots, and an image that is made later may lack \
                      them: a warning. Where they cannot, it would not boot.",
        advice: "add virtio_pci, virtio_blk and virtio_scsi to the initramfs in the guest before migrating",
    },
    Explained {
        id: "guest.initramfs.old-names",
        severity: Severity::Warning,
        acceptable: true,
        summary: "settings inside of an initramfs name devices by the old hardware",
        explanation: "Generators copy settings into the image. h2k appends drivers to it, but does not change what \
                      is in it.",
        advice: "rebuild it in the guest once it runs on KVM, or migrate with --initramfs tool",
    },
    Explained {
        id: "guest.initramfs.not-appended",
        severity: Severity::Warning,
        acceptable: true,
        summary: "nothing can be appended to an initramfs",
        explanation: "An archive behind the last one would not be read, or would meet something else at its paths. \
                      The guest's generator is used instead where there is one.",
        advice: "look at the edits: this initramfs does not go the way that --initramfs append asks for",
    },
    Explained {
        id: "guest.initramfs.space",
        severity: Severity::Warning,
        acceptable: true,
        summary: "there is little room for the repair of an initramfs",
        explanation: "The repair makes a file larger or writes a second one beside it. It fails where there is no \
                      room, and the migration with it.",
        advice: "remove old kernels in the guest, or make the file system larger",
    },
    Explained {
        id: "guest.initramfs.not-kept",
        severity: Severity::Warning,
        acceptable: true,
        summary: "a later rebuild of the initramfs may leave the drivers out again",
        explanation: "The list of drivers in the guest is written in a way that h2k does not edit.",
        advice: "add the drivers that the concern names to the list in the guest",
    },
    Explained {
        id: "guest.initramfs.driver-omitted",
        severity: Severity::Critical,
        acceptable: true,
        summary: "a setting keeps virtio drivers out of every initramfs",
        explanation: "What is built now or later would lack the drivers of the target's disk.",
        advice: "take these drivers out of the list in the guest",
    },
    Explained {
        id: "guest.initramfs.not-built",
        severity: Severity::Critical,
        acceptable: true,
        summary: "an initramfs lacks the drivers, and the guest's generator does not build it where it is",
        explanation: "It would not find the disk.",
        advice: "add virtio_pci, virtio_blk and virtio_scsi to the initramfs in the guest before migrating",
    },
    Explained {
        id: "guest.initramfs.modules-dep",
        severity: Severity::Information,
        acceptable: true,
        summary: "the rebuilt initramfs holds drivers of the machine that it is built on",
        explanation: "MODULES=dep looks at the machine. h2k lists the virtio drivers, so that they are in it.",
        advice: "run update-initramfs -u in the guest once it runs on KVM, if you want an image for that \
                 machine only",
    },
    Explained {
        id: "guest.initramfs.hooks",
        severity: Severity::Warning,
        acceptable: true,
        summary: "update-initramfs runs scripts of the guest whose changes are not in the plan",
        explanation: "Hooks are the guest's own programs and run at every update of its kernel. They run in the \
                      appliance, without network.",
        advice: "look at these scripts; they are the guest's own and run at every update of its kernel as \
                 well",
    },
    Explained {
        id: "guest.virtio-blocked",
        severity: Severity::Warning,
        acceptable: true,
        summary: "a file kept virtio drivers from loading; an initramfs may hold a copy of it",
        explanation: "h2k makes the line a comment. A copy in an initramfs that is not built anew stays.",
        advice: "see whether the boot test passes; if not, make the initramfs anew in the guest after taking \
                 the line out",
    },
    Explained {
        id: "guest.virtio-blocked-argument",
        severity: Severity::Critical,
        acceptable: true,
        summary: "a kernel argument keeps virtio drivers from loading",
        explanation: "The argument stands in the boot loader's files, and h2k cannot know why. With it, the guest \
                      finds no disk or no network.",
        advice: "take it out in the guest on its hypervisor, and plan again",
    },
];
