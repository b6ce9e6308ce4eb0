//! Registry hives of a guest in the appliance: changed on the host, written back as a whole.

use std::io::Write;

use super::session::{Session, text};
use crate::error::{GuestError, Result};
use crate::guest::Guest;
use crate::hive::RegChange;

impl Session {
    /// Changes a hive. Its file keeps its place, and with it owner and permissions.
    pub(super) fn change_hive(&self, path: &str, changes: &[RegChange]) -> Result<()> {
        let hive = self.hive(path)?.ok_or_else(|| GuestError::NotFound { path: path.to_owned() })?;
        // What fails on the way leaves a copy that is no longer the guest's.
        self.hives.borrow_mut().remove(path);
        changes.iter().try_for_each(|change| hive.apply(change))?;
        self.put_back(path, &hive.write()?)?;
        self.hives.borrow_mut().insert(path.to_owned(), hive);
        Ok(())
    }

    fn put_back(&self, path: &str, bytes: &[u8]) -> Result<()> {
        let failed =
            |source| GuestError::Host { doing: format!("making a temporary copy of {path}"), source };
        let mut copy = match &self.temp_dir {
            Some(dir) => tempfile::NamedTempFile::new_in(dir),
            None => tempfile::NamedTempFile::new(),
        }
        .map_err(failed)?;
        copy.write_all(bytes).map_err(failed)?;
        let name = text(copy.path())?;
        self.ask(&format!("writing {path}"), |g| g.upload(name, path))?;
        let mut back = Vec::new();
        std::io::Read::read_to_end(&mut self.open(path)?, &mut back).map_err(failed)?;
        if back == bytes {
            return Ok(());
        }
        let what = "it is not what was written".to_owned();
        Err(GuestError::Changed { path: path.to_owned(), what })
    }
}
