//! What is on the disks below the file systems: tables, partitions, volumes.

use std::collections::HashMap;

use super::boot_sector::boots;
use super::md090;
use super::partition_types::Traces;
use super::session::{Session, label};
use crate::error::{GuestError, Result};
use crate::facts::{ArrayFacts, BlockDevice, DiskFacts, GuestFacts};

/// Bytes of a sector as blkid counts them, whatever the disk's are (libblkid, `PART_ENTRY_SIZE`).
const SECTOR: u64 = 512;

impl Session {
    /// Fills disks, block devices and the firmware that the disks are made for.
    ///
    /// # Errors
    /// The appliance failed. A disk without anything on it is no error.
    pub fn block_facts(&self, facts: &mut GuestFacts) -> Result<()> {
        let mut traces = Traces::default();
        let labels = self.ask("listing disks", |g| g.list_disk_labels())?;
        for index in 0..self.disks {
            let name = labels.get(&label(index)).ok_or_else(|| GuestError::Backend {
                doing: "listing disks".to_owned(),
                message: format!("disk {index} is not in the appliance"),
            })?;
            self.disk(index, name, facts, &mut traces)?;
        }
        self.volumes(facts)?;
        facts.firmware = traces.firmware();
        Ok(())
    }

    fn disk(&self, index: usize, name: &str, facts: &mut GuestFacts, traces: &mut Traces) -> Result<()> {
        let size = self.size(name)?;
        let tags = self.tags(name)?;
        let table = match tags.get("PTTYPE") {
            Some(kind) if kind == "dos" => "msdos".to_owned(),
            Some(kind) => kind.clone(),
            None => self.table_beside_marks(name)?,
        };
        let mut disk = DiskFacts {
            name: name.to_owned(),
            size,
            table,
            boot_code: self.has_boot_code(name)?,
            blank: false,
            dynamic: false,
        };
        let mut whole = BlockDevice { disk: Some(index), size: disk.size, ..described(name, &tags) };
        if disk.table.is_empty() {
            whole.partuuid.clear();
            disk.blank = whole.fstype.is_empty() && !disk.boot_code;
            facts.block.push(whole);
        } else {
            traces.dynamic = false;
            self.partitions(index, name, &disk, facts, traces)?;
            disk.dynamic = traces.dynamic;
        }
        // A protective MBR may hold GRUB's boot code too; without a table there is no place for a loader's core.
        traces.boot_code |= disk.boot_code && disk.table == "msdos";
        facts.disks.push(disk);
        Ok(())
    }

    /// The kind of a disk's partition table of which blkid says nothing: it says nothing at all of a disk that had two file
    /// systems before it had a table. What the kernel sees no partitions on has none.
    fn table_beside_marks(&self, name: &str) -> Result<String> {
        if numbered(&self.partition_names()?, name).is_empty() {
            return Ok(String::new());
        }
        let table =
            self.ask(&format!("reading the partition table of {name}"), |g| g.part_get_parttype(name))?;
        // What parted calls a disk that is a file system as a whole.
        Ok(Some(table).filter(|kind| kind != "loop").unwrap_or_default())
    }

    fn partitions(
        &self,
        index: usize,
        disk_name: &str,
        disk: &DiskFacts,
        facts: &mut GuestFacts,
        traces: &mut Traces,
    ) -> Result<()> {
        for (number, name) in numbered(&self.partition_names()?, disk_name) {
            let tags = self.tags(&name)?;
            let of = |key: &str| tags.get(key).map(String::as_str).unwrap_or_default();
            let kind = match of("PART_ENTRY_TYPE") {
                // Two file systems have left their marks there: blkid says nothing at all then.
                "" => self.partition_type(&disk.table, disk_name, number)?,
                told => told.to_owned(),
            };
            if traces.note(&disk.table, &kind) {
                continue;
            }
            let size = match of("PART_ENTRY_SIZE").parse::<u64>() {
                Ok(sectors) => sectors.saturating_mul(SECTOR),
                Err(_) => self.size(&name)?,
            };
            let device = described(&name, &tags);
            facts.block.push(BlockDevice { disk: Some(index), partition: Some(number), size, ..device });
        }
        Ok(())
    }

    /// A partition's type by its table, as blkid would tell it.
    fn partition_type(&self, table: &str, disk: &str, number: u32) -> Result<String> {
        let doing = format!("reading the type of partition {number} of {disk}");
        let number = i32::try_from(number).unwrap_or(i32::MAX);
        match table {
            "gpt" => self.ask(&doing, |g| g.part_get_gpt_type(disk, number)),
            "msdos" => Ok(format!("{:#x}", self.ask(&doing, |g| g.part_get_mbr_id(disk, number))?)),
            _ => Ok(String::new()),
        }
    }

    fn partition_names(&self) -> Result<Vec<String>> {
        self.ask("listing partitions", |g| g.list_partitions())
    }

    /// Adds the logical volumes and arrays that `facts` do not have yet.
    pub(super) fn volumes(&self, facts: &mut GuestFacts) -> Result<()> {
        let known: Vec<String> = facts.block.iter().map(|b| b.name.clone()).collect();
        let mut arrays = Vec::new();
        for name in self.ask("listing md devices", |g| g.list_md_devices())? {
            if !known.contains(&name) {
                arrays.push(self.array(&name)?);
                arrays.extend(self.partitions_of_array(&name)?);
            }
        }
        // Where nothing is a part of one, there are none. LVM takes half a second to say so where KVM is missing.
        if facts.block.iter().chain(&arrays).any(|b| b.fstype == "LVM2_member") {
            for name in self.ask("listing logical volumes", |g| g.lvs())? {
                if !known.contains(&name) {
                    facts.block.push(self.volume(&name)?);
                }
            }
        }
        facts.block.extend(arrays);
        Ok(())
    }

    /// Adds the partitions of an array, which the kernel calls `md127p1` (md(4), "DEVICE NAMES").
    fn partitions_of_array(&self, array: &str) -> Result<Vec<BlockDevice>> {
        let mut found = Vec::new();
        for (number, name) in numbered(&self.partition_names()?, &format!("{array}p")) {
            let mut device = self.probe(&name)?;
            device.partition = Some(number);
            device.size = self.size(&name)?;
            device.inside = vec![array.to_owned()];
            found.push(device);
        }
        Ok(found)
    }

    fn volume(&self, name: &str) -> Result<BlockDevice> {
        let mut device = self.probe(name)?;
        device.size = self.size(name)?;
        let mut parts = name.trim_start_matches("/dev/").splitn(2, '/');
        if let (Some(vg), Some(lv)) = (parts.next(), parts.next()) {
            device.lv = Some((vg.to_owned(), lv.to_owned()));
            device.lv_uuid = self.ask(&format!("looking at {name}"), |g| g.lvuuid(name))?;
        }
        Ok(device)
    }

    fn array(&self, name: &str) -> Result<BlockDevice> {
        let detail = self.ask(&format!("looking at {name}"), |g| g.md_detail(name))?;
        let of = |key: &str| detail.get(key).map(String::as_str).unwrap_or_default();
        // "HOST:NAME" where the array was made on a host with a name (md(4), "homehost").
        let own = of("name").rsplit(':').next().unwrap_or_default();
        let old = of("metadata").starts_with("0.9") && own.is_empty();
        let array = ArrayFacts {
            name: if old { self.preferred_minor(name)?.unwrap_or_default() } else { own.to_owned() },
            uuid: of("uuid").to_ascii_lowercase(),
            level: of("level").to_owned(),
        };
        Ok(BlockDevice { size: self.size(name)?, array: Some(array), ..self.probe(name)? })
    }

    /// The number of an array with metadata 0.90, which only its members tell.
    fn preferred_minor(&self, array: &str) -> Result<Option<String>> {
        let members = self.ask(&format!("looking at {array}"), |g| g.md_stat(array))?;
        let Some(member) = members.first().map(|m| format!("/dev/{}", m.mdstat_device)) else {
            return Ok(None);
        };
        let Some(at) = md090::place(self.size(&member)?) else { return Ok(None) };
        let at = i64::try_from(at).unwrap_or(i64::MAX);
        let doing = format!("reading the superblock of {member}");
        let bytes = self.ask(&doing, |g| g.pread_device(&member, md090::SIZE, at))?;
        Ok(md090::minor(&bytes).map(|minor| minor.to_string()))
    }

    /// Says of each volume and array what it is made of.
    pub(super) fn tell_members(&mut self, facts: &mut GuestFacts) -> Result<()> {
        let mut groups: HashMap<String, Vec<String>> = HashMap::new();
        for (group, _) in facts.block.iter().filter_map(|b| b.lv.as_ref()) {
            if !groups.contains_key(group) {
                let uuids = self.ask(&format!("looking at {group}"), |g| g.vgpvuuids(group))?;
                groups.insert(group.clone(), holding(facts, "LVM2_member", &uuids));
            }
        }
        let arrays: HashMap<String, Vec<String>> = facts
            .block
            .iter()
            .filter_map(|b| Some((b.name.clone(), b.array.as_ref()?.uuid.clone())))
            .map(|(name, uuid)| (name, holding(facts, "linux_raid_member", &[uuid])))
            .collect();
        self.arrays = arrays.keys().cloned().collect();
        for device in &mut facts.block {
            let volume = device.lv.as_ref().and_then(|(group, _)| groups.get(group));
            if let Some(made_of) = volume.or_else(|| arrays.get(&device.name)) {
                device.inside.clone_from(made_of);
            }
        }
        Ok(())
    }

    pub(super) fn size(&self, name: &str) -> Result<u64> {
        let size = self.ask(&format!("measuring {name}"), |g| g.blockdev_getsize64(name))?;
        Ok(u64::try_from(size).unwrap_or(0))
    }

    pub(super) fn probe(&self, name: &str) -> Result<BlockDevice> {
        Ok(described(name, &self.tags(name)?))
    }

    /// What `blkid -p -i` says of a device; nothing for a device that holds nothing.
    fn tags(&self, name: &str) -> Result<HashMap<String, String>> {
        // blkid(8) exits with 2 for "nothing found", which libguestfs reports as a failure without errno.
        match self.ask(&format!("probing {name}"), |g| g.blkid(name)) {
            Ok(tags) => Ok(tags),
            Err(_) => {
                // A device that cannot be read at all is an error, not an empty device.
                self.ask(&format!("reading {name}"), |g| g.pread_device(name, 512, 0))?;
                Ok(HashMap::new())
            }
        }
    }

    fn has_boot_code(&self, name: &str) -> Result<bool> {
        let sector =
            self.ask(&format!("reading the first sector of {name}"), |g| g.pread_device(name, 512, 0))?;
        Ok(boots(&sector))
    }
}

/// Numbers and names of the partitions that a prefix and a number name, in the order of their numbers.
fn numbered(names: &[String], prefix: &str) -> Vec<(u32, String)> {
    let number = |name: &String| Some((name.strip_prefix(prefix)?.parse().ok()?, name.clone()));
    let mut found: Vec<(u32, String)> = names.iter().filter_map(number).collect();
    found.sort();
    found
}

/// Names of the devices of a kind that have one of these UUIDs. Programs group the digits in their own ways.
fn holding(facts: &GuestFacts, fstype: &str, uuids: &[String]) -> Vec<String> {
    let plain = |uuid: &str| uuid.replace(['-', ':'], "").to_ascii_lowercase();
    let wanted: Vec<String> = uuids.iter().map(|uuid| plain(uuid)).collect();
    let held =
        |b: &&BlockDevice| b.fstype == fstype && !b.uuid.is_empty() && wanted.contains(&plain(&b.uuid));
    facts.block.iter().filter(held).map(|b| b.name.clone()).collect()
}

/// blkid(8) writes `\` before what a shell would read, and `\x01` for what cannot be printed (`-o export`).
fn unescaped(value: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        let next = if byte == b'\\' { rest.next() } else { None };
        match next {
            Some(b'x') => {
                let digits: Vec<u8> = rest.by_ref().take(2).collect();
                let number = std::str::from_utf8(&digits).ok().and_then(|d| u8::from_str_radix(d, 16).ok());
                bytes.push(number.unwrap_or(b'?'));
            }
            Some(other) => bytes.push(other),
            None => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn described(name: &str, tags: &HashMap<String, String>) -> BlockDevice {
    let tag = |key: &str| tags.get(key).cloned().unwrap_or_default();
    BlockDevice {
        name: name.to_owned(),
        fstype: tag("TYPE"),
        uuid: tag("UUID"),
        label: unescaped(&tag("LABEL")),
        partlabel: unescaped(&tag("PART_ENTRY_NAME")),
        partuuid: Some(tag("PART_ENTRY_UUID")).filter(|t| !t.is_empty()).unwrap_or_else(|| tag("PARTUUID")),
        ..BlockDevice::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_were_written() {
        for (written, name) in [
            ("plain", "plain"),
            ("EFI\\ System\\ Partition", "EFI System Partition"),
            ("a\\\\b\\$\\\"", "a\\b$\""),
            ("\\xc3\\xa4\\x01", "\u{e4}\u{1}"),
            ("end\\", "end\\"),
        ] {
            let tags = HashMap::from([("PART_ENTRY_NAME".to_owned(), written.to_owned())]);
            assert_eq!(described("/dev/sda1", &tags).partlabel, name);
        }
    }
}
