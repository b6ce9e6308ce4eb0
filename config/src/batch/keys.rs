//! The keys that a batch file has besides those of a configuration file: the tables that feed its reader, its schema
//! and its example.

/// What the value of a key is, for the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A text.
    Text,
    /// One text or a list of texts.
    Texts,
    /// One of these.
    Choice(&'static [&'static str]),
    /// A whole number, the least and the most.
    Number(i64, i64),
    /// A time, RFC 3339.
    Time,
    /// `30s`, `5m`, `1h`.
    Duration,
    /// Bytes: `8GiB`.
    Bytes,
    /// Every key of a configuration file.
    Settings,
    /// Source networks and where they go.
    Networks,
    /// A list of mappings with these keys.
    List(&'static [OwnKey]),
    /// A mapping with these keys, or a list of them; keys of a configuration file besides.
    Vms(&'static [OwnKey]),
    /// A list of names, or of mappings with these keys.
    Named(&'static [OwnKey]),
    /// A mapping with these keys.
    Section(&'static [OwnKey]),
}

/// A key of a batch file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnKey {
    /// Its name.
    pub name: &'static str,
    /// What its value is.
    pub form: Form,
    /// Whether it must be there.
    pub required: bool,
    /// What it says, one line.
    pub summary: &'static str,
    /// A value, in one line; empty for those with keys of their own.
    pub example: &'static str,
}

const fn key(name: &'static str, form: Form, summary: &'static str, example: &'static str) -> OwnKey {
    OwnKey { name, form, required: false, summary, example }
}

const fn required(key: OwnKey) -> OwnKey {
    OwnKey { required: true, ..key }
}

/// Most VMs, cores and tries that can be named: more is a slip of the hand.
pub(super) const MOST: i64 = 10_000;

/// Keys of the whole file.
pub static FILE: &[OwnKey] = &[
    required(key("version", Form::Number(1, 1), "version of this form; there is one", "1")),
    key("name", Form::Text, "name of the batch [default: the file's, without its ending]", "night-42"),
    key("defaults", Form::Settings, "settings of all VMs: every key of a configuration file", ""),
    key(
        "networks",
        Form::Networks,
        "where the source's networks, and NICs by their MAC addresses, go; as defaults.network, and with VLANs",
        r#"{"00:50:56:aa:bb:01": "bridge:br2", Lab: {bridge: br1, vlan: 100}, Trunk: {network: ovs, vlan: [100, 200]}}"#,
    ),
    required(key("vms", Form::Vms(VM), "the VMs, and what is set for each of them alone", "")),
    key("waves", Form::Named(WAVE), "which VMs before which; each wave follows the one above it", ""),
    key(
        "concurrency",
        Form::Section(CONCURRENCY),
        "how many at once; what is not said is found on the host",
        "",
    ),
    key("hooks", Form::List(HOOK), "programs before and after stages, with JSON on their stdin", ""),
];

/// Keys of a VM besides those of a configuration file.
pub static VM: &[OwnKey] = &[
    key("source", Form::Texts, "a description, a URI, or the disks of one VM", "exports/web01/web01.vmx"),
    key("from", Form::Texts, "globs instead of source; every path that matches is a VM", "exports/*/*.vmx"),
    key("name", Form::Text, "name on the target [default: the source's own]", "web01"),
    key("wave", Form::Text, "its wave; to be named where there are waves", "front"),
    key("priority", Form::Number(-MOST, MOST), "the greater, the earlier within its wave [default: 0]", "10"),
    key("not-before", Form::Time, "time before which it is not started", "2030-01-12T01:00:00+01:00"),
    key("deadline", Form::Time, "time after which it is not started any more", "2030-01-12T05:00:00+01:00"),
    key("hooks", Form::List(HOOK), "programs for it alone, after those of all", ""),
];

/// Keys of a wave.
pub static WAVE: &[OwnKey] = &[
    required(key("name", Form::Text, "its name", "rest")),
    key("after", Form::Texts, "waves that end before it begins [default: the one above it]", "[front]"),
    key(
        "on-failure",
        Form::Choice(&["stop", "go-on"]),
        "whether it begins also where a VM of a wave before it failed [default: stop]",
        "go-on",
    ),
    key(
        "not-before",
        Form::Time,
        "time before which none of its VMs is started",
        "2030-01-12T02:00:00+01:00",
    ),
    key("deadline", Form::Time, "time after which none is started any more", "2030-01-12T06:00:00+01:00"),
];

/// Keys of `concurrency`.
pub static CONCURRENCY: &[OwnKey] = &[
    key("vms", Form::Number(1, MOST), "VMs", "4"),
    key("per-source", Form::Number(1, MOST), "VMs of one source: a host, or a file system", "2"),
    key("per-target", Form::Number(1, MOST), "VMs that are written to one file system", "2"),
    key("memory", Form::Bytes, "memory that appliances and boot tests may take together", "8GiB"),
    key("cores", Form::Number(1, MOST), "cores that they may keep busy", "4"),
    key("tries", Form::Number(1, 100), "tries that a VM gets where a fault is of a kind that passes by", "3"),
];

/// Keys of a hook.
pub static HOOK: &[OwnKey] = &[
    key("name", Form::Text, "its name, for messages [default: the program's]", "tell"),
    required(key(
        "when",
        Form::Choice(TIMES),
        "batch-start, batch-end, vm-end, before-STAGE or after-STAGE",
        "before-fix",
    )),
    required(key(
        "run",
        Form::Texts,
        "program and arguments; no shell reads them",
        "[/usr/local/bin/tell, --vm]",
    )),
    key("timeout", Form::Duration, "after how long it is ended [default: 5m]", "30s"),
    key(
        "on-failure",
        Form::Choice(&["fail", "warn"]),
        "whether its failure is the VM's, or only told [default: fail]",
        "warn",
    ),
];

/// The stages that a hook may stand before or after.
pub static STAGES: &[&str] = &["fetch", "flatten", "inspect", "plan", "fix", "convert", "validate"];

/// When a hook may run.
static TIMES: &[&str] = &[
    "batch-start",
    "batch-end",
    "vm-end",
    "before-fetch",
    "before-flatten",
    "before-inspect",
    "before-plan",
    "before-fix",
    "before-convert",
    "before-validate",
    "after-fetch",
    "after-flatten",
    "after-inspect",
    "after-plan",
    "after-fix",
    "after-convert",
    "after-validate",
];

/// Settings that are those of h2k, not of a VM: they stand in `defaults` only.
pub static NOT_OF_A_VM: &[&str] = &["state", "log-format", "temp-dir", "metrics"];

/// Settings that may stand beside `defaults`, as if they stood in it, where there are such.
pub static BESIDE_DEFAULTS: &[&str] = &["rules", "severity", "accept"];
