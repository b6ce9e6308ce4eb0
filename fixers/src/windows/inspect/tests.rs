//! Facts of phony Windows guests: the keys of real ones, as far as they are looked at.

use super::*;
use crate::facts::windows::{ClassFilter, Shutdown};
use crate::windows::testing::{Phony, SERVER_2022, facts_of};

mod adapters;
mod odd;
mod tools;

#[test]
fn a_server_tells_what_it_is() {
    let facts = facts_of(&Phony::new(SERVER_2022).guest());
    let shown = serde_json::json!({ "system": facts.systems, "windows": facts.windows });
    insta::assert_snapshot!("server-2022", serde_json::to_string_pretty(&shown).unwrap());
}

#[test]
fn releases_are_told_by_version_and_build() {
    let version = |major, minor, build, kind: &str| crate::facts::windows::WindowsVersion {
        major,
        minor,
        build,
        product_type: kind.to_owned(),
        ..Default::default()
    };
    for (major, minor, build, kind, release) in [
        (5, 1, 2600, "WinNT", "xp"),
        (5, 2, 3790, "ServerNT", "2k3"),
        (6, 0, 6002, "ServerNT", "2k8"),
        (6, 1, 7601, "WinNT", "w7"),
        (6, 1, 7601, "LanmanNT", "2k8R2"),
        (6, 2, 9200, "ServerNT", "2k12"),
        (6, 3, 9600, "WinNT", "w8.1"),
        (6, 3, 9600, "ServerNT", "2k12R2"),
        (10, 0, 14393, "ServerNT", "2k16"),
        (10, 0, 17763, "ServerNT", "2k19"),
        (10, 0, 19045, "WinNT", "w10"),
        (10, 0, 20348, "LanmanNT", "2k22"),
        (10, 0, 22631, "WinNT", "w11"),
        (10, 0, 26100, "ServerNT", "2k25"),
        (4, 0, 1381, "WinNT", ""),
    ] {
        assert_eq!(version(major, minor, build, kind).release(), release);
    }
}

#[test]
fn hibernation_and_fast_startup_are_told_by_the_file_itself() {
    let power = "[ControlSet001\\Control\\Session Manager\\Power]\n\"HiberbootEnabled\"=dword:1";
    for (head, extra, expected) in [
        ("HIBR", "", Shutdown::Hibernated),
        ("hibr", "", Shutdown::Hibernated),
        ("HIBR", power, Shutdown::FastStartup),
        ("RSTR", power, Shutdown::Unknown),
        ("wake", "", Shutdown::Unknown),
        ("\0\0\0\0", power, Shutdown::Unknown),
    ] {
        let mut phony = Phony::new(SERVER_2022);
        phony.system(extra);
        let guest = phony.guest().file("/c/hiberfil.sys", format!("{head} and memory"));
        assert_eq!(facts_of(&guest).windows.unwrap().shutdown, expected, "{head}");
    }
}

#[test]
fn what_is_shared_or_of_another_owner_is_no_tool() {
    let mut phony = Phony::new(SERVER_2022);
    phony.system(
        r#"
        [ControlSet001\Services\vmci]
        "Owners"=multi:"oem2.inf","machine.inf"
        [ControlSet001\Services\vmbus]
        "Start"=dword:0
        "ImagePath"=expand:"System32\\drivers\\vmbus.sys"
        "Owners"=multi:"wvmbus.inf"
        [ControlSet001\Services\vmmemctl]
        "Start"=dword:2
        "ImagePath"=expand:"\\SystemRoot\\system32\\DRIVERS\\vmmemctl.sys"
        "#,
    );
    // Of a name that VMware uses, and of somebody else.
    let other = crate::windows::company::sample("Contoso");
    let guest = phony.guest().file("/c/Windows/System32/drivers/vmmemctl.sys", other);
    let windows = facts_of(&guest).windows.unwrap();
    let services: Vec<&str> = windows.tools.iter().flat_map(|t| &t.services).map(String::as_str).collect();
    assert_eq!(services, ["pvscsi", "vm3dmp", "VMTools"]);
}

#[test]
fn filters_of_tools_are_found() {
    let mut phony = Phony::new(SERVER_2022);
    phony.system(
        r#"
        [ControlSet001\Control\Class\{4d36e968-e325-11ce-bfc1-08002be10318}]
        "UpperFilters"=multi:"vm3dmp","other"
        "#,
    );
    let windows = facts_of(&phony.guest()).windows.unwrap();
    let filter = ClassFilter {
        class: "{4d36e968-e325-11ce-bfc1-08002be10318}".to_owned(),
        list: "UpperFilters".to_owned(),
        service: "vm3dmp".to_owned(),
    };
    assert_eq!(windows.tools[0].filters, [filter]);
}

#[test]
fn what_guards_the_boot_is_told() {
    let mut phony = Phony::new(SERVER_2022);
    phony.system(
        r#"
        [ControlSet001\Services\CSAgent]
        "Start"=dword:1
        "Group"="FSFilter Anti-Virus"
        [ControlSet001\Services\WdFilter]
        "Start"=dword:0
        "Group"="FSFilter Anti-Virus"
        "#,
    );
    phony.software(
        r#"
        [Policies\Microsoft\Windows\DeviceInstall\Restrictions]
        "DenyUnspecified"=dword:1
        "#,
    );
    let windows = facts_of(&phony.guest()).windows.unwrap();
    assert_eq!(windows.guards, ["CSAgent"]);
    assert_eq!(windows.device_policies, ["DenyUnspecified"]);
    let key = "[Policies\\Microsoft\\Windows\\DeviceInstall\\Restrictions]\n";
    for policy in ["DenyRemovableDevices", "DenyDeviceIDs", "DenyDeviceClasses", "DenyInstanceIDs"] {
        let mut phony = Phony::new(SERVER_2022);
        phony.software(&format!("{key}\"{policy}\"=dword:1\n\"DenyUnspecified\"=dword:0"));
        assert_eq!(facts_of(&phony.guest()).windows.unwrap().device_policies, [policy]);
        phony.software(&format!("{key}\"AllowAdminInstall\"=dword:1"));
        assert_eq!(facts_of(&phony.guest()).windows.unwrap().device_policies, [""; 0], "{policy}");
    }
}

#[test]
fn a_registry_that_is_not_whole_is_an_error_and_never_half_a_fact() {
    let phony = Phony::new(SERVER_2022);
    let guest = phony.guest();
    let system = "/c/Windows/System32/config/SYSTEM";
    let mut hive = guest.read(system).unwrap().unwrap();
    hive[4] ^= 1;
    let guest = phony.guest().file(system, hive);
    let error = super::system(&guest, "/dev/sda2", "/c/Windows").unwrap_err().to_string();
    assert!(error.contains("shutdown /s /t 0"), "{error}");
    let empty = crate::hive::empty(system).unwrap().write().unwrap();
    let guest = phony.guest().file(system, empty);
    assert!(super::system(&guest, "/dev/sda2", "/c/Windows").unwrap_err().to_string().contains("Select"));
}
