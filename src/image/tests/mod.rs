//! On real images, made by `qemu-img`.

mod chains;
mod crafted;
mod foreign;
mod formats;
mod hostile;
mod hyperv_layers;
mod large;
mod nbd_server;
mod nbd_source;
mod parts;
mod qcow2_access;
mod qcow2_layers;
mod vmdk_extents;
mod vmdk_hostile;
mod vmdk_layers;

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use h2k_transports::{Bus, DiskFormat, DiskLocation, Slot, SourceDisk};
use tempfile::TempDir;

use super::*;
use crate::exec::Exec;

const MIB: u64 = 1 << 20;

/// A directory to make images in.
struct Bench {
    dir: TempDir,
}

impl Bench {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().canonicalize().unwrap().join(name)
    }

    fn qemu_img(&self, args: &[&str]) -> String {
        let output = Exec::new("qemu-img").args(args).current_dir(self.dir.path()).run().unwrap();
        output.text().into_owned()
    }

    fn create(&self, format: &str, options: &str, name: &str, size: &str) -> PathBuf {
        let options = format!("{options}{}", if options.is_empty() { "" } else { "," });
        self.qemu_img(&["create", "-q", "-f", format, "-o", &format!("{options}size={size}"), name]);
        self.path(name)
    }

    /// Writes `length` bytes of `byte` at the guest offset `at`.
    fn fill(&self, format: &str, name: &str, byte: u8, at: u64, length: u64) {
        let command = format!("write -P {byte} {at} {length}");
        let io = Exec::new("qemu-io").args(["-f", format, "-c", &command, name]);
        io.current_dir(self.dir.path()).run().unwrap();
    }

    fn truncate_by(&self, name: &str, bytes: u64) {
        let file = File::options().write(true).open(self.path(name)).unwrap();
        file.set_len(file.metadata().unwrap().len() - bytes).unwrap();
    }

    fn resolve(&self, name: &str) -> Result<ImageChain, ImageError> {
        resolve(&self.path(name))
    }

    /// Every byte through our reader and through an overlay is what QEMU reads of the image itself.
    fn same_as_qemu(&self, format: &str, name: &str) -> ImageChain {
        let chain = self.resolve(name).unwrap();
        let (overlay, _server) = self.overlay(&chain);
        let said = self.qemu_img(&["compare", "-f", format, "-F", "qcow2", name, &overlay]);
        assert_eq!(said, "Images are identical.\n");
        let reader = open(&chain).unwrap();
        assert_eq!(reader.size(), chain.size());
        self.map_is_true(&*reader);
        chain
    }

    /// An overlay over a chain, which is read as long as its server lives.
    fn overlay(&self, chain: &ImageChain) -> (String, nbd::Server) {
        let server = nbd::Server::start(vec![("disk".to_owned(), Arc::from(open(chain).unwrap()))]).unwrap();
        let overlay = self.path("overlay.qcow2");
        create_overlay(chain, &server.uri("disk"), &overlay).unwrap();
        (overlay.to_str().unwrap().to_owned(), server)
    }

    /// The extents cover the disk without gaps, and what is no data reads as zeros.
    fn map_is_true(&self, reader: &dyn DiskReader) {
        let mut at = 0;
        for extent in reader.extents(0..reader.size()).unwrap() {
            assert_eq!(extent.start, at);
            at += extent.len;
            if extent.kind != ExtentKind::Data {
                for probe in [extent.start, extent.start + extent.len / 2, at - 512] {
                    assert_eq!(byte_at(reader, probe), 0, "{extent:?}");
                }
            }
        }
        assert_eq!(at, reader.size());
    }
}

fn source(location: DiskLocation, format: Option<DiskFormat>) -> SourceDisk {
    let slot = Slot { bus: Bus::Unknown, model: None, controller: 0, unit: 0 };
    SourceDisk {
        slot,
        location,
        format,
        capacity_bytes: None,
        mode: None,
        serial: None,
        traits: Default::default(),
    }
}

fn resolve(path: &Path) -> Result<ImageChain, ImageError> {
    let disk = source(DiskLocation::File { path: path.to_path_buf() }, None);
    ImageChain::resolve(&disk, &OpenGate::for_location(&disk.location)?)
}

/// The byte at a guest offset; all 512 of its sector must be alike.
fn byte_at(reader: &dyn DiskReader, at: u64) -> u8 {
    let mut sector = [0xee; 512];
    reader.read_at(&mut sector, at).unwrap();
    assert!(sector.iter().all(|b| *b == sector[0]), "the sector at {at} is mixed");
    sector[0]
}

fn overwrite(path: &Path, at: u64, bytes: &[u8]) {
    File::options().write(true).open(path).unwrap().write_all_at(bytes, at).unwrap();
}
