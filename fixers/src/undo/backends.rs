//! Taking back on a guest's disks and on a guest in memory.

use super::GuestUndo;
use crate::error::{GuestError, Result};
use crate::guest::Guest;
use crate::memory::MemoryGuest;
use crate::offline::Session;

impl GuestUndo for Session {
    fn extended(&self, path: &str) -> Result<bool> {
        self.more_attributes(path)
    }

    fn truncate(&mut self, path: &str, size: u64) -> Result<()> {
        self.cut(path, size)
    }

    fn remove_directory(&mut self, path: &str) -> Result<()> {
        self.rmdir(path)
    }

    fn clear_label(&mut self, path: &str) -> Result<()> {
        self.unlabel(path)
    }
}

impl GuestUndo for MemoryGuest {
    fn extended(&self, _path: &str) -> Result<bool> {
        Ok(false)
    }

    fn truncate(&mut self, path: &str, size: u64) -> Result<()> {
        let mut content = self.read(path)?.ok_or_else(|| GuestError::NotFound { path: path.to_owned() })?;
        content.truncate(usize::try_from(size).unwrap_or(usize::MAX));
        self.overwrite(path, content);
        Ok(())
    }

    fn remove_directory(&mut self, path: &str) -> Result<()> {
        if self.list(path)?.is_none_or(|names| !names.is_empty()) {
            return Err(GuestError::Unsupported(format!("{path}: no empty directory")));
        }
        self.delete(path);
        Ok(())
    }

    fn clear_label(&mut self, path: &str) -> Result<()> {
        self.unlabel(path);
        Ok(())
    }
}
