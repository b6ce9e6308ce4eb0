//! Rules about the images of the disks, and how they hang together.

use h2k_fixers::Severity;

use super::{Finding, Rule, Seen};
use crate::image::Image;
use crate::plan::text::bytes;

/// Logical sectors of every disk that h2k gives to a target, in bytes.
const SECTOR: u32 = 512;

pub(super) static RULES: &[Rule] = &[
    Rule {
        id: "disk.extent-alone",
        severity: Severity::Critical,
        acceptable: false,
        summary: "a disk is an extent without its descriptor: what its parent is, nobody knows",
        explanation: "A delta without its descriptor does not say which image it was made on. Copied alone, everything that it does not hold itself would read as zeros: the result would be another disk.",
        advice: "give the descriptor (the small .vmdk that names the extent) with the parents beside it; h2k convert \
                 copies the extent alone",
        check: |s| {
            each(s, |image| image.orphan.then(|| "what its parent holds would read as zeros".to_owned()))
        },
    },
    Rule {
        id: "disk.sector-size",
        severity: Severity::Critical,
        acceptable: false,
        summary: "a disk has sectors that are not of 512 bytes; its partitions are not found on a target's disk",
        explanation: "Partition tables count in logical sectors. On a disk with sectors of 512 bytes, which every target of h2k's has, the table of such a disk points elsewhere, and nothing on it is found.",
        advice: "h2k convert copies the disk; attach it with logical_block_size=4096",
        check: |s| {
            each(s, |image| {
                let sector = image.sector.filter(|sector| *sector != SECTOR)?;
                Some(format!("logical sectors of {sector} bytes"))
            })
        },
    },
    Rule {
        id: "disk.left-out",
        severity: Severity::Information,
        acceptable: true,
        summary: "an image holds something besides the disk's present content, which is not carried over",
        explanation: "Formats can hold more than a disk: snapshots inside of a qcow2, bitmaps of a backup, metadata of a program. The copy is the disk as the guest sees it now.",
        advice: "nothing, unless you need it: then take it out with the program that made it",
        check: |s| {
            let notes = s.disks.iter().enumerate().flat_map(|(n, disk)| {
                disk.chain
                    .images()
                    .iter()
                    .flat_map(move |image| image.notes.iter().map(move |note| (n, note)))
            });
            notes.map(|(n, note)| Finding::new(format!("disk {n}"), note)).collect()
        },
    },
    Rule {
        id: "disk.chain",
        severity: Severity::Information,
        acceptable: true,
        summary: "a disk consists of a snapshot and its parents; their present state is copied as one disk",
        explanation: "Snapshots (VMware's deltas, Hyper-V's checkpoints) lie upon their parents. All images were found, fit together by their identifiers, and are read as one disk; the result has no chain.",
        advice: "nothing: all images of the chain were found and fit together",
        check: chains,
    },
];

/// What is found at single images.
fn each(seen: &Seen<'_>, found: impl Fn(&Image) -> Option<String>) -> Vec<Finding> {
    let images =
        seen.disks.iter().enumerate().flat_map(|(n, disk)| disk.chain.images().iter().map(move |i| (n, i)));
    images.filter_map(|(n, image)| Some(Finding::new(format!("disk {n}"), found(image)?))).collect()
}

fn chains(seen: &Seen<'_>) -> Vec<Finding> {
    let several = seen.disks.iter().enumerate().filter(|(_, disk)| disk.chain.images().len() > 1);
    several
        .map(|(n, disk)| {
            let images = disk.chain.images();
            let name = |image: &Image| {
                let files: u64 = image.files.iter().map(|file| file.size).sum();
                let name = image.path.file_name().unwrap_or(image.path.as_os_str());
                format!("{} ({}, {})", name.to_string_lossy(), image.format_name(), bytes(files))
            };
            let names: Vec<String> = images.iter().map(name).collect();
            Finding::new(format!("disk {n}"), format!("{} images: {}", images.len(), names.join(" on ")))
        })
        .collect()
}
