use std::collections::BTreeSet;

use clap::CommandFactory;
use h2k_config::{
    Addressing, CloudInit, Compress, DiskBus, Engine, InitramfsWay, KEYS, Kind, NetworkTarget, NicModel,
    StaticAddress, TargetFormat, Tools,
};
use insta::assert_snapshot;

use super::*;

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(line.split_whitespace())
}

#[test]
fn the_definitions_are_sound() {
    Cli::command().debug_assert();
}

/// Options that say what is to be done now, and have no place in a file.
const NOT_SETTINGS: &[&str] =
    &["name", "file", "plan", "json", "config", "quiet", "verbose", "help", "version"];

#[test]
fn every_setting_is_an_option_and_every_option_a_setting() {
    let mut command = Cli::command();
    command.build();
    let migrate = command.find_subcommand("migrate").unwrap();
    let options: BTreeSet<&str> = migrate
        .get_arguments()
        .filter_map(|a| a.get_long())
        .filter(|long| !NOT_SETTINGS.contains(long))
        .collect();
    let keys: BTreeSet<&str> =
        KEYS.iter().filter(|key| key.kind != Kind::Section).map(|key| key.name).collect();
    assert_eq!(options, keys);
}

#[test]
fn every_subcommand_has_examples_that_parse() {
    let command = Cli::command();
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        assert!(!help::example_list(sub.get_name()).is_empty(), "{}", sub.get_name());
    }
    let names = command.get_subcommands().map(|sub| sub.get_name()).chain(["h2k"]);
    for (line, _) in names.flat_map(help::example_list).filter(|(line, _)| line.starts_with("h2k ")) {
        // What a shell would do with quotes, pipes and redirections.
        let line =
            line.split(['|', '>']).next().unwrap().replace("VM Network", "VM-Network").replace('\'', "");
        assert!(parse(&line).is_ok(), "{line}");
    }
}

#[test]
fn the_exit_codes_of_the_help_are_those_of_failures() {
    use crate::error::FailureKind::*;
    let told: Vec<u8> = help::EXIT_CODES.iter().map(|(code, _)| *code).collect();
    let kinds = [Failed, Usage, NotReady, Partial, NotValidated, Interrupted];
    let codes: Vec<u8> = std::iter::once(0).chain(kinds.map(|kind| kind.exit_code())).collect();
    assert_eq!(told, codes);
}

#[test]
fn options_become_settings() {
    let cli = parse(
        "h2k migrate a.vmx -o out --format raw --disk-bus virtio-scsi --initramfs tool --network A=bridge:br0 --network *=network:lab \
         --skip-fixer x --skip-fixer y --key all:env:K --root /dev/sda2 --no-boot --boot-timeout 9 --temp-dir t --metrics m --state s --compress zlib --keep-base \
         --parent p --parent q --engine qemu --threads 3 --limit-rate 20m --no-sample --log-format json -v \
         --tools keep --agent-packages pk --virtio-win vw --nic-model e1000e --regenerate-identity --serial-console=false \
         --mac 00:50:56:AA:00:01=52:54:00:00:00:01 --ip 52:54:00:00:00:01=192.0.2.10/24,192.0.2.1,192.0.2.53 \
         --dhcp 00-50-56-aa-00-02 --cloud-init no-network",
    );
    let settings = cli.unwrap().settings().unwrap();
    let address = StaticAddress {
        address: "192.0.2.10".parse().unwrap(),
        prefix: 24,
        gateway: Some("192.0.2.1".parse().unwrap()),
        dns: vec!["192.0.2.53".parse().unwrap()],
    };
    let expected = Settings {
        output: Some("out".into()),
        format: Some(TargetFormat::Raw),
        compress: Some(Compress::Zlib),
        keep_base: Some(true),
        parent: Some(vec!["p".into(), "q".into()]),
        engine: Some(Engine::Qemu),
        threads: Some(3),
        limit_rate: Some(20 << 20),
        no_sample: Some(true),
        disk_bus: Some(DiskBus::VirtioScsi),
        nic_model: Some(NicModel::E1000e),
        initramfs: Some(InitramfsWay::Tool),
        network: [
            ("A".to_owned(), NetworkTarget::bridge("br0")),
            ("*".to_owned(), NetworkTarget::network("lab")),
        ]
        .into(),
        mac: [("00:50:56:aa:00:01".to_owned(), "52:54:00:00:00:01".to_owned())].into(),
        addressing: [
            ("52:54:00:00:00:01".to_owned(), Addressing::Static(vec![address])),
            ("00:50:56:aa:00:02".to_owned(), Addressing::Dhcp),
        ]
        .into(),
        cloud_init: Some(CloudInit::NoNetwork),
        skip_fixer: Some(vec!["x".to_owned(), "y".to_owned()]),
        key: Some(vec!["all:env:K".parse().unwrap()]),
        root: Some("/dev/sda2".to_owned()),
        no_boot: Some(true),
        boot_timeout: Some(9),
        temp_dir: Some("t".into()),
        metrics: Some("m".into()),
        state: Some("s".into()),
        log_format: Some(LogFormat::Json),
        tools: Some(Tools::Keep),
        agent_packages: Some("pk".into()),
        virtio_win: Some("vw".into()),
        regenerate_identity: Some(true),
        serial_console: Some(false),
        customize: None,
        rules: None,
        severity: None,
        accept: None,
    };
    assert_eq!(settings, expected);
    assert_eq!(parse("h2k migrate a.vmx").unwrap().settings(), Ok(Settings::default()));
}

#[test]
fn the_file_of_a_plan_is_no_output_directory() {
    let cli = parse("h2k plan a.vmx -o plan.json").unwrap();
    assert_eq!(cli.settings().unwrap().output, None);
}

#[test]
fn the_command_line_can_take_back_what_a_file_says() {
    let settings = parse("h2k migrate a.vmx --no-boot=false").unwrap().settings().unwrap();
    assert_eq!(settings.no_boot, Some(false));
    assert!(parse("h2k migrate --no-boot a.vmx").is_ok(), "a value needs its =");
}

#[test]
fn a_source_is_mapped_once() {
    for (options, message) in [
        (
            "--network A=bridge:br0 --network A=bridge:br1",
            "duplicate: the network \"A\" is mapped to bridge:br0 and to bridge:br1",
        ),
        (
            "--network A=bridge:br0 --network A=network:br0",
            "duplicate: the network \"A\" is mapped to bridge:br0 and to network:br0",
        ),
        (
            "--network A=bridge:br0 --network A=bridge:br0",
            "duplicate: the network \"A\" is mapped to bridge:br0 and to bridge:br0",
        ),
        (
            "--network *=bridge:br0 --network *=network:lab",
            "duplicate: the default \"*\" is mapped to bridge:br0 and to network:lab",
        ),
        (
            "--network 52:54:00:AB:02:03=bridge:br0 --network 52-54-00-ab-02-03=network:lab",
            "duplicate: the NIC 52:54:00:ab:02:03 is mapped to bridge:br0 and to network:lab",
        ),
    ] {
        let cli = parse(&format!("h2k plan a.vmx {options}")).unwrap();
        assert_eq!(cli.settings(), Err(format!("--network: {message}")));
    }
    let cli = parse(
        "h2k plan a.vmx --network A=bridge:br0 --network a=bridge:br0 --network 52:54:00:ab:02:03=bridge:br0",
    );
    assert_eq!(cli.unwrap().settings().unwrap().network.len(), 3);
}

#[test]
fn a_nic_is_given_what_fits_together() {
    for (options, message) in [
        (
            "--dhcp 00:50:56:aa:00:01 --ip 00:50:56:aa:00:01=192.0.2.10/24",
            "--dhcp: 00:50:56:aa:00:01 is given both DHCP and an address",
        ),
        (
            "--mac 00:50:56:aa:00:01=52:54:00:00:00:01 --mac 00:50:56:aa:00:01=52:54:00:00:00:02",
            "--mac: 00:50:56:aa:00:01 is given two MAC addresses: 52:54:00:00:00:01 and 52:54:00:00:00:02",
        ),
    ] {
        let cli = parse(&format!("h2k plan a.vmx {options}")).unwrap();
        assert_eq!(cli.settings(), Err(message.to_owned()));
    }
}

#[test]
fn a_wrong_command_line_ends_with_2() {
    for line in [
        "h2k migrate",
        "h2k migrate a --format vmdk",
        "h2k migrate a --network A",
        "h2k migrate a --boot-timeout 0",
        "h2k migrate a --mac x=y",
        "h2k migrate a --ip 00:50:56:aa:00:01=192.0.2.10",
        "h2k migrate a --dhcp x",
        "h2k migrate a --cloud-init off",
        "h2k plan a --json --markdown",
        "h2k plan a -q -v",
        "h2k migrat a",
        "h2k",
    ] {
        assert_eq!(parse(line).unwrap_err().exit_code(), 2, "{line}");
    }
}

#[test]
fn global_options_stand_before_and_after_the_subcommand() {
    for line in ["h2k --state s status", "h2k status --state s"] {
        assert_eq!(parse(line).unwrap().settings().unwrap().state, Some("s".into()));
    }
}

fn shown(line: &str) -> String {
    let command = Cli::command().term_width(100);
    command.try_get_matches_from(line.split_whitespace()).unwrap_err().to_string()
}

#[test]
fn help_of_h2k() {
    assert_snapshot!(shown("h2k -h"), @r"
    Moves virtual machines from VMware and Hyper-V to KVM

    Usage: h2k [OPTIONS] <COMMAND>

    Commands:
      migrate      Move a VM: plan, repair, copy, boot
      plan         Show every change that migrate would make; nothing is touched
      batch        Check, describe and begin batch files: many VMs for one night
      inspect      Show what the hypervisor and the disks say of a VM
      test         Boot results, domains or disks to prove that they run; they are not written to
      convert      Copy a disk into another format; nothing inside it is changed
      verify       Read disks again and compare them with what was copied
      status       Show batches and runs, also while another h2k works on them
      history      Show what was done when, and how long it took
      cancel       Stop a batch, or a VM, that another h2k works on
      clean        Remove what unfinished runs left, and forget them
      resume       Go on with batches and runs that were killed or failed
      report       Print the report of a finished migration
      undo         List the edits of a finished migration, or take them back
      refix        Make the repairs of a result anew with other options, without copying
      accept       Make a result that keeps its base stand for itself: one file per disk
      fixers       List the repairs that h2k knows
      rules        List the rules that look for concerns
      doctor       Check whether this host has what h2k needs
      completions  Print completions for a shell
      help         Print this message or the help of the given subcommand(s)

    Options:
      -h, --help     Print help (see more with '--help')
      -V, --version  Print version

    Global options:
          --state <FILE>         File that remembers runs [default: $XDG_STATE_HOME/h2k/h2k.db]
          --config <FILE>        Read this configuration file and no other
          --log-format <FORMAT>  What goes to stderr: lines for people, or one JSON object per event and
                                 line [default: text] [possible values: text, json]
      -q, --quiet                Only warnings and errors on stderr
      -v, --verbose              Also notes and every program that is started on stderr

    Examples:
      # check this host
      h2k doctor
      # see what would change
      h2k plan web01.vmx
      # move it
      h2k migrate web01.vmx -o /srv/vms
      # hand it to libvirt
      virsh define /srv/vms/web01/web01.xml
    ");
}

#[test]
fn help_of_migrate() {
    assert_snapshot!(shown("h2k migrate -h"), @r"
    Move a VM: plan, repair, copy, boot

    Usage: h2k migrate [OPTIONS] [SOURCE]...

    Arguments:
      [SOURCE]...  A .vmx, .ovf or .ova, a directory that holds one, or disk files or NBD URIs: the
                   disks of one VM

    Options:
      -f, --file <FILE>               Move all VMs of a batch file; one that was stopped goes on where
                                      it was
      -o, --output <DIR>              Directory that the result's directory DIR/NAME is made in
          --name <NAME>               Name of the VM on the target [default: the source's own]
          --metrics <FILE>            Write metrics for Prometheus to this file after each VM: states,
                                      seconds, bytes [default: none]
          --plan <FILE>               Carry out a plan that h2k plan wrote with --json or -f: as it
                                      stands there, or not at all
          --json                      Print JSON: what came of each VM, as in the report of a batch
          --no-sample[=<true|false>]  Do not copy a sample to measure how long the migration takes: the
                                      plan then tells no time [possible values: true, false]
          --parent <PATH>             File that may be the parent of a disk (the base of a snapshot), or
                                      a directory of such. May be given several times; the disks' own
                                      directories are always looked into
          --temp-dir <DIR>            Directory for temporary files [default: $TMPDIR, or /var/tmp]
      -h, --help                      Print help (see more with '--help')

    Target:
          --format <FORMAT>           Format of the target's disks [default: qcow2] [possible values:
                                      qcow2, raw]
          --compress <HOW>            Compress the clusters of qcow2 disks [possible values: zstd, zlib]
          --keep-base[=<true|false>]  Keep the repairs in an overlay over an unchanged copy of the
                                      source's disks: h2k refix makes them anew without copying, h2k
                                      accept ends that. qcow2 only [possible values: true, false]
          --disk-bus <BUS>            Bus of the target's disks; sata is IDE for Windows before Vista
                                      [default: virtio-blk, or what a Windows guest has a driver for]
                                      [possible values: virtio-blk, virtio-scsi, sata]
          --nic-model <MODEL>         Model of the target's NICs [default: virtio, or what a Windows
                                      guest has a driver for] [possible values: virtio, e1000e, e1000,
                                      rtl8139]
          --network <SRC=TARGET>      Where a source network or a NIC goes: SRC=network:NAME (a libvirt
                                      network) or SRC=bridge:NAME (a host bridge). SRC is the name of a
                                      network, the MAC address of a NIC, which goes before a name, or *
                                      for everything without an option of its own

    Guest's network:
          --mac <OLD=NEW>      Give the NIC with the MAC address OLD the MAC address NEW on the target;
                               what is tied to OLD in the guest follows. May be given several times
          --ip <MAC=ADDRESS>   Give a NIC an address: MAC=ADDRESS/LENGTH[,GATEWAY[,DNS]...], written for
                               the guest's own network configuration; MAC is the source's or the
                               target's, an empty GATEWAY is none. Several of one MAC add up. A family
                               (IPv4, IPv6) without an address of its own stays as it was
          --dhcp <MAC>         Have a NIC get its IPv4 address by DHCP instead of what the guest has.
                               May be given several times
          --cloud-init <WHAT>  What is done about cloud-init [default: no-network, where it would
                               configure the network anew because its datasource is not in the guest;
                               else keep] [possible values: keep, no-network, disable]

    Repairs:
          --initramfs <WAY>
              How drivers come into an initramfs that lacks them: an archive is appended to it (append),
              the guest's own generator builds it anew (tool), or the first where it is proven and the
              second elsewhere [default: auto] [possible values: auto, append, tool]
          --skip-fixer <ID>
              Do not make this repair; h2k fixers lists them. May be given several times
          --tools <HOW>
              What becomes of the old hypervisor's guest tools [default: mask] [possible values: keep,
              mask, remove]
          --agent-packages <DIR>
              Directory with packages of the QEMU guest agent: those that fit a guest without one are
              installed in it
          --virtio-win <PATH>
              Directory or ISO image with virtio drivers for Windows: those that a Windows guest needs
              are put into it [default: $VIRTIO_WIN, or where the package virtio-win has it]
          --regenerate-identity[=<true|false>]
              Make the guest another one: a new machine id and new SSH host keys at its first boot
              [possible values: true, false]
          --serial-console[=<true|false>]
              Give the guest a serial console: kernel, GRUB menu and login [possible values: true,
              false]

    Source:
          --key <VOLUME:PLACE>  Open an encrypted volume (LUKS, BitLocker): VOLUME:file:PATH (a
                                passphrase or recovery password), VOLUME:key-file:PATH (a key file),
                                VOLUME:env:NAME or VOLUME:- (a passphrase in a variable, on stdin).
                                VOLUME is all, UUID=… or its device in the guest. May be given several
                                times
          --root <DEVICE>       Migrate the system whose root device this is, where the disks hold
                                several: as h2k inspect names it, or UUID=…. The others are copied as
                                they are

    Boot test:
          --no-boot[=<true|false>]  Do not boot the result: then nothing is proven [possible values:
                                    true, false]
          --boot-timeout <SECONDS>  Seconds that the boot may take [default: depends on whether KVM can
                                    be used]

    Copy:
          --engine <ENGINE>     What copies the disks; qemu is there for comparison [default: native]
                                [possible values: native, qemu]
          --threads <N>         Threads that copy a disk [default: one per processor]
          --limit-rate <BYTES>  Most bytes that are read per second and disk: a number with K, M, G or T

    Global options:
          --state <FILE>         File that remembers runs [default: $XDG_STATE_HOME/h2k/h2k.db]
          --config <FILE>        Read this configuration file and no other
          --log-format <FORMAT>  What goes to stderr: lines for people, or one JSON object per event and
                                 line [default: text] [possible values: text, json]
      -q, --quiet                Only warnings and errors on stderr
      -v, --verbose              Also notes and every program that is started on stderr

    Examples:
      # result in /srv/vms/web01
      h2k migrate web01.ova -o /srv/vms
      # another name, raw disks
      h2k migrate web01.vmx -o . --name web --format raw
      # one VM of two disks
      h2k migrate sda.vmdk sdb.vmdk -o .
      # repairs that h2k refix can make anew, until h2k accept
      h2k migrate web01.vmx -o . --keep-base
      # networks
      h2k migrate web01.vmx -o . --network 'VM Network=bridge:br0' --network '*=network:default'
      # a static address for a NIC
      h2k migrate web01.vmx -o . --ip 00:50:56:aa:bb:01=192.0.2.10/24,192.0.2.1,192.0.2.53
    ");
}

#[test]
fn help_for_a_mistake() {
    assert_snapshot!(shown("h2k migrate a --format vmdk"), @r"
    error: invalid value 'vmdk' for '--format <FORMAT>'
      [possible values: qcow2, raw]

    For more information, try '--help'.
    ");
}
