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
