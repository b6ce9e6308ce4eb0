//! Tools of every vendor, as their services, files and uninstall entries tell.

use crate::facts::windows::WindowsTool;
use crate::windows::company::sample;
use crate::windows::drivers::testing::{SHA256, program, signed};
use crate::windows::testing::{Phony, RELEASES, facts_of};

const DISK_CLASS: &str = "{4d36e967-e325-11ce-bfc1-08002be10318}";
/// What vmguest.iso adds to Windows 2003.
const INTEGRATION: &str = r#"
    [ControlSet001\Services\VMBus]
    "Start"=dword:0
    "ImagePath"=expand:"system32\\DRIVERS\\vmbus.sys"
    [ControlSet001\Services\storflt]
    "Start"=dword:0
    "ImagePath"=expand:"system32\\DRIVERS\\vmstorfl.sys"
    [ControlSet001\Services\vmicheartbeat]
    "Start"=dword:2
    "ImagePath"=expand:"%SystemRoot%\\system32\\vmicsvc.exe -feature Heartbeat"
    [ControlSet001\Services\netvsc]
    "Start"=dword:3
    "ImagePath"=expand:"system32\\DRIVERS\\other.sys"
    [ControlSet001\Control\Class\{4d36e967-e325-11ce-bfc1-08002be10318}]
    "LowerFilters"=multi:"storflt","other"
    "#;
const ENTRY: &str = r#"
    [Microsoft\Windows\CurrentVersion\Uninstall\{0E1F9C4F-2C2F-4B9C-8F8B-1F0D2B0C7C11}]
    "DisplayName"="Hyper-V Integration Services (version 6.2.9200.16433)"
    "DisplayVersion"="6.2.9200.16433"
    "Publisher"="Microsoft Corporation"
    "#;

fn old_or_new(release: &str) -> Phony {
    RELEASES.iter().find(|r| r.name == release).unwrap().phony()
}

fn tool(phony: &Phony, name: &str, files: &[(&str, &str)]) -> Option<WindowsTool> {
    let mut guest = phony.guest();
    for (file, company) in files {
        guest = guest.file(file, sample(company));
    }
    facts_of(&guest).windows.unwrap().tools.into_iter().find(|tool| tool.name == name)
}

fn integration(release: &str, entry: &str) -> Option<WindowsTool> {
    let mut phony = old_or_new(release);
    phony.system(INTEGRATION);
    phony.software(entry);
    let microsoft = "Microsoft Corporation";
    let files = [
        ("/c/Windows/System32/drivers/vmbus.sys", microsoft),
        ("/c/Windows/System32/drivers/vmstorfl.sys", microsoft),
        ("/c/Windows/System32/vmicsvc.exe", microsoft),
        ("/c/Windows/System32/drivers/other.sys", "Contoso"),
    ];
    tool(&phony, "hyperv-integration", &files)
}

#[test]
fn integration_services_that_were_installed_before_windows_7_are_found() {
    for release in ["xp-32", "2003-32"] {
        let tool = integration(release, ENTRY).unwrap();
        assert_eq!(tool.services, ["storflt", "VMBus", "vmicheartbeat"]);
        assert_eq!(tool.version, "6.2.9200.16433");
        assert_eq!(tool.uninstall.len(), 1);
        let filters: Vec<_> =
            tool.filters.iter().map(|f| (f.class.as_str(), f.list.as_str(), f.service.as_str())).collect();
        assert_eq!(filters, [(DISK_CLASS, "LowerFilters", "storflt")]);
    }
    let older = ENTRY.replace("Integration Services (version 6.2.9200.16433)", "Guest Components");
    assert!(integration("2003-32", &older).is_some());
}

#[test]
fn windows_own_drivers_for_hyperv_are_no_tool() {
    assert_eq!(integration("2003-32", ""), None);
    assert_eq!(integration("2003-32", &ENTRY.replace("Hyper-V", "Other")), None);
    assert_eq!(integration("2003-32", &ENTRY.replace("Microsoft Corporation", "Contoso")), None);
    for release in ["7", "2008r2", "2022"] {
        assert_eq!(integration(release, ENTRY), None, "{release}");
    }
}

#[test]
fn integration_services_of_a_published_inf_are_found_on_newer_releases() {
    let mut phony = old_or_new("2012r2");
    phony.system(&format!("{INTEGRATION}\n[ControlSet001\\Services\\VMBus]\n\"Owners\"=multi:\"oem7.inf\""));
    assert_eq!(tool(&phony, "hyperv-integration", &[]).unwrap().services, ["VMBus"]);
}

/// A service, its file and the file's company, and an uninstall entry.
const OTHERS: [(&str, &str, &str, &str, &str); 4] = [
    (
        "virtualbox",
        "VBoxGuest",
        "VBoxGuest.sys",
        "Oracle and/or its affiliates",
        "Oracle VM VirtualBox Guest Additions 7.0.14",
    ),
    ("xen", "xenvbd", "xenvbd.sys", "Citrix Systems, Inc.", "Citrix Hypervisor PV Tools"),
    ("parallels", "prl_tg", "prl_tg.sys", "Parallels International GmbH", "Parallels Tools"),
    ("nutanix", "Nutanix Guest Agent", "nga.sys", "Nutanix, Inc.", "Nutanix Guest Tools"),
];

#[test]
fn tools_of_other_vendors_are_found_by_their_files_and_entries() {
    for (name, service, file, company, product) in OTHERS {
        let system = format!(
            "[ControlSet001\\Services\\{service}]\n\"Start\"=dword:1\n\
             \"ImagePath\"=expand:\"system32\\\\drivers\\\\{file}\""
        );
        let software = format!(
            "[Microsoft\\Windows\\CurrentVersion\\Uninstall\\{name}]\n\"DisplayName\"=\"{product}\"\n\
             \"DisplayVersion\"=\"1.2\"\n\"Publisher\"=\"{company}\""
        );
        let path = format!("/c/Windows/System32/drivers/{file}");
        for release in ["xp-32", "7", "2022"] {
            let mut phony = old_or_new(release);
            phony.system(&system);
            assert_eq!(
                tool(&phony, name, &[(&path, "Contoso")]),
                None,
                "{name}: the file is somebody else's"
            );
            phony.software(&software);
            let found = tool(&phony, name, &[(&path, company)]).unwrap();
            assert_eq!(
                (found.services, found.version.as_str()),
                (vec![service.to_owned()], "1.2"),
                "{release}"
            );
            assert_eq!(found.uninstall.len(), 1);
        }
    }
}

/// Broadcom's, since it has bought VMware: packages, files and the entry bear its name.
#[test]
fn vmware_tools_of_broadcom_are_vmware_tools() {
    for release in ["2008r2", "2022"] {
        let mut phony = old_or_new(release);
        let before = tool(&phony, "vmware-tools", &[]);
        for (key, value) in [
            ("DriverDatabase\\DriverPackages\\vmci.inf_amd64_5e38a278d114b813", "Provider"),
            ("DriverDatabase\\DriverPackages\\vm3d.inf_amd64_4e64e3207a2d56f2", "Provider"),
            ("DriverDatabase\\DriverPackages\\pvscsi.inf_amd64_b0d59727d712523f", "Provider"),
        ] {
            phony.system(&format!("[{key}]\n\"{value}\"=\"Broadcom Inc.\""));
        }
        phony.system(
            "[ControlSet001\\Services\\VGAuthService]\n\"Start\"=dword:2\n\
             \"ImagePath\"=expand:\"C:\\\\Program Files\\\\VMware\\\\VGAuthService.exe\"",
        );
        phony.software(
            "[Microsoft\\Windows\\CurrentVersion\\Uninstall\\{BB}]\n\"DisplayName\"=\"VMware Tools\"\n\
             \"DisplayVersion\"=\"13.0.5.0\"\n\"Publisher\"=\"Broadcom Inc.\"",
        );
        let files = [("/c/Program Files/VMware/VGAuthService.exe", "Broadcom Inc.")];
        let found = tool(&phony, "vmware-tools", &files).unwrap();
        assert!(found.services.contains(&"VGAuthService".to_owned()), "{release}: {found:?}");
        assert!(found.uninstall.iter().any(|key| key.ends_with("{BB}")), "{release}: {found:?}");
        let packages = before.map_or(0, |tool| tool.services.len());
        assert_eq!(found.services.len(), packages + 1, "{release}: {found:?}");
    }
}

/// A filter whose driver does not start stops its device: with a disk, the boot.
#[test]
fn filters_and_minifilters_that_would_stop_the_boot_are_found() {
    let disks = format!(
        "[ControlSet001\\Control\\Class\\{DISK_CLASS}]\n\"LowerFilters\"=multi:\"prl_strg\",\"other\""
    );
    for (name, service, company, filters) in [
        ("parallels", "prl_strg", "Parallels International GmbH", 1),
        ("vmware-tools", "vsepflt", "VMware, Inc.", 0),
    ] {
        for release in ["7", "2022"] {
            let mut phony = old_or_new(release);
            phony.system(&format!(
                "[ControlSet001\\Services\\{service}]\n\"Start\"=dword:0\n\
                 \"ImagePath\"=expand:\"system32\\\\drivers\\\\{service}.sys\"\n{disks}"
            ));
            let file = format!("/c/Windows/System32/drivers/{service}.sys");
            let found = tool(&phony, name, &[(&file, company)]).unwrap();
            assert!(found.services.contains(&service.to_owned()), "{release}: {found:?}");
            let lists: Vec<_> = found.filters.iter().map(|f| (f.list.as_str(), f.service.as_str())).collect();
            assert_eq!(lists, vec![("LowerFilters", "prl_strg"); filters], "{release}");
        }
    }
}

/// What a file says of itself counts less than who has signed it.
#[test]
fn a_signature_goes_before_the_company_that_a_file_names() {
    let mut phony = old_or_new("7");
    phony.system(
        "[ControlSet001\\Services\\VGAuthService]\n\"Start\"=dword:2\n\
         \"ImagePath\"=expand:\"%SystemRoot%\\\\vgauth.exe\"",
    );
    let is_theirs = |signer: Option<&str>, company: &str| {
        let signature = signer.map(|signer| signed(&[signer, "Some CA", "Some Root"], SHA256));
        let file = [program(0x8664, signature.as_deref()), sample(company)].concat();
        let guest = phony.guest().file("/c/Windows/vgauth.exe", file);
        let tools = facts_of(&guest).windows.unwrap().tools;
        tools.iter().any(|tool| tool.services.contains(&"VGAuthService".to_owned()))
    };
    let whql = "Microsoft Windows Hardware Compatibility Publisher";
    for (signer, company, theirs) in [
        (None, "VMware, Inc.", true),
        (None, "Contoso", false),
        (Some("VMware, Inc."), "VMware, Inc.", true),
        (Some("VMware, Inc."), "", true),
        (Some("Broadcom Inc"), "Thinprint", true),
        (Some(whql), "VMware, Inc.", true),
        (Some(whql), "Contoso", false),
        (Some("Microsoft Windows"), "VMware, Inc.", false),
        (Some("Microsoft Corporation"), "VMware, Inc.", false),
    ] {
        assert_eq!(is_theirs(signer, company), theirs, "{signer:?} {company}");
    }
}

/// Microsoft signs drivers of all makers: that makes none of them Microsoft's.
#[test]
fn drivers_that_microsoft_signed_for_others_are_not_its_integration_services() {
    for (signer, theirs) in
        [("Microsoft Windows Hardware Compatibility Publisher", false), ("Microsoft Corporation", true)]
    {
        let mut phony = old_or_new("2003-32");
        phony.system(INTEGRATION);
        phony.software(ENTRY);
        let signature = signed(&[signer, "Some CA", "Some Root"], SHA256);
        let file = [program(0x014c, Some(&signature)), sample("Contoso")].concat();
        let guest = phony.guest().file("/c/Windows/System32/drivers/vmbus.sys", file);
        let tools = facts_of(&guest).windows.unwrap().tools;
        let found = tools.iter().any(|tool| tool.services.contains(&"VMBus".to_owned()));
        assert_eq!(found, theirs, "{signer}");
    }
}
