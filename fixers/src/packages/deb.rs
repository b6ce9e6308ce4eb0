//! Debian packages (deb(5)): an ar archive of a control archive and a data archive.

use std::io::Read;

use super::tar;
use super::{Format, Package};

const MAGIC: &[u8] = b"!<arch>\n";
/// Header of a member (ar(5)): name 16, date 12, owner 6, group 6, mode 8, size 10, end 2.
const MEMBER: usize = 60;

pub(super) fn parse(content: &[u8]) -> Result<Package, String> {
    let mut package = Package::new(Format::Deb);
    let mut rest = content.strip_prefix(MAGIC).ok_or("it is no Debian package")?;
    let mut control = None;
    let mut data = None;
    while let Some((header, after)) = rest.split_at_checked(MEMBER) {
        let text =
            |from, to| String::from_utf8_lossy(header.get(from..to).unwrap_or_default()).trim().to_owned();
        let size: usize = text(48, 58).parse().map_err(|_| "a member's size is no number")?;
        let (member, after) = after.split_at_checked(size).ok_or("it ends early")?;
        let name = text(0, 16).trim_end_matches('/').to_owned();
        if name.starts_with("control.tar") {
            control = Some(unpacked(&name, member)?);
        } else if name.starts_with("data.tar") {
            data = Some(unpacked(&name, member)?);
        }
        rest = after.get(size % 2..).unwrap_or_default();
    }
    let control = tar::entries(control.ok_or("it has no control archive")?, &|name| name == "control")?;
    let fields = control.into_iter().find(|e| e.name == "control").and_then(|e| e.content);
    read_control(&String::from_utf8_lossy(&fields.ok_or("it has no control file")?), &mut package);
    let data = tar::entries(data.ok_or("it has no data archive")?, &|_| false)?;
    package.paths = data.into_iter().filter(|e| !e.directory).map(|e| format!("/{}", e.name)).collect();
    Ok(package)
}

fn unpacked<'a>(name: &str, member: &'a [u8]) -> Result<Box<dyn Read + 'a>, String> {
    Ok(match name.rsplit('.').next() {
        Some("tar") => Box::new(member),
        Some("gz") => Box::new(flate2::read::GzDecoder::new(member)),
        Some("xz") => Box::new(liblzma::read::XzDecoder::new(member)),
        Some("zst") => Box::new(zstd::stream::read::Decoder::new(member).map_err(|e| e.to_string())?),
        _ => return Err(format!("{name}: its compression is not known")),
    })
}

/// deb-control(5); lines that begin with a blank go on with the field.
fn read_control(text: &str, package: &mut Package) {
    let joined = text.replace("\n ", " ").replace("\n\t", " ");
    for (field, value) in joined.lines().filter_map(|line| line.split_once(':')) {
        let value = value.trim();
        match field {
            "Package" => value.clone_into(&mut package.name),
            "Version" => value.clone_into(&mut package.version),
            "Architecture" => value.clone_into(&mut package.arch),
            "Pre-Depends" | "Depends" => {
                package.needs.extend(value.split(',').map(|clause| clause.trim().to_owned()));
            }
            _ => {}
        }
    }
}
