//! Models, services, registry values, files.

use super::*;
use crate::windows::drivers::testing;

fn only(text: &str) -> Device {
    let devices = inf(text).resolve(&target(10, 0, 17763)).unwrap();
    let [device] = devices.try_into().unwrap();
    device
}

/// A file with one device, whose install section is `i`.
fn device(rest: &str) -> Device {
    only(&format!("[Manufacturer]\n%m% = M,NTamd64\n[M.NTamd64]\n%d% = i, PCI\\A, PCI\\B,,PCI\\C\n{rest}"))
}

#[test]
fn a_model_is_told_with_and_without_its_strings() {
    let device = device("[i]\n[Strings]\nm=\"Maker, Inc.\"\nd=Device\n");
    let text = |token: &str, value: &str| Text { token: token.to_owned(), value: value.to_owned() };
    assert_eq!(device.manufacturer, text("%m%", "Maker, Inc."));
    assert_eq!(device.description, text("%d%", "Device"));
    assert_eq!(device.hardware_id, r"PCI\A");
    assert_eq!(device.compatible_ids, [r"PCI\B", r"PCI\C"]);
    assert_eq!(device.line, 6);
}

#[test]
fn a_storage_driver_is_read_like_the_real_one() {
    let text = testing::inf(&testing::named("viostor"), "NTamd64.10.0", true);
    let inf = Inf::parse("viostor.inf", text.as_bytes()).unwrap();
    let devices = inf.resolve(&target(10, 0, 20348)).unwrap();
    let ids: Vec<_> = devices.iter().flat_map(Device::ids).collect();
    assert_eq!(
        ids,
        [
            r"PCI\VEN_1AF4&DEV_1001&SUBSYS_00021AF4&REV_00",
            r"PCI\VEN_1AF4&DEV_1001",
            r"PCI\VEN_1AF4&DEV_1042&SUBSYS_11001AF4&REV_01",
            r"PCI\VEN_1AF4&DEV_1042",
        ]
    );
    let install = &devices[0].install;
    assert_eq!(install.section, "viostor_Inst.NT");
    let service = install.function_driver().unwrap();
    let numbers = (service.service_type, service.start_type, service.error_control);
    assert_eq!((service.name.as_str(), numbers), ("viostor", (1, 0, 1)));
    assert_eq!(service.group.as_deref(), Some("SCSI miniport"));
    assert_eq!(service.display_name.as_ref().unwrap().value, "Phony viostor device");
    let place = Place { directory: Directory::Package, below: String::new(), name: "viostor.sys".to_owned() };
    assert_eq!(service.binary, place);
    assert_eq!(
        place.image_path("viostor.inf_amd64_0123456789abcdef").unwrap(),
        r"\SystemRoot\System32\DriverStore\FileRepository\viostor.inf_amd64_0123456789abcdef\viostor.sys"
    );
    let value = |key: &str, name: &str, flags, data| RegistryValue {
        root: Root::Relative,
        key: key.to_owned(),
        name: name.to_owned(),
        flags,
        data,
    };
    let dword = 0x0001_0001;
    assert_eq!(
        service.registry,
        [
            value(r"Parameters\PnpInterface", "5", dword, RegistryData::Dword(1)),
            value("Parameters", "BusType", dword, RegistryData::Dword(1)),
        ]
    );
    let msi = r"Interrupt Management\MessageSignaledInterruptProperties";
    assert_eq!(
        install.hardware,
        [
            value("Interrupt Management", "", 0x10, RegistryData::Key),
            value(msi, "MSISupported", dword, RegistryData::Dword(1)),
        ]
    );
    let log = service.event_log.as_ref().unwrap();
    assert_eq!((log.log.as_str(), log.name.as_str()), ("System", "viostor"));
    let message = RegistryData::ExpandSz(r"%SystemRoot%\System32\IoLogMsg.dll".to_owned());
    assert_eq!(log.registry[0], value("", "EventMessageFile", 0x0002_0000, message));
    assert_eq!(install.files.len(), 1);
    assert_eq!(install.files[0].place, place);
}

#[test]
fn registry_values_of_every_type() {
    let lines = "HKR,,Sz,,\" a b \"\nHKR,k,Multi,0x00010008,a,\"b,c\",\nHKR,,Expand,0x20000,%%A%%\nHKR,,Dword,0x10001,0x10\n\
        HKR,,Negative,0x10001,-1\nHKR,,Bytes,0x10001,01,02,00,00\nHKR,,Binary,1,9,A,0xff\nHKR,,None,0x20001\n\
        HKR,,Own,0x00380001,1,0\nHKLM,\\Soft\\Key\\,x,4\nHKU,Key\nHKCR,K,,0x10\nHKR,,Keep,0x00010003,0\n";
    let device = device(&format!("[i]\nAddReg=r\n[r]\n{lines}"));
    let found: Vec<_> =
        device.install.registry.iter().map(|v| (v.root, v.key.as_str(), v.data.clone())).collect();
    let text = |t: &str| t.to_owned();
    assert_eq!(
        found,
        [
            (Root::Relative, "", RegistryData::Sz(text(" a b "))),
            (Root::Relative, "k", RegistryData::MultiSz(vec![text("a"), text("b,c")])),
            (Root::Relative, "", RegistryData::ExpandSz(text("%A%"))),
            (Root::Relative, "", RegistryData::Dword(16)),
            (Root::Relative, "", RegistryData::Dword(u32::MAX)),
            (Root::Relative, "", RegistryData::Dword(0x201)),
            (Root::Relative, "", RegistryData::Binary(vec![9, 10, 255])),
            (Root::Relative, "", RegistryData::None),
            (Root::Relative, "", RegistryData::Other(0x38, vec![1, 0])),
            (Root::Machine, r"Soft\Key", RegistryData::Delete),
            (Root::Users, "Key", RegistryData::Key),
            (Root::Classes, "K", RegistryData::Key),
            (Root::Relative, "", RegistryData::Dword(0)),
        ]
    );
}

#[test]
fn files_go_where_their_section_says() {
    let device = device(
        "[i]\nCopyFiles=a,@one.dll,b\n[i.CoInstallers]\nCopyFiles=co\n[a]\nx.sys,x_64.sys,,2\nsub\\y.sys\n\
         [b]\nz.exe\n[co]\nWdfCoInstaller01011.dll\n\
         [DestinationDirs]\nDefaultDestDir=11\na=12\nb=16427,\"Tools\\\"\n\
         [SourceDisksNames]\n1=disk,,,\\root\n[SourceDisksNames.amd64]\n1=disk,,,\\amd\n2=other\n\
         [SourceDisksFiles]\nx_64.sys=1,sub\nz.exe=2\n[SourceDisksFiles.amd64]\nz.exe=2,tools\\bin\n",
    );
    let found: Vec<_> = device
        .install
        .files
        .iter()
        .map(|f| {
            let place = format!("{} {}", f.place.directory.path().unwrap(), f.place.relative());
            (format!("{}/{}", f.source_dir, f.source), place, f.flags)
        })
        .collect();
    let expected = [
        ("amd/sub/x_64.sys", r"%SystemRoot%\System32\drivers x.sys", 2),
        (r"/sub\y.sys", r"%SystemRoot%\System32\drivers sub\y.sys", 0),
        ("/one.dll", r"%SystemRoot%\System32 one.dll", 0),
        ("tools/bin/z.exe", r"%CommonProgramFiles% Tools\z.exe", 0),
        ("/WdfCoInstaller01011.dll", r"%SystemRoot%\System32 WdfCoInstaller01011.dll", 0),
    ];
    let expected = expected.map(|(from, to, flags)| (from.to_owned(), to.to_owned(), flags));
    assert_eq!(found, expected);
}

#[test]
fn a_device_without_a_driver_has_none() {
    let inf = Inf::parse("qemufwcfg.inf", testing::STUB.as_bytes()).unwrap();
    let [device] = inf.resolve(&target(10, 0, 17763)).unwrap().try_into().unwrap();
    assert!(device.install.null_driver);
    assert_eq!(device.install.function_driver(), None);
    assert_eq!(device.install.section, "Dev.NT");
}

#[test]
fn what_windows_brings_is_noted() {
    let device = device(
        "[i]\nInclude=msdv.inf,b.inf\nNeeds=MSDV\nAddReg=none\n[i.Wdf]\nKmdfService = S, wdf\n[wdf]\nKmdfLibraryVersion=1.15\n",
    );
    let install = &device.install;
    assert_eq!(
        (install.includes.as_slice(), install.needs.as_slice()),
        (&["msdv.inf".to_owned(), "b.inf".to_owned()][..], &["MSDV".to_owned()][..])
    );
    assert_eq!(install.absent, ["none"]);
    assert_eq!(install.wdf, [["KmdfService", "S", "wdf"]]);
}

#[test]
fn what_is_missing_or_wrong_is_told() {
    let start = "[Manufacturer]\nm = M,NTamd64\n[M.NTamd64]\nd=i,ID\n[i]\n";
    let service = "ServiceType=1\nStartType=3\nErrorControl=1\n";
    for (rest, expected) in [
        ("CopyFiles=x\n", "line 8: there is no section [x]"),
        ("CopyFiles=x\n[x]\na.sys\n", "line 8: nothing says where the files of [x] go"),
        ("[i.Services]\nAddService=s,2,t\n", "line 9: there is no section [t]"),
        ("[i.Services]\nAddService=s,two,t\n[t]\n", "line 9: a flag of AddService is not a number: two"),
        ("[i.Services]\nAddService=s,2,t\n[t]\n", "line 10: [t] has no ServiceBinary"),
        (
            "[i.Services]\nAddService=s,2,t\n[t]\nServiceBinary=%12%\\a.sys\nStartType=3\nErrorControl=1\n",
            "line 10: [t] has no ServiceType",
        ),
        (
            "AddReg=r\n[r]\nHKX,,a\n",
            "line 10: a registry key's root is not HKR, HKLM, HKCR, HKCU or HKU: HKX",
        ),
        ("AddReg=r\n[r]\nHKR,,a,0x10001,zz\n", "line 10: a REG_DWORD is not a number: zz"),
        ("AddReg=r\n[r]\nHKR,,a,1,100\n", "line 10: binary data is not a hexadecimal byte: 100"),
        ("AddReg=r\n[r]\nHKR,,a,0x30000,x\n", "line 10: a flag of AddReg is not a known type: 0x00030000"),
    ] {
        assert_eq!(fault(&format!("{start}{rest}")), format!("a.inf {expected}"), "{rest}");
    }
    let binary = |path: &str| {
        let text = format!("{start}[i.Services]\nAddService=s,2,t\n[t]\n{service}ServiceBinary={path}\n");
        inf(&text).resolve(&target(10, 0, 17763)).map(|d| d[0].install.services[0].binary.image_path(""))
    };
    assert_eq!(binary(r"%12%\a.sys").unwrap().unwrap(), r"System32\drivers\a.sys");
    assert_eq!(binary(r"%10%\System32\drivers\a.sys").unwrap().unwrap(), r"System32\drivers\a.sys");
    assert_eq!(binary(r"\SystemRoot\System32\a.sys").unwrap().unwrap(), r"System32\a.sys");
    assert_eq!(binary(r"%16422%\a.sys").unwrap(), None);
    assert!(binary(r"%12%\").unwrap_err().to_string().contains("is not a path such as"));
    assert!(binary(r"%nowhere%\a.sys").is_err());
}

#[test]
fn a_section_that_is_referred_to_again_and_again_is_bounded() {
    let section = "HKR,,a,0x10001,1\n".repeat(2000);
    let names = vec!["r"; 1000].join(",");
    let text =
        format!("[Manufacturer]\nm=M,NTamd64\n[M.NTamd64]\nd=i,ID\n[i]\nAddReg={names}\n[r]\n{section}");
    assert!(fault(&text).contains("refer to more than 100000 entries"));
}
