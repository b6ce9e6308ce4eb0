//! Concerns that repairs raise about how the guest boots and finds its disks.

use crate::concern::{Explained, Severity};

pub(super) static CONCERNS: &[Explained] = &[
    Explained {
        id: "guest.fstab.unresolved",
        severity: Severity::Critical,
        acceptable: true,
        summary: "a line of fstab names a device by the old hardware, and h2k found no other name for it",
        explanation: "Names such as /dev/sdb1 and by-path change on virtio. What the disks show is replaced by a \
                      UUID; this name leads to nothing that was seen. Where the mount is needed for the boot, the \
                      concern is critical.",
        advice: "write UUID=… (see blkid) in the guest before the migration, add nofail, or remove the line",
    },
    Explained {
        id: "guest.fstab.malformed",
        severity: Severity::Warning,
        acceptable: true,
        summary: "a line of fstab cannot be understood",
        explanation: "Such a line is skipped by mount as well, or the file is no text. h2k leaves it as it is.",
        advice: "correct it in the guest before the migration; h2k leaves it as it is",
    },
    Explained {
        id: "guest.fstab.device-option",
        severity: Severity::Warning,
        acceptable: true,
        summary: "a mount option names a device by the old hardware",
        explanation: "Options such as logdev= and journal_path= name a second device. h2k edits the first field of \
                      a line only.",
        advice: "name it as /dev/disk/by-uuid/… or /dev/disk/by-partuuid/… in the guest before the migration",
    },
    Explained {
        id: "guest.crypttab.unresolved",
        severity: Severity::Critical,
        acceptable: true,
        summary: "a line of crypttab names a device by the old hardware, and h2k found no other name for it",
        explanation: "The volume is not opened at boot. Where something that the boot needs lies on it, the \
                      concern is critical.",
        advice: "write UUID=… (see cryptsetup luksUUID) in the guest before the migration",
    },
    Explained {
        id: "guest.boot.unresolved",
        severity: Severity::Critical,
        acceptable: true,
        summary: "a kernel argument names a device by the old hardware, and h2k found no other name for it",
        explanation: "The root file system or the swap space is named in the boot loader's files. An argument that \
                      leads nowhere stops the boot in the initramfs, or delays it.",
        advice: "write UUID=… (see blkid) in the guest before the migration",
    },
    Explained {
        id: "guest.boot.grubenv",
        severity: Severity::Critical,
        acceptable: true,
        summary: "GRUB's environment block names a device by the old hardware and has no room for another name",
        explanation: "The block has 1024 bytes and is read by GRUB as it is. h2k does not write one that GRUB \
                      would refuse.",
        advice: "set kernelopts with root=UUID=… in the guest (grub2-editenv) before the migration",
    },
    Explained {
        id: "guest.boot.syntax",
        severity: Severity::Warning,
        acceptable: true,
        summary: "a boot loader's file has a quote that is not closed",
        explanation: "h2k reads the file line by line and goes on. The program that makes the boot loader's \
                      configuration from it stops at the quote.",
        advice: "close the quote in the guest: the file's own generator cannot read it",
    },
    Explained {
        id: "guest.boot.uki",
        severity: Severity::Critical,
        acceptable: true,
        summary: "a unified kernel image does not fit the target, and cannot be edited",
        explanation: "Kernel, initramfs and command line are one file. h2k writes over the command line in it only \
                      where the file is not signed, no signature for a TPM lies in it, and the new line fits; the \
                      initramfs in it is never changed. Where the file is the only way to boot, what is wrong inside \
                      of it is critical.",
        advice: "build the image anew in the guest with root=UUID=… and the virtio drivers before the \
                 migration",
    },
    Explained {
        id: "guest.boot.loader",
        severity: Severity::Critical,
        acceptable: true,
        summary: "the files of a boot loader that h2k does not edit name a device by the old hardware",
        explanation: "LILO and others keep the places of files in blocks that only their own program writes.",
        advice: "write UUID=… in the guest, and run the boot loader's own program, before the migration",
    },
    Explained {
        id: "guest.resume.unresolved",
        severity: Severity::Warning,
        acceptable: true,
        summary: "the device to resume from is named by the old hardware, and h2k found no other name for it",
        explanation: "The initramfs waits for the swap space that a hibernated system is in, half a minute at each \
                      boot, and goes on.",
        advice: "name the swap space by UUID=… (see blkid) in the guest before the migration, or write \
                 RESUME=none",
    },
    Explained {
        id: "guest.kdump.unresolved",
        severity: Severity::Warning,
        acceptable: true,
        summary: "the place for kernel dumps is named by the old hardware",
        explanation: "kdump does not find it and makes no dumps. The guest boots without.",
        advice: "name another target for kernel dumps in the guest; it boots without",
    },
    Explained {
        id: "guest.lvm.filter",
        severity: Severity::Warning,
        acceptable: true,
        summary: "a filter keeps LVM from looking at the target's disks",
        explanation: "A filter that lets only the old disk names pass hides the volumes, and with them perhaps the \
                      root file system.",
        advice: "remove the filter in the guest before the migration, or accept \
                 a|/dev/disk/by-id/lvm-pv-uuid-.*|",
    },
    Explained {
        id: "guest.lvm.initramfs",
        severity: Severity::Warning,
        acceptable: true,
        summary: "an initramfs may hold a copy of LVM's list of devices, with the old disks in it",
        explanation: "h2k takes the list out of the guest. An initramfs that has the disk's driver is not built \
                      anew, so a copy in it stays.",
        advice: "watch the first boot; if it stops, remove the list and build the initramfs in the guest \
                 before the migration",
    },
    Explained {
        id: "guest.mdadm.members",
        severity: Severity::Warning,
        acceptable: true,
        summary: "a line of mdadm.conf names the members of an array by the old hardware",
        explanation: "mdadm takes no others then, and does not assemble the array. h2k changes lines DEVICE, but \
                      not what a line ARRAY says of its members.",
        advice: "take the word devices=… out of the line in the guest before the migration; UUID= is enough",
    },
    Explained {
        id: "guest.mdadm.initramfs",
        severity: Severity::Warning,
        acceptable: true,
        summary: "an initramfs may hold a copy of mdadm.conf that looks at the old disks only",
        explanation: "h2k mends the file in the guest. An initramfs that has the disk's driver is not built anew, \
                      so a copy in it stays.",
        advice: "watch the first boot; if it stops, mend mdadm.conf and build the initramfs in the guest \
                 before the migration",
    },
    Explained {
        id: "guest.uefi.fallback",
        severity: Severity::Critical,
        acceptable: true,
        summary: "there is no boot loader where the new VM's firmware looks for one, or h2k could not see whether",
        explanation: "The target's firmware has no boot entries and starts EFI/BOOT/BOOTX64.EFI. h2k copies the \
                      distribution's loader there where it knows it; here it does not, or something else is there.",
        advice: "copy the boot loader to EFI/BOOT/BOOTX64.EFI in the guest before the migration (grub-install \
                 --removable)",
    },
    Explained {
        id: "guest.uefi.legacy",
        severity: Severity::Warning,
        acceptable: true,
        summary: "GRUB legacy gets a copy of its configuration, which later updates do not know of",
        explanation: "GRUB legacy reads its configuration beside its own file. The copy at EFI/BOOT stays as it is \
                      when a new kernel is installed.",
        advice: "make a boot entry in the guest after the migration (efibootmgr), or copy grub.conf after \
                 each update",
    },
];
