//! Which way each image goes: an archive is appended, or the guest's generator builds it anew.

use h2k_config::InitramfsWay;

use crate::error::Result;
use crate::facts::GuestFacts;
use crate::guest::Guest;

use super::Rebuild;
use super::append::{self, Appendix};

/// Generators for which a real guest of that kind was booted from an image with an appended archive.
const PROVEN: &[&str] = &[
    // tests/real_bios.rs and tests/real_md.rs: Debian 12.
    "initramfs-tools",
    // tests/real_xfs.rs and tests/real_btrfs.rs: Debian 12 with dracut 059.
    "dracut",
];

/// The images by the way that they go.
#[derive(Default)]
pub(super) struct Ways<'a> {
    /// An archive is appended.
    pub(super) appended: Vec<(Rebuild<'a>, Appendix)>,
    /// The generator builds them.
    pub(super) built: Vec<Rebuild<'a>>,
    /// Those of them for which appending was asked for and is not possible, with the reason.
    pub(super) refused: Vec<(String, String)>,
}

/// Chooses. `tool`: the guest has a generator that h2k runs.
///
/// # Errors
/// The guest could not be read.
pub(super) fn choose<'a>(
    facts: &GuestFacts,
    guest: &dyn Guest,
    way: InitramfsWay,
    tool: bool,
    rebuilds: Vec<Rebuild<'a>>,
) -> Result<Ways<'a>> {
    let mut ways = Ways::default();
    // The scripts of packages that come or go may build the image anew: what would be appended fits the old one.
    let settled = !guest.runs_programs();
    for rebuild in rebuilds {
        if way == InitramfsWay::Tool {
            ways.built.push(rebuild);
            continue;
        }
        match append::appendix(facts, guest, &rebuild)? {
            Ok(appendix) if way == InitramfsWay::Append || !tool || settled && is_sure(&appendix) => {
                ways.appended.push((rebuild, appendix));
            }
            Ok(_) => ways.built.push(rebuild),
            Err(why) => {
                if way == InitramfsWay::Append {
                    ways.refused.push((rebuild.initramfs.path.clone(), why));
                }
                ways.built.push(rebuild);
            }
        }
    }
    Ok(ways)
}

/// Whether it boots as surely as one that the generator builds.
fn is_sure(appendix: &Appendix) -> bool {
    PROVEN.contains(&appendix.generator.as_str()) && appendix.old_names.is_empty()
}
