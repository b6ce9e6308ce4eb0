//! Where on a disk image's virtual disk a device's file system begins, found by this host's own programs: QEMU's storage
//! daemon shows the image as a plain file (FUSE), sfdisk, blkid and LVM read that. Nothing is mapped: what is not in one
//! piece is not found.

use std::fs;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::disk::text;
use super::process::wait;
use super::{Place, ok, run};

/// A file system in a plain file.
#[derive(Debug, Clone)]
pub struct Area {
    pub file: PathBuf,
    /// Bytes before it.
    pub offset: u64,
}

impl Area {
    /// What blkid calls it; nothing where there is none.
    pub fn kind(&self) -> String {
        let offset = self.offset.to_string();
        let mut blkid = Command::new("/sbin/blkid");
        let said = run(blkid.args(["-p", "-O", &offset, "-o", "value", "-s", "TYPE"]).arg(&self.file));
        said.stdout.trim().to_owned()
    }
}

/// Disk images as files of their virtual disks' bytes.
pub struct Disks(Vec<Export>);

impl Disks {
    pub fn new(place: &Place, disks: &[PathBuf]) -> Self {
        Self(disks.iter().map(|disk| Export::new(place, disk, false)).collect())
    }

    /// One that can be written to.
    pub fn writable(place: &Place, disk: &Path) -> Self {
        Self(vec![Export::new(place, disk, true)])
    }

    /// Where a device's file system is: `/dev/sda1`, `/dev/GROUP/VOLUME`, or an array `/dev/md…`, of which each mirror
    /// holds one.
    pub fn areas(&self, device: &str) -> Option<Vec<Area>> {
        if let Some((disk, partition)) = plain(device) {
            let (_, area) =
                self.0.get(disk)?.partitions().into_iter().find(|(number, _)| *number == partition)?;
            return Some(vec![area]);
        }
        if device.starts_with("/dev/md") {
            return self.mirrors();
        }
        let (group, volume) = device.strip_prefix("/dev/")?.split_once('/')?;
        Some(vec![self.volume(group, volume)?])
    }

    /// Every partition, and disks without any.
    fn parts(&self) -> Vec<Area> {
        let parts = |export: &Export| match export.partitions() {
            none if none.is_empty() => vec![Area { file: export.file.clone(), offset: 0 }],
            some => some.into_iter().map(|(_, area)| area).collect(),
        };
        self.0.iter().flat_map(parts).collect()
    }

    fn volume(&self, group: &str, volume: &str) -> Option<Area> {
        // Where a udevd listens, it would activate what it finds on the loops.
        if Path::new("/run/udev/control").exists() {
            return None;
        }
        let parts: Vec<Area> = self.parts().into_iter().filter(|part| part.kind() == "LVM2_member").collect();
        if parts.is_empty() {
            return None;
        }
        let loops: Vec<Loop> = parts.iter().map(Loop::over).collect();
        let devices = loops.iter().map(|l| l.0.as_str()).collect::<Vec<_>>().join(",");
        let ask = |program: &str, what: &str| -> Vec<String> {
            let args =
                ["--devices", &devices, "--noheadings", "--units", "b", "--nosuffix", "--separator", " "];
            let said = ok(program, &[&args[..], &["-o", what]].concat());
            said.lines().map(|line| line.trim().to_owned()).collect()
        };
        let wanted = format!("{group} {volume} linear ");
        let segments = ask("/sbin/lvs", "vg_name,lv_name,segtype,seg_pe_ranges");
        let mut segments = segments.iter().filter_map(|line| line.strip_prefix(&wanted));
        // "/dev/loop0:640-703"
        let (device, extents) = segments.next()?.split_once(':')?;
        if segments.next().is_some() {
            return None;
        }
        let first: u64 = extents.split('-').next()?.parse().ok()?;
        let told = ask("/sbin/pvs", "pv_name,pe_start,vg_extent_size");
        let told = told.iter().find_map(|line| line.strip_prefix(&format!("{device} ")))?;
        let (start, extent) = told.split_once(' ')?;
        let part = &parts[loops.iter().position(|l| l.0 == device)?];
        let offset = part.offset + start.parse::<u64>().ok()? + first * extent.parse::<u64>().ok()?;
        Some(Area { file: part.file.clone(), offset })
    }

    /// The halves of the only array, a RAID1 with metadata 1.2 (Linux, uapi/linux/raid/md_p.h, `struct mdp_superblock_1`).
    fn mirrors(&self) -> Option<Vec<Area>> {
        let members = self.parts().into_iter().filter(|part| part.kind() == "linux_raid_member");
        let mut arrays = Vec::new();
        let halves: Vec<Area> = members
            .map(|part| {
                let mut block = [0; 136];
                fs::File::open(&part.file).unwrap().read_exact_at(&mut block, part.offset + 4096).ok()?;
                let number = |at: usize| u32::from_le_bytes(block[at..at + 4].try_into().unwrap());
                let (magic, version, level, data) = (number(0), number(4), number(72), number(128));
                // Its UUID, and of how many disks it is.
                arrays.push((block[16..32].to_vec(), number(92)));
                let mirror = (magic, version, level) == (0xa92b_4efc, 1, 1);
                mirror.then(|| Area { file: part.file, offset: part.offset + u64::from(data) * 512 })
            })
            .collect::<Option<_>>()?;
        let whole = usize::try_from(arrays.first()?.1).unwrap() == arrays.len();
        assert!(
            whole && arrays.iter().all(|array| *array == arrays[0]),
            "it is not one whole array: {arrays:?}"
        );
        Some(halves)
    }
}

/// The disk, from 0, and the partition, by its number, that a device is.
fn plain(device: &str) -> Option<(usize, usize)> {
    let rest = device.strip_prefix("/dev/sd")?;
    let disk = rest.bytes().next().filter(u8::is_ascii_lowercase)?;
    Some((usize::from(disk - b'a'), rest.get(1..)?.parse().ok()?))
}

/// A disk image as a file of its virtual disk's bytes.
struct Export {
    daemon: Child,
    file: PathBuf,
}

impl Export {
    fn new(place: &Place, disk: &Path, writable: bool) -> Self {
        let number = fs::read_dir(place.path("")).unwrap().count();
        let file = place.write(&format!("export{number}.raw"), b"");
        let format = disk.extension().unwrap().to_string_lossy();
        let (read_only, write) = if writable { ("off", "on") } else { ("on", "off") };
        let daemon = Command::new("qemu-storage-daemon")
            .arg("--blockdev")
            .arg(format!("driver=file,node-name=file,read-only={read_only},filename={}", text(disk)))
            .arg("--blockdev")
            .arg(format!("driver={format},node-name=disk,file=file,read-only={read_only}"))
            .arg("--export")
            .arg(format!("type=fuse,id=export,node-name=disk,writable={write},mountpoint={}", text(&file)))
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut export = Self { daemon, file };
        let there = wait(60, || {
            let ended = export.daemon.try_wait().unwrap().is_some();
            (ended || fs::metadata(&export.file).unwrap().len() > 0).then_some(!ended)
        });
        if there != Some(true) {
            let _ended = export.daemon.kill();
            let mut said = String::new();
            export.daemon.stderr.take().unwrap().read_to_string(&mut said).unwrap();
            panic!("{} is not exported: {said}", disk.display());
        }
        export
    }

    /// Its partitions with their numbers; none where it has no table.
    fn partitions(&self) -> Vec<(usize, Area)> {
        let said = run(Command::new("/sbin/sfdisk").arg("--json").arg(&self.file)).stdout;
        let table: Value = serde_json::from_str(&said).unwrap_or_default();
        let partitions = table["partitiontable"]["partitions"].as_array();
        let numbered = |p: &Value| {
            // sfdisk names a partition by the file and its number.
            let number = p["node"].as_str().unwrap().strip_prefix(text(&self.file)).unwrap();
            let offset = p["start"].as_u64().unwrap() * 512;
            (number.trim_start_matches('p').parse().unwrap(), Area { file: self.file.clone(), offset })
        };
        partitions.into_iter().flatten().map(numbered).collect()
    }
}

impl Drop for Export {
    fn drop(&mut self) {
        // SIGTERM unmounts; SIGKILL would leave a dead mount point.
        let _ = Command::new("kill").arg(self.daemon.id().to_string()).status();
        let _ = self.daemon.wait();
    }
}

/// A loop device that is read only, from an area on.
struct Loop(String);

impl Loop {
    fn over(area: &Area) -> Self {
        let offset = area.offset.to_string();
        Self(ok("/sbin/losetup", &["-r", "-f", "--show", "-o", &offset, text(&area.file)]).trim().to_owned())
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        let _ = Command::new("/sbin/losetup").args(["-d", &self.0]).status();
    }
}
