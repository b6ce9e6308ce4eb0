//! What is wrong with a source, or with a driver in it.

use super::*;

const W10: &str = "viostor/w10/amd64";

fn failure(tree: &Tree) -> String {
    let target = client(10, 0, 19045, Arch::Amd64);
    opened(tree).find(&target, Role::Blk).unwrap_err().to_string()
}

#[test]
fn a_missing_file_is_told_with_the_line_that_copies_it() {
    let tree = one("viostor", W10, Arch::Amd64, "NTamd64").without(".sys");
    let inf = String::from_utf8(tree.0[&format!("{W10}/viostor.inf")].clone()).unwrap();
    let line = inf.lines().position(|line| line == "viostor.sys,,,2").unwrap() + 1;
    assert_eq!(
        failure(&tree),
        format!("{W10}/viostor.inf: viostor.sys is not there, but the INF file copies it (line {line})")
    );
}

#[test]
fn a_driver_for_another_processor_is_refused() {
    let mut tree = one("viostor", W10, Arch::Amd64, "NTamd64");
    tree.bytes(&format!("{W10}/viostor.sys"), program(machine(Arch::X86), None));
    assert_eq!(failure(&tree), format!("{W10}/viostor.sys is a driver for x86, not for amd64"));
    tree.bytes(&format!("{W10}/viostor.sys"), program(0x0200, None));
    assert_eq!(failure(&tree), format!("{W10}/viostor.sys is a driver for machine 0x0200, not for amd64"));
    tree.text(&format!("{W10}/viostor.sys"), "MZ but not more");
    assert_eq!(failure(&tree), format!("{W10}/viostor.sys: it is no Windows program"));
}

/// A directory for another processor is none of the guest's, even if its INF file has both.
#[test]
fn the_directory_of_another_processor_is_passed_over() {
    let mut tree = one("viostor", "viostor/xp/x86", Arch::X86, "NTx86,NTamd64");
    let driver = named("viostor");
    let text = inf(&driver, "NTamd64", false).replace("Models,NTamd64", "Models,NTamd64,NTx86");
    tree.add(&driver, "viostor/xp/amd64", Arch::Amd64, &text);
    let source = opened(&tree);
    let x64 = WindowsTarget { sha256_signatures: true, ..client(5, 2, 3790, Arch::Amd64) };
    assert_eq!(directory(&source, &x64, Role::Blk).as_deref(), Some("viostor/xp/amd64"));
}

#[test]
fn a_damaged_inf_file_is_told_only_if_it_is_needed() {
    let mut tree = one("viostor", W10, Arch::Amd64, "NTamd64");
    let path = format!("{W10}/viostor.inf");
    let text = String::from_utf8(tree.0[&path].clone()).unwrap();
    tree.text(&path, &text.replace("[Service_Inst]", "[Service_Inst"));
    let message = failure(&tree);
    assert!(message.starts_with("viostor/w10/amd64: viostor.inf line "), "{message}");
    assert!(message.ends_with("a section's name does not end"), "{message}");
    // Another Windows' driver is not in the way.
    let driver = named("viostor");
    tree.add(&driver, "viostor/2k22/amd64", Arch::Amd64, &inf(&driver, "NTamd64", true));
    let source = opened(&tree);
    assert_eq!(directory(&source, &server(10, 0, 20348), Role::Blk).as_deref(), Some("viostor/2k22/amd64"));
    // One that is taken instead says so.
    tree.add(&driver, "viostor/w8.1/amd64", Arch::Amd64, &inf(&driver, "NTamd64", true));
    let package = opened(&tree).find(&client(10, 0, 19045, Arch::Amd64), Role::Blk).unwrap().unwrap();
    assert_eq!(package.directory, "viostor/w8.1/amd64");
    assert!(
        package.warnings.iter().any(|w| matches!(w, Warning::Inf(what) if what.contains("does not end")))
    );
}

#[test]
fn a_source_without_drivers_is_none() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("readme.txt"), "x").unwrap();
    let error = DriverSource::open(dir.path()).unwrap_err().to_string();
    assert!(error.ends_with("there is no INF file in it: it is no virtio-win"), "{error}");
    let error = DriverSource::open(&dir.path().join("absent")).unwrap_err().to_string();
    assert!(error.starts_with("opening "), "{error}");
    let error = DriverSource::open(&dir.path().join("readme.txt")).unwrap_err().to_string();
    assert!(error.ends_with("it is no ISO 9660 image"), "{error}");
}

#[test]
fn links_out_of_the_directory_are_not_followed() {
    let (outside, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    one("viostor", "w10/amd64", Arch::Amd64, "NTamd64").write(outside.path());
    one("vioscsi", "vioscsi/w10/amd64", Arch::Amd64, "NTamd64").write(dir.path());
    let link = |to: &Path, at: &str| std::os::unix::fs::symlink(to, dir.path().join(at)).unwrap();
    link(outside.path(), "viostor");
    link(&outside.path().join("w10/amd64/viostor.inf"), "vioscsi/w10/amd64/viostor.inf");
    link(Path::new("/nowhere"), "broken");
    link(dir.path(), "vioscsi/again");
    link(Path::new("vioscsi.inf"), "vioscsi/w10/amd64/also.inf");
    let source = DriverSource::open(dir.path()).unwrap();
    let target = client(10, 0, 19045, Arch::Amd64);
    assert_eq!(directory(&source, &target, Role::Blk), None);
    assert_eq!(directory(&source, &target, Role::Scsi).as_deref(), Some("vioscsi/w10/amd64"));
    assert_eq!(source.directories(Role::Scsi), ["vioscsi/w10/amd64"]);
}

#[test]
fn what_is_only_listed_need_not_be_there() {
    let driver = named("viostor");
    let text = inf(&driver, "NTamd64", false)
        .replace("viostor.sys = 1,,", "viostor.sys = 1,,\r\nextra.dll = 1\r\nReadMe.txt = 1");
    let mut tree = Tree::default();
    tree.add(&driver, W10, Arch::Amd64, &text);
    tree.text(&format!("{W10}/README.TXT"), "x");
    let package = opened(&tree).find(&client(10, 0, 19045, Arch::Amd64), Role::Blk).unwrap().unwrap();
    assert_eq!(package.warnings, [Warning::ListedFileMissing("extra.dll".to_owned())]);
    let names: Vec<_> = package.files.iter().map(|f| (f.name.as_str(), f.places.len())).collect();
    assert_eq!(names, [("README.TXT", 0), ("viostor.sys", 1)]);
}
