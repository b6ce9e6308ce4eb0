//! Snapshots and backing files.

use super::*;

/// `base.vmdk` ← `snap1.vmdk` ← `snap2.vmdk`, each with a byte of its own at a place of its own, and all three at 0.
fn vmdk_chain(bench: &Bench, base_options: &str) {
    bench.create("vmdk", base_options, "base.vmdk", "40M");
    for (n, (name, parent)) in [("base", ""), ("snap1", "base"), ("snap2", "snap1")].into_iter().enumerate() {
        let name = format!("{name}.vmdk");
        if !parent.is_empty() {
            bench.qemu_img(&[
                "create",
                "-q",
                "-f",
                "vmdk",
                "-b",
                &format!("{parent}.vmdk"),
                "-F",
                "vmdk",
                &name,
            ]);
        }
        let byte = 0x10 * (n as u8 + 1);
        bench.fill("vmdk", &name, byte, 0, 65536);
        bench.fill("vmdk", &name, byte, (n as u64 + 1) * 10 * MIB, 65536);
    }
}

#[test]
fn a_vmdk_snapshot_chain_is_read_through_all_its_parents() {
    for options in
        ["subformat=monolithicSparse", "subformat=monolithicFlat", "subformat=twoGbMaxExtentSparse"]
    {
        let bench = Bench::new();
        vmdk_chain(&bench, options);
        let chain = bench.same_as_qemu("vmdk", "snap2.vmdk");
        let names: Vec<_> =
            chain.images().iter().map(|i| i.path.file_name().unwrap().to_str().unwrap()).collect();
        assert_eq!(names, ["snap2.vmdk", "snap1.vmdk", "base.vmdk"]);
        let reader = open(&chain).unwrap();
        for (at, byte) in [(0, 0x30), (10 * MIB, 0x10), (20 * MIB, 0x20), (30 * MIB, 0x30), (35 * MIB, 0)] {
            assert_eq!(byte_at(&*reader, at), byte, "{options} at {at}");
        }
        let kind = |at: u64| reader.extents(at..at + 512).unwrap()[0].kind;
        assert_eq!(kind(20 * MIB), ExtentKind::Data);
        assert_ne!(kind(35 * MIB), ExtentKind::Data);
    }
}

#[test]
fn a_parent_that_changed_after_the_snapshot_is_refused() {
    let bench = Bench::new();
    vmdk_chain(&bench, "subformat=monolithicSparse");
    let before = bench.resolve("snap1.vmdk").unwrap();
    // QEMU gives an image a new CID when it is written to.
    bench.fill("vmdk", "base.vmdk", 0x99, 5 * MIB, 512);
    let error = bench.resolve("snap2.vmdk").unwrap_err();
    assert_eq!(error.kind(), ImageErrorKind::Corrupt);
    let text = error.chain();
    assert!(
        text.contains("snap1.vmdk was made when its parent had the CID")
            && text.contains("base.vmdk has the CID"),
        "{text}"
    );
    let identity = SourceIdentity::of(before.files()).unwrap();
    assert_eq!(identity.differs(&SourceIdentity::of(before.files()).unwrap()), None);
}

/// Has a VMDK name its parent in another way, as long as it was.
fn rename_parent(path: &Path, from: &str, to: &str) {
    let text = std::fs::read(path).unwrap();
    let hint = format!("parentFileNameHint=\"{from}\"");
    let start = text.windows(hint.len()).position(|w| w == hint.as_bytes()).unwrap();
    let mut new = format!("parentFileNameHint=\"{to}\"").into_bytes();
    // What follows the hint is pushed into a comment's place: the descriptor is padded with NULs.
    new.extend_from_slice(&text[start + hint.len()..20 * 512]);
    new.truncate(20 * 512 - start);
    overwrite(path, start as u64, &new);
}

#[test]
fn a_linked_clone_finds_its_base_by_name_where_it_was_copied_to() {
    let bench = Bench::new();
    vmdk_chain(&bench, "subformat=monolithicSparse");
    rename_parent(&bench.path("snap1.vmdk"), "base.vmdk", "/vmfs/volumes/5f3c/templates/base.vmdk");
    // Beside its child: the CID tells that it is the one.
    assert_eq!(bench.resolve("snap2.vmdk").unwrap().images().len(), 3);
    // In a directory that the user names, and nowhere else.
    let elsewhere = bench.path("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    std::fs::rename(bench.path("base.vmdk"), elsewhere.join("base.vmdk")).unwrap();
    let error = bench.resolve("snap2.vmdk").unwrap_err();
    assert!(error.hint().unwrap().contains("--parent"), "{:?}", error.hint());
    let disk = source(DiskLocation::File { path: bench.path("snap2.vmdk") }, None);
    let gate = OpenGate::for_location(&disk.location).unwrap().allow(&elsewhere).unwrap();
    let chain = ImageChain::resolve(&disk, &gate).unwrap();
    assert_eq!(chain.images()[2].path, elsewhere.join("base.vmdk"));
    // Another disk of that name is not taken.
    bench.create("vmdk", "", "elsewhere/base.vmdk", "40M");
    assert_eq!(ImageChain::resolve(&disk, &gate).unwrap_err().kind(), ImageErrorKind::Corrupt);
}

#[test]
fn a_missing_parent_is_named() {
    let bench = Bench::new();
    vmdk_chain(&bench, "subformat=monolithicSparse");
    std::fs::remove_file(bench.path("base.vmdk")).unwrap();
    let error = bench.resolve("snap2.vmdk").unwrap_err();
    assert_eq!(error.kind(), ImageErrorKind::NotFound);
    let text = error.chain();
    assert!(text.contains("snap1.vmdk needs the file \"base.vmdk\""), "{text}");
}

#[test]
fn a_parent_of_another_format_is_refused() {
    let bench = Bench::new();
    vmdk_chain(&bench, "subformat=monolithicSparse");
    std::fs::remove_file(bench.path("base.vmdk")).unwrap();
    bench.create("qcow2", "", "base.vmdk", "40M");
    let error = bench.resolve("snap2.vmdk").unwrap_err();
    assert_eq!(error.kind(), ImageErrorKind::Corrupt);
    assert!(error.chain().contains("base.vmdk is not"), "{}", error.chain());
}

#[test]
fn a_qcow2_chain_is_read_and_verified_file_by_file() {
    let bench = Bench::new();
    bench.create("raw", "", "base.raw", "40M");
    bench.fill("raw", "base.raw", 0x10, 0, 65536);
    bench.fill("raw", "base.raw", 0x10, 10 * MIB, 65536);
    bench.qemu_img(&["create", "-q", "-f", "qcow2", "-b", "base.raw", "-F", "raw", "middle.qcow2"]);
    bench.fill("qcow2", "middle.qcow2", 0x20, 0, 65536);
    bench.qemu_img(&["create", "-q", "-f", "qcow2", "-b", "middle.qcow2", "-F", "qcow2", "top.qcow2", "50M"]);
    bench.fill("qcow2", "top.qcow2", 0x30, 45 * MIB, 65536);
    let chain = bench.same_as_qemu("qcow2", "top.qcow2");
    assert_eq!((chain.images().len(), chain.size()), (3, 50 * MIB));
    let reader = open(&chain).unwrap();
    for (at, byte) in [(0, 0x20), (10 * MIB, 0x10), (42 * MIB, 0), (45 * MIB, 0x30)] {
        assert_eq!(byte_at(&*reader, at), byte, "at {at}");
    }
    bench.truncate_by("middle.qcow2", 65536);
    let error = bench.resolve("top.qcow2").unwrap_err().chain();
    assert!(error.contains("middle.qcow2") && error.contains("65536 bytes are missing"), "{error}");
}

#[test]
fn qcow2_with_a_vmdk_below_keeps_its_formats() {
    let bench = Bench::new();
    vmdk_chain(&bench, "subformat=monolithicFlat");
    bench.qemu_img(&["create", "-q", "-f", "qcow2", "-b", "snap1.vmdk", "-F", "vmdk", "top.qcow2"]);
    let chain = bench.same_as_qemu("qcow2", "top.qcow2");
    assert_eq!(chain.images().len(), 3);
    bench.qemu_img(&["create", "-q", "-f", "qcow2", "-b", "base.vmdk", "-F", "vmdk", "top.qcow2"]);
    assert_eq!(bench.same_as_qemu("qcow2", "top.qcow2").images().len(), 2);
}

#[test]
fn a_chain_of_eight_images_in_a_long_directory_is_read() {
    let bench = Bench::new();
    let directory = bench.path(&"d".repeat(200));
    std::fs::create_dir(&directory).unwrap();
    let at = |name: &str| directory.join(name).to_str().unwrap().to_owned();
    bench.qemu_img(&["create", "-q", "-f", "vmdk", &at("0.vmdk"), "4M"]);
    for n in 1..8 {
        let (parent, name) = (at(&format!("{}.vmdk", n - 1)), at(&format!("{n}.vmdk")));
        bench.qemu_img(&["create", "-q", "-f", "vmdk", "-b", &parent, "-F", "vmdk", &name]);
        // qemu-img looks for a parent relative to where it stands; the image must name it without a directory.
        let text = std::fs::read(&name).unwrap();
        let hint = format!("parentFileNameHint=\"{parent}\"");
        let start = text.windows(hint.len()).position(|w| w == hint.as_bytes()).unwrap();
        let mut new = format!("parentFileNameHint=\"{}.vmdk\"\n#", n - 1).into_bytes();
        new.resize(hint.len(), b'#');
        overwrite(Path::new(&name), start as u64, &new);
        bench.fill("vmdk", &name, n, u64::from(n) * 65536, 65536);
    }
    let chain = resolve(Path::new(&at("7.vmdk"))).unwrap();
    assert_eq!(chain.images().len(), 8);
    let (overlay, _server) = bench.overlay(&chain);
    let said = bench.qemu_img(&["compare", "-f", "vmdk", "-F", "qcow2", &at("7.vmdk"), &overlay]);
    assert_eq!(said, "Images are identical.\n");
    let reader = open(&chain).unwrap();
    assert_eq!((byte_at(&*reader, 65536), byte_at(&*reader, 7 * 65536)), (1, 7));
}

#[test]
fn a_chain_survives_the_store() {
    let bench = Bench::new();
    vmdk_chain(&bench, "subformat=twoGbMaxExtentSparse");
    let chain = bench.resolve("snap2.vmdk").unwrap();
    let stored = serde_json::to_string(&chain).unwrap();
    assert_eq!(serde_json::from_str::<ImageChain>(&stored).unwrap(), chain);
}
