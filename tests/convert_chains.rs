//! `h2k convert` of snapshots: the whole chain is read, wherever its parents lie, and no wrong parent is.

use std::path::PathBuf;

use crate::common::Place;
use crate::common::disk::{MIB, assert_clean, assert_content, assert_same, child, image, poke, sample, text};

/// `src/base` and two snapshots upon it, the newest last. Every image covers a part of the one below.
fn chain(place: &Place, format: &str) -> [PathBuf; 3] {
    let raw = sample(place, "content.img", 65 * MIB + 512);
    std::fs::create_dir_all(place.path("src")).unwrap();
    let base = place.path(&format!("src/base.{format}"));
    image(&raw, format, &[], &base);
    let one = child(place, format, &format!("base.{format}"), &format!("src/one.{format}"));
    poke(&one, format, MIB + 512, MIB, 0x11);
    poke(&one, format, 20 * MIB, 64 << 10, 0);
    let two = child(place, format, &format!("one.{format}"), &format!("src/two.{format}"));
    poke(&two, format, MIB + (64 << 10), 512, 0x22);
    poke(&two, format, 65 * MIB, 512, 0x33);
    [base, one, two]
}

#[test]
fn snapshots_are_read_through_to_their_base() {
    for format in ["vmdk", "qcow2"] {
        let place = Place::new();
        let images = chain(&place, format);
        // Each of them is a disk: the state when the next one was taken.
        for (n, image) in images.iter().enumerate() {
            let out = place.path("out.qcow2");
            let done = place.converted(image, &out, &[]);
            assert_eq!(done["chain"].as_array().unwrap().len(), n + 1, "{done:#}");
            assert_same(image, format, &out, "qcow2");
            assert_clean(&out);
            std::fs::remove_file(&out).unwrap();
            let raw = place.path("out.raw");
            place.converted(image, &raw, &["--verify"]);
            assert_same(image, format, &raw, "raw");
            std::fs::remove_file(&raw).unwrap();
        }
    }
}

#[test]
fn zeros_of_a_snapshot_hide_its_parent() {
    let place = Place::new();
    let [_, one, _] = chain(&place, "qcow2");
    crate::common::ok("qemu-io", &["-f", "qcow2", "-c", "write -z 0 1M", "-c", "discard 2M 64k", text(&one)]);
    let out = place.path("out.qcow2");
    place.converted(&one, &out, &[]);
    assert_same(&one, "qcow2", &out, "qcow2");
}

#[test]
fn a_snapshot_may_be_larger_than_its_base() {
    let place = Place::new();
    let [_, _, two] = chain(&place, "qcow2");
    let grown = place.path("src/grown.qcow2");
    let args = ["create", "-q", "-f", "qcow2", "-b", "two.qcow2", "-F", "qcow2", text(&grown), "200000512"];
    crate::common::ok("qemu-img", &args);
    poke(&grown, "qcow2", 200_000_000, 512, 0x44);
    let out = place.path("out.raw");
    place.converted(&grown, &out, &[]);
    assert_same(&grown, "qcow2", &out, "raw");
    assert_content(&two, "qcow2", &{ shrunk(&place, &out) }, "raw");
}

/// The first bytes of a disk, as many as its base has.
fn shrunk(place: &Place, of: &std::path::Path) -> PathBuf {
    let path = place.path("shrunk.raw");
    std::fs::copy(of, &path).unwrap();
    std::fs::File::options().write(true).open(&path).unwrap().set_len(65 * MIB + 512).unwrap();
    path
}

#[test]
fn a_base_in_another_directory_is_found_where_the_user_says() {
    for format in ["vmdk", "qcow2"] {
        let place = Place::new();
        let raw = sample(&place, "content.img", 65 * MIB + 512);
        std::fs::create_dir_all(place.path("src")).unwrap();
        std::fs::create_dir_all(place.path("templates/deep")).unwrap();
        let name = format!("golden.{format}");
        let base = place.path(&format!("templates/deep/{name}"));
        image(&raw, format, &[], &base);
        let other = place.path(&format!("templates/other.{format}"));
        image(&raw, format, &[], &other);
        let inside = format!("../templates/deep/{name}");
        for parent in [inside.as_str(), text(&base)] {
            let top = child(&place, format, parent, &format!("src/top.{format}"));
            poke(&top, format, MIB, 512, 0x11);
            let out = place.path("out.qcow2");
            place.refused(&top, &out, &[], 1, &[&name, text(&top)]);
            for named in [text(&base), text(&place.path("templates")), "templates/deep"] {
                let done = place.converted(&top, &out, &["--parent", named]);
                assert_eq!(done["chain"][1]["path"], text(&base), "{done:#}");
                assert_same(&top, format, &out, "qcow2");
                std::fs::remove_file(&out).unwrap();
            }
            std::fs::remove_file(&top).unwrap();
        }
    }
}

#[test]
fn a_base_that_is_gone_is_named() {
    for format in ["vmdk", "qcow2"] {
        let place = Place::new();
        let [base, _, two] = chain(&place, format);
        std::fs::remove_file(&base).unwrap();
        let name = format!("base.{format}");
        place.refused(&two, &place.path("out.qcow2"), &[], 1, &[&name]);
        // A parent that is named but is no such file is said too.
        place.refused(&two, &place.path("out.qcow2"), &["--parent", "gone.vmdk"], 1, &["gone.vmdk"]);
    }
}

#[test]
fn a_base_that_was_changed_since_is_no_parent() {
    let place = Place::new();
    let [base, one, two] = chain(&place, "vmdk");
    poke(&base, "vmdk", 0, 512, 0x77);
    for image in [&one, &two] {
        place.refused(image, &place.path("out.qcow2"), &[], 1, &["CID", "base.vmdk"]);
        let named = ["--parent", text(&base)];
        place.refused(image, &place.path("out.qcow2"), &named, 1, &["CID", "base.vmdk"]);
    }
}

#[test]
fn a_chain_that_ends_in_itself_is_refused() {
    let place = Place::new();
    let [_, one, two] = chain(&place, "qcow2");
    crate::common::ok(
        "qemu-img",
        &["rebase", "-u", "-f", "qcow2", "-b", "two.qcow2", "-F", "qcow2", text(&one)],
    );
    place.refused(&two, &place.path("out.qcow2"), &[], 1, &["is its own parent", "two.qcow2"]);
    crate::common::ok(
        "qemu-img",
        &["rebase", "-u", "-f", "qcow2", "-b", "one.qcow2", "-F", "qcow2", text(&one)],
    );
    place.refused(&one, &place.path("out.qcow2"), &[], 1, &["is its own parent", "one.qcow2"]);
}
