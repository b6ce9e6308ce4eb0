//! Which models apply to which Windows, and which install section.

use super::*;

/// The section of models that a Windows chooses.
fn chosen(manufacturer: &str, sections: &[&str], target: WindowsTarget) -> Option<String> {
    let models: String = sections.iter().map(|name| format!("[{name}]\nd=i,ID\n")).collect();
    let inf = inf(&format!("[Manufacturer]\n{manufacturer}\n{models}[i]\n"));
    inf.resolve(&target).unwrap().into_iter().next().map(|device| device.models)
}

fn client(major: u32, minor: u32, build: u32, arch: Arch) -> WindowsTarget {
    WindowsTarget::new(major, minor, build, arch, ProductType::Workstation)
}

#[test]
fn the_highest_version_that_is_not_too_high_is_chosen() {
    let line = "m = M,NTamd64,NTamd64.6.1,NTamd64.6.3,NTamd64.10.0";
    let sections = ["M.NTamd64", "M.NTamd64.6.1", "M.NTamd64.6.3", "M.NTamd64.10.0"];
    for (major, minor, build, expected) in [
        (5, 2, 3790, "M.NTamd64"),
        (6, 0, 6002, "M.NTamd64"),
        (6, 1, 7601, "M.NTamd64.6.1"),
        (6, 2, 9200, "M.NTamd64.6.1"),
        (6, 3, 9600, "M.NTamd64.6.3"),
        (10, 0, 10240, "M.NTamd64.10.0"),
        (10, 0, 26100, "M.NTamd64.10.0"),
    ] {
        assert_eq!(chosen(line, &sections, target(major, minor, build)).as_deref(), Some(expected));
    }
}

#[test]
fn builds_count_from_14310_on() {
    let line = "m = M,NTamd64.10.0,NTamd64.10.0...14393,NTamd64.10.0...22000";
    let sections = ["M.NTamd64.10.0", "M.NTamd64.10.0...14393", "M.NTamd64.10.0...22000"];
    for (build, expected) in [
        (10240, "M.NTamd64.10.0"),
        (14393, "M.NTamd64.10.0...14393"),
        (20348, "M.NTamd64.10.0...14393"),
        (22000, "M.NTamd64.10.0...22000"),
        (26100, "M.NTamd64.10.0...22000"),
    ] {
        assert_eq!(chosen(line, &sections, target(10, 0, build)).as_deref(), Some(expected), "{build}");
    }
    // Only that: what is older has no driver, whether it knows builds or not.
    let only = |target| chosen("m = M,NTamd64.10.0...14393", &["M.NTamd64.10.0...14393"], target);
    assert_eq!(only(target(10, 0, 14310)), None);
    assert_eq!(only(target(10, 0, 10586)), None);
    assert_eq!(only(target(6, 3, 9600)), None);
    // A build is one of its version: an older version's does not count.
    let old = |target| chosen("m = M,NTamd64.6.3...20000", &["M.NTamd64.6.3...20000"], target);
    assert_eq!(old(target(10, 0, 14393)).as_deref(), Some("M.NTamd64.6.3...20000"));
}

/// The example of Microsoft's "INF Manufacturer Section".
#[test]
fn versions_come_before_suites() {
    let line = "m = M, NT, NT.5, NT.5.5, NT....0x80";
    let sections = ["M", "M.NT", "M.NT.5", "M.NT.5.5", "M.NT....0x80"];
    let xp = client(5, 1, 2600, Arch::X86);
    assert_eq!(chosen(line, &sections, xp).as_deref(), Some("M.NT.5"));
    let datacenter = WindowsTarget { suite: 0x80, ..xp };
    assert_eq!(chosen(line, &sections, datacenter).as_deref(), Some("M.NT.5"));
    let (line, sections) = ("m = M, NTx86....0x80, NTamd64", ["M.NTx86....0x80", "M.NTamd64"]);
    assert_eq!(chosen(line, &sections, datacenter).as_deref(), Some("M.NTx86....0x80"));
    assert_eq!(chosen(line, &sections, xp), None);
}

#[test]
fn product_types_have_to_be_the_same() {
    let line = "m = M,NTamd64.6.1.1,NTamd64.6.1.3";
    let sections = ["M.NTamd64.6.1.1", "M.NTamd64.6.1.3"];
    let of =
        |product_type| chosen(line, &sections, WindowsTarget::new(6, 1, 7601, Arch::Amd64, product_type));
    assert_eq!(of(ProductType::Workstation).as_deref(), Some("M.NTamd64.6.1.1"));
    assert_eq!(of(ProductType::Server).as_deref(), Some("M.NTamd64.6.1.3"));
    assert_eq!(of(ProductType::DomainController), None);
}

/// Windows XP and Server 2003 for x86 take models without a platform; 64-bit systems do not.
#[test]
fn models_without_platform_are_for_x86() {
    for sections in [&["M"][..], &["M.NT"], &["M.NTx86"]] {
        for (manufacturer, listed) in [("m = M", false), ("m = M,NTx86", true), ("m = M,NTamd64", false)] {
            let found = chosen(manufacturer, sections, client(5, 1, 2600, Arch::X86));
            // A decoration that fits is taken at its word.
            let expected = (!listed || sections == ["M.NTx86"]).then(|| sections[0].to_owned());
            assert_eq!(found, expected, "{manufacturer} {sections:?}");
            if sections != ["M.NTx86"] {
                assert_eq!(chosen(manufacturer, sections, client(5, 2, 3790, Arch::Amd64)), None);
                assert_eq!(chosen(manufacturer, sections, target(10, 0, 17763)), None);
            }
        }
    }
}

#[test]
fn an_empty_section_excludes_a_windows() {
    let inf = inf("[Manufacturer]\nm = M,NTx86.5.1,NTx86.6.0\n[M.NTx86.5.1]\nd=i,ID\n[M.NTx86.6.0]\n[i]\n");
    assert_eq!(inf.resolve(&client(5, 1, 2600, Arch::X86)).unwrap().len(), 1);
    assert_eq!(inf.resolve(&client(6, 0, 6002, Arch::X86)).unwrap(), []);
}

#[test]
fn other_processors_get_nothing() {
    let (line, sections) = ("m = M,NTamd64,NTia64,NTarm,NTmips,NTamd64.x", ["M.NTamd64", "M.NTamd64.x"]);
    assert_eq!(chosen(line, &sections, client(10, 0, 22000, Arch::Arm64)), None);
    assert_eq!(chosen(line, &sections, client(10, 0, 22000, Arch::X86)), None);
    assert_eq!(chosen(line, &sections, target(10, 0, 22000)).as_deref(), Some("M.NTamd64"));
    assert_eq!(
        chosen("m = M,NTARM64.10.0", &["m.ntarm64.10.0"], client(10, 0, 22000, Arch::Arm64)).as_deref(),
        Some("m.ntarm64.10.0")
    );
}

#[test]
fn the_install_section_has_its_own_decoration() {
    let of = |sections: &str| {
        let inf = inf(&format!("[Manufacturer]\nm=M,NTamd64\n[M.NTamd64]\nd=i,ID\n{sections}"));
        inf.resolve(&target(10, 0, 17763)).map(|devices| devices[0].install.section.clone())
    };
    assert_eq!(of("[I]\n[i.NT]\n[i.NTx86]\n[i.ntAMD64]\n").unwrap(), "i.ntAMD64");
    assert_eq!(of("[I]\n[i.NT]\n[i.NTx86]\n").unwrap(), "i.NT");
    assert_eq!(of("[I]\n[i.NTx86]\n").unwrap(), "I");
    assert_eq!(of("[i.NTx86]\n").unwrap_err().to_string(), "a.inf line 6: there is no section [i]");
}
