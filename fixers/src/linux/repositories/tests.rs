use super::*;
use crate::MemoryGuest;
use crate::linux::testing::{facts, run, show};

#[test]
fn the_distributions_own_repositories_stay() {
    let mut guest = MemoryGuest::new()
        .file(
            "/etc/yum.repos.d/photon.repo",
            "[photon]\nbaseurl=https://packages.vmware.com/photon/5.0\nenabled=1\n",
        )
        .file(
            APT_LIST,
            "deb http://deb.debian.org/debian bookworm main\n# deb http://packages.vmware.com/tools/x y z\n",
        );
    assert_eq!(run(&VendorRepositories, &facts(), &mut guest), Proposal::default());
}

#[test]
fn those_of_the_tools_are_disabled() {
    let mut guest = MemoryGuest::new()
        .file(
            "/etc/yum.repos.d/vmware-tools.repo",
            "[base]\nname=b\nenabled=1\n\n[vmware-tools]\nbaseurl=http://packages.vmware.com/tools/esx/latest/rhel6\nenabled=1\n[more]\nbaseurl=http://packages.vmware.com/tools/x\n",
        )
        .file(APT_LIST, "deb http://deb.debian.org/debian bookworm main\ndeb http://packages.vmware.com/tools/esx/latest/ubuntu xenial main\n")
        .file("/etc/apt/sources.list.d/v.sources", "Types: deb\nURIs: http://packages.vmware.com/tools/\n\nTypes: deb\nURIs: http://deb.debian.org\n");
    insta::assert_snapshot!(show(&run(&VendorRepositories, &facts(), &mut guest).edits), @r"
    write /etc/yum.repos.d/vmware-tools.repo
    +enabled=0
    +enabled=0
    write /etc/apt/sources.list
    -deb http://packages.vmware.com/tools/esx/latest/ubuntu xenial main
    +# deb http://packages.vmware.com/tools/esx/latest/ubuntu xenial main
    write /etc/apt/sources.list.d/v.sources
    +Enabled: no
    ");
    let text = crate::Guest::read_text(&guest, "/etc/yum.repos.d/vmware-tools.repo").unwrap().unwrap();
    assert_eq!(
        text,
        "[base]\nname=b\nenabled=1\n\n[vmware-tools]\nbaseurl=http://packages.vmware.com/tools/esx/latest/rhel6\nenabled=0\n[more]\nenabled=0\nbaseurl=http://packages.vmware.com/tools/x\n"
    );
}
