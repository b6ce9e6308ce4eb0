//! What a `deviceType` of a VMX stands for.

/// Kind of a device on a disk bus.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A virtual disk.
    Disk,
    /// A virtual disk whose descriptor maps a physical one (`rawDisk`, the RDM kinds).
    MappedDisk(String),
    /// A CD-ROM drive.
    Cdrom {
        /// The image in it.
        image: Option<String>,
    },
    /// A device of the host that is no disk file.
    PassedThrough(String),
}

/// Sorts a device by its `deviceType` and `fileName`. Without a type it is a disk: VMware writes none for the
/// disks of some versions, on every bus.
pub(super) fn kind_of(device_type: Option<&str>, file_name: Option<&str>) -> Kind {
    let word = device_type.unwrap_or_default();
    match word.to_ascii_lowercase().as_str() {
        // A hand-written line may forget the type; no VMware disk is named so.
        "" if has_ending(file_name, ".iso") => Kind::Cdrom { image: file_name.map(str::to_owned) },
        "" | "disk" | "plaindisk" | "scsi-harddisk" | "ata-harddisk" => Kind::Disk,
        "cdrom-image" => Kind::Cdrom {
            // The words that VMware writes for a drive without a medium.
            image: file_name
                .filter(|f| !matches!(*f, "emptyBackingString" | "auto detect"))
                .map(str::to_owned),
        },
        other if other.contains("cdrom") => Kind::Cdrom { image: None },
        "rawdisk" => Kind::MappedDisk(word.to_owned()),
        // RDMs of old ESX, and types not heard of: a descriptor beside the VMX decides what they are.
        _ if has_ending(file_name, ".vmdk") => Kind::MappedDisk(word.to_owned()),
        _ => Kind::PassedThrough(word.to_owned()),
    }
}

fn has_ending(file_name: Option<&str>, ending: &str) -> bool {
    file_name.is_some_and(|name| name.to_ascii_lowercase().ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_disk() {
        for word in [None, Some("disk"), Some("plainDisk"), Some("scsi-hardDisk"), Some("ata-hardDisk")] {
            assert_eq!(kind_of(word, Some("a.vmdk")), Kind::Disk, "{word:?}");
        }
        for word in ["rawDisk", "scsi-passthru-rdm"] {
            assert_eq!(kind_of(Some(word), Some("a.vmdk")), Kind::MappedDisk(word.to_owned()));
        }
    }

    #[test]
    fn every_spelling_of_a_drive() {
        assert_eq!(
            kind_of(Some("cdrom-image"), Some("a.iso")),
            Kind::Cdrom { image: Some("a.iso".to_owned()) }
        );
        assert_eq!(kind_of(None, Some("A.ISO")), Kind::Cdrom { image: Some("A.ISO".to_owned()) });
        for (word, file) in [
            ("cdrom-raw", "auto detect"),
            ("atapi-cdrom", "/dev/sr0"),
            ("cdrom-image", "emptyBackingString"),
            ("remote-cdrom", ""),
        ] {
            assert_eq!(kind_of(Some(word), Some(file)), Kind::Cdrom { image: None }, "{word}");
        }
    }

    #[test]
    fn devices_of_the_host() {
        assert_eq!(
            kind_of(Some("scsi-passthru"), Some("/dev/sg0")),
            Kind::PassedThrough("scsi-passthru".to_owned())
        );
    }
}
