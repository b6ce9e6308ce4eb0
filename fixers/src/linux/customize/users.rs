//! `linux.users`: users that the settings ask for, and their SSH keys.

use h2k_config::Policy;
use h2k_config::customize::User;

use super::refused;
use crate::guest::{self, FileKind};
use crate::linux::accounts::{Account, Accounts, GROUP, PASSWD, entry};
use crate::linux::text::TextFile;
use crate::{Change, Edit, Fixer, Guest, GuestFacts, GuestMut, Proposal, Recorder, error::Result};

const ID: &str = "linux.users";
const SHADOW: &str = "/etc/shadow";
const GSHADOW: &str = "/etc/gshadow";
/// No password fits it (crypt(3)), and unlike `!` it does not lock the account for sshd(8).
const NO_PASSWORD: &str = "*";

/// Makes users and gives them SSH keys.
pub struct Users;

impl Fixer for Users {
    fn id(&self) -> &'static str {
        ID
    }

    fn summary(&self) -> &'static str {
        "makes the users that customize asks for, with their SSH keys"
    }

    fn explanation(&self) -> &'static str {
        "Each user of customize.users who is not there is made as useradd does it: a line in /etc/passwd, /etc/group, \
         /etc/shadow and /etc/gshadow with the lowest free id from 1000, a home directory of mode 0700, and no password \
         that fits, so that only a key opens the account. Files of /etc/skel are not copied. Keys that are missing in \
         ~/.ssh/authorized_keys are added, those that are there stay; owner and modes are as sshd wants them. Users who \
         are there keep their ids, home, shell and password. What /etc/shadow held before is not shown in the plan. \
         A home directory whose .ssh is a link is left alone, which is a critical concern."
    }

    fn plan(&self, facts: &GuestFacts, guest: &dyn Guest, policy: &Policy) -> Result<Proposal> {
        let mut proposal = Proposal::default();
        if !facts.is_linux() {
            return Ok(proposal);
        }
        // Each user sees those before it.
        let mut recorder = Recorder::new(guest);
        for user in &policy.customize.users {
            let step = one(user, &recorder)?;
            for edit in &step.edits {
                recorder.apply(edit)?;
            }
            proposal.concerns.extend(step.concerns);
        }
        proposal.edits = recorder.into_edits();
        Ok(proposal)
    }
}

fn one(user: &User, guest: &dyn Guest) -> Result<Proposal> {
    let mut proposal = Proposal::default();
    let name = user.name.as_str();
    let mut recorder = Recorder::new(guest);
    let accounts = Accounts::read(guest)?;
    let account = match accounts.user(name) {
        Some(account) => account,
        None if entry(&TextFile::read(guest, PASSWD)?.map(|f| f.text).unwrap_or_default(), name)
            .is_some() =>
        {
            proposal.concerns.push(refused(name, "its line in /etc/passwd cannot be understood", "mend it"));
            return Ok(proposal);
        }
        None => match create(user, &accounts, &mut recorder)? {
            Some(account) => account,
            None => {
                let message = "the guest has no /etc/passwd, or no id from 1000 to 60000 is free";
                proposal.concerns.push(refused(name, message, "make the user in the guest"));
                return Ok(proposal);
            }
        },
    };
    for group in &user.groups {
        if !join_group(name, group.as_str(), &mut recorder)? {
            let message = format!("the guest has no group {}", group.as_str());
            proposal.concerns.push(refused(name, message, "name another group (sudo, wheel), or none"));
        }
    }
    if !user.ssh_keys.is_empty() && !keys(user, &account, &mut recorder)? {
        let message = format!("{}, its .ssh or its authorized_keys is a link or no directory", account.home);
        proposal.concerns.push(refused(name, message, "add the keys in the guest"));
    }
    proposal.edits = recorder.into_edits();
    Ok(proposal)
}

fn edit(user: &str, change: Change) -> Edit {
    Edit::new(ID, format!("customize.users: {user}"), change)
}

/// Makes the user and its group.
fn create(user: &User, accounts: &Accounts, recorder: &mut Recorder<'_>) -> Result<Option<Account>> {
    let name = user.name.as_str();
    let Some(id) = accounts.free_id().filter(|_| recorder.exists(PASSWD).unwrap_or(false)) else {
        return Ok(None);
    };
    let gid = accounts.group(name).unwrap_or(id);
    let shell = user.shell.as_ref().map_or("/bin/sh", |s| s.as_str());
    let home = format!("/home/{name}");
    append(name, PASSWD, &format!("{name}:x:{id}:{gid}::{home}:{shell}"), recorder)?;
    append(name, SHADOW, &format!("{name}:{NO_PASSWORD}:::::::"), recorder)?;
    if accounts.group(name).is_none() {
        append(name, GROUP, &format!("{name}:x:{gid}:"), recorder)?;
        append(name, GSHADOW, &format!("{name}:!::"), recorder)?;
    }
    if recorder.exists(&home)? {
        return Ok(Some(Account { uid: id, gid, home }));
    }
    owned_directory(name, &home, (id, gid), recorder)?;
    Ok(Some(Account { uid: id, gid, home }))
}

/// Appends a line to a file if that is there: not every guest has shadow files.
fn append(user: &str, path: &str, line: &str, recorder: &mut Recorder<'_>) -> Result<()> {
    let Some(file) = TextFile::read(recorder, path)? else { return Ok(()) };
    let Some(stat) = recorder.lstat(&file.path)? else { return Ok(()) };
    let first = if file.text.is_empty() || file.text.ends_with('\n') { "" } else { "\n" };
    let text = format!("{first}{line}\n");
    recorder.apply(&edit(user, Change::Append { path: file.path, size: stat.size, text }))
}

/// Whether there is such a group; the user is a member of it then.
fn join_group(user: &str, group: &str, recorder: &mut Recorder<'_>) -> Result<bool> {
    let Some(file) = TextFile::read(recorder, GROUP)? else { return Ok(false) };
    let Some(fields) = entry(&file.text, group).filter(|f| f.len() == 4) else { return Ok(false) };
    let members: Vec<&str> =
        fields.iter().skip(3).flat_map(|m| m.split(',')).filter(|m| !m.is_empty()).collect();
    if members.contains(&user) {
        return Ok(true);
    }
    let old = fields.join(":");
    let mut members = members;
    members.push(user);
    let new = format!("{}:{}", fields.get(..3).unwrap_or_default().join(":"), members.join(","));
    let after: Vec<&str> = file.text.split('\n').map(|l| if l == old { new.as_str() } else { l }).collect();
    if let Some(edit) = file.edit(ID, &after.join("\n"), format!("customize.users: {user}")) {
        recorder.apply(&edit)?;
    }
    Ok(true)
}

/// Adds the keys that are missing. Whether the places are what they should be.
fn keys(user: &User, account: &Account, recorder: &mut Recorder<'_>) -> Result<bool> {
    let name = user.name.as_str();
    let ssh = guest::join(&account.home, ".ssh");
    let path = guest::join(&ssh, "authorized_keys");
    let is = |recorder: &Recorder<'_>, path: &str, kind| {
        Ok::<_, crate::GuestError>(recorder.lstat(path)?.map(|stat| stat.kind == kind))
    };
    let home = is(recorder, &account.home, FileKind::Directory)?;
    let places = [home, is(recorder, &ssh, FileKind::Directory)?, is(recorder, &path, FileKind::File)?];
    let odd = !account.home.starts_with('/') || account.home.split('/').any(|part| part == "..");
    if odd || places.contains(&Some(false)) || home.is_none() {
        return Ok(false);
    }
    let owner = (account.uid, account.gid);
    if !recorder.exists(&ssh)? {
        owned_directory(name, &ssh, owner, recorder)?;
    }
    let before = TextFile::read(recorder, &path)?;
    let mut text = before.as_ref().map(|f| f.text.clone()).unwrap_or_default();
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    let there: Vec<String> = text.lines().map(|l| l.trim().to_owned()).collect();
    for key in user.ssh_keys.iter().filter(|key| !there.iter().any(|l| l == key.as_str())) {
        text.push_str(key.as_str());
        text.push('\n');
    }
    let reason = format!("customize.users: {name}");
    match before {
        Some(file) if there.len() == text.lines().count() => drop(file),
        Some(file) => file.edit(ID, &text, reason).iter().try_for_each(|e| recorder.apply(e))?,
        None => {
            recorder.apply(&Edit::create(ID, &path, &text, 0o600, reason))?;
            recorder.apply(&edit(name, Change::Chown { path, before: (0, 0), after: owner }))?;
        }
    }
    Ok(true)
}

fn owned_directory(user: &str, path: &str, owner: (u32, u32), recorder: &mut Recorder<'_>) -> Result<()> {
    recorder.apply(&edit(user, Change::Directory { path: path.to_owned(), mode: 0o700 }))?;
    recorder.apply(&edit(user, Change::Chown { path: path.to_owned(), before: (0, 0), after: owner }))
}
