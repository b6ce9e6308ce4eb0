//! The same tree as a directory and as an image.

use super::iso::writer::{Extra, image};
use super::*;

fn image_of(tree: &Tree, extra: Extra) -> DriverSource {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.keep().join("virtio-win.iso");
    std::fs::write(&path, image(&tree.0, extra)).unwrap();
    DriverSource::open(&path).unwrap()
}

#[test]
fn an_image_says_what_its_directory_says() {
    let tree = Tree::virtio_win();
    let directory = opened(&tree);
    for extra in [Extra::Joliet, Extra::RockRidge] {
        let image = image_of(&tree, extra);
        for (target, role) in [
            (server(6, 3, 9600), Role::Blk),
            (client(5, 1, 2600, Arch::X86), Role::Network),
            (server(10, 0, 26100), Role::Scsi),
        ] {
            let of = |source: &DriverSource| {
                let package = source.find(&target, role).unwrap().unwrap();
                let files: Vec<_> =
                    package.files.iter().map(|f| (f.name.clone(), f.digest().unwrap())).collect();
                (package.directory, package.inf_name, package.inf_bytes, package.warnings, files)
            };
            assert_eq!(of(&image), of(&directory), "{extra:?} {target} {role}");
        }
    }
}

#[test]
fn an_image_without_the_guests_version_has_nothing_for_it() {
    let tree = Tree::virtio_win().without("/xp/").without("/2k3/").without("/2k8/");
    let source = image_of(&tree, Extra::Joliet);
    assert!(source.find(&client(5, 1, 2600, Arch::X86), Role::Blk).unwrap().is_none());
    assert!(source.find(&server(6, 0, 6002), Role::Blk).unwrap().is_none());
    assert!(source.directories(Role::Blk).contains(&"viostor/w7/x86"));
}
