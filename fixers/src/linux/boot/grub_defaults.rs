//! What grub-mkconfig and other generators of boot configuration read: shell files (GRUB manual, "Simple
//! configuration handling").

use super::arguments::Editor;
use crate::linux::shell::{Assignment, assignment, words_of_file};
use crate::linux::text::{Replacement, replace};

/// What a variable holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Value {
    CommandLine,
    RootDevice,
}

/// What a variable of any of these files holds.
fn value_of(name: &str) -> Option<Value> {
    match name {
        "GRUB_DEVICE" => Some(Value::RootDevice),
        _ if name.starts_with("GRUB_CMDLINE_") => Some(Value::CommandLine),
        // extlinux-update of Debian, update-extlinux of Alpine.
        "EXTLINUX_ROOT" | "EXTLINUX_PARAMETERS" | "default_kernel_opts" => Some(Value::CommandLine),
        "root" => Some(Value::RootDevice),
        // /etc/sysconfig/bootloader, from which SUSE's perl-Bootloader makes the entries of new kernels.
        "DEFAULT_APPEND" | "FAILSAFE_APPEND" | "XEN_KERNEL_APPEND" => Some(Value::CommandLine),
        // genkernel.conf of Gentoo.
        "REAL_ROOT" => Some(Value::RootDevice),
        // dracut.conf(5): a command line that goes into the initramfs.
        "kernel_cmdline" => Some(Value::CommandLine),
        _ => None,
    }
}

/// The text with its device names replaced.
pub(super) fn rewrite(text: &str, editor: &mut Editor<'_>) -> String {
    let words = words_of_file(text);
    let edit = |assigned: Assignment<'_>| match value_of(assigned.name) {
        Some(Value::CommandLine) => editor.assigned(&assigned),
        Some(Value::RootDevice) => editor.assigned_device(&assigned, "root"),
        None => Vec::new(),
    };
    let replacements: Vec<Replacement> = words.iter().filter_map(assignment).flat_map(edit).collect();
    replace(text, &replacements)
}

/// Whether grub-mkconfig may name the root device by its partition's UUID, which is as good as its own.
pub(super) fn allows_partuuid(text: &str) -> bool {
    let words = words_of_file(text);
    let mut set = words.iter().filter_map(assignment).filter(|a| a.name == "GRUB_DISABLE_LINUX_PARTUUID");
    set.next_back().is_some_and(|a| a.word.text.get(a.value..) == Some("false"))
}

/// The text with `GRUB_DISABLE_LINUX_UUID=true` turned to false.
pub(super) fn enable_uuid(text: &str) -> String {
    let words = words_of_file(text);
    let disabled = |a: &Assignment<'_>| {
        a.name == "GRUB_DISABLE_LINUX_UUID" && a.word.text.get(a.value..) == Some("true")
    };
    let turn = |a: Assignment<'_>| {
        let (start, end) = a.word.place(a.value, a.word.text.len())?;
        Some(Replacement { start, end, text: "false".to_owned() })
    };
    let replacements: Vec<Replacement> =
        words.iter().filter_map(assignment).filter(disabled).filter_map(turn).collect();
    replace(text, &replacements)
}
