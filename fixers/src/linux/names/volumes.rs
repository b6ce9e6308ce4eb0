//! Names that are made from what is on the disks, not from where the disks are: logical volumes, opened encrypted
//! volumes, md arrays. They hold on any hardware; here they are found among the devices of the appliance, which may
//! call them otherwise.

use crate::facts::{ArrayFacts, BlockDevice, GuestFacts, LUKS};

use super::{Names, Resolution, Use};

/// How deep names are looked up: a volume of crypttab may be named by another's name.
const MAX_DEPTH: u32 = 4;

/// The volume that a guest calls `name`; `None` where it is no volume's name, or none on the disks.
pub fn find_volume<'a>(facts: &'a GuestFacts, name: &str) -> Option<&'a BlockDevice> {
    find(facts, name, MAX_DEPTH)
}

fn find<'a>(facts: &'a GuestFacts, name: &str, depth: u32) -> Option<&'a BlockDevice> {
    let logical = facts.block.iter().find(|b| b.lv.as_ref().is_some_and(|(vg, lv)| is_logical(name, vg, lv)));
    if logical.is_some() {
        return logical;
    }
    if let Some(mapped) = name.strip_prefix("/dev/mapper/") {
        return opened(facts, mapped, depth);
    }
    if let Some(link) = name.strip_prefix("/dev/disk/by-id/") {
        return by_id(facts, link, depth);
    }
    array(facts, name).or_else(|| {
        let (array, number) = partition_of(name)?;
        partition(facts, self::array(facts, array)?, number)
    })
}

/// What udev's links of device-mapper, md and LVM stand for (13-dm-disk.rules, 63-md-raid-arrays.rules,
/// 69-dm-lvm.rules). LVM makes its UUID of those of the group and the volume, without dashes.
fn by_id<'a>(facts: &'a GuestFacts, link: &str, depth: u32) -> Option<&'a BlockDevice> {
    let by = |test: &dyn Fn(&BlockDevice) -> bool| facts.block.iter().find(|b| test(b));
    if let Some(mapped) = link.strip_prefix("dm-name-") {
        return find(facts, &format!("/dev/mapper/{mapped}"), depth.checked_sub(1)?);
    }
    if let Some(uuids) = link.strip_prefix("dm-uuid-LVM-") {
        return by(&|b| !b.lv_uuid.is_empty() && uuids.len() == 64 && uuids.ends_with(&plain(&b.lv_uuid)));
    }
    if let Some(rest) = link.strip_prefix("dm-uuid-CRYPT-LUKS") {
        let uuid = rest.split('-').nth(1)?;
        let container = by(&|b| b.fstype == LUKS && same(&b.uuid, uuid))?;
        return facts.opened(container);
    }
    if let Some(uuid) = link.strip_prefix("lvm-pv-uuid-") {
        return by(&|b| b.fstype == "LVM2_member" && !b.uuid.is_empty() && plain(&b.uuid) == plain(uuid));
    }
    let (link, number) = match link.rsplit_once("-part") {
        Some((link, number)) => (link, Some(number.parse().ok()?)),
        None => (link, None),
    };
    let array = by(&|b| match (&b.array, link.strip_prefix("md-uuid-"), link.strip_prefix("md-name-")) {
        (Some(array), Some(uuid), _) => same(&array.uuid, uuid),
        (Some(array), _, Some(name)) => {
            !array.name.is_empty() && name.rsplit(':').next() == Some(array.name.as_str())
        }
        _ => false,
    })?;
    match number {
        Some(number) => partition(facts, array, number),
        None => Some(array),
    }
}

/// The digits of a UUID. Programs group them in their own ways, and those of LVM's count in their case.
fn plain(uuid: &str) -> String {
    uuid.replace(['-', ':'], "")
}

fn same(own: &str, uuid: &str) -> bool {
    !own.is_empty() && plain(own).eq_ignore_ascii_case(&plain(uuid))
}

/// An array's name and the number of its partition: a `p` stands before the number where the name ends in a digit
/// (md(4), "DEVICE NAMES").
fn partition_of(name: &str) -> Option<(&str, u32)> {
    let array = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let number = name.get(array.len()..)?.parse().ok()?;
    let digit = |name: &str| name.ends_with(|c: char| c.is_ascii_digit());
    let array = match array.strip_suffix('p') {
        Some(array) if digit(array) => array,
        _ => array,
    };
    (!digit(array) || name.get(array.len()..)?.starts_with('p')).then_some((array, number))
}

fn partition<'a>(facts: &'a GuestFacts, array: &BlockDevice, number: u32) -> Option<&'a BlockDevice> {
    facts.block.iter().find(|b| b.partition == Some(number) && b.inside.contains(&array.name))
}

/// The array of this name: by mdadm.conf, or by the name in its metadata.
fn array<'a>(facts: &'a GuestFacts, name: &str) -> Option<&'a BlockDevice> {
    let by =
        |test: &dyn Fn(&ArrayFacts) -> bool| facts.block.iter().find(|b| b.array.as_ref().is_some_and(test));
    match facts.arrays.iter().find(|line| line.device == name) {
        Some(line) => by(&|array| array.uuid == line.uuid),
        None => by(&|array| is_array(name, &array.name)),
    }
}

/// Whether `name` is a logical volume's: `/dev/VG/LV`, or its mapped name, in which a dash of either name is
/// doubled (lvm(8), "VALID NAMES").
fn is_logical(name: &str, vg: &str, lv: &str) -> bool {
    let mapped = format!("/dev/mapper/{}-{}", vg.replace('-', "--"), lv.replace('-', "--"));
    name == format!("/dev/{vg}/{lv}") || name == mapped
}

/// `/dev/md/NAME`, and `/dev/md0` for a name that is a number (mdadm(8), "DEVICE NAMES").
fn is_array(name: &str, array: &str) -> bool {
    let number = !array.is_empty() && array.bytes().all(|b| b.is_ascii_digit());
    let plain = number && (name == format!("/dev/md{array}") || name == format!("/dev/md_d{array}"));
    !array.is_empty() && (name == format!("/dev/md/{array}") || plain)
}

/// What is opened as `/dev/mapper/NAME`: by crypttab, or by the UUID that dracut and others make the name of.
fn opened<'a>(facts: &'a GuestFacts, mapped: &str, depth: u32) -> Option<&'a BlockDevice> {
    let entry = facts.crypttab.iter().find(|entry| entry.name == mapped);
    let container = match entry {
        Some(entry) => container(facts, &entry.device, depth.checked_sub(1)?),
        None => {
            let uuid = mapped.strip_prefix("luks-")?;
            facts.block.iter().find(|b| b.fstype == LUKS && b.uuid.eq_ignore_ascii_case(uuid))
        }
    }?;
    facts.opened(container)
}

/// The encrypted container that a guest calls `name`: by a tag, by the name of a volume, or by the old hardware's name
/// of its disk.
pub fn find_container<'a>(facts: &'a GuestFacts, name: &str) -> Option<&'a BlockDevice> {
    container(facts, name, MAX_DEPTH)
}

fn container<'a>(facts: &'a GuestFacts, name: &str, depth: u32) -> Option<&'a BlockDevice> {
    let device = by_tag(facts, name).or_else(|| find(facts, name, depth)).or_else(|| {
        match Names::new(facts).resolve(name, &Use::holding(super::Holds::Luks)) {
            Resolution::Resolved { device, .. } => Some(device),
            _ => None,
        }
    });
    device.filter(|b| b.fstype == LUKS)
}

/// `UUID=…`, `PARTUUID=…`, `LABEL=…`, or the links of the same meaning under `/dev/disk`.
pub fn by_tag<'a>(facts: &'a GuestFacts, spec: &str) -> Option<&'a BlockDevice> {
    let spec = spec.replace('"', "");
    let link = spec.strip_prefix("/dev/disk/by-").and_then(|rest| rest.split_once('/'));
    let (tag, value) = link.or_else(|| spec.split_once('='))?;
    let by = |test: &dyn Fn(&BlockDevice) -> bool| facts.block.iter().find(|b| test(b));
    match tag.to_ascii_uppercase().as_str() {
        "UUID" => by(&|b| b.uuid.eq_ignore_ascii_case(value)),
        "LABEL" => by(&|b| b.label == value),
        "PARTUUID" => by(&|b| b.partuuid.eq_ignore_ascii_case(value)),
        "PARTLABEL" => by(&|b| !value.is_empty() && b.partlabel == value),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{ArrayLine, CryptVolume};
    use crate::linux::testing::{device, facts};

    const LV_UUID: &str = "abcdef-GHIJ-klmn-OPQR-stuv-WXYZ-012345";

    fn layered() -> GuestFacts {
        let mut facts = facts();
        let held = |name: &str, inside: &str| BlockDevice {
            name: name.to_owned(),
            inside: vec![inside.to_owned()],
            ..BlockDevice::default()
        };
        let volume = |lv: &str, inside: &str| BlockDevice {
            lv: Some(("my-vg".to_owned(), lv.to_owned())),
            ..held(&format!("/dev/my-vg/{lv}"), inside)
        };
        let part = BlockDevice { partition: Some(2), ..held("/dev/md127p2", "/dev/md127") };
        let member = BlockDevice { partlabel: "raid".to_owned(), ..device(1, 2, "linux_raid_member") };
        let secret = BlockDevice {
            lv_uuid: LV_UUID.to_owned(),
            fstype: "crypto_LUKS".to_owned(),
            ..volume("secret", "/dev/sda3")
        };
        let array = BlockDevice {
            array: Some(ArrayFacts {
                name: "0".to_owned(),
                uuid: "1:2:3:4".to_owned(),
                ..ArrayFacts::default()
            }),
            ..held("/dev/md127", "/dev/sdb2")
        };
        facts.block.extend([
            device(0, 3, "LVM2_member"),
            secret,
            held("/dev/mapper/luks-x", "/dev/my-vg/secret"),
            device(1, 3, "crypto_LUKS"),
            member,
            part,
            held("/dev/mapper/luks-y", "/dev/sdb3"),
            array,
        ]);
        let line = |device: &str, uuid: &str| ArrayLine { device: device.to_owned(), uuid: uuid.to_owned() };
        facts.arrays = vec![line("/dev/md7", "1:2:3:4"), line("/dev/md1", "9:9:9:9")];
        let entry =
            |name: &str, device: &str| CryptVolume { name: name.to_owned(), device: device.to_owned() };
        facts.crypttab = vec![
            entry("a", "/dev/mapper/my--vg-secret"),
            entry("b", "/dev/sdb3"),
            entry("loop", "/dev/mapper/loop"),
            entry("gone", "UUID=12"),
        ];
        facts
    }

    #[test]
    fn volumes_are_found_by_every_name_that_they_have() {
        let facts = layered();
        let uuid = facts.device("/dev/sdb3").unwrap().uuid.clone();
        let by_uuid = format!("/dev/mapper/luks-{uuid}");
        let (group, volume) = ("G".repeat(32), LV_UUID.replace('-', ""));
        let lvm = format!("/dev/disk/by-id/dm-uuid-LVM-{group}{volume}");
        let lower = lvm.to_lowercase().replace("dm-uuid-lvm", "dm-uuid-LVM");
        let short = format!("/dev/disk/by-id/dm-uuid-LVM-{volume}");
        let luks = format!("/dev/disk/by-id/dm-uuid-CRYPT-LUKS2-{}-root", uuid.replace('-', ""));
        for (name, found) in [
            ("/dev/my-vg/secret", Some("/dev/my-vg/secret")),
            ("/dev/mapper/my--vg-secret", Some("/dev/my-vg/secret")),
            ("/dev/mapper/a", Some("/dev/mapper/luks-x")),
            ("/dev/mapper/b", Some("/dev/mapper/luks-y")),
            (by_uuid.as_str(), Some("/dev/mapper/luks-y")),
            ("/dev/md0", Some("/dev/md127")),
            ("/dev/md/0", Some("/dev/md127")),
            ("/dev/md7", Some("/dev/md127")),
            ("/dev/md1", None),
            ("/dev/md0p2", Some("/dev/md127p2")),
            ("/dev/md_d0p2", Some("/dev/md127p2")),
            ("/dev/md/0p2", Some("/dev/md127p2")),
            ("/dev/md7p2", Some("/dev/md127p2")),
            ("/dev/md0p3", None),
            ("/dev/md02", None),
            (lvm.as_str(), Some("/dev/my-vg/secret")),
            (lower.as_str(), None),
            (short.as_str(), None),
            (luks.as_str(), Some("/dev/mapper/luks-y")),
            ("/dev/disk/by-id/dm-name-my--vg-secret", Some("/dev/my-vg/secret")),
            ("/dev/disk/by-id/md-uuid-1:2:3:4", Some("/dev/md127")),
            ("/dev/disk/by-id/md-uuid-1:2:3:4-part2", Some("/dev/md127p2")),
            ("/dev/disk/by-id/md-name-host:0-part2", Some("/dev/md127p2")),
            ("/dev/disk/by-id/md-name-host:1", None),
            ("/dev/disk/by-id/scsi-0QEMU", None),
            ("/dev/mapper/loop", None),
            ("/dev/mapper/gone", None),
            ("/dev/mapper/my-vg-secret", None),
            ("/dev/sdb3", None),
        ] {
            assert_eq!(find_volume(&facts, name).map(|b| b.name.as_str()), found, "{name}");
        }
    }

    #[test]
    fn an_array_is_named_by_a_word_too() {
        let mut facts = layered();
        for device in &mut facts.block {
            device.array.iter_mut().for_each(|array| array.name = "root".to_owned());
        }
        for (name, found) in [
            ("/dev/md/root", Some("/dev/md127")),
            ("/dev/md/root2", Some("/dev/md127p2")),
            ("/dev/md/rootp2", None),
        ] {
            assert_eq!(find_volume(&facts, name).map(|b| b.name.as_str()), found, "{name}");
        }
        let label = by_tag(&facts, "PARTLABEL=raid").map(|b| b.name.as_str());
        assert_eq!((label, by_tag(&facts, "PARTLABEL=")), (Some("/dev/sdb2"), None));
    }

    #[test]
    fn containers_are_found_as_the_guest_names_them() {
        let facts = layered();
        let uuid = facts.device("/dev/sdb3").unwrap().uuid.clone();
        let link = format!("/dev/disk/by-uuid/{uuid}");
        for (name, found) in [
            ("/dev/sdb3", Some("/dev/sdb3")),
            (link.as_str(), Some("/dev/sdb3")),
            ("/dev/my-vg/secret", Some("/dev/my-vg/secret")),
            ("/dev/sda1", None),
            ("/dev/mapper/a", None),
        ] {
            assert_eq!(find_container(&facts, name).map(|b| b.name.as_str()), found, "{name}");
        }
    }

    #[test]
    fn what_lies_below_is_told_to_the_ground() {
        let facts = layered();
        let names = |name: &str| -> Vec<String> {
            facts.containers(facts.device(name).unwrap()).iter().map(|b| b.name.clone()).collect()
        };
        assert_eq!(names("/dev/mapper/luks-x"), ["/dev/my-vg/secret"]);
        assert_eq!(names("/dev/sda1"), Vec::<String>::new());
        let mut round = layered();
        round.block[0].inside = vec!["/dev/sda1".to_owned()];
        assert_eq!(round.below(&round.block[0]).len(), 1);
    }
}
