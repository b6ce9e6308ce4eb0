//! `linux.kernel-arguments`: devices on kernel command lines by names that hold on any hardware, in the files of every
//! boot loader as text. No generator is run: the plan can show the edit, and the guest's firmware is not that of the
//! appliance.

use h2k_config::Policy;

use super::names::Names;
use super::reason;
use super::shell::open_quote_line;
use super::text::TextFile;
use crate::{Concern, Edit, Fixer, Guest, GuestFacts, Proposal, Severity, error::Result};

mod arguments;
mod bls;
pub(crate) mod cmdline;
mod files;
mod grub_cfg;
mod grub_defaults;
mod grub_legacy;
mod grubenv;
mod kernel_cmdline;
mod sealed;
mod unified;
mod variables;

#[cfg(test)]
mod tests;

use arguments::Editor;
use grubenv::Broken;

pub use files::{Kind, rewrite};

const ID: &str = "linux.kernel-arguments";

/// Replaces device names of the old hardware on kernel command lines.
pub struct KernelArguments;

impl Fixer for KernelArguments {
    fn id(&self) -> &'static str {
        ID
    }

    fn summary(&self) -> &'static str {
        "names the root and resume devices by UUID in the files of the boot loader"
    }

    fn explanation(&self) -> &'static str {
        "root=/dev/sda1 on the kernel's command line names a disk as the old hardware did; on virtio the kernel or its \
         initramfs waits for it in vain. h2k finds the device that the name stands for and writes its UUID in place of \
         the name: in grub.cfg and what it leads on to, the GRUB environment block, menu.lst of GRUB legacy, \
         /etc/default/grub, Boot Loader Specification entries, /etc/kernel/cmdline, and the settings of extlinux, SUSE's \
         perl-Bootloader and dracut, for root=, resume=, and the other arguments that name devices, also where they \
         stand in a variable that a kernel line uses. Quotes, spacing and all other arguments stay byte for byte; GRUB's \
         own 'set root=' is left alone. The command line inside of a unified kernel image is written over in place where \
         the image is not signed and has room for it; otherwise one that names devices by the old hardware is reported. A root device is replaced only if it is the one that holds the \
         system. Where no kernel has an initramfs the partition's UUID is written, the only one that the kernel itself \
         understands. GRUB_DISABLE_LINUX_UUID=true is turned to false where the root device has a UUID, since \
         grub-mkconfig would write a device name again."
    }

    fn plan(&self, facts: &GuestFacts, guest: &dyn Guest, policy: &Policy) -> Result<Proposal> {
        let mut proposal = Proposal::default();
        if !facts.is_linux() {
            return Ok(proposal);
        }
        let names = Names::new(facts);
        let boot = &facts.bootloader;
        // Of a kernel whose image was not found nothing is known; a unified kernel image holds its initramfs.
        let mut bootable = facts.kernels.iter().filter(|k| k.image.is_some()).peekable();
        let bare = bootable.peek().is_some() && bootable.all(|k| k.initramfs.is_none());
        let kernel_only = bare && boot.ukis.is_empty();
        let mut editor = Editor::new(&names, kernel_only);
        let files = files::read(boot, guest)?;
        files::note_variables(&files, &mut editor.variables);
        let by_uuid =
            names.root().and_then(|root| names.stable(root)).is_some_and(|s| s.starts_with("UUID="));
        let partuuid = |(kind, file): &(Kind, TextFile)| {
            *kind == Kind::Settings && grub_defaults::allows_partuuid(&file.text)
        };
        let enable_uuid = by_uuid && !kernel_only && !files.iter().any(partuuid);
        for (kind, file) in &files {
            editor.begin(&file.path, &file.text);
            // GRUB 2 took its place; cloud images keep a menu.lst for nobody.
            editor.idle = *kind == Kind::GrubLegacy && !boot.grub_cfg.is_empty();
            proposal.edits.extend(edit(*kind, file, &mut editor, enable_uuid, &mut proposal.concerns));
        }
        proposal.concerns.extend(concerns(&editor));
        proposal.concerns.extend(files.iter().filter_map(|(kind, file)| open_quote(*kind, file)));
        boot.ukis.iter().for_each(|uki| unified::plan(uki, &names, &mut proposal));
        proposal.concerns.extend(sealed::concerns(facts, &names, guest, policy.disk_bus)?);
        Ok(proposal)
    }
}

fn edit(
    kind: Kind,
    file: &TextFile,
    editor: &mut Editor<'_>,
    enable_uuid: bool,
    concerns: &mut Vec<Concern>,
) -> Option<Edit> {
    let new = match files::rewrite_with(kind, &file.text, editor) {
        Ok(new) => new,
        Err(broken) => {
            concerns.push(broken_block(&file.path, broken));
            return None;
        }
    };
    let turn = enable_uuid && kind == Kind::Settings;
    let turned = if turn { grub_defaults::enable_uuid(&new) } else { new.clone() };
    file.edit(ID, &turned, why(editor, turned != new))
}

fn why(editor: &Editor<'_>, turned: bool) -> String {
    let uuid =
        "with GRUB_DISABLE_LINUX_UUID=true the next grub-mkconfig would name the root device as /dev/… again";
    match (editor.changed().next().is_some(), turned) {
        (false, true) => uuid.to_owned(),
        (_, false) => reason::renamed(editor.changed()),
        (true, true) => format!("{}; {uuid}", reason::renamed(editor.changed())),
    }
}

fn broken_block(path: &str, broken: Broken) -> Concern {
    let message = match broken {
        Broken::Malformed => {
            "it names a device by the old hardware, but is no GRUB environment block that can be edited"
        }
        Broken::Full => {
            "the device's UUID does not fit into the 1024 bytes that a GRUB environment block has"
        }
    };
    Concern::new(
        "guest.boot.grubenv",
        Severity::Critical,
        path,
        message,
        "set kernelopts with root=UUID=… in the guest (grub2-editenv) before the migration",
    )
}

/// A shell that reads such a file stops there, and so does grub-mkconfig.
fn open_quote(kind: Kind, file: &TextFile) -> Option<Concern> {
    let line = if kind == Kind::Settings { open_quote_line(&file.text)? } else { return None };
    Some(Concern::new(
        "guest.boot.syntax",
        Severity::Warning,
        format!("{} line {line}", file.path),
        "a quote is opened that is not closed; h2k reads the file line by line",
        "close the quote in the guest: the file's own generator cannot read it",
    ))
}

fn concerns(editor: &Editor<'_>) -> Vec<Concern> {
    let concern = |(what, why, weight, files): (&str, &str, arguments::Weight, &[String])| {
        Concern::new(
            "guest.boot.unresolved",
            weight.severity(),
            files.join(", "),
            format!("the kernel argument {what} stays: {why}"),
            "write UUID=… (see blkid) in the guest before the migration",
        )
    };
    editor.left().map(concern).collect()
}
