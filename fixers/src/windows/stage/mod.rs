//! Driver packages put into a guest as Windows itself puts them there: the driver store with INF file, catalog and files,
//! the published copies, and the driver database. Systems before Windows 8 have no database: their packages lie in a
//! directory of `DevicePath`, where plug and play looks for the drivers of new devices.

mod database;
mod device_path;
mod files;
mod publish;
mod services;

pub(super) use device_path::on_device_path;
pub(super) use files::Files;
pub(super) use services::{boot_service, critical_devices};

use self::publish::Published;
use super::drivers::Package;
use super::inspect::Hives;
use crate::edit::{Change, Edit};
use crate::error::Result;
use crate::facts::WindowsFacts;
use crate::guest::Guest;
use crate::hive::HiveEditor;

/// How far a package is installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// Plug and play finds it when the device appears.
    Staged,
    /// It is configured, so that the boot loader and the kernel use it before plug and play runs.
    Configured,
}

/// What staging needs of a guest.
#[derive(Clone, Copy)]
pub(super) struct Stage<'a> {
    pub(super) guest: &'a dyn Guest,
    pub(super) windows: &'a WindowsFacts,
    pub(super) fixer: &'static str,
}

impl Stage<'_> {
    /// Puts packages into the driver store and the database. The services of those that are configured are the caller's
    /// affair. The edits, and under which name each package was published.
    pub(super) fn install(
        &self,
        database: &str,
        packages: &[(&Package, Depth, String)],
    ) -> Result<(Vec<Edit>, Vec<Published>)> {
        let Some(hive) = self.guest.hive(database)? else { return Ok(Default::default()) };
        let mut editor = HiveEditor::new(&hive)?;
        let (mut edits, mut published, mut reasons) = (Vec::new(), Vec::new(), Vec::new());
        for (package, depth, reason) in packages {
            let name = Published::choose(self, editor.hive(), package)?;
            edits.extend(Files { stage: self, reason }.of_package(package, &name)?);
            database::register(&mut editor, package, &name, *depth)?;
            published.push(name);
            reasons.push(package.inf_name.clone());
        }
        let reason = format!("the driver database lists the packages: {}", reasons.join(", "));
        edits.extend(self.registry(database, editor, &reason));
        Ok((edits, published))
    }

    /// The edit that makes an editor's changes; none where there are none.
    pub(super) fn registry(&self, path: &str, editor: HiveEditor, reason: &str) -> Option<Edit> {
        let changes = editor.into_changes();
        let change = Change::Registry { path: path.to_owned(), changes };
        let none = matches!(&change, Change::Registry { changes, .. } if changes.is_empty());
        (!none).then(|| Edit::new(self.fixer, reason, change))
    }

    /// Its hives.
    pub(super) fn hives(&self) -> Result<Hives> {
        Hives::open(self.guest, &self.windows.system_root)
    }
}
