//! `[Manufacturer]` and the models (Microsoft: "INF Models Section").

use super::decoration;
use super::resolver::{Failure, Resolver};
use super::types::{Device, Text};

impl Resolver<'_> {
    /// The devices of a file.
    pub(super) fn devices(&mut self) -> Result<Vec<Device>, Failure> {
        let mut devices = Vec::new();
        let sections = self.sections;
        for line in sections.find("Manufacturer").map(|s| s.lines.as_slice()).unwrap_or_default() {
            self.keep(line.number)?;
            // A manufacturer without `=` is the name of the section too.
            let manufacturer = self.both(line.key.as_deref().unwrap_or_else(|| line.value(0)));
            let base = self.text(line.value(0));
            let decorations: Vec<String> = line.values.iter().skip(1).map(|v| self.text(v)).collect();
            let names = decoration::models(&base, &decorations, &self.target);
            if let Some(section) = names.iter().find_map(|name| sections.find(name)) {
                self.models(section, &manufacturer, &mut devices)?;
            }
        }
        Ok(devices)
    }

    fn models(
        &mut self,
        section: &super::Section,
        manufacturer: &Text,
        devices: &mut Vec<Device>,
    ) -> Result<(), Failure> {
        self.visit(section)?;
        for line in &section.lines {
            self.keep(line.number)?;
            let Some(description) = &line.key else { continue };
            let mut ids = line.values.iter().skip(1).map(|id| self.text(id));
            let hardware_id = ids.next().unwrap_or_default();
            let compatible_ids: Vec<String> = ids.filter(|id| !id.is_empty()).collect();
            // Without an id it is no device of plug and play.
            if hardware_id.is_empty() && compatible_ids.is_empty() {
                continue;
            }
            let install = self.install(&self.text(line.value(0)), line.number)?;
            devices.push(Device {
                manufacturer: manufacturer.clone(),
                description: self.both(description),
                models: section.name.clone(),
                hardware_id,
                compatible_ids,
                line: line.number,
                install,
            });
        }
        Ok(())
    }
}
