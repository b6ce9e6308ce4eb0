//! Installing the agent from packages: which are taken, and what the plan says of it.

#![allow(clippy::disallowed_methods, reason = "h2k's own way to run programs is in another crate")]

use std::fs;
use std::path::Path;
use std::process::Command;

use super::*;
use crate::edit::Content;

/// A package built by dpkg-deb.
fn deb(dir: &Path, name: &str, version: &str, arch: &str, depends: &str) {
    let tree = tempfile::tempdir().unwrap();
    fs::create_dir_all(tree.path().join("DEBIAN")).unwrap();
    fs::create_dir_all(tree.path().join("usr/sbin")).unwrap();
    fs::create_dir_all(tree.path().join("lib/systemd/system")).unwrap();
    fs::write(tree.path().join("usr/sbin").join(name), "x").unwrap();
    fs::write(tree.path().join("lib/systemd/system").join(format!("{name}.service")), "x").unwrap();
    let depends = if depends.is_empty() { String::new() } else { format!("Depends: {depends}\n") };
    let control = format!(
        "Package: {name}\nVersion: {version}\nArchitecture: {arch}\nMaintainer: x <x@example.org>\n{depends}Description: x\n"
    );
    fs::write(tree.path().join("DEBIAN/control"), control).unwrap();
    let mut build = Command::new("dpkg-deb");
    build.args(["--root-owner-group", "-Zgzip", "--build"]).arg(tree.path());
    build.arg(dir.join(format!("{name}_{version}_{arch}.deb")));
    assert!(build.output().unwrap().status.success());
}

fn guest() -> MemoryGuest {
    let status = "Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.36-9\n";
    MemoryGuest::new().file("/var/lib/dpkg/status", status)
}

fn plan(dir: &Path) -> Proposal {
    let policy = Policy { agent_packages: Some(dir.to_owned()), ..Policy::default() };
    GuestAgent.plan(&facts(), &guest(), &policy).unwrap()
}

#[test]
fn packages_that_fit_are_installed_by_dpkg() {
    let dir = tempfile::tempdir().unwrap();
    deb(dir.path(), AGENT, "1:7.2", "amd64", "libc6 (>= 2.34), libnuma1 (>= 2)");
    deb(dir.path(), AGENT, "1:10.0", "amd64", "libc6 (>= 2.41)");
    deb(dir.path(), AGENT, "1:7.2", "arm64", "");
    deb(dir.path(), "libnuma1", "2.0.16", "amd64", "libc6");
    deb(dir.path(), "other", "1", "amd64", "");
    let proposal = plan(dir.path());
    assert_eq!(proposal.concerns, Vec::new());
    let shown: Vec<String> = proposal
        .edits
        .iter()
        .map(|e| match &e.change {
            Change::Write { path, after: Content::Base64(_), .. } => format!("upload {path}"),
            _ => show(std::slice::from_ref(e)).trim_end().to_owned(),
        })
        .collect();
    insta::assert_snapshot!(shown.join("\n"), @r##"
    upload /var/tmp/h2k-qemu-guest-agent.deb
    upload /var/tmp/h2k-libnuma1.deb
    write /usr/sbin/policy-rc.d
    +#!/bin/sh
    +exit 101
    run ["/usr/bin/env", "DEBIAN_FRONTEND=noninteractive", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "dpkg", "--force-confold", "--install", "/var/tmp/h2k-qemu-guest-agent.deb", "/var/tmp/h2k-libnuma1.deb"]
    remove /usr/sbin/policy-rc.d
    erase /var/tmp/h2k-qemu-guest-agent.deb
    erase /var/tmp/h2k-libnuma1.deb
    "##);
    let paths: Vec<&str> = proposal.edits.iter().flat_map(Edit::paths).collect();
    for path in [
        "/usr/sbin/qemu-guest-agent",
        "/usr/sbin/libnuma1",
        "/var/lib/dpkg/status",
        "/var/lib/dpkg/info/libnuma1:amd64.list",
        "/etc/systemd/system/multi-user.target.wants/qemu-guest-agent.service",
    ] {
        assert!(paths.contains(&path), "{path}");
    }
}

#[test]
fn packages_that_do_not_fit_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let told = |expected: &str| {
        let proposal = plan(dir.path());
        assert_eq!(proposal.edits, Vec::new());
        assert_eq!(show_concerns(&proposal), ["Warning guest.agent.no-package qemu-guest-agent"]);
        let message = &proposal.concerns[0].message;
        assert!(message.ends_with(expected), "{message}");
    };
    told("there is no qemu-guest-agent for amd64 among them");
    deb(dir.path(), AGENT, "1:7.2", "arm64", "");
    told("there is no qemu-guest-agent for amd64 among them");
    deb(dir.path(), AGENT, "1:10.0", "amd64", "libc6 (>= 2.41)");
    told("qemu-guest-agent 1:10.0 needs libc6 (>= 2.41)");
    // A newer libc6 would be another one for everything that is installed.
    deb(dir.path(), "libc6", "2.41", "amd64", "");
    told("qemu-guest-agent 1:10.0 needs libc6 (>= 2.41)");
}

#[test]
fn what_is_no_package_is_an_error_that_names_it() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a.deb"), "not a package").unwrap();
    let policy = Policy { agent_packages: Some(dir.path().to_owned()), ..Policy::default() };
    let error = GuestAgent.plan(&facts(), &guest(), &policy).unwrap_err().to_string();
    assert!(error.ends_with("a.deb: it is no Debian package"), "{error}");
}

#[test]
fn an_agent_that_is_there_needs_no_package() {
    let dir = tempfile::tempdir().unwrap();
    deb(dir.path(), AGENT, "1:7.2", "amd64", "");
    let policy = Policy { agent_packages: Some(dir.path().to_owned()), ..Policy::default() };
    assert_eq!(GuestAgent.plan(&installed(), &super::guest(), &policy).unwrap(), Proposal::default());
}

mod rpm {
    use super::*;
    use crate::rpm::testing;

    /// Proposes for a guest of that distribution whose database has glibc.
    fn plan(distro: &str, major: i32, packages: &Path) -> Proposal {
        let dir = tempfile::tempdir().unwrap();
        let glibc = "Provides: libc.so.6()(64bit), rtld(GNU_HASH)\n";
        testing::build(dir.path(), &format!("{}%files\n", testing::spec("glibc", "2.34", "1", glibc)));
        let shell = "%install\nmkdir -p %{buildroot}/bin\necho x >%{buildroot}/bin/sh\n%files\n/bin/sh\n";
        testing::build(dir.path(), &format!("{}{shell}", testing::spec("dash", "1", "1", "")));
        let database = std::fs::read(testing::sqlite(dir.path()).join("rpmdb.sqlite")).unwrap();
        let guest = MemoryGuest::new()
            .file("/var/lib/rpm/rpmdb.sqlite", database)
            .file("/usr/bin/systemctl", "")
            // Of no package, so that rpm does not take it for what is needed.
            .file("/usr/bin/env", "");
        let mut facts = facts();
        let system = facts.systems.first_mut().unwrap();
        (system.distro, system.major) = (distro.to_owned(), major);
        let policy = Policy { agent_packages: Some(packages.to_owned()), ..Policy::default() };
        GuestAgent.plan(&facts, &guest, &policy).unwrap()
    }

    fn packages(glib: bool) -> tempfile::TempDir {
        let built = tempfile::tempdir().unwrap();
        let needs =
            "Requires: /bin/sh, libc.so.6()(64bit), rtld(GNU_HASH), libglib-2.0.so.0()(64bit), (x if y)\n";
        for tag in ["el8", "el9", "fc40"] {
            let spec = testing::spec(AGENT, "8.2", &format!("1.{tag}"), needs);
            testing::build(built.path(), &format!("{spec}%files\n"));
        }
        if glib {
            let spec = testing::spec("glib2", "2.68", "1.el9", "Provides: libglib-2.0.so.0()(64bit)\n");
            testing::build(built.path(), &format!("{spec}%files\n"));
        }
        let dir = tempfile::tempdir().unwrap();
        for file in testing::packages(built.path()) {
            fs::copy(&file, dir.path().join(file.file_name().unwrap())).unwrap();
        }
        dir
    }

    #[test]
    fn packages_of_the_release_are_installed_with_what_they_need() {
        let dir = packages(true);
        let proposal = plan("rocky", 9, dir.path());
        assert_eq!(proposal.concerns, Vec::new());
        let runs: Vec<String> = proposal
            .edits
            .iter()
            .filter_map(|e| match &e.change {
                Change::Run { argv, .. } => Some(argv.join(" ")),
                _ => None,
            })
            .collect();
        assert_eq!(
            runs,
            [
                "/usr/bin/env PATH=/usr/sbin:/usr/bin:/sbin:/bin rpm --install /var/tmp/h2k-qemu-guest-agent.rpm \
                 /var/tmp/h2k-glib2.rpm",
                "/usr/bin/systemctl enable qemu-guest-agent.service"
            ]
        );
        let from = proposal.edits[0].reason.clone();
        assert!(from.ends_with("qemu-guest-agent-8.2-1.el9.noarch.rpm"), "{from}");
    }

    #[test]
    fn a_need_that_nothing_meets_and_another_release_are_told() {
        let dir = packages(false);
        let env = tempfile::tempdir().unwrap();
        let spec = testing::spec(AGENT, "8.2", "1.el7", "Requires: /usr/bin/env\n");
        testing::build(env.path(), &format!("{spec}%files\n"));
        let file = &testing::packages(env.path())[0];
        fs::copy(file, dir.path().join(file.file_name().unwrap())).unwrap();
        for (distro, major, why) in [
            ("rocky", 9, "qemu-guest-agent 8.2-1.el9 needs libglib-2.0.so.0()(64bit)"),
            ("centos", 7, "qemu-guest-agent 8.2-1.el7 needs /usr/bin/env"),
            ("rhel", 10, "there is no qemu-guest-agent for .el10"),
        ] {
            let proposal = plan(distro, major, dir.path());
            assert_eq!(proposal.edits, Vec::new());
            assert!(proposal.concerns[0].message.contains(why), "{:?}", proposal.concerns);
        }
    }
}
