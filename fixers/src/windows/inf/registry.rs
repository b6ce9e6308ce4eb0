//! `AddReg` (Microsoft: "INF AddReg Directive").

use super::error::Fault;
use super::lexer::{Line, Section};
use super::number::{byte, word};
use super::resolver::{Failure, Resolver};
use super::types::{RegistryData, RegistryValue, Root};

/// The bits of the flags that tell the type: `FLG_ADDREG_BINVALUETYPE` and the high half.
const TYPE: u32 = 0xffff_0001;

impl Resolver<'_> {
    /// What the AddReg directives of a section write. Sections that do not exist are taken for empty, as Windows does.
    pub(super) fn add_reg(
        &mut self,
        section: &Section,
        absent: &mut Vec<String>,
    ) -> Result<Vec<RegistryValue>, Failure> {
        let mut values = Vec::new();
        let sections = self.sections;
        for (name, line) in self.named(section, "AddReg") {
            let Some(section) = sections.find(&name) else {
                self.keep(line)?;
                absent.push(name);
                continue;
            };
            self.visit(section)?;
            for line in &section.lines {
                self.keep(line.number)?;
                values.push(self.registry_value(line).map_err(|fault| (line.number, fault))?);
            }
        }
        Ok(values)
    }

    fn registry_value(&self, line: &Line) -> Result<RegistryValue, Fault> {
        // A `=` in the first field would have made a key of it.
        let root = root(&self.text(line.key.as_deref().unwrap_or_else(|| line.value(0))))?;
        let flags = word("a flag of AddReg", &self.text(line.value(3)))?;
        let fields: Vec<String> = line.values.iter().skip(4).map(|v| self.strings.substitute(v)).collect();
        let name = self.text(line.value(2));
        let deleted = flags & RegistryValue::DELETE != 0 && flags & RegistryValue::APPEND == 0;
        let key_only = flags & (RegistryValue::KEY_ONLY | RegistryValue::KEY_ONLY_COMMON) != 0;
        let data = if key_only || (line.values.len() <= 2 && !deleted) {
            RegistryData::Key
        } else if deleted {
            RegistryData::Delete
        } else {
            data(flags & TYPE, fields)?
        };
        Ok(RegistryValue {
            root,
            key: self.text(line.value(1)).trim_matches('\\').to_owned(),
            name,
            flags,
            data,
        })
    }
}

fn root(text: &str) -> Result<Root, Fault> {
    Ok(match text.to_ascii_uppercase().as_str() {
        "HKR" => Root::Relative,
        "HKCR" => Root::Classes,
        "HKCU" => Root::User,
        "HKLM" => Root::Machine,
        "HKU" => Root::Users,
        _ => {
            let (what, wanted) = ("a registry key's root", "HKR, HKLM, HKCR, HKCU or HKU");
            return Err(Fault::Malformed { what, wanted, value: text.to_owned() });
        }
    })
}

fn data(kind: u32, fields: Vec<String>) -> Result<RegistryData, Fault> {
    let first = || fields.first().cloned().unwrap_or_default();
    Ok(match kind {
        0 => RegistryData::Sz(first()),
        // The type cannot hold an empty string: it would be its end.
        0x0001_0000 => RegistryData::MultiSz(fields.into_iter().filter(|f| !f.is_empty()).collect()),
        0x0002_0000 => RegistryData::ExpandSz(first()),
        0x0001_0001 => RegistryData::Dword(dword(&fields)?),
        0x0002_0001 => RegistryData::None,
        1 => RegistryData::Binary(bytes(&fields)?),
        kind if kind & 1 != 0 => RegistryData::Other((kind >> 16) as u16, bytes(&fields)?),
        _ => {
            let value = format!("0x{kind:08x}");
            return Err(Fault::Malformed { what: "a flag of AddReg", wanted: "a known type", value });
        }
    })
}

/// One number, or four bytes with the least significant first.
fn dword(fields: &[String]) -> Result<u32, Fault> {
    match fields {
        [] => Ok(0),
        [_, _, ..] => {
            let four: Result<[u8; 4], _> = bytes(fields)?.try_into();
            let wanted = "one number or four bytes";
            four.map(u32::from_le_bytes).map_err(|_| Fault::Malformed {
                what: "a REG_DWORD",
                wanted,
                value: fields.join(","),
            })
        }
        [one] => word("a REG_DWORD", one),
    }
}

fn bytes(fields: &[String]) -> Result<Vec<u8>, Fault> {
    let given = fields.iter().filter(|field| !field.trim().is_empty());
    given.map(|field| byte("binary data", field)).collect()
}
