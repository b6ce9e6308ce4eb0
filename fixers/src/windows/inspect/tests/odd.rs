//! Registries as installers, upgrades and hands have left them: what is unusual and nevertheless right, and what is wrong and
//! must neither be believed nor stop anything.

use crate::MemoryGuest;
use crate::facts::windows::WindowsFacts;
use crate::hive::testing::hive;
use crate::windows::testing::{Phony, SERVER_2022, facts_of, without_keys};

fn windows(phony: &Phony) -> WindowsFacts {
    facts_of(&phony.guest()).windows.unwrap()
}

fn tools(windows: &WindowsFacts) -> Vec<&str> {
    windows.tools.iter().flat_map(|tool| &tool.services).map(String::as_str).collect()
}

/// The driver database lies in a hive of its own on some releases.
#[test]
fn a_driver_database_of_its_own_tells_the_owners_too() {
    let (system, software) = SERVER_2022;
    let is_database = |key: &str| key.starts_with("DriverDatabase");
    let rest = without_keys(system, is_database);
    let database = without_keys(system, |key| !is_database(key));
    let phony = Phony::new((&rest, software));
    let drivers = "/c/Windows/System32/config/DRIVERS";
    let apart = facts_of(&phony.guest().file(drivers, hive("DRIVERS", &database))).windows.unwrap();
    assert_eq!(apart.driver_database.as_deref(), Some(drivers));
    let together = windows(&Phony::new(SERVER_2022));
    assert!(!tools(&together).is_empty());
    assert_eq!(apart.tools, together.tools);
    // An empty hive of that name says nothing.
    let none = facts_of(&phony.guest().file(drivers, hive("DRIVERS", "[Other]"))).windows.unwrap();
    assert_eq!(none.driver_database, None);
}

#[test]
fn the_clock_runs_in_utc_where_the_registry_says_so() {
    let key = "[ControlSet001\\Control\\TimeZoneInformation]\n\"RealTimeIsUniversal\"";
    for (value, utc) in [
        ("dword:1", true),
        ("hex(b):01,00,00,00,00,00,00,00", true),
        ("dword:0", false),
        ("\"1\"", false),
        ("hex:01", false),
    ] {
        let mut phony = Phony::new(SERVER_2022);
        phony.system(&format!("{key}={value}"));
        let facts = facts_of(&phony.guest());
        assert_eq!(facts.windows.unwrap().clock_utc, utc, "{value}");
        assert_eq!(facts.init.clock_local, !utc, "{value}");
    }
}

#[test]
fn select_may_name_what_is_not_there() {
    let mut phony = Phony::new(SERVER_2022);
    phony.system("[Select]\n\"LastKnownGood\"=dword:7\n\"Failed\"=dword:ffffffff\n\"Current\"=\"1\"");
    assert_eq!(windows(&phony).control_sets, ["ControlSet001"]);
    phony.system("[Select]\n\"Default\"=dword:9");
    let error = super::super::system(&phony.guest(), "/dev/sda2", "/c/Windows").unwrap_err().to_string();
    assert!(error.contains("no control set that is there"), "{error}");
}

/// Another type than the usual one makes a value nothing, not an error, and not what its bytes would be.
#[test]
fn values_of_another_type_are_no_values() {
    let mut phony = Phony::new(SERVER_2022);
    phony.system(
        r#"
        [ControlSet001\Services\VMTools]
        "Start"="2"
        "ImagePath"=dword:00000001
        [ControlSet001\Services\vmci]
        "Owners"=dword:00000002
        [ControlSet001\Services\Tcpip\Parameters\Interfaces\{c43669b3-ab3e-4d0e-8fde-69579925a20f}]
        "IPAddress"=dword:00000001
        "NameServer"=hex:c0,00,02,35
        "InterfaceMetric"="5"
        [ControlSet001\Control\Session Manager\Memory Management]
        "PagingFiles"=dword:00000001
        [MountedDevices]
        "\\DosDevices\\D:"="text"
        "#,
    );
    let found = windows(&phony);
    assert_eq!(tools(&found), ["pvscsi", "vm3dmp"]);
    let adapter = &found.adapters[0];
    let v4: Vec<_> = adapter.addresses.iter().filter(|address| address.contains('.')).collect();
    assert!(v4.is_empty() && adapter.metric.is_none(), "{adapter:?}");
    assert!(adapter.dns.iter().all(|server| server.contains(':')), "{adapter:?}");
    assert_eq!(found.pagefiles, [""; 0]);
}

/// XP's installer writes its directory in capitals, those of system32 in small letters.
#[test]
fn names_of_files_and_keys_are_found_in_any_case() {
    let phony = Phony::new(SERVER_2022);
    let (system, software) = phony.hives();
    let guest = MemoryGuest::new()
        .file("/c/WINDOWS/system32/config/system", system)
        .file("/c/WINDOWS/system32/config/software", software)
        .file("/c/WINDOWS/system32/NTOSKRNL.EXE", "MZ");
    let found = facts_of(&guest).windows.unwrap();
    assert_eq!(found.system_root, "/c/WINDOWS");
    assert_eq!(found.hives.system, "/c/WINDOWS/system32/config/system");
    assert_eq!(tools(&found), tools(&windows(&phony)));
}

/// Installed from another system, Windows calls its own drive what that one called it.
#[test]
fn programs_on_a_system_drive_of_another_letter_have_an_owner() {
    let mut phony = Phony::new(SERVER_2022);
    phony.system(
        "[ControlSet001\\Services\\VMTools]\n\"Owners\"=multi:\n\
         \"ImagePath\"=expand:\"\\\"D:\\\\Tools\\\\vmtoolsd.exe\\\"\"",
    );
    let file = crate::windows::company::sample("VMware, Inc.");
    let found =
        |phony: &Phony| facts_of(&phony.guest().file("/c/Tools/vmtoolsd.exe", file.clone())).windows.unwrap();
    assert!(!tools(&found(&phony)).contains(&"VMTools"));
    phony.software("[Microsoft\\Windows NT\\CurrentVersion]\n\"SystemRoot\"=\"D:\\\\Windows\"");
    let there = found(&phony);
    assert_eq!(there.drive, "D");
    assert!(tools(&there).contains(&"VMTools"), "{there:?}");
}
