//! A guest whose package manager is rpm: the rpm of this host with its libraries, and packages that rpmbuild makes. It does
//! not boot; rpm runs in the appliance, inside the guest, as it would there.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::host_tree::look;
use crate::common::tree::{assert_only_planned, tree};
use crate::common::{Place, ok, phony, run};

/// As the packages of RHEL: a service that is enabled, configuration, and a script that disables the service.
const TOOLS: &str = "\
Name: open-vm-tools
Version: 12.3.5
Release: 2.el9
Summary: x
License: x
BuildArch: noarch
Requires: /bin/sh
%description
x
%package desktop
Summary: x
Requires: open-vm-tools = 12.3.5
%description desktop
x
%install
mkdir -p %{buildroot}/usr/bin %{buildroot}/etc/vmware-tools %{buildroot}/usr/lib/systemd/system
echo x >%{buildroot}/usr/bin/vmtoolsd
echo x >%{buildroot}/usr/bin/vmware-user
echo x >%{buildroot}/etc/vmware-tools/tools.conf
printf '[Service]\\nExecStart=/usr/bin/vmtoolsd\\n[Install]\\nWantedBy=multi-user.target\\n' \\
  >%{buildroot}/usr/lib/systemd/system/vmtoolsd.service
%preun
if [ $1 = 0 ]; then systemctl --no-reload disable vmtoolsd.service; fi
%files
/usr/bin/vmtoolsd
%config(noreplace) /etc/vmware-tools/tools.conf
/usr/lib/systemd/system/vmtoolsd.service
%files desktop
/usr/bin/vmware-user
";
const OTHERS: &[&str] = &[
    "Name: site-monitor\nVersion: 1\nRelease: 1\nSummary: x\nLicense: x\nBuildArch: noarch\nRequires: site-lib\n\
     %description\nx\n%files\n",
    "Name: bash\nVersion: 5\nRelease: 1\nSummary: x\nLicense: x\nBuildArch: noarch\nProvides: /bin/sh\n\
     %description\nx\n%files\n",
    "Name: site-lib\nVersion: 1\nRelease: 1\nSummary: x\nLicense: x\nBuildArch: noarch\n%description\nx\n%files\n",
];
const AGENT: &str = "\
Name: qemu-guest-agent
Version: 8.2.0
Release: 11.el9
Summary: x
License: x
BuildArch: noarch
Requires: /bin/sh
%description
x
%install
mkdir -p %{buildroot}/usr/bin %{buildroot}/usr/lib/systemd/system
echo x >%{buildroot}/usr/bin/qemu-ga
printf '[Service]\\nExecStart=/usr/bin/qemu-ga\\n[Install]\\nWantedBy=dev-virtio\\\\x2dports-org.qemu.guest_agent.0.device\\n' \\
  >%{buildroot}/usr/lib/systemd/system/qemu-guest-agent.service
%files
/usr/bin/qemu-ga
/usr/lib/systemd/system/qemu-guest-agent.service
";

/// Builds the packages of a spec below `top`.
fn build(place: &Place, top: &str, spec: &str) {
    let file = place.write("a.spec", spec);
    let top = format!("_topdir {}", place.path(top).display());
    ok("rpmbuild", &["-bb", "--define", &top, file.to_str().unwrap()]);
}

fn packages(place: &Place, top: &str) -> Vec<PathBuf> {
    let dir = place.path(top).join("RPMS/noarch");
    std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// rpm of this host with a database of its own.
fn rpm(database: &Path) -> Command {
    let mut rpm = Command::new("rpm");
    rpm.args(["--define", "_db_backend sqlite", "--dbpath"]).arg(database);
    rpm
}

/// Copies a program and the libraries that it is linked to into the tree.
fn program(tree: &Path, file: &str) {
    let put = |from: &str, to: &str| {
        let to = tree.join(to.trim_start_matches('/'));
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(from, to).unwrap();
    };
    put(file, file);
    for word in ok("ldd", &[file]).split_whitespace().filter(|w| w.starts_with('/')) {
        // On this host /lib and /lib64 are links.
        put(word, &format!("/usr{}", word.strip_prefix("/usr").unwrap_or(word)));
    }
}

/// The guest, with VMware's tools installed, their service enabled and their configuration changed.
fn guest(place: &Place) -> PathBuf {
    let tree = place.path("tree-web01");
    for file in ["/usr/bin/rpm", "/usr/bin/env", "/usr/bin/bash", "/usr/bin/systemctl"] {
        program(&tree, file);
    }
    std::fs::copy("/usr/bin/bash", tree.join("usr/bin/sh")).unwrap();
    std::os::unix::fs::symlink("usr/lib64", tree.join("lib64")).unwrap();
    let settings = tree.join("usr/lib/rpm");
    std::fs::create_dir_all(&settings).unwrap();
    for name in ["macros", "rpmrc"] {
        std::fs::copy(Path::new("/usr/lib/rpm").join(name), settings.join(name)).unwrap();
    }
    let put = |path: &str, content: &str| drop(place.write(&format!("tree-web01{path}"), content));
    put("/etc/rpm/macros", "%_dbpath /var/lib/rpm\n%_db_backend sqlite\n");
    put(
        "/etc/os-release",
        "ID=rocky\nID_LIKE=\"rhel centos fedora\"\nVERSION_ID=\"9.4\"\nPRETTY_NAME=\"Rocky Linux 9.4\"\n",
    );
    put("/etc/passwd", "root:x:0:0:root:/root:/bin/bash\n");
    put("/etc/group", "root:x:0:\n");

    build(place, "top", TOOLS);
    OTHERS.iter().for_each(|spec| build(place, "top", spec));
    let all = packages(place, "top");
    let mut install = rpm(&tree.join("var/lib/rpm"));
    install.args(["-i", "--justdb", "--nodeps", "--noscripts", "--force-debian"]).args(&all);
    run(&mut install).expect(0);
    for package in all {
        let unpack = "rpm2cpio \"$1\" | cpio -idm --quiet -D \"$2\"";
        ok("sh", &["-c", unpack, "sh", package.to_str().unwrap(), tree.to_str().unwrap()]);
    }
    put("/etc/vmware-tools/tools.conf", "[logging]\nlog = true\n");
    let wants = tree.join("etc/systemd/system/multi-user.target.wants");
    std::fs::create_dir_all(&wants).unwrap();
    let unit = "/usr/lib/systemd/system/vmtoolsd.service";
    std::os::unix::fs::symlink(unit, wants.join("vmtoolsd.service")).unwrap();
    phony::guest_with(place, "web01", &[])
}

/// Names of the packages in the result's database, which rpm finds sound.
fn installed(place: &Place, disk: &Path) -> BTreeSet<String> {
    look(disk, |root| {
        let to = place.path("");
        ok("cp", &["-a", root.join("var/lib/rpm").to_str().unwrap(), to.to_str().unwrap()])
    });
    let database = place.path("rpm");
    let verified = Command::new("rpmdb").arg("--dbpath").arg(&database).arg("--verifydb").status().unwrap();
    assert!(verified.success());
    let listed = run(rpm(&database).args(["-qa", "--qf", "%{NAME}\\n"])).expect(0);
    listed.stdout.lines().map(str::to_owned).collect()
}

#[test]
fn tools_are_removed_and_the_agent_installed_by_rpm() {
    let place = Place::new();
    let vmx = guest(&place);
    build(&place, "agent", AGENT);
    let packages = place.path("agent/RPMS/noarch");
    place.write("h2k.yaml", "customize:\n  remove-packages: [site-monitor, site-lib, not-there]\n");
    let options = ["--tools", "remove", "--agent-packages", packages.to_str().unwrap(), "--no-boot"];
    let ran = place.h2k(["migrate", vmx.to_str().unwrap(), "-o", "out"].iter().chain(&options));
    ran.expect(0);

    let result = place.path("out/web01");
    let disk = result.join("disk0.qcow2");
    let report = std::fs::read(result.join("report.json")).unwrap();
    let report: serde_json::Value = serde_json::from_slice(&report).unwrap();
    let mounts = [("/dev/sda1", "/")];
    let before = tree(&[place.path("src/web01.vmdk")], &mounts, &place.path(""));
    let after = tree(std::slice::from_ref(&disk), &mounts, &place.path(""));
    assert_only_planned(&before, &after, &report["edits"]);
    let expected = [
        ("/usr/bin/vmtoolsd", false),
        ("/usr/bin/vmware-user", false),
        ("/etc/vmware-tools/tools.conf.rpmsave", true),
        ("/etc/systemd/system/multi-user.target.wants/vmtoolsd.service", false),
        ("/usr/bin/qemu-ga", true),
        (
            "/etc/systemd/system/dev-virtio\\x2dports-org.qemu.guest_agent.0.device.wants/qemu-guest-agent.service",
            true,
        ),
    ];
    for (path, there) in expected {
        assert_eq!(after.contains_key(path), there, "{path}: {:#?}", report["edits"]);
    }
    let again = ["plan", "--json", "--tools", "remove", "--agent-packages", packages.to_str().unwrap()];
    let again = place.h2k(again.iter().copied().chain([disk.to_str().unwrap()])).expect(0).json();
    assert_eq!(again["vms"][0]["edits"], serde_json::json!([]), "the result still needs edits");
    let left = installed(&place, &disk);
    assert_eq!(left, BTreeSet::from(["bash", "qemu-guest-agent"].map(str::to_owned)));
}

#[test]
fn what_another_package_needs_is_not_removed() {
    let place = Place::new();
    let vmx = guest(&place);
    place.write("h2k.yaml", "customize:\n  remove-packages: [site-lib]\n");
    let planned = place.h2k(["plan", "--json", vmx.to_str().unwrap()]).expect(3).json();
    let concerns = planned["vms"][0]["concerns"].as_array().unwrap();
    let told = concerns.iter().find(|c| c["id"] == "customize.impossible").unwrap();
    assert!(told["message"].as_str().unwrap().contains("site-monitor (site-lib)"), "{told:#}");
}
