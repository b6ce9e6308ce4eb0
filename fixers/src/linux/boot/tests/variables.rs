//! Command lines and devices in variables of GRUB, and where an administrator or a generator keeps them.

use super::*;

const CFG: &str = "/boot/grub2/grub.cfg";

#[test]
fn a_device_in_a_variable_is_repaired_where_it_is_set() {
    let cfg = |root: &str| {
        format!(
            "set rootpartition={root}\nset \"other={root}\"\nset root=/dev/sda1\n\
             menuentry x {{\n\tlinux /v root=$rootpartition real_root=${{other}} root=$root $more\n}}\n\
             set more='resume=/dev/sda2 quiet'\nset unused=/dev/sda1\n"
        )
    };
    let want = cfg(&format!("UUID={ROOT}"))
        .replace("resume=/dev/sda2", "resume=UUID=0a000000-0000-4000-8000-000000000002");
    assert_eq!(edited(CFG, &cfg("/dev/sda1")), want);
    stays(CFG, "set a=/dev/sda1\nset root=/dev/sda1\nlinux /v root=$root x=$a console=$a\n");
}

#[test]
fn a_variable_of_an_entry_is_repaired_in_grub_cfg() {
    let entry = "/boot/loader/entries/a.conf";
    let mut facts = with(CFG);
    facts.bootloader.bls_entries = vec![entry.to_owned()];
    let mut guest = MemoryGuest::new()
        .file(CFG, "set myopts=\"root=/dev/sda1 ro\"\nblscfg\n")
        .file(entry, "linux /v\noptions $myopts quiet\n");
    run(&KernelArguments, &facts, &mut guest);
    let want = format!("set myopts=\"root=UUID={ROOT} ro\"\nblscfg\n");
    assert_eq!(guest.read_text(CFG).unwrap().unwrap(), want);
}

#[test]
fn a_file_of_variables_may_have_any_size() {
    let env = "/boot/photon.cfg";
    let mut facts = with(CFG);
    facts.bootloader.grubenv = vec![env.to_owned()];
    let text = |root: &str| {
        format!(
            "# GRUB Environment Block\nphoton_cmdline=init=/x root={root} ro\nphoton_root={root}\nother=root={root}\n"
        )
    };
    let mut guest = MemoryGuest::new()
        .file(
            CFG,
            "load_env -f /boot/photon.cfg\nlinux /boot/$photon_linux root=$photon_root $photon_cmdline\n",
        )
        .file(env, text("/dev/sda1"));
    assert_eq!(run(&KernelArguments, &facts, &mut guest).concerns, Vec::new());
    let want =
        text(&format!("UUID={ROOT}")).replace(&format!("other=root=UUID={ROOT}"), "other=root=/dev/sda1");
    assert_eq!(guest.read_text(env).unwrap().unwrap(), want);
}

#[test]
fn what_administrators_and_generators_keep_elsewhere_is_repaired() {
    for (path, before, after) in [
        ("/etc/grub.d/40_custom", "exec tail -n +3 $0\nmenuentry x {\n linux /v root=/dev/sda1\n}\n", ""),
        ("/boot/grub2/custom.cfg", "linux /v root=/dev/sda1\n", ""),
        ("/etc/sysconfig/bootloader", "DEFAULT_APPEND=\"root=/dev/sda1 splash=silent\"\nX=\"root=1\"\n", ""),
        (
            "/etc/genkernel.conf",
            "REAL_ROOT=\"/dev/sda1\"\n",
            "REAL_ROOT=\"UUID=0a000000-0000-4000-8000-000000000001\"\n",
        ),
    ] {
        let after = if after.is_empty() {
            before.replace("root=/dev/sda1", &format!("root=UUID={ROOT}"))
        } else {
            after.to_owned()
        };
        assert_eq!(edited(path, before), after, "{path}");
    }
}
