//! Images that are wrong on purpose: `fixtures/hostile`, and what `qemu-img` can be made to write.

use std::os::unix::fs::symlink;

use super::*;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/hostile")
}

#[test]
fn every_hostile_fixture_ends_as_its_index_says() {
    let index = std::fs::read_to_string(fixtures().join("INDEX")).unwrap();
    let mut listed = vec!["INDEX".to_owned()];
    for line in index.lines().filter(|line| !line.starts_with('#')) {
        let [file, kind, text] = line.split('|').map(str::trim).collect::<Vec<_>>().try_into().unwrap();
        listed.push(file.to_owned());
        match resolve(&fixtures().join(file)) {
            Ok(_) => assert_eq!(kind, "fine", "{file}"),
            Err(error) => {
                assert_eq!(format!("{:?}", error.kind()), kind, "{file}: {}", error.chain());
                assert!(error.chain().contains(text), "{file}: {}", error.chain());
            }
        }
    }
    listed.sort();
    let mut there: Vec<_> =
        fixtures().read_dir().unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    there.sort();
    assert_eq!(there, listed);
}

#[test]
fn a_parent_in_a_comment_is_not_followed_by_qemu_either() {
    let chain = resolve(&fixtures().join("comment-parent.vmdk")).unwrap();
    let bench = Bench::new();
    let _overlay = bench.overlay(&chain);
    assert_eq!(open(&chain).unwrap().size(), 8192);
}

#[test]
fn refused_files_are_not_opened() {
    // Opening a fifo waits for its other end, so this test would never end.
    let bench = Bench::new();
    let outside = Bench::new();
    let fifo = outside.path("fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0)
        .unwrap();
    symlink(&fifo, bench.path("link.vmdk")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        bench.path("fifo.vmdk"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    for name in [fifo.to_str().unwrap(), "link.vmdk", "fifo.vmdk"] {
        let text = format!(
            "# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\ncreateType=\"monolithicFlat\"\nRW 8 FLAT \"{name}\" 0\n"
        );
        std::fs::write(bench.path("disk.vmdk"), text).unwrap();
        assert_eq!(bench.resolve("disk.vmdk").unwrap_err().kind(), ImageErrorKind::Unsafe, "{name}");
    }
    assert_eq!(bench.resolve("fifo.vmdk").unwrap_err().kind(), ImageErrorKind::Unsafe);
}

#[test]
fn symlinks_that_lead_out_are_refused_and_those_that_stay_are_read() {
    let bench = Bench::new();
    let outside = Bench::new();
    bench.create("vmdk", "subformat=monolithicFlat", "disk.vmdk", "4M");
    std::fs::rename(bench.path("disk-flat.vmdk"), bench.path("elsewhere.vmdk")).unwrap();
    symlink("elsewhere.vmdk", bench.path("disk-flat.vmdk")).unwrap();
    bench.same_as_qemu("vmdk", "disk.vmdk");
    std::fs::remove_file(bench.path("disk-flat.vmdk")).unwrap();
    std::fs::copy(bench.path("elsewhere.vmdk"), outside.path("x")).unwrap();
    symlink(outside.path("x"), bench.path("disk-flat.vmdk")).unwrap();
    let error = bench.resolve("disk.vmdk").unwrap_err();
    assert_eq!(error.kind(), ImageErrorKind::Unsafe);
    assert!(error.chain().contains("leads out"), "{}", error.chain());
    // The user's own symlink to a disk is the user's word.
    symlink(bench.path("disk.vmdk"), outside.path("mine.vmdk")).unwrap();
    std::fs::remove_file(bench.path("disk-flat.vmdk")).unwrap();
    symlink("elsewhere.vmdk", bench.path("disk-flat.vmdk")).unwrap();
    assert_eq!(outside.resolve("mine.vmdk").unwrap().active().unwrap().path, bench.path("disk.vmdk"));
}

#[test]
fn qcow2_backing_files_outside_are_refused() {
    for backing in [
        "/etc/passwd",
        "../base.raw",
        "json:{\"driver\":\"file\",\"filename\":\"/etc/passwd\"}",
        "nbd://localhost/x",
        "http://localhost/x",
        "file:base.raw",
        "fat:.",
    ] {
        let bench = Bench::new();
        bench.qemu_img(&[
            "create",
            "-q",
            "-u",
            "-f",
            "qcow2",
            "-b",
            backing,
            "-F",
            "raw",
            "disk.qcow2",
            "4M",
        ]);
        let error = bench.resolve("disk.qcow2").unwrap_err();
        assert_eq!(error.kind(), ImageErrorKind::Unsafe, "{}", error.chain());
    }
}

#[test]
fn qcow2_data_files_encryption_and_unknown_features_are_refused() {
    let bench = Bench::new();
    bench.create("qcow2", "data_file=data.raw", "disk.qcow2", "4M");
    let error = bench.resolve("disk.qcow2").unwrap_err();
    assert_eq!(error.kind(), ImageErrorKind::Unsafe, "{}", error.chain());

    // crypt_method 2: LUKS.
    overwrite(&bench.create("qcow2", "", "secret.qcow2", "4M"), 32, &[0, 0, 0, 2]);
    assert!(bench.resolve("secret.qcow2").unwrap_err().chain().contains("encrypted"));

    for (bit, kind) in [(1u8, ImageErrorKind::Corrupt), (5, ImageErrorKind::Unsupported)] {
        let path = bench.create("qcow2", "", "features.qcow2", "4M");
        overwrite(&path, 79, &[1 << bit]);
        assert_eq!(bench.resolve("features.qcow2").unwrap_err().kind(), kind);
    }
}

#[test]
fn a_qcow2_header_on_a_disk_declared_raw_is_not_obeyed() {
    // A guest can write what it likes to the first sector of its raw disk.
    let bench = Bench::new();
    bench.qemu_img(&[
        "create",
        "-q",
        "-u",
        "-f",
        "qcow2",
        "-b",
        "/etc/passwd",
        "-F",
        "raw",
        "disk.raw",
        "4M",
    ]);
    let disk = source(DiskLocation::File { path: bench.path("disk.raw") }, Some(DiskFormat::Raw));
    let gate = OpenGate::for_location(&disk.location).unwrap();
    assert_eq!(ImageChain::resolve(&disk, &gate).unwrap_err().kind(), ImageErrorKind::Unsupported);
}

#[test]
fn an_overlay_is_never_put_over_its_source() {
    let bench = Bench::new();
    let path = bench.create("raw", "", "disk.raw", "4M");
    let chain = bench.resolve("disk.raw").unwrap();
    let before = SourceIdentity::of(chain.files()).unwrap();
    symlink(&path, bench.path("alias")).unwrap();
    for overlay in ["disk.raw", "alias"] {
        let error =
            create_overlay(&chain, "nbd+unix:///disk?socket=/nowhere", &bench.path(overlay)).unwrap_err();
        assert_eq!(error.kind(), ImageErrorKind::Unsafe);
    }
    assert_eq!(before.differs(&SourceIdentity::of(chain.files()).unwrap()), None);
}
