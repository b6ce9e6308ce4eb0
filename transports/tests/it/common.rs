//! Sources for the tests: VMX directories, OVF packages and the archives that they come in.

use std::fs;
use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};

use h2k_transports::{DiskLocation, FetchError, SourceVm, fetch, recognise, vmx};
use sha2::Digest;
use tempfile::TempDir;

/// The content of `fixtures/NAME`.
pub fn fixture(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures").join(name);
    fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// A temporary directory, canonical.
pub struct Dir {
    _temp: TempDir,
    pub path: PathBuf,
}

impl Dir {
    pub fn new() -> Self {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().canonicalize().unwrap();
        Self { _temp: temp, path }
    }

    /// With `files` in it, folders made as needed.
    pub fn with(files: &[(&str, &[u8])]) -> Self {
        let dir = Self::new();
        for (name, content) in files {
            dir.write(name, content);
        }
        dir
    }

    pub fn write(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.path.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    pub fn scratch(&self) -> PathBuf {
        self.path.join("scratch")
    }

    /// Recognises and fetches `name` in the directory (`""`: the directory itself).
    pub fn fetch(&self, name: &str) -> Result<SourceVm, FetchError> {
        fetch(&recognise(&[self.path.join(name)])?, &self.scratch())
    }
}

/// A directory with the VMX `fixtures/vmx/NAME` and an empty file for each disk that it names.
pub fn vmx_dir(name: &str) -> Dir {
    let bytes = fixture(&format!("vmx/{name}"));
    let dir = Dir::with(&[(name, &bytes)]);
    for disk in vmx::describe(&bytes, Path::new(name)).disk_files {
        let base = disk.file_name.rsplit('/').next().unwrap();
        dir.write(base, b"");
    }
    dir
}

/// The VM of `fixtures/vmx/NAME`.
pub fn vmx_of(name: &str) -> SourceVm {
    vmx_dir(name).fetch(name).unwrap_or_else(|e| panic!("{name}: {}", e.chain()))
}

/// File names of a VM's disks, in order.
pub fn disk_names(vm: &SourceVm) -> Vec<String> {
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    vm.disks.iter().map(|disk| name(disk.location.file().unwrap())).collect()
}

/// The bytes of a disk, wherever they are.
pub fn disk_bytes(vm: &SourceVm, disk: usize) -> Vec<u8> {
    match &vm.disks[disk].location {
        DiskLocation::File { path } => fs::read(path).unwrap(),
        DiskLocation::Range { path, offset, length } => {
            let bytes = fs::read(path).unwrap();
            bytes[*offset as usize..(*offset + *length) as usize].to_vec()
        }
        DiskLocation::Nbd { uri } => panic!("{uri} is no file"),
    }
}

/// Files of a package.
pub type Files = Vec<(String, Vec<u8>)>;

/// The package of the common case: a disk of 10 KiB, the descriptor, and a manifest with CR LF.
pub fn common_package() -> Files {
    let disk = disk_of(10);
    let ovf = fixture("ovf/one-disk.ovf");
    let manifest =
        format!("SHA256(one-disk.ovf)= {}\r\nSHA256(disk1.vmdk)= {}\r\n", sha256(&ovf), sha256(&disk));
    files(&[("one-disk.ovf", &ovf), ("one-disk.mf", manifest.as_bytes()), ("disk1.vmdk", &disk)])
}

pub fn files(list: &[(&str, &[u8])]) -> Files {
    list.iter().map(|(name, content)| ((*name).to_owned(), content.to_vec())).collect()
}

/// A disk file of so many KiB that is unlike others: its magic, its size, and noise.
pub fn disk_of(kib: usize) -> Vec<u8> {
    let mut bytes = b"KDMV".to_vec();
    let noise = (0..).map(|n: usize| (n.wrapping_mul(2_654_435_761).wrapping_add(kib) >> 13) as u8);
    bytes.extend(noise.take(kib * 1024 - 4));
    bytes
}

pub fn sha1(bytes: &[u8]) -> String {
    hex(&sha1::Sha1::digest(bytes))
}

pub fn sha256(bytes: &[u8]) -> String {
    hex(&sha2::Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

pub fn tar_of(files: &Files) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, content.as_slice()).unwrap();
    }
    builder.into_inner().unwrap()
}

pub fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    liblzma::read::XzEncoder::new(bytes, 1).read_to_end(&mut out).unwrap();
    out
}

pub fn zip_of(files: &Files) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    for (name, content) in files {
        writer.start_file(name.as_str(), options).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// Fetches an archive of the name `x.ova`.
pub fn fetch_archive(bytes: &[u8]) -> (Dir, Result<SourceVm, FetchError>) {
    let dir = Dir::with(&[("x.ova", bytes)]);
    let result = dir.fetch("x.ova");
    (dir, result)
}

/// Fetches a package as a plain tar.
pub fn fetch_package(files: &Files) -> (Dir, Result<SourceVm, FetchError>) {
    fetch_archive(&tar_of(files))
}
