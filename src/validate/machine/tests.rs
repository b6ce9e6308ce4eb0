//! Arguments as they come out; that QEMU takes them is shown by the boot tests.

use super::*;
use crate::emit::domain::{DomainDisk, Helpers, TargetBus};
use crate::emit::tests::{bios, disk, nic, windows_7};

fn files(domain: &Domain) -> Files {
    let disk = |i: usize| TestDisk {
        overlay: format!("/scratch/disk{i}.qcow2").into(),
        base: format!("/result/a,b/disk{i}.qcow2").into(),
        format: domain.disks[i].format,
        base_is_device: false,
        kept_base: None,
    };
    let ovmf = Ovmf { code: "/ovmf/code.fd".into(), vars: "/scratch/vars.fd".into(), qcow2: false };
    Files {
        disks: (0..domain.disks.len()).map(disk).collect(),
        ovmf: (domain.firmware != TargetFirmware::Bios).then_some(ovmf),
        qmp: "/scratch/qmp".into(),
        agent: "/scratch/agent".into(),
        serial_log: "/result/a,b/boot/serial.log".into(),
        firmware_log: "/result/a,b/boot/firmware.log".into(),
        captures: (0..domain.nics.len()).map(|i| format!("/result/nic{i}.pcap").into()).collect(),
        tpm: domain.tpm.then(|| "/scratch/tpm".into()),
    }
}

fn lines(domain: &Domain, accel: Accel) -> Result<String, MachineError> {
    let files = files(domain);
    let setup = Setup {
        domain,
        files: &files,
        accel,
        tcg_threads: true,
        cpu: domain.cpu,
        memory_mib: 512,
        sandbox: true,
    };
    let args = argv(&setup)?;
    // An option and its value on one line.
    Ok(args.join("\n").replace("\n-", "\0").replace('\n', " ").replace('\0', "\n-"))
}

#[test]
fn a_bios_guest_looks_like_this() {
    insta::assert_snapshot!(lines(&bios(), Accel::Tcg).unwrap(), @r#"
    -name h2k-boot-test
    -no-user-config
    -nodefaults
    -display none
    -monitor none
    -sandbox on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny
    -S
    -action panic=pause,shutdown=pause,reboot=shutdown
    -boot strict=on
    -machine q35,usb=off,hpet=off,graphics=off
    -accel tcg,thread=multi
    -cpu max,la57=off
    -smp 2,sockets=1,cores=2,threads=1
    -m 512
    -rtc base=utc,driftfix=slew
    -uuid 11111111-2222-3333-4444-555555555555
    -chardev socket,id=qmp,path=/scratch/qmp,server=on,wait=off
    -mon chardev=qmp,mode=control
    -chardev file,id=serial,path=/result/a,,b/boot/serial.log
    -device isa-serial,chardev=serial,index=0
    -chardev file,id=firmware,path=/result/a,,b/boot/firmware.log
    -device isa-debugcon,iobase=0x402,chardev=firmware
    -chardev socket,id=agent,path=/scratch/agent,server=on,wait=off
    -device VGA,vgamem_mb=16,bus=pcie.0,addr=0x1
    -netdev user,id=net0,restrict=on,net=10.0.2.0/24
    -object filter-dump,id=dump0,netdev=net0,file=/result/nic0.pcap
    -device pcie-root-port,id=port1,chassis=1,bus=pcie.0,addr=0x2.0x0,multifunction=on
    -device virtio-net-pci,id=nic0,netdev=net0,mac=52:54:00:12:34:01,romfile=,bus=port1,addr=0x0
    -device pcie-root-port,id=port2,chassis=2,bus=pcie.0,addr=0x2.0x1
    -device qemu-xhci,id=usb,p2=15,p3=15,bus=port2,addr=0x0
    -device usb-tablet,bus=usb.0
    -device pcie-root-port,id=port3,chassis=3,bus=pcie.0,addr=0x2.0x2
    -device virtio-serial-pci,id=ports,bus=port3,addr=0x0
    -device virtserialport,bus=ports.0,nr=1,chardev=agent,id=agent,name=org.qemu.guest_agent.0
    -blockdev {"backing":{"backing":null,"driver":"qcow2","file":{"driver":"file","filename":"/result/a,b/disk0.qcow2","read-only":true},"read-only":true},"cache":{"direct":false,"no-flush":true},"discard":"unmap","driver":"qcow2","file":{"cache":{"direct":false,"no-flush":true},"discard":"unmap","driver":"file","filename":"/scratch/disk0.qcow2"},"node-name":"disk0"}
    -device pcie-root-port,id=port4,chassis=4,bus=pcie.0,addr=0x2.0x3
    -device virtio-blk-pci,drive=disk0,bootindex=1,bus=port4,addr=0x0
    -device ide-cd,bus=ide.0,unit=0
    -device pcie-root-port,id=port5,chassis=5,bus=pcie.0,addr=0x2.0x4
    -device virtio-balloon-pci,bus=port5,addr=0x0
    -object rng-random,id=random,filename=/dev/urandom
    -device pcie-root-port,id=port6,chassis=6,bus=pcie.0,addr=0x2.0x5
    -device virtio-rng-pci,rng=random,bus=port6,addr=0x0
    -device pvpanic
    "#);
}

#[test]
fn a_secure_guest_looks_like_this() {
    let mut domain = bios();
    domain.firmware = TargetFirmware::Uefi { secure_boot: true };
    domain.tpm = true;
    domain.clock = Clock::Localtime;
    domain.nics = vec![nic(1), nic(2)];
    domain.disks = vec![disk(TargetBus::VirtioScsi, 0), disk(TargetBus::VirtioScsi, 8)];
    domain.disks[0].boot_order = None;
    domain.disks[1].boot_order = Some(3);
    domain.disks[1].serial = Some("x,bootindex=9".into());
    insta::assert_snapshot!(lines(&domain, Accel::Kvm).unwrap(), @r#"
    -name h2k-boot-test
    -no-user-config
    -nodefaults
    -display none
    -monitor none
    -sandbox on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny
    -S
    -action panic=pause,shutdown=pause,reboot=shutdown
    -boot strict=on
    -machine q35,usb=off,hpet=off,smm=on
    -accel kvm
    -cpu host
    -smp 2,sockets=1,cores=2,threads=1
    -m 512
    -rtc base=localtime,driftfix=slew
    -uuid 11111111-2222-3333-4444-555555555555
    -blockdev {"driver":"raw","file":{"driver":"file","filename":"/ovmf/code.fd","read-only":true},"node-name":"flash0","read-only":true}
    -blockdev {"driver":"raw","file":{"driver":"file","filename":"/scratch/vars.fd","read-only":false},"node-name":"flash1","read-only":false}
    -machine pflash0=flash0,pflash1=flash1
    -global driver=cfi.pflash01,property=secure,value=on
    -global ICH9-LPC.disable_s3=1
    -fw_cfg name=opt/org.tianocore/IPv4PXESupport,string=n
    -fw_cfg name=opt/org.tianocore/IPv6PXESupport,string=n
    -fw_cfg name=opt/org.tianocore/IPv4Support,string=n
    -fw_cfg name=opt/org.tianocore/IPv6Support,string=n
    -chardev socket,id=qmp,path=/scratch/qmp,server=on,wait=off
    -mon chardev=qmp,mode=control
    -chardev file,id=serial,path=/result/a,,b/boot/serial.log
    -device isa-serial,chardev=serial,index=0
    -chardev file,id=firmware,path=/result/a,,b/boot/firmware.log
    -device isa-debugcon,iobase=0x402,chardev=firmware
    -chardev socket,id=agent,path=/scratch/agent,server=on,wait=off
    -device VGA,vgamem_mb=16,bus=pcie.0,addr=0x1
    -netdev user,id=net0,restrict=on,net=10.0.2.0/24
    -object filter-dump,id=dump0,netdev=net0,file=/result/nic0.pcap
    -device pcie-root-port,id=port1,chassis=1,bus=pcie.0,addr=0x2.0x0,multifunction=on
    -device virtio-net-pci,id=nic0,netdev=net0,mac=52:54:00:12:34:01,romfile=,bus=port1,addr=0x0
    -netdev user,id=net1,restrict=on,net=10.0.3.0/24
    -object filter-dump,id=dump1,netdev=net1,file=/result/nic1.pcap
    -device pcie-root-port,id=port2,chassis=2,bus=pcie.0,addr=0x2.0x1
    -device virtio-net-pci,id=nic1,netdev=net1,mac=52:54:00:12:34:02,romfile=,bus=port2,addr=0x0
    -device pcie-root-port,id=port3,chassis=3,bus=pcie.0,addr=0x2.0x2
    -device qemu-xhci,id=usb,p2=15,p3=15,bus=port3,addr=0x0
    -device usb-tablet,bus=usb.0
    -device pcie-root-port,id=port4,chassis=4,bus=pcie.0,addr=0x2.0x3
    -device virtio-scsi-pci,id=scsi0,bus=port4,addr=0x0
    -device pcie-root-port,id=port5,chassis=5,bus=pcie.0,addr=0x2.0x4
    -device virtio-serial-pci,id=ports,bus=port5,addr=0x0
    -device virtserialport,bus=ports.0,nr=1,chardev=agent,id=agent,name=org.qemu.guest_agent.0
    -blockdev {"backing":{"backing":null,"driver":"qcow2","file":{"driver":"file","filename":"/result/a,b/disk0.qcow2","read-only":true},"read-only":true},"cache":{"direct":false,"no-flush":true},"discard":"unmap","driver":"qcow2","file":{"cache":{"direct":false,"no-flush":true},"discard":"unmap","driver":"file","filename":"/scratch/disk0.qcow2"},"node-name":"disk0"}
    -device scsi-hd,bus=scsi0.0,channel=0,scsi-id=0,lun=0,drive=disk0
    -blockdev {"backing":{"backing":null,"driver":"qcow2","file":{"driver":"file","filename":"/result/a,b/disk1.qcow2","read-only":true},"read-only":true},"cache":{"direct":false,"no-flush":true},"discard":"unmap","driver":"qcow2","file":{"cache":{"direct":false,"no-flush":true},"discard":"unmap","driver":"file","filename":"/scratch/disk1.qcow2"},"node-name":"disk1"}
    -device scsi-hd,bus=scsi0.0,channel=0,scsi-id=0,lun=9,drive=disk1,serial=x,,bootindex=9,bootindex=1
    -device ide-cd,bus=ide.0,unit=0
    -device pcie-root-port,id=port6,chassis=6,bus=pcie.0,addr=0x2.0x5
    -device virtio-balloon-pci,bus=port6,addr=0x0
    -object rng-random,id=random,filename=/dev/urandom
    -device pcie-root-port,id=port7,chassis=7,bus=pcie.0,addr=0x2.0x6
    -device virtio-rng-pci,rng=random,bus=port7,addr=0x0
    -device pvpanic
    -chardev socket,id=tpm,path=/scratch/tpm
    -tpmdev emulator,id=tpm0,chardev=tpm
    -device tpm-crb,tpmdev=tpm0
    "#);
}

#[test]
fn a_windows_guest_has_hyper_v_with_kvm_only() {
    let mut domain = windows_7();
    let shown = lines(&domain, Accel::Kvm).unwrap();
    let cpu = "-cpu host,hv-relaxed=on,hv-vapic=on,hv-spinlocks=8191,hv-time=on,hv-crash=on\n";
    for part in [
        cpu,
        "-rtc base=localtime,driftfix=slew\n",
        "-device ich9-usb-ehci1,id=usb,bus=pcie.0,addr=0x1d.0x7,multifunction=on\n",
        "-device ich9-usb-uhci3,masterbus=usb.0,firstport=4,bus=pcie.0,addr=0x1d.0x2,multifunction=on\n",
        "-device usb-tablet,bus=usb.0\n",
        "-device virtio-net-pci-transitional,id=nic0,",
        "-device virtio-blk-pci-transitional,drive=disk0,",
        "-device virtio-serial-pci-transitional,id=ports,",
        "-device virtio-balloon-pci-transitional,",
        "-device virtio-rng-pci-transitional,",
    ] {
        assert!(shown.contains(part), "{part} is not in\n{shown}");
    }
    let shown = lines(&domain, Accel::Tcg).unwrap();
    assert!(shown.contains("-cpu max,la57=off\n") && !shown.contains("hv-"), "{shown}");
    domain.hyperv = crate::emit::tests::ALL_ENLIGHTENMENTS.to_vec();
    domain.helpers = Helpers { panic: Panic::Hyperv, balloon: false, rng: false, ..Helpers::default() };
    let shown = lines(&domain, Accel::Kvm).unwrap();
    let cpu = "-cpu host,hv-relaxed=on,hv-vapic=on,hv-spinlocks=8191,hv-vpindex=on,hv-runtime=on,hv-synic=on,\
               hv-stimer=on,hv-stimer-direct=on,hv-reset=on,hv-frequencies=on,hv-reenlightenment=on,hv-tlbflush=on,\
               hv-ipi=on,hv-time=on,hv-crash=on\n";
    assert!(shown.contains(cpu), "{shown}");
    for part in ["balloon", "rng", "pvpanic", "ehci", "transitional,drive"] {
        assert!(!shown.contains(part), "{part} is in\n{shown}");
    }
}

#[test]
fn disks_on_the_boards_controllers_sit_where_their_names_say() {
    let board = |machine, bus, count: u32, cdroms| {
        let mut domain = Domain { machine, cdroms, ..bios() };
        domain.disks = (0..count).map(|i| DomainDisk { boot_order: None, ..disk(bus, i) }).collect();
        let shown = lines(&domain, Accel::Tcg)?;
        let devices = shown.lines().filter(|l| ["ide-", "ahci"].iter().any(|part| l.contains(part)));
        let short =
            |line: &str| line.trim_start_matches("-device ").split(",drive").next().unwrap().to_owned();
        Ok::<_, MachineError>((devices.map(short).collect::<Vec<_>>(), cdrom_room(&domain)))
    };
    let (q35, room) = board(Machine::Q35, TargetBus::Sata, 8, 1).unwrap();
    assert_eq!((q35.len(), room), (9, 0));
    assert!(q35[0].starts_with("ich9-ahci,id=ahci1,bus=port"), "{q35:?}");
    assert_eq!(q35[1..3], ["ide-hd,bus=ide.0,unit=0", "ide-hd,bus=ide.1,unit=0"]);
    assert_eq!(q35[7..], ["ide-hd,bus=ahci1.0,unit=0", "ide-hd,bus=ahci1.1,unit=0"]);
    let (q35, room) = board(Machine::Q35, TargetBus::Sata, 2, 2).unwrap();
    assert_eq!(
        (&q35[2..], room),
        (&["ide-cd,bus=ide.2,unit=0", "ide-cd,bus=ide.3,unit=0"].map(str::to_owned)[..], 4)
    );
    let (old, room) = board(Machine::I440fx, TargetBus::Ide, 3, 2).unwrap();
    let expected = [
        "ide-hd,bus=ide.0,unit=0",
        "ide-hd,bus=ide.0,unit=1",
        "ide-hd,bus=ide.1,unit=0",
        "ide-cd,bus=ide.1,unit=1",
    ];
    assert_eq!((old, room), (expected.map(str::to_owned).to_vec(), 1));
    let (old, _) = board(Machine::I440fx, TargetBus::Sata, 1, 0).unwrap();
    assert_eq!(old, ["ich9-ahci,id=ahci0,bus=pci.0,addr=0x4", "ide-hd,bus=ahci0.0,unit=0"]);
    assert!(board(Machine::Q35, TargetBus::Ide, 1, 0).is_err());
    assert!(board(Machine::I440fx, TargetBus::Ide, 5, 0).is_err());
}

#[test]
fn values_that_could_add_arguments_are_refused() {
    let refused = |change: fn(&mut Domain)| {
        let mut domain = bios();
        change(&mut domain);
        lines(&domain, Accel::Tcg).unwrap_err().to_string()
    };
    assert!(refused(|d| d.nics[0].model = "virtio,x=y".into()).contains("NIC model"));
    assert!(refused(|d| d.nics[0].mac = "52:54:00:00:00:01,x=y".into()).contains("MAC"));
    assert!(refused(|d| d.nics = (0..255).map(nic).collect()).contains("PCI slots"));
    assert!(
        refused(|d| d.disks = vec![DomainDisk { target: "sd,x".into(), ..disk(TargetBus::VirtioScsi, 0) }])
            .contains("target")
    );
    let mut domain = bios();
    domain.uuid = Some("x -y".into());
    assert!(!lines(&domain, Accel::Tcg).unwrap().contains("-uuid"));
}
