//! Whether a filter of lvm.conf lets a disk of the target pass (lvm.conf(5), devices/filter).
//!
//! Patterns are `a|REGEX|` or `r|REGEX|` with any delimiter; the first that matches one of a device's names decides,
//! and what none matches passes. The regexes are not run: they are the guest's, and a look at which names they hold
//! tells what has to be told.

/// Whether a disk `/dev/vdX` (`disk` is `vd`) or `/dev/sdX` may pass.
pub(super) fn passes(patterns: &[String], disk: &str) -> bool {
    let mut pinned = false;
    for pattern in patterns {
        let Some((accepts, regex)) = parse(pattern) else { continue };
        let here = names_disk(regex, disk) || names_content(regex);
        match (accepts, is_everything(regex)) {
            (true, true) => return true,
            (true, false) if here => return true,
            (true, false) => pinned |= names_old_hardware(regex),
            // Volumes on RAID or multipath devices pass by other names; so only pinned disks are reported.
            (false, true) => return !pinned,
            (false, false) if here && regex.contains(disk) => return false,
            (false, false) => {}
        }
    }
    true
}

/// Whether the pattern accepts, and its regex.
fn parse(pattern: &str) -> Option<(bool, &str)> {
    let mut chars = pattern.trim().chars();
    let accepts = match chars.next()? {
        'a' => true,
        'r' => false,
        _ => return None,
    };
    let close = match chars.next()? {
        '(' => ')',
        '[' => ']',
        '{' => '}',
        other => other,
    };
    let rest = chars.as_str();
    Some((accepts, rest.strip_suffix(close).unwrap_or(rest)))
}

fn is_everything(regex: &str) -> bool {
    let bare = regex.trim_start_matches('^').trim_end_matches('$');
    matches!(
        bare,
        "" | "." | ".*" | "/" | "/.*" | ".*/.*" | "/dev" | "/dev/" | "/dev/.*" | "/dev/.+" | "/dev/*"
    )
}

/// `/dev/vd.*`, `/dev/[vs]d[a-z]`, `/dev/v`.
fn names_disk(regex: &str, disk: &str) -> bool {
    let (letter, rest) = disk.split_at(1);
    let in_class = regex.split('[').skip(1).filter_map(|part| part.split_once(']')).any(|(class, after)| {
        after.starts_with(rest)
            && !class.starts_with('^')
            && (class.contains(letter) || class.contains("a-z"))
    });
    regex.contains(disk)
        || regex.ends_with(&format!("/dev/{letter}"))
        || regex.contains("/dev/.d")
        || in_class
}

/// Names made of what is on the disk hold on the target.
fn names_content(regex: &str) -> bool {
    ["lvm-pv-uuid", "by-uuid", "by-partuuid", "by-partlabel", "by-label"]
        .iter()
        .any(|name| regex.contains(name))
}

fn names_old_hardware(regex: &str) -> bool {
    let mapped = ["mapper", "mpath", "/dev/md", "dm-"].iter().any(|name| regex.contains(name));
    let disks = ["sd", "hd", "]d", "xvd", "vd", "nvme", "by-path", "by-id", "wwn", "cciss", "block"];
    !mapped && disks.iter().any(|name| regex.contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(patterns: &[&str], disk: &str) -> bool {
        let patterns: Vec<String> = patterns.iter().map(|p| (*p).to_owned()).collect();
        passes(&patterns, disk)
    }

    #[test]
    fn filters_that_let_the_new_disks_pass() {
        let cases: &[&[&str]] = &[
            &[],
            &["a/.*/"],
            &["a|.*|"],
            &["r|/dev/cdrom|"],
            &["r|^/dev/sr[0-9]|", "r|/dev/sdb|"],
            &["a|^/dev/sd.*|", "a|^/dev/vd.*|", "r|.*|"],
            &["a|/dev/[sv]d[a-z]|", "r|.*|"],
            &["a|/dev/disk/by-id/lvm-pv-uuid-.*|", "r|.*|"],
            &["a|/dev/md.*|", "r|.*|"],
            &["a|/dev/mapper/mpath.*|", "r|.*|"],
            &["a|^/dev/sda2$|"],
            &["nonsense", "", "a"],
        ];
        for patterns in cases {
            assert!(check(patterns, "vd"), "{patterns:?}");
        }
        assert!(check(&["a|^/dev/sd.*|", "r|.*|"], "sd"));
    }

    #[test]
    fn filters_that_reject_them() {
        let cases: &[&[&str]] = &[
            &["a|^/dev/sd.*|", "r|.*|"],
            &["a/sda/", "r/.*/"],
            &["a{/dev/sda2}", "r(.*)"],
            &["a|/dev/disk/by-path/pci-0000:03:00.0-scsi-.*|", "r|/dev/.*|"],
            &["a|/dev/disk/by-id/scsi-36000.*|", "r|.*|"],
            &["a|/dev/nvme0n1p3|", "r|^.*$|"],
            &["a|/dev/[sh]d[a-z]|", "r|.*|"],
            &["r|/dev/vd.*|"],
        ];
        for patterns in cases {
            assert!(!check(patterns, "vd"), "{patterns:?}");
        }
        assert!(!check(&["a|/dev/disk/by-path/pci-.*|", "r|.*|"], "sd"));
    }

    proptest::proptest! {
        #[test]
        fn no_pattern_panics(patterns in proptest::collection::vec("[ar]?\\PC{0,20}", 0..5)) {
            passes(&patterns, "vd");
        }
    }
}
