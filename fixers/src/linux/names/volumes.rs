//! Names that are made from what is on the disks, not from where the disks are: logical volumes, opened encrypted
//! volumes, md arrays. They hold on any hardware; here they are found among the devices of the appliance, which may
//! call them otherwise.

use crate::facts::{ArrayFacts, BlockDevice, GuestFacts};

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
    array(facts, name)
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
            facts.block.iter().find(|b| b.fstype == "crypto_LUKS" && b.uuid.eq_ignore_ascii_case(uuid))
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
    device.filter(|b| b.fstype == "crypto_LUKS")
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
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{ArrayLine, CryptVolume};
    use crate::linux::testing::{device, facts};

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
        let secret = BlockDevice { fstype: "crypto_LUKS".to_owned(), ..volume("secret", "/dev/sda3") };
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
            ("/dev/mapper/loop", None),
            ("/dev/mapper/gone", None),
            ("/dev/mapper/my-vg-secret", None),
            ("/dev/sdb3", None),
        ] {
            assert_eq!(find_volume(&facts, name).map(|b| b.name.as_str()), found, "{name}");
        }
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
