//! Texts that the help and the manual share.

use std::fmt::Write;

/// What a SOURCE may be.
pub const SOURCE: &str =
    "A .vmx, .ovf or .ova, a directory that holds one, or disk files or NBD URIs: the disks of one VM";

/// Every exit code, and what it means.
pub static EXIT_CODES: &[(u8, &str)] = &[
    (0, "done"),
    (1, "failed"),
    (2, "the command line or a configuration file is wrong"),
    (3, "the plan has critical concerns"),
    (4, "some of several VMs failed"),
    (5, "the result did not validate"),
    (130, "interrupted"),
];

/// Every file that h2k reads or leaves.
pub static FILES: &[(&str, &str)] = &[
    ("./h2k.yaml", "configuration of a directory"),
    ("~/.config/h2k/config.yaml", "configuration of a user; $XDG_CONFIG_HOME moves it"),
    ("/etc/h2k/config.yaml", "configuration of the host"),
    ("~/.local/state/h2k/h2k.db", "runs and what their stages left; $XDG_STATE_HOME or --state moves it"),
    (
        "DIR/NAME/",
        "a result: NAME.xml, its disks, plan.json, report.html, report.md, report.json and boot/ with the evidence",
    ),
    ("DIR/.h2k/", "unfinished work; gone when the run is done"),
];

/// How settings come together.
pub const PRECEDENCE: &str = "The command line stands above the environment, the environment above ./h2k.yaml, that above the user's \
     configuration, and that above the host's. With --config (or H2K_CONFIG) that file alone is read. Keys are named \
     like the long options. Unknown keys are errors.";

/// A command line and what it is for.
pub type Example = (&'static str, &'static str);

/// Examples of a subcommand; of all together for `h2k`.
pub fn example_list(command: &str) -> &'static [Example] {
    EXAMPLES.iter().find(|(name, _)| *name == command).map_or(&[], |(_, list)| list)
}

/// Examples of each subcommand.
static EXAMPLES: &[(&str, &[Example])] = &[
    (
        "h2k",
        &[
            ("h2k doctor", "check this host"),
            ("h2k plan web01.vmx", "see what would change"),
            ("h2k migrate web01.vmx -o /srv/vms", "move it"),
            ("virsh define /srv/vms/web01/web01.xml", "hand it to libvirt"),
        ],
    ),
    (
        "migrate",
        &[
            ("h2k migrate web01.ova -o /srv/vms", "result in /srv/vms/web01"),
            ("h2k migrate web01.vmx -o . --name web --format raw", "another name, raw disks"),
            ("h2k migrate sda.vmdk sdb.vmdk -o .", "one VM of two disks"),
            (
                "h2k migrate web01.vmx -o . --keep-base",
                "repairs that h2k refix can make anew, until h2k accept",
            ),
            (
                "h2k migrate web01.vmx -o . --network 'VM Network=bridge:br0' --network '*=network:default'",
                "networks",
            ),
            (
                "h2k migrate web01.vmx -o . --ip 00:50:56:aa:bb:01=192.0.2.10/24,192.0.2.1,192.0.2.53",
                "a static address for a NIC",
            ),
        ],
    ),
    (
        "plan",
        &[
            ("h2k plan web01.vmx", "for people"),
            ("h2k plan web01.ova --json -o plan.json", "for programs, into a file"),
            ("h2k plan web01.vmx --skip-fixer linux.guest-tools", "without a repair"),
            ("h2k plan -f night.yaml", "all VMs of a batch file, side by side"),
            ("h2k plan -f night.yaml -o plans", "and each one's plan into a file, for migrate --plan"),
            ("h2k plan web01.vmx --key /dev/sda2:file:passphrase.txt", "with an encrypted volume"),
        ],
    ),
    (
        "batch",
        &[
            ("h2k batch init exports -o night.yaml", "begin a batch file with all VMs below a directory"),
            ("h2k batch check night.yaml", "the VMs that it names, or all mistakes"),
            ("h2k plan -f night.yaml", "what would change, side by side"),
            ("h2k batch example > night.yaml", "every key and what it is for"),
            ("h2k batch schema > batch.schema.json", "for editors that check YAML"),
        ],
    ),
    (
        "inspect",
        &[
            ("h2k inspect web01.vmx", "for people"),
            ("h2k inspect sda.vmdk --json | jq .facts", "for programs"),
        ],
    ),
    (
        "test",
        &[
            ("h2k test /srv/vms/web01", "boot a result"),
            ("h2k test web01.xml db01.xml --junit boot.xml", "boot domains, verdicts for a CI"),
            (
                "h2k test disk0.qcow2 --evidence proof",
                "boot a disk and keep the serial log and the screenshot",
            ),
        ],
    ),
    (
        "convert",
        &[
            ("h2k convert web01.vmdk web01.qcow2", "by the names' endings"),
            (
                "h2k convert web01-000002.vmdk web01.qcow2 --parent /srv/base",
                "a snapshot whose base is elsewhere",
            ),
            ("h2k convert web01.vhdx web01.qcow2 --compress zstd --verify", "compressed, and read again"),
        ],
    ),
    (
        "verify",
        &[
            ("h2k verify /srv/vms/web01", "the disks of a result that was not started yet"),
            ("h2k verify web01.qcow2 --digests web01.blake3", "a disk"),
        ],
    ),
    (
        "status",
        &[
            ("h2k status", "batches with their VMs, and runs"),
            ("h2k status --watch", "again and again until nothing runs"),
            ("h2k status --json", "for programs"),
        ],
    ),
    (
        "history",
        &[
            ("h2k history", "every run, and what was done to results afterwards"),
            ("h2k history web01 --json", "one VM, for programs"),
        ],
    ),
    ("cancel", &[("h2k cancel web01", "a VM"), ("h2k cancel night-42", "a whole batch")]),
    (
        "clean",
        &[
            ("h2k clean --all --dry-run", "see what was left unfinished"),
            ("h2k clean web01", "give up on a VM"),
            ("h2k clean --finished", "forget what is done; results stay"),
        ],
    ),
    ("resume", &[("h2k resume", "all that did not finish"), ("h2k resume web01", "one of them")]),
    (
        "report",
        &[
            ("h2k report", "of the run that finished last"),
            ("h2k report web01", "by name"),
            ("h2k report /srv/vms/web01 --json", "by directory, for programs"),
        ],
    ),
    (
        "undo",
        &[
            ("h2k undo web01", "the edits that were made, with their numbers"),
            ("h2k undo web01 3 5", "take two of them back"),
            ("h2k undo /srv/vms/web01 --all", "take all back that can be"),
        ],
    ),
    (
        "refix",
        &[
            ("h2k refix web01 --tools keep", "leave the guest tools alone after all"),
            ("h2k refix web01 --dry-run --skip-fixer linux.nic-names", "see what would be changed otherwise"),
            ("h2k refix /srv/vms/web01 --fresh-policy", "as if nothing special had been wanted"),
        ],
    ),
    ("accept", &[("h2k accept web01", "it is as it should be")]),
    (
        "fixers",
        &[("h2k fixers", "a line for each"), ("h2k fixers linux.fstab", "why it exists and what it does")],
    ),
    ("rules", &[("h2k rules", "a line for each"), ("h2k rules --json", "for programs")]),
    ("doctor", &[("h2k doctor", "a line for each check"), ("h2k doctor --json", "for programs")]),
    (
        "completions",
        &[
            ("h2k completions bash > /usr/share/bash-completion/completions/h2k", "for bash"),
            ("h2k completions zsh > /usr/share/zsh/vendor-completions/_h2k", "for zsh"),
            ("h2k completions fish > ~/.config/fish/completions/h2k.fish", "for fish"),
        ],
    ),
];

/// The examples as the end of a help text.
pub fn examples(command: &str) -> String {
    let mut out = "Examples:\n".to_owned();
    for (line, what) in example_list(command) {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "  # {what}\n  {line}");
    }
    out
}

/// The end of the long help of `h2k` itself.
pub fn main() -> String {
    let mut out = examples("h2k");
    out.push_str("\nExit codes:\n");
    for (code, meaning) in EXIT_CODES {
        let _ = writeln!(out, "  {code:<4} {meaning}");
    }
    out.push_str("\nFiles:\n");
    for (file, meaning) in FILES {
        let _ = writeln!(out, "  {file}\n        {meaning}");
    }
    let _ = writeln!(out, "\nSettings:\n  {PRECEDENCE}");
    out
}
