//! Users and groups of the guest, as its files say (passwd(5), group(5)).

use crate::error::Result;
use crate::guest::Guest;

use super::text::TextFile;

pub(crate) const PASSWD: &str = "/etc/passwd";
pub(crate) const GROUP: &str = "/etc/group";
/// Ids of people: login.defs(5), `UID_MIN` and `UID_MAX`.
const FIRST_ID: u32 = 1000;
const LAST_ID: u32 = 60_000;

/// A line of passwd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    pub uid: u32,
    pub gid: u32,
    pub home: String,
}

/// What both files say.
pub(crate) struct Accounts {
    passwd: String,
    group: String,
}

impl Accounts {
    /// Reads them; what is not there has no lines.
    ///
    /// # Errors
    /// The guest could not be read.
    pub fn read(guest: &dyn Guest) -> Result<Self> {
        let text = |path| Ok(TextFile::read(guest, path)?.map(|file| file.text).unwrap_or_default());
        Ok(Self { passwd: text(PASSWD)?, group: text(GROUP)? })
    }

    /// The user of this name.
    pub fn user(&self, name: &str) -> Option<Account> {
        let fields = entry(&self.passwd, name)?;
        Some(Account {
            uid: fields.get(2)?.parse().ok()?,
            gid: fields.get(3)?.parse().ok()?,
            home: (*fields.get(5)?).to_owned(),
        })
    }

    /// Id of the group of this name.
    pub fn group(&self, name: &str) -> Option<u32> {
        entry(&self.group, name)?.get(2)?.parse().ok()
    }

    /// The lowest id of people that no user and no group has.
    pub fn free_id(&self) -> Option<u32> {
        let ids = |text: &str| -> Vec<u32> {
            text.lines().filter_map(|line| line.split(':').nth(2)?.parse().ok()).collect()
        };
        let (users, groups) = (ids(&self.passwd), ids(&self.group));
        (FIRST_ID..=LAST_ID).find(|id| !users.contains(id) && !groups.contains(id))
    }

    /// User and group id of `user:group`, each a name or a number.
    pub fn owner(&self, owner: &str) -> Option<(u32, u32)> {
        let (user, group) = owner.split_once(':')?;
        let uid = user.parse().ok().or_else(|| self.user(user).map(|u| u.uid))?;
        let gid = group.parse().ok().or_else(|| self.group(group))?;
        Some((uid, gid))
    }
}

/// The fields of the line of `name`.
pub(crate) fn entry<'t>(text: &'t str, name: &str) -> Option<Vec<&'t str>> {
    let line = text.lines().find(|line| line.split(':').next() == Some(name))?;
    Some(line.split(':').collect())
}
