//! Rules about the machine: CPUs, memory, firmware, and settings that its target does not have.

use h2k_fixers::Severity;
use h2k_transports::{Firmware, Tristate};

use super::{Finding, Rule, Seen, found};

/// Memory comes in blocks of this size on VMware; another size was written by hand or by another hypervisor.
const MEMORY_BLOCK: u64 = 4 << 20;

pub(super) static RULES: &[Rule] = &[
    Rule {
        id: "source.tpm",
        severity: Severity::Warning,
        acceptable: true,
        summary: "the VM has a virtual TPM, whose contents cannot be moved",
        explanation: "Keys that are sealed to the TPM (BitLocker, LUKS with systemd-cryptenroll or clevis) cannot be read \
                      out by anybody. The target gets an emulated TPM 2.0 with nothing in it.",
        advice: "have recovery keys ready for everything that is sealed to the TPM; the target gets an empty one",
        check: |s| found(s.source.tpm == Tristate::Yes, &s.source.name, "a virtual TPM is attached"),
    },
    Rule {
        id: "source.secure-boot",
        severity: Severity::Information,
        acceptable: true,
        summary: "the VM boots with Secure Boot; the target does too, with Microsoft's keys",
        explanation: "The target's firmware has the keys of Microsoft and of the distributions enrolled. Keys of your own \
                      and revocations lie in the old NVRAM and do not come along; a loader that only they sign is refused.",
        advice: "enrol your own keys (mokutil, virt-fw-vars) if a boot loader or module is signed with them",
        check: |s| {
            let yes = s.source.secure_boot == Tristate::Yes;
            found(yes, &s.source.name, "Secure Boot is on")
        },
    },
    Rule {
        id: "source.nvram",
        severity: Severity::Information,
        acceptable: true,
        summary: "the firmware's variables (boot entries, keys) stay behind",
        explanation: "VMware's NVRAM file is not one that OVMF reads. The new firmware starts the fallback loader \
                      (EFI/BOOT/BOOTX64.EFI), which h2k makes where it is missing.",
        advice: "make boot entries anew in the guest (efibootmgr) if it needs others than the default",
        check: |s| {
            let uefi = s.source.firmware == Firmware::Uefi;
            let file = s.source.nvram.iter().filter(|_| uefi);
            file.map(|name| Finding::new(&s.source.name, format!("{name:?} is not carried over"))).collect()
        },
    },
    Rule {
        id: "source.cpu-hotplug",
        severity: Severity::Information,
        acceptable: true,
        summary: "CPUs could be added while the VM ran; on the target they cannot",
        explanation: "h2k gives the target as many CPUs as the VM has, and no room for more. libvirt can add CPUs to a \
                      running guest up to a maximum that stands in its XML.",
        advice: "give <vcpu current='N'>MAXIMUM</vcpu> in the libvirt XML if it is needed",
        check: |s| switch(s, s.source.features.cpu_hotplug, "hot-adding of CPUs is on"),
    },
    Rule {
        id: "source.memory-hotplug",
        severity: Severity::Information,
        acceptable: true,
        summary: "memory could be added while the VM ran; on the target it cannot",
        explanation: "h2k gives the target the VM's memory and no slots for more. libvirt can add memory to a running \
                      guest where its XML has a maxMemory with slots and a NUMA topology.",
        advice: "give <maxMemory slots='…'> in the libvirt XML if it is needed",
        check: |s| switch(s, s.source.features.memory_hotplug, "hot-adding of memory is on"),
    },
    Rule {
        id: "source.cpu-affinity",
        severity: Severity::Warning,
        acceptable: true,
        summary: "the VM's CPUs are bound to CPUs of the old host",
        explanation: "The numbers of the old host's CPUs mean nothing on another one, so the target's CPUs are free. A \
                      guest that was bound for its licence or its latency may need <cputune> in the libvirt XML.",
        advice: "bind the CPUs with <vcpupin> in the libvirt XML if it matters",
        check: |s| text(s, s.source.features.cpu_affinity.as_deref(), "bound to host CPUs"),
    },
    Rule {
        id: "source.numa-affinity",
        severity: Severity::Warning,
        acceptable: true,
        summary: "the VM is bound to NUMA nodes of the old host",
        explanation: "The old host's nodes are not the new one's; the target's memory comes from any of them.",
        advice: "give <numatune> in the libvirt XML if it matters",
        check: |s| text(s, s.source.features.numa_affinity.as_deref(), "bound to NUMA nodes"),
    },
    Rule {
        id: "source.latency",
        severity: Severity::Warning,
        acceptable: true,
        summary: "the VM is set to be sensitive to latency; the target is an ordinary one",
        explanation: "VMware gives such a VM CPUs and memory of its own. On KVM that takes pinned CPUs, huge pages and \
                      locked memory on a host that has room for them, which h2k cannot know.",
        advice: "give <cputune>, <memoryBacking> and <numatune> in the libvirt XML",
        check: |s| text(s, s.source.features.latency_sensitivity.as_deref(), "latency sensitivity is"),
    },
    Rule {
        id: "source.reservations",
        severity: Severity::Information,
        acceptable: true,
        summary: "CPU or memory is reserved or limited; on the target it is not",
        explanation: "Reservations and limits are a promise between a VM and its old cluster. The target's XML has none, \
                      so it shares the host like every other VM.",
        advice: "give <cputune> and <memtune> in the libvirt XML if it matters",
        check: |s| list(s, &s.source.features.shares, "is not carried over"),
    },
    Rule {
        id: "source.nested-virtualization",
        severity: Severity::Warning,
        acceptable: true,
        summary: "the guest may run virtual machines of its own",
        explanation: "The guest is offered hardware virtualisation. The target has the host's CPU, which offers it too if \
                      nesting is on in the host's kvm_intel or kvm_amd; VBS of Windows needs it as well.",
        advice: "check /sys/module/kvm_*/parameters/nested on the target's host",
        check: |s| {
            switch(s, s.source.features.nested_virtualization, "virtualisation is offered to the guest")
        },
    },
    Rule {
        id: "source.iommu",
        severity: Severity::Warning,
        acceptable: true,
        summary: "the VM has a virtual IOMMU; the target has none",
        explanation: "Guests use it for VBS of Windows and to pass devices to VMs of their own. libvirt has it as \
                      <iommu model='intel'>, which needs a split interrupt controller that h2k does not set up.",
        advice: "add <iommu> in the libvirt XML if the guest uses it",
        check: |s| switch(s, s.source.features.iommu, "a virtual IOMMU is there"),
    },
    Rule {
        id: "source.performance-counters",
        severity: Severity::Information,
        acceptable: true,
        summary: "the guest sees performance counters of the CPU; on the target that depends on the host",
        explanation: "Profilers in the guest (perf, VTune) count with them. KVM offers them where the host's kernel allows \
                      it.",
        advice: "add <pmu state='on'/> to <features> in the libvirt XML if a profiler needs them",
        check: |s| switch(s, s.source.features.performance_counters, "virtual performance counters are on"),
    },
    Rule {
        id: "source.cpu-masks",
        severity: Severity::Warning,
        acceptable: true,
        summary: "what the CPU tells the guest of itself was changed by hand; on the target it is the host's",
        explanation: "Lines such as cpuid.1.ecx hide or show features of the CPU, for a licence, for an old system or for \
                      moves between unlike hosts. They are VMware's own and have no counterpart that h2k could write.",
        advice: "give <feature policy='…'> below <cpu> in the libvirt XML if the guest needs it",
        check: |s| list(s, &s.source.features.cpu_masks, "is not carried over"),
    },
    Rule {
        id: "source.host-smbios",
        severity: Severity::Warning,
        acceptable: true,
        summary: "the guest sees vendor and serial number of the old host; software that is licensed to them will not",
        explanation: "SMBIOS.reflectHost shows the guest the host's own vendor data, which is how vendors' licences for \
                      their hardware are activated. The target is a KVM machine and says so.",
        advice: "have the licences ready, or give <sysinfo type='smbios'> in the libvirt XML",
        check: |s| switch(s, s.source.features.host_smbios, "SMBIOS.reflectHost is on"),
    },
    Rule {
        id: "source.time-sync",
        severity: Severity::Information,
        acceptable: true,
        summary: "VMware's tools kept the guest's clock; on the target the guest has to",
        explanation: "The tools set the guest's clock to the host's every minute. They do nothing on KVM, and h2k keeps \
                      them from starting. KVM's own clock source drifts little, but it does not set the time.",
        advice: "check that chrony, ntpd or systemd-timesyncd runs in the guest",
        check: |s| switch(s, s.source.features.time_sync, "time synchronisation by the tools is on"),
    },
    Rule {
        id: "source.guest-data",
        severity: Severity::Warning,
        acceptable: true,
        summary: "the VM's settings hold data for cloud-init or of the OVF environment, which the target does not have",
        explanation: "cloud-init's VMware datasource and appliances' own scripts read guestinfo keys through VMware's \
                      tools. On KVM they find nothing: an appliance may take itself for a new one, or stop.",
        advice: "give the target a NoCloud seed, or see what the guest does without (see guest.cloud-init)",
        check: |s| list(s, &s.source.features.guest_data, "is set"),
    },
    Rule {
        id: "source.isolation",
        severity: Severity::Information,
        acceptable: true,
        summary: "settings shut the guest off from its old host; libvirt has others",
        explanation: "Hardening guides for VMware set isolation.* keys against copying, dragging and resizing through the \
                      console. A target of h2k's has no such channels: neither a SPICE agent nor shared folders.",
        advice: "nothing; look at the libvirt XML if you add a SPICE console",
        check: |s| {
            let count = s.source.features.isolation.len();
            found(count > 0, &s.source.name, &format!("{count} settings isolation.* are not carried over"))
        },
    },
    Rule {
        id: "source.change-tracking",
        severity: Severity::Information,
        acceptable: true,
        summary: "changed block tracking is on: a backup program relies on it",
        explanation: "Backups that go through VMware's snapshots and changed blocks end with the migration. Files of the \
                      tracking (-ctk.vmdk) hold no data and are not copied.",
        advice: "set up the backup of the target anew",
        check: |s| switch(s, s.source.features.change_tracking, "changed block tracking is on"),
    },
    Rule {
        id: "source.memory-odd",
        severity: Severity::Information,
        acceptable: true,
        summary: "the memory is no multiple of 4 MiB",
        explanation: "VMware takes multiples of 4 MiB only. The size is carried over as it is, and libvirt rounds it up to \
                      whole KiB; a description that was written by hand may mean another unit.",
        advice: "check the memory in the plan",
        check: |s| {
            let odd = s.source.memory_bytes.filter(|bytes| !bytes.is_multiple_of(MEMORY_BLOCK));
            odd.map(|bytes| Finding::new(&s.source.name, format!("{bytes} bytes of memory")))
                .into_iter()
                .collect()
        },
    },
];

fn switch(seen: &Seen<'_>, state: Tristate, message: &str) -> Vec<Finding> {
    found(state == Tristate::Yes, &seen.source.name, message)
}

fn text(seen: &Seen<'_>, value: Option<&str>, message: &str) -> Vec<Finding> {
    value.map(|value| Finding::new(&seen.source.name, format!("{message} {value}"))).into_iter().collect()
}

fn list(seen: &Seen<'_>, values: &[String], message: &str) -> Vec<Finding> {
    values.iter().map(|value| Finding::new(&seen.source.name, format!("{value} {message}"))).collect()
}
