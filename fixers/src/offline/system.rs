//! The operating systems on the disks.

use super::chosen::choose;
use super::detect::Detected;
use super::session::Session;
use crate::error::Result;
use crate::facts::{GuestFacts, SystemFacts};

impl Session {
    /// Everything that the disks say: block devices, systems, mounts, and what the files of the one Linux system
    /// tell. `facts.hardware` must be filled before: device names of the guest are resolved with it. File systems
    /// are mounted read-only and stay so.
    ///
    /// # Errors
    /// The appliance failed, or a file of the guest cannot be read; the system that was chosen is not there. Disks
    /// without a system are no error otherwise.
    pub fn inspect(&mut self, facts: &mut GuestFacts) -> Result<()> {
        self.find_system(facts)?;
        crate::inspect::gather(self, facts)
    }

    /// As [`Session::inspect`], but of the files only the bootloader's: what a boot test needs.
    ///
    /// # Errors
    /// As [`Session::inspect`].
    pub fn inspect_boot(&mut self, facts: &mut GuestFacts) -> Result<()> {
        self.find_system(facts)?;
        if facts.is_linux() {
            crate::inspect::gather_bootloader(self, facts)?;
        }
        Ok(())
    }

    /// Mounts what an earlier session found. It is found anew: the kernel may name disks otherwise this time.
    ///
    /// # Errors
    /// As [`Session::inspect`]; a file system that was mounted then cannot be mounted now.
    pub fn remount(&mut self, earlier: &GuestFacts) -> Result<()> {
        let mut facts = GuestFacts { hardware: earlier.hardware.clone(), ..GuestFacts::default() };
        self.find_system(&mut facts)?;
        self.same_mounts(earlier)
    }

    fn find_system(&mut self, facts: &mut GuestFacts) -> Result<()> {
        self.block_facts(facts)?;
        self.note_bitlocker(facts)?;
        self.open_containers(facts)?;
        self.tell_members(facts)?;
        self.note_encrypted(facts);
        facts.systems = match self.detect(&facts.block)? {
            Detected::All(systems) => systems,
            Detected::Unsure => self.ask_libguestfs()?,
        };
        facts.systems.sort_by(|a, b| a.root.cmp(&b.root));
        if let Some(root) = &self.root {
            choose(facts, root)?;
        }
        if facts.system().is_some() {
            self.mount_system(facts)?;
        }
        Ok(())
    }

    /// libguestfs' own inspection: it knows every system there is, and takes ten times as long.
    fn ask_libguestfs(&self) -> Result<Vec<SystemFacts>> {
        let roots = self.ask("looking for operating systems", |g| g.inspect_os())?;
        roots.iter().map(|root| self.system(root)).collect()
    }

    fn system(&self, root: &str) -> Result<SystemFacts> {
        let doing = format!("inspecting the system on {root}");
        Ok(SystemFacts {
            root: root.to_owned(),
            kind: self.ask(&doing, |g| g.inspect_get_type(root))?,
            distro: self.ask(&doing, |g| g.inspect_get_distro(root))?,
            product: self.ask(&doing, |g| g.inspect_get_product_name(root))?,
            major: self.ask(&doing, |g| g.inspect_get_major_version(root))?,
            minor: self.ask(&doing, |g| g.inspect_get_minor_version(root))?,
            arch: self.ask(&doing, |g| g.inspect_get_arch(root))?,
            hostname: self.ask(&doing, |g| g.inspect_get_hostname(root))?,
            package_format: self.ask(&doing, |g| g.inspect_get_package_format(root))?,
            osinfo: self.ask(&doing, |g| g.inspect_get_osinfo(root))?,
        })
    }
}
