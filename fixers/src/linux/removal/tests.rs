use h2k_config::customize::Customize;

use super::*;
use crate::edit::Change;
use crate::facts::GuestTool;
use crate::linux::testing::{facts, show, show_concerns};
use crate::{Edit, MemoryGuest};

const STATUS: &str = "\
Package: open-vm-tools
Status: install ok installed
Architecture: amd64
Version: 2:12.2.0-1+deb12u3
Depends: libc6 (>= 2.34), pciutils

Package: ubuntu-server
Status: install ok installed
Architecture: all
Version: 1.5
Depends: byobu,

Package: libc6
Status: install ok installed
Architecture: amd64
Version: 2.36-9

Package: pciutils
Status: install ok installed
Architecture: amd64
Version: 1:3.9
";

fn guest(status: &str) -> MemoryGuest {
    MemoryGuest::new()
        .file("/var/lib/dpkg/status", status)
        .file(
            "/var/lib/dpkg/info/open-vm-tools.list",
            "/.\n/etc\n/etc/init.d/open-vm-tools\n/lib/systemd/system/open-vm-tools.service\n/usr/bin/vmtoolsd\n/../evil\n",
        )
        .file("/var/lib/dpkg/info/pciutils.list", "/.\n")
        .link("/lib", "usr/lib")
        .link("/etc/rc2.d/S02open-vm-tools", "../init.d/open-vm-tools")
}

fn with_tools(packages: &[&str]) -> GuestFacts {
    let mut facts = facts();
    facts.tools = vec![GuestTool {
        name: "open-vm-tools".to_owned(),
        packages: packages.iter().map(|p| (*p).to_owned()).collect(),
        ..GuestTool::default()
    }];
    facts
}

fn plan(facts: &GuestFacts, guest: &MemoryGuest) -> Proposal {
    ToolPackages.plan(facts, guest, &Policy { tools: Tools::Remove, ..Policy::default() }).unwrap()
}

fn changes(edits: &[Edit]) -> Vec<String> {
    let run = edits.iter().find_map(|edit| match &edit.change {
        Change::Run { changes, .. } => Some(changes.clone()),
        _ => None,
    });
    run.unwrap()
}

#[test]
fn nothing_is_removed_unless_it_is_wanted() {
    let facts = with_tools(&["open-vm-tools"]);
    assert_eq!(ToolPackages.plan(&facts, &guest(STATUS), &Policy::default()).unwrap(), Proposal::default());
    assert_eq!(plan(&with_tools(&[]), &MemoryGuest::new()).edits, Vec::new());
}

#[test]
fn packages_are_removed_by_dpkg() {
    let proposal = plan(&with_tools(&["open-vm-tools"]), &guest(STATUS));
    assert_eq!(proposal.concerns, Vec::new());
    insta::assert_snapshot!(show(&proposal.edits), @r##"
    link /etc/systemd/system/open-vm-tools.service → /dev/null
    write /usr/sbin/policy-rc.d
    +#!/bin/sh
    +exit 101
    run ["/usr/bin/env", "DEBIAN_FRONTEND=noninteractive", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "dpkg", "--remove", "open-vm-tools"]
    remove /usr/sbin/policy-rc.d
    "##);
    let changes = changes(&proposal.edits);
    for path in [
        "/usr/bin/vmtoolsd",
        "/usr/lib/systemd/system/open-vm-tools.service",
        "/var/lib/dpkg/info/pciutils.list",
        "/var/lib/dpkg/status",
        "/var/lib/dpkg/info/open-vm-tools.list",
        "/etc/systemd/system/open-vm-tools.service",
        "/etc/systemd/system/multi-user.target.wants/open-vm-tools.service",
        "/etc/rc2.d/S02open-vm-tools",
    ] {
        assert!(changes.iter().any(|c| c == path), "{path}");
    }
    assert!(!changes.iter().any(|c| c.contains("evil") || c == "/."), "{changes:?}");
}

#[test]
fn what_others_need_stays() {
    let needed = STATUS.replace("Depends: byobu,", "Depends: byobu | open-vm-tools");
    let proposal = plan(&with_tools(&["open-vm-tools"]), &guest(&needed));
    assert_eq!(proposal.edits, Vec::new());
    assert_eq!(show_concerns(&proposal), ["Information guest.tools.not-removed open-vm-tools"]);
    assert!(proposal.concerns[0].message.contains("ubuntu-server"), "{:?}", proposal.concerns);
    let otherwise = needed.replace("Package: pciutils", "Provides: byobu (= 1)\nPackage: pciutils");
    assert_eq!(plan(&with_tools(&["open-vm-tools"]), &guest(&otherwise)).concerns, Vec::new());
}

#[test]
fn tools_without_a_package_are_told() {
    let tarball = STATUS.replace("Package: open-vm-tools", "Package: others");
    for (facts, guest) in [(with_tools(&[]), guest(&tarball)), (with_tools(&[]), MemoryGuest::new())] {
        let proposal = plan(&facts, &guest);
        assert_eq!(proposal.edits, Vec::new());
        assert_eq!(show_concerns(&proposal), ["Information guest.tools.not-removed open-vm-tools"]);
    }
}

#[test]
fn packages_that_the_settings_name_are_removed() {
    let policy = |name: &str| {
        let remove_packages = vec![Package::try_from(name.to_owned()).unwrap()];
        Policy { customize: Customize { remove_packages, ..Customize::default() }, ..Policy::default() }
    };
    let plan = |name| RemovePackages.plan(&facts(), &guest(STATUS), &policy(name)).unwrap();
    assert_eq!(plan("not-there"), Proposal::default());
    assert!(show(&plan("open-vm-tools").edits).contains("\"--remove\", \"open-vm-tools\"]"));
    assert_eq!(show_concerns(&plan("pciutils")), ["Critical customize.impossible pciutils"]);
    let other = RemovePackages.plan(&facts(), &MemoryGuest::new(), &policy("x")).unwrap();
    assert_eq!(show_concerns(&other), ["Critical customize.impossible customize.remove-packages"]);
}

mod rpm {
    use super::*;
    use crate::rpm::testing;

    const TOOLS: &str = "Requires: /bin/sh, rpmlib(CompressedFileNames)\n";
    const FILES: &str = "\
%install
mkdir -p %{buildroot}/usr/bin %{buildroot}/etc/vmware-tools %{buildroot}/usr/lib/systemd/system
echo x >%{buildroot}/usr/bin/vmtoolsd
echo x >%{buildroot}/etc/vmware-tools/tools.conf
echo x >%{buildroot}/usr/lib/systemd/system/vmtoolsd.service
%files
/usr/bin/vmtoolsd
%config(noreplace) /etc/vmware-tools/tools.conf
/usr/lib/systemd/system/vmtoolsd.service
";

    /// A guest with these packages besides VMware's tools.
    fn guest(others: &[(&str, &str)]) -> MemoryGuest {
        let dir = tempfile::tempdir().unwrap();
        testing::build(
            dir.path(),
            &format!("{}{FILES}", testing::spec("open-vm-tools", "12.3", "1.el9", TOOLS)),
        );
        for (name, more) in others {
            testing::build(dir.path(), &format!("{}%files\n", testing::spec(name, "1", "1", more)));
        }
        let place = testing::sqlite(dir.path());
        MemoryGuest::new()
            .file("/var/lib/rpm/rpmdb.sqlite", std::fs::read(place.join("rpmdb.sqlite")).unwrap())
            .file("/etc/systemd/system/graphical.target.wants/x", "")
    }

    #[test]
    fn packages_are_removed_by_rpm() {
        // Facts have no packages of such a guest: its tools were found by their files.
        let proposal = plan(&with_tools(&[]), &guest(&[("bash", "Provides: /bin/sh\n")]));
        assert_eq!(proposal.concerns, Vec::new());
        insta::assert_snapshot!(show(&proposal.edits), @r#"run ["/usr/bin/env", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "rpm", "--erase", "--allmatches", "open-vm-tools"]"#);
        insta::assert_snapshot!(changes(&proposal.edits).join("\n"), @r"
        /etc/ld.so.cache
        /etc/systemd/system/graphical.target.wants/vmtoolsd.service
        /etc/systemd/system/multi-user.target.wants/vmtoolsd.service
        /etc/systemd/system/vmtoolsd.service
        /etc/vmware-tools/tools.conf
        /etc/vmware-tools/tools.conf.rpmsave
        /usr/bin/vmtoolsd
        /usr/lib/systemd/system/vmtoolsd.service
        /var/cache/ldconfig/aux-cache
        /var/lib/rpm/.rpm.lock
        /var/lib/rpm/rpmdb.sqlite
        /var/lib/rpm/rpmdb.sqlite-shm
        /var/lib/rpm/rpmdb.sqlite-wal
        ");
    }

    #[test]
    fn what_others_need_stays() {
        for needs in [
            "Requires: open-vm-tools >= 12\n",
            "Requires: /usr/bin/vmtoolsd\n",
            "Requires: (open-vm-tools if bash)\n",
        ] {
            let proposal = plan(&with_tools(&[]), &guest(&[("site-base", needs)]));
            assert_eq!(proposal.edits, Vec::new(), "{needs}");
            assert!(proposal.concerns[0].message.contains("site-base"), "{needs}: {:?}", proposal.concerns);
        }
        // Another one brings the same.
        let both =
            guest(&[("site-base", "Requires: vmtools\n"), ("other", "Provides: vmtools, open-vm-tools\n")]);
        assert_eq!(plan(&with_tools(&[]), &both).concerns, Vec::new());
    }

    #[test]
    fn a_database_that_cannot_be_read_removes_nothing() {
        let guest = MemoryGuest::new().file("/var/lib/rpm/Packages", "no database");
        let proposal = plan(&with_tools(&[]), &guest);
        assert_eq!(proposal.edits, Vec::new());
        assert_eq!(show_concerns(&proposal), ["Information guest.tools.not-removed open-vm-tools"]);
        assert!(proposal.concerns[0].message.contains("/var/lib/rpm/Packages"), "{:?}", proposal.concerns);
    }
}
