//! Phony virtio-win trees: what is chosen for which Windows, and what is wrong with what is damaged.

use std::path::Path;

use super::testing::{DRIVERS, SHA1, SHA256, Tree, inf, machine, named, program, signed, whql};
use super::*;
use crate::windows::{Arch, ProductType, WindowsTarget};

mod choice;
mod damaged;
mod defects;
mod images;
mod signatures;

fn server(major: u32, minor: u32, build: u32) -> WindowsTarget {
    WindowsTarget::new(major, minor, build, Arch::Amd64, ProductType::Server)
}

fn client(major: u32, minor: u32, build: u32, arch: Arch) -> WindowsTarget {
    WindowsTarget::new(major, minor, build, arch, ProductType::Workstation)
}

/// A tree on the host, opened.
fn opened(tree: &Tree) -> DriverSource {
    let dir = tempfile::tempdir().unwrap();
    tree.write(dir.path());
    DriverSource::open(&dir.keep()).unwrap()
}

/// A tree with one driver in one directory.
fn one(name: &str, dir: &str, arch: Arch, decoration: &str) -> Tree {
    let mut tree = Tree::default();
    let driver = named(name);
    tree.add(&driver, dir, arch, &inf(&driver, decoration, false));
    tree
}

fn directory(source: &DriverSource, target: &WindowsTarget, role: Role) -> Option<String> {
    source.find(target, role).unwrap().map(|package| package.directory)
}
