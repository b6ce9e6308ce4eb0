//! DDInstall sections (Microsoft: "INF DDInstall Section" and those of `.HW`, `.Services`, `.CoInstallers`, `.Wdf`).

use std::sync::Arc;

use super::decoration;
use super::error::Fault;
use super::lexer::Section;
use super::resolver::{Failure, Resolver};
use super::types::Install;

impl Resolver<'_> {
    /// The install section that applies under a name; `line` is that which refers to it.
    pub(super) fn install(&mut self, name: &str, line: u32) -> Result<Arc<Install>, Failure> {
        let key = name.to_lowercase();
        if let Some(known) = self.installs.get(&key) {
            return Ok(known.clone());
        }
        let sections = self.sections;
        let names = decoration::install(name, &self.target);
        let section = names.iter().find_map(|name| sections.find(name));
        let section = section.ok_or_else(|| (line, Fault::Missing(name.to_owned())))?;
        let install = Arc::new(self.read_install(section)?);
        self.installs.insert(key, install.clone());
        Ok(install)
    }

    fn read_install(&mut self, section: &Section) -> Result<Install, Failure> {
        let mut install = Install { section: section.name.clone(), ..Install::default() };
        let sections = self.sections;
        let part = |suffix: &str| sections.find(&format!("{}.{suffix}", section.name));
        self.visit(section)?;
        self.foreign(section, &mut install);
        install.registry = self.add_reg(section, &mut install.absent)?;
        install.files = self.copy_files(section)?;
        if let Some(hardware) = part("HW") {
            self.visit(hardware)?;
            self.foreign(hardware, &mut install);
            install.hardware = self.add_reg(hardware, &mut install.absent)?;
        }
        if let Some(co_installers) = part("CoInstallers") {
            self.visit(co_installers)?;
            install.co_installers = self.add_reg(co_installers, &mut install.absent)?;
            install.files.extend(self.copy_files(co_installers)?);
        }
        if let Some(services) = part("Services") {
            self.visit(services)?;
            self.foreign(services, &mut install);
            self.services(services, &mut install)?;
        }
        if let Some(wdf) = part("Wdf") {
            self.visit(wdf)?;
            let directive = |line: &super::Line| {
                let key = line.key.iter().cloned();
                key.chain(line.values.iter().map(|value| self.text(value))).collect()
            };
            install.wdf = wdf.lines.iter().map(directive).collect();
        }
        Ok(install)
    }

    /// What it takes from INF files that Windows brings.
    fn foreign(&self, section: &Section, install: &mut Install) {
        let names = |key| self.named(section, key).into_iter().map(|(name, _)| name);
        install.includes.extend(names("Include"));
        install.needs.extend(names("Needs"));
    }
}
