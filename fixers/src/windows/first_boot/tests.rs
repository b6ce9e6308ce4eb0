//! The first boot of phony guests: what its script says, and what it does under Wine's cmd.exe.

mod unhappy;
mod wine;

use h2k_config::Policy;

use super::super::testing::{Phony, SERVER_2022};
use super::super::tests::propose;
use crate::{Change, Concern};

fn script(phony: &Phony, policy: &Policy) -> (String, Vec<Concern>) {
    let (edits, concerns) = propose(&phony.guest(), policy);
    let text = edits.iter().find_map(|e| match &e.change {
        Change::Write { path, after, .. } if path.ends_with("first-boot.cmd") => {
            Some(after.to_bytes().unwrap())
        }
        _ => None,
    });
    (String::from_utf8(text.unwrap()).unwrap(), concerns)
}

#[test]
fn names_and_values_that_mean_something_to_a_shell_never_get_in() {
    let mut phony = Phony::new(SERVER_2022);
    phony.system(
        r#"
        [ControlSet001\Control\Network\{4d36e972-e325-11ce-bfc1-08002be10318}\{C43669B3-AB3E-4D0E-8FDE-69579925A20F}\Connection]
        "Name"="a\" & format c: & \""
        [ControlSet001\Services\Tcpip\Parameters\Interfaces\{c43669b3-ab3e-4d0e-8fde-69579925a20f}]
        "IPAddress"=multi:"192.0.2.10 & del x","192.0.2.11"
        "NameServer"="192.0.2.53,%PATH%"
        "#,
    );
    let (text, concerns) = script(&phony, &Policy::default());
    assert!(!text.contains("format") && !text.contains("del x") && !text.contains("%PATH%"), "{text}");
    assert!(text.contains("addr=192.0.2.11 mask=255.255.255.0"), "{text}");
    let ids: Vec<&str> = concerns.iter().map(|c| c.id.as_str()).collect();
    assert!(ids.contains(&"windows.network.odd") && ids.contains(&"windows.network.name"), "{ids:?}");
}

/// All below the keys of a ghost goes with them.
#[test]
fn an_instance_that_names_no_single_device_is_not_removed() {
    let class = r"ControlSet001\Control\Class\{4d36e972-e325-11ce-bfc1-08002be10318}";
    for instance in [
        "PCI\\\\",
        "PCI\\\\VEN_15AD&DEV_07B0",
        "PCI\\\\VEN_15AD\\\\",
        "PCI\\\\a\\\\b\\\\c",
        "PCI\\\\a\\\\b%PATH%",
    ] {
        let mut phony = Phony::new(SERVER_2022);
        phony.system(&format!("[{class}\\0001]\n\"DeviceInstanceID\"=\"{instance}\"\n"));
        let (text, _) = script(&phony, &Policy::default());
        let forgotten: Vec<&str> = text.lines().filter(|l| l.starts_with("call :forget ")).collect();
        assert!(matches!(forgotten[..], [one] if one.contains("DEV_10D3")), "{instance}: {forgotten:?}");
    }
}

/// A guest that was on KVM already may have the adapter that it will have.
#[test]
fn adapters_of_qemu_are_not_removed() {
    let class = r"ControlSet001\Control\Class\{4d36e972-e325-11ce-bfc1-08002be10318}";
    for (instance, gone) in [
        ("PCI\\\\VEN_1AF4&DEV_1041&SUBSYS_11001AF4&REV_01\\\\3&1&0&18", false),
        ("PCI\\\\VEN_8086&DEV_100E&SUBSYS_11001AF4&REV_03\\\\3&1&0&18", false),
        ("PCI\\\\VEN_8086&DEV_10D3&SUBSYS_00008086&REV_00\\\\525400FFFF12345600", false),
        ("PCI\\\\VEN_8086&DEV_10D3&SUBSYS_07D015AD&REV_00\\\\005056FFFFAABB0900", true),
    ] {
        let mut phony = Phony::new(SERVER_2022);
        phony.system(&format!("[{class}\\0001]\n\"DeviceInstanceID\"=\"{instance}\"\n"));
        let (text, _) = script(&phony, &Policy::default());
        let forgotten = text.lines().filter(|line| line.starts_with("call :forget ")).count();
        // The other adapter is VMware's.
        assert_eq!(forgotten, 1 + usize::from(gone), "{instance}\n{text}");
    }
}

#[test]
fn addresses_and_routes_of_ipv6_are_given_again() {
    let mut phony = Phony::new(SERVER_2022);
    let (text, concerns) = script(&phony, &Policy::default());
    let added = "netsh interface ipv6 add address interface=\"%NAME%\" address=2001:db8::10/64";
    assert!(text.contains(added) && text.contains("address=2001:db8::53"), "{text}");
    for other in ["fe80", "2001:db8::20", "2001:db8::30"] {
        assert!(!text.contains(other), "{other} is not this adapter's, or no address\n{text}");
    }
    let told = |concerns: &[Concern]| concerns.iter().any(|c| c.id == "windows.network.ipv6-routes");
    assert!(!told(&concerns));
    phony.system(
        r#"
        [ControlSet001\Control\Nsi\{eb004a01-9b1a-11d4-9123-0050047759bc}\16]
        "ff0000000180000600ff"=hex:00
        "#,
    );
    assert!(told(&script(&phony, &Policy::default()).1));
}

#[test]
fn routes_of_ipv6_are_given_again_where_they_are_understood() {
    let route = |prefix: &str, length: &str, luid: &str, hop: &str| {
        let unknown = "00".repeat(19);
        format!("\"00000000{prefix}{length}{unknown}{luid}{luid}{hop}\"=hex:00\n")
    };
    let (zero, link) = ("0".repeat(32), "fe80000000000000000000000000000a");
    let (own, other) = ("0000000180000600", "0000000280000600");
    let beyond = "20010db8000900000000000000000001";
    let mut phony = Phony::new(SERVER_2022);
    phony.system(&format!(
        "[ControlSet001\\Control\\Nsi\\{{eb004a01-9b1a-11d4-9123-0050047759bc}}\\16]\n{}{}{}",
        route(&zero, "00", own, "20010db8000000000000000000000001"),
        route("20010DB8000900000000000000000000", "30", own, link),
        route(&zero, "00", other, "20010db8000000000000000000000002"),
    ));
    let (text, concerns) = script(&phony, &Policy::default());
    for line in [
        "netsh interface ipv6 add route prefix=::/0 interface=\"%NAME%\" nexthop=2001:db8::1\r\n",
        "netsh interface ipv6 add route prefix=2001:db8:9::/48 interface=\"%NAME%\" nexthop=fe80::a\r\n",
    ] {
        assert!(text.contains(line), "{text}");
    }
    assert!(!text.contains("2001:db8::2\r\n"), "another adapter's\n{text}");
    let told = |concerns: &[Concern]| concerns.iter().any(|c| c.id == "windows.network.ipv6-routes");
    assert!(!told(&concerns));

    // Bits behind the prefix: this is not what it is taken for.
    phony.system(&format!(
        "[ControlSet001\\Control\\Nsi\\{{eb004a01-9b1a-11d4-9123-0050047759bc}}\\16]\n{}",
        route(beyond, "30", own, link)
    ));
    let (text, concerns) = script(&phony, &Policy::default());
    assert!(told(&concerns) && !text.contains("2001:db8:9::1"), "{text}");
}

#[test]
fn what_the_user_asks_for_goes_before_what_was() {
    let mut policy = Policy::default();
    policy.addressing.insert("00:50:56:aa:bb:01".to_owned(), h2k_config::Addressing::Dhcp);
    let static_address = h2k_config::StaticAddress {
        address: "2001:db8::10".parse().unwrap(),
        prefix: 64,
        gateway: Some("2001:db8::1".parse().unwrap()),
        dns: vec!["2001:db8::53".parse().unwrap()],
    };
    policy
        .addressing
        .insert("00:50:56:aa:bb:02".to_owned(), h2k_config::Addressing::Static(vec![static_address]));
    let (text, _) = script(&Phony::new(SERVER_2022), &policy);
    assert!(!text.contains("192.0.2.10"), "{text}");
    assert!(text.contains("source=dhcp"), "{text}");
    assert!(text.contains("address=2001:db8::10/64") && text.contains("nexthop=2001:db8::1"), "{text}");
}

#[test]
fn every_line_ends_as_cmd_wants_it_and_is_plain() {
    let (text, _) = script(&Phony::new(SERVER_2022), &Policy::default());
    assert!(text.is_ascii());
    assert_eq!(text.matches('\n').count(), text.matches("\r\n").count());
    let labels = text.lines().filter(|line| line.starts_with(':')).count();
    assert!(labels >= 4, "{text}");
}

/// A DNS suffix, and the metric of a gateway where it is not the automatic one.
#[test]
fn the_suffix_and_the_metric_are_given_again() {
    let mut phony = Phony::new(SERVER_2022);
    let (text, _) = script(&phony, &Policy::default());
    assert!(
        text.contains(
            r#"call :value 00-50-56-AA-BB-01 Tcpip\Parameters\Interfaces\ Domain REG_SZ "example.org""#
        ),
        "{text}"
    );
    assert!(text.contains("gateway=192.0.2.1 gwmetric=0\r\n"), "{text}");
    phony.system(
        r#"
        [ControlSet001\Services\Tcpip\Parameters\Interfaces\{c43669b3-ab3e-4d0e-8fde-69579925a20f}]
        "DefaultGateway"=multi:"192.0.2.1","192.0.2.2","192.0.2.3"
        "DefaultGatewayMetric"=multi:"25","70000"
        "Domain"="example.org & del x"
        "#,
    );
    let (text, concerns) = script(&phony, &Policy::default());
    for gateway in ["192.0.2.1 gwmetric=25", "192.0.2.2 gwmetric=0", "192.0.2.3 gwmetric=0"] {
        assert!(text.contains(&format!("gateway={gateway}\r\n")), "{text}");
    }
    assert!(!text.contains(" Domain ") && !text.contains("del x"), "{text}");
    assert!(concerns.iter().any(|c| c.id == "windows.network.odd" && c.message.contains("del x")));
}

/// What a domain of old, a network for storage or a second way out depends on.
#[test]
fn names_and_metrics_of_a_connection_are_given_again() {
    let mut phony = Phony::new(SERVER_2022);
    let (text, _) = script(&phony, &Policy::default());
    for word in ["wins", "NetbiosOptions", "register=", "Regist", "InterfaceMetric", " metric="] {
        assert!(!text.contains(word), "{word} is not touched where nobody set it\n{text}");
    }
    phony.system(
        r#"
        [ControlSet001\Services\Tcpip\Parameters\Interfaces\{c43669b3-ab3e-4d0e-8fde-69579925a20f}]
        "InterfaceMetric"=dword:00000023
        "RegistrationEnabled"=dword:00000000
        "RegisterAdapterName"=dword:00000000
        [ControlSet001\Services\NetBT\Parameters\Interfaces\Tcpip_{c43669b3-ab3e-4d0e-8fde-69579925a20f}]
        "NameServerList"=multi:"192.0.2.61","","192.0.2.62","192.0.2.63 & del x"
        "NetbiosOptions"=dword:00000002
        "#,
    );
    let (text, concerns) = script(&phony, &Policy::default());
    let at = |line: &str| text.find(&format!("{line}\r\n")).unwrap_or_else(|| panic!("{line}\n{text}"));
    let nic = "00-50-56-AA-BB-01";
    let registration =
        at(&format!("call :value {nic} Tcpip\\Parameters\\Interfaces\\ RegistrationEnabled REG_DWORD 0"));
    assert!(registration < text.find("addr=192.0.2.10").unwrap(), "{text}");
    at("netsh interface ip set dns name=\"%NAME%\" source=static addr=192.0.2.53 register=none");
    at("netsh interface ip set wins name=\"%NAME%\" source=static addr=192.0.2.61");
    at("netsh interface ip add wins name=\"%NAME%\" addr=192.0.2.62 index=2");
    at(&format!("call :value {nic} NetBT\\Parameters\\Interfaces\\Tcpip_ NetbiosOptions REG_DWORD 2"));
    at("netsh interface ip set interface interface=\"%NAME%\" metric=35");
    at(&format!("call :value {nic} Tcpip\\Parameters\\Interfaces\\ InterfaceMetric REG_DWORD 35"));
    assert!(!text.contains("del x"), "{text}");
    assert!(concerns.iter().any(|c| c.id == "windows.network.odd" && c.message.contains("del x")));
}

/// They are the same on the target, but their NICs are not.
#[test]
fn static_addresses_of_adapters_that_are_software_are_told() {
    let told = |phony: &Phony| -> Vec<String> {
        let (_, concerns) = script(phony, &Policy::default());
        let about = concerns.into_iter().filter(|c| c.id == "windows.network.software");
        about.map(|c| format!("{}: {}", c.subject, c.message)).collect()
    };
    let mut phony = Phony::new(SERVER_2022);
    assert_eq!(told(&phony), [""; 0]);
    let guid = "{7B2C2F36-6E24-4C55-9A40-0D3A1F9C0A01}";
    let net = "{4d36e972-e325-11ce-bfc1-08002be10318}";
    let adapter = |instance: &str, component: &str| {
        format!(
            "[ControlSet001\\Control\\Class\\{net}\\0007]\n\"DriverDesc\"=\"Multiplexor\"\n\
             \"ComponentId\"=\"{component}\"\n\"DeviceInstanceID\"=\"{instance}\"\n\"NetCfgInstanceId\"=\"{guid}\"\n\
             [ControlSet001\\Control\\Network\\{net}\\{guid}\\Connection]\n\"Name\"=\"Team\"\n\
             [ControlSet001\\Services\\Tcpip\\Parameters\\Interfaces\\{guid}]\n\"EnableDHCP\"=dword:0\n\
             \"IPAddress\"=multi:\"198.51.100.7\"\n\"SubnetMask\"=multi:\"255.255.255.0\"\n"
        )
    };
    phony.system(&adapter("COMPOSITEBUS\\\\MS_IMPLAT_MP\\\\1", "COMPOSITEBUS\\\\MS_IMPLAT_MP"));
    let found = told(&phony);
    assert!(
        matches!(&found[..], [one] if one.contains("Team") && one.contains("198.51.100.7/24")),
        "{found:?}"
    );
    phony.system(&adapter("ROOT\\\\NET\\\\0000", "*MSLOOP"));
    assert_eq!(told(&phony), [""; 0]);
}

/// A script that was stopped for good, and a migration of what it was stopped in.
#[test]
fn what_an_earlier_script_noted_is_removed() {
    let policy = Policy::default();
    let fresh = Phony::new(SERVER_2022).guest();
    let guest = fresh.file("/c/Windows/h2k/START4", "x").file("/c/Windows/h2k/network", "x");
    let (edits, _) = propose(&guest, &policy);
    let removed = edits.iter().filter_map(|e| match &e.change {
        Change::Remove { path, .. } if path.contains("/h2k/") => Some(path.as_str()),
        _ => None,
    });
    assert_eq!(removed.collect::<Vec<_>>(), ["/c/Windows/h2k/START4", "/c/Windows/h2k/network"]);
}
