use std::collections::BTreeMap;
use std::os::unix::fs::symlink;

use tempfile::TempDir;

use super::*;
use crate::keys::{KEYS, Key, Kind};
use crate::policy::{Addressing, CloudInit, DiskBus, NetworkTarget, TargetFormat};

/// A host with an empty current directory, home and /etc.
struct Host {
    dir: TempDir,
    around: Surroundings,
}

impl Host {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        for sub in ["cwd", "home/.config/h2k", "etc/h2k"] {
            fs::create_dir_all(dir.path().join(sub)).unwrap();
        }
        let variables = BTreeMap::from([("HOME".into(), dir.path().join("home").into())]);
        let around =
            Surroundings { directory: dir.path().join("cwd"), variables, etc: dir.path().join("etc") };
        Self { dir, around }
    }

    fn file(self, path: &str, text: &str) -> Self {
        fs::write(self.dir.path().join(path), text).unwrap();
        self
    }

    fn variable(mut self, name: &str, value: &str) -> Self {
        self.around.variables.insert(name.into(), value.into());
        self
    }

    fn load(&self, command_line: Settings) -> Result<Loaded, ConfigError> {
        load(command_line, None, &self.around)
    }

    fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }
}

#[test]
fn each_layer_stands_above_the_next() {
    let host = Host::new()
        .file(
            "etc/h2k/config.yaml",
            "format: raw\ndisk-bus: virtio-scsi\nboot-timeout: 1\nno-boot: true\nskip-fixer: [a]\n",
        )
        .file("home/.config/h2k/config.yaml", "boot-timeout: 2\nno-boot: false\nskip-fixer: [b, c]\n")
        .file("cwd/h2k.yaml", "boot-timeout: 3\ntemp-dir: t\n")
        .variable("H2K_BOOT_TIMEOUT", "4")
        .variable("H2K_STATE", "state.db");
    let command_line = Settings { boot_timeout: Some(5), ..Settings::default() };
    let loaded = host.load(command_line).unwrap();
    let resolved = loaded.settings.resolve(&host.around);
    assert_eq!(resolved.boot_timeout, Some(5));
    assert_eq!(host.load(Settings::default()).unwrap().settings.boot_timeout, Some(4));
    assert_eq!(resolved.policy.format, TargetFormat::Raw);
    assert_eq!(resolved.policy.disk_bus, DiskBus::VirtioScsi);
    assert_eq!(resolved.policy.skip_fixers, ["b", "c"]);
    assert!(resolved.boot);
    assert_eq!(resolved.temp_dir, host.path("cwd/t"));
    assert_eq!(resolved.state, Some(host.path("cwd/state.db")));
    let names = ["cwd/h2k.yaml", "home/.config/h2k/config.yaml", "etc/h2k/config.yaml"];
    assert_eq!(loaded.files, names.map(|name| host.path(name)));
}

/// Other converters' variable counts where h2k was told nothing.
#[test]
fn the_drivers_for_windows_are_named_in_three_places() {
    let drivers = |host: &Host| {
        host.load(Settings::default()).unwrap().settings.resolve(&host.around).policy.virtio_win
    };
    let mut host = Host::new();
    assert_eq!(drivers(&host), None);
    host = host.variable("VIRTIO_WIN", "/usr/virtio.iso");
    assert_eq!(drivers(&host), Some("/usr/virtio.iso".into()));
    host = host.file("cwd/h2k.yaml", "virtio-win: drivers\n");
    assert_eq!(drivers(&host), Some(host.path("cwd/drivers")));
    host = host.variable("H2K_VIRTIO_WIN", "own.iso");
    assert_eq!(drivers(&host), Some(host.path("cwd/own.iso")));
}

#[test]
fn networks_are_taken_one_by_one() {
    let host = Host::new()
        .file("etc/h2k/config.yaml", "network: {'*': 'network:default', 'VM Network': 'bridge:br0'}\n")
        .variable("H2K_NETWORK", "VM Network=bridge:br1, Storage=bridge:br2");
    let networks = host.load(Settings::default()).unwrap().settings.network;
    let bridge = |name: &str| NetworkTarget::bridge(name);
    assert_eq!(networks["*"], NetworkTarget::network("default"));
    assert_eq!(networks["VM Network"], bridge("br1"));
    assert_eq!(networks["Storage"], bridge("br2"));
}

#[test]
fn nics_are_taken_one_by_one() {
    let host = Host::new()
        .file(
            "etc/h2k/config.yaml",
            "mac: {\"00:50:56:aa:00:01\": \"52:54:00:00:00:01\"}\nip:\n  - 00:50:56:aa:00:01=192.0.2.1/24\n  - 00:50:56:aa:00:01=192.0.2.2/24\n\
             cloud-init: keep\n",
        )
        .file("cwd/h2k.yaml", "dhcp: [00:50:56:aa:00:02]\n")
        .variable("H2K_IP", "00:50:56:AA:00:02=192.0.2.9/24,192.0.2.1,192.0.2.53,00:50:56:aa:00:03=2001:db8::9/64")
        .variable("H2K_MAC", "00:50:56:aa:00:02=52:54:00:00:00:02");
    let settings = host.load(Settings::default()).unwrap().settings;
    let policy = settings.clone().resolve(&host.around).policy;
    assert_eq!(policy.macs.len(), 2);
    assert_eq!(policy.cloud_init, Some(CloudInit::Keep));
    let count = |mac: &str| match &policy.addressing[mac] {
        Addressing::Static(list) => list.len(),
        Addressing::Dhcp => 0,
    };
    let counts = ["01", "02", "03"].map(|n| count(&format!("00:50:56:aa:00:{n}")));
    // The environment's address stands above the file's DHCP.
    assert_eq!(counts, [2, 1, 1]);
}

#[test]
fn bad_values_of_nics_are_told() {
    for (file, message) in [
        ("mac: {a: \"52:54:00:00:00:01\"}\n", "mac: \"a\" is no MAC address such as 00:50:56:aa:bb:cc"),
        (
            "mac: {\"00:50:56:aa:00:01\": \"52:54:00:00:00:01\", \"00:50:56:aa:00:02\": \"52:54:00:00:00:01\"}\n",
            "mac: 52:54:00:00:00:01 is given to two NICs: 00:50:56:aa:00:01 and 00:50:56:aa:00:02",
        ),
        (
            "ip: [\"00:50:56:aa:00:01=1.2.3.4/5\"]\ndhcp: [\"00:50:56:aa:00:01\"]\n",
            "dhcp: 00:50:56:aa:00:01 is given both DHCP and an address",
        ),
        (
            "ip:\n - 00:50:56:aa:00:01=10.0.0.4/8,10.0.0.1\n - 00:50:56:aa:00:01=10.0.0.5/8,10.0.0.2\n",
            "ip: 00:50:56:aa:00:01 is given two gateways: 10.0.0.1 and 10.0.0.2",
        ),
        ("cloud-init: off\n", "cloud-init: \"off\" is none of keep, no-network, disable"),
    ] {
        let error = Host::new().file("cwd/h2k.yaml", file).load(Settings::default()).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
}

#[test]
fn a_relative_path_belongs_to_its_file_and_a_tilde_to_its_user() {
    let host = Host::new().file("etc/h2k/config.yaml", "output: vms\ntemp-dir: /scratch\nstate: ~/h2k.db\n");
    let settings = host.load(Settings::default()).unwrap().settings;
    assert_eq!(settings.output, Some(host.path("etc/h2k/vms")));
    assert_eq!(settings.temp_dir, Some(PathBuf::from("/scratch")));
    assert_eq!(settings.state, Some(host.path("home/h2k.db")));
}

#[test]
fn all_mistakes_of_all_layers_are_told_at_once() {
    let host = Host::new()
        .file("etc/h2k/config.yaml", "# the host's\nouput: x\n")
        .file("cwd/h2k.yaml", "format: vmdk\n")
        .variable("H2K_NO_BOOT", "perhaps");
    let message = host.load(Settings::default()).unwrap_err().to_string();
    let root = format!("{}/", host.dir.path().display());
    assert_eq!(
        message.replace(&root, ""),
        "3 mistakes in the configuration:\
         \n  H2K_NO_BOOT in the environment: \"perhaps\" is neither true nor false\
         \n  cwd/h2k.yaml:1:9: format: \"vmdk\" is none of qcow2, raw\
         \n  etc/h2k/config.yaml:2:1: unknown key \"ouput\"; did you mean \"output\"?"
    );
}

#[test]
fn a_named_file_is_read_alone_and_has_to_be_there() {
    let host = Host::new()
        .file("cwd/h2k.yaml", "format: raw\n")
        .file("cwd/other.yaml", "boot-timeout: 9\n")
        .variable("H2K_CONFIG", "nowhere.yaml");
    let loaded = load(Settings::default(), Some(Path::new("other.yaml")), &host.around).unwrap();
    assert_eq!((loaded.settings.format, loaded.settings.boot_timeout), (None, Some(9)));
    let error = host.load(Settings::default()).unwrap_err();
    assert!(matches!(&error, ConfigError::Read { path, .. } if *path == host.path("cwd/nowhere.yaml")));
}

#[test]
fn what_cannot_be_looked_at_is_no_missing_file() {
    let host = Host::new();
    symlink("h2k.yaml", host.path("cwd/h2k.yaml")).unwrap();
    assert!(matches!(host.load(Settings::default()), Err(ConfigError::Read { .. })), "a loop of links");
    let host = Host::new();
    fs::create_dir(host.path("cwd/h2k.yaml")).unwrap();
    assert!(matches!(host.load(Settings::default()), Err(ConfigError::Read { .. })), "a directory");
    let host = Host::new();
    fs::write(host.path("cwd/h2k.yaml"), b"output: \xff\n").unwrap();
    assert!(matches!(host.load(Settings::default()), Err(ConfigError::Read { .. })), "not UTF-8");
}

#[test]
fn a_misspelt_variable_is_told_and_a_foreign_one_is_not() {
    let host = Host::new()
        .variable("H2K_OUTPTU", "x")
        .variable("H2K_DEBIAN_SOURCES", "x")
        .variable("H2K_OUTPUT", "");
    let loaded = host.load(Settings::default()).unwrap();
    assert_eq!(loaded.warnings, ["H2K_OUTPTU in the environment sets nothing; did you mean H2K_OUTPUT?"]);
    assert_eq!(loaded.settings.output, None, "empty is unset");
}

#[test]
fn places_follow_the_environment() {
    let mut host =
        Host::new().variable("XDG_CONFIG_HOME", "/conf").variable("XDG_STATE_HOME", "relative/is/ignored");
    let resolved = Settings::default().resolve(&host.around);
    assert_eq!(places(&host.around)[1], Path::new("/conf/h2k/config.yaml"));
    assert_eq!(resolved.state, Some(host.path("home/.local/state/h2k/h2k.db")));
    assert_eq!(resolved.temp_dir, Path::new("/var/tmp"));
    host.around.variables.clear();
    assert_eq!(Settings::default().resolve(&host.around).state, None);
    assert_eq!(places(&host.around).len(), 2);
}

/// The example sets nothing as it stands; with the comment signs before its settings removed, it sets every key.
#[test]
fn the_example_shows_every_key() {
    let text = include_str!("../../example.yaml");
    assert_eq!(yaml::settings(text), Ok(Settings::default()));
    let prose = |line: &str| line.starts_with("# ") && !line.starts_with("#  ");
    let is_setting = |line: &str| line.starts_with("#") && !prose(line);
    let live: String = text
        .lines()
        .map(|line| if is_setting(line) { format!("{}\n", &line[1..]) } else { format!("{line}\n") })
        .collect();
    let settings = yaml::settings(&live).unwrap();
    let shown = format!("{settings:?}");
    assert!(!shown.contains("None") && !settings.network.is_empty(), "a key is missing: {shown}");
    for key in KEYS {
        assert!(live.contains(&format!("\n{}:", key.name)), "{}", key.name);
        let variable = key.kind != Kind::Section;
        assert_eq!(text.contains(&key.variable()), variable, "{}", key.variable());
    }
}

#[test]
fn every_key_has_a_name_of_its_own() {
    for key in KEYS {
        assert_eq!(KEYS.iter().filter(|other| other.name == key.name).count(), 1, "{}", key.name);
        assert!(!key.summary.is_empty());
    }
    assert_eq!(Key::find("disk-bus").map(Key::variable).as_deref(), Some("H2K_DISK_BUS"));
}
