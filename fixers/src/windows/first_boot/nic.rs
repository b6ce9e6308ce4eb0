//! What the script of the first boot does to one NIC.

use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr};

use super::network::Wanted;
use super::routines::{NETBT, TCPIP};
use crate::facts::windows::DnsRegistration;

/// Times that a refused command is given again: getmac knows a NIC before TCP/IP takes commands for it.
const TRIES: u32 = 6;

/// Windows may have given one NIC the name that another one is to have: so all give up theirs first.
pub(super) fn set_aside(out: &mut String, adapters: &[Wanted]) -> std::fmt::Result {
    let named: Vec<_> = adapters.iter().filter_map(|a| Some((&a.mac, a.name.as_ref()?))).collect();
    if named.len() < 2 {
        return Ok(());
    }
    for (mac, name) in named {
        writeln!(out, "call :find {mac}")?;
        writeln!(out, "if defined NAME if not \"%NAME%\"==\"{name}\" call :rename \"h2k {mac}\"")?;
    }
    Ok(())
}

/// Gives a NIC its name and its addresses.
pub(super) fn network(out: &mut String, wanted: &Wanted) -> std::fmt::Result {
    let mac = &wanted.mac;
    let label = mac.replace('-', "");
    writeln!(out, "call :find {mac}")?;
    writeln!(out, "if not defined NAME (echo no NIC {mac} has come& goto after_{label})")?;
    if let Some(name) = &wanted.name {
        writeln!(out, "call :rename \"{name}\"")?;
    }
    if wanted.dhcp {
        // It fails where DHCP is used already, as it is by a new NIC.
        writeln!(out, "netsh interface ip set address name=\"%NAME%\" source=dhcp")?;
        writeln!(out, "netsh interface ip set dns name=\"%NAME%\" source=dhcp")?;
    }
    // Before the addresses, which would be registered.
    let registration = match wanted.dns_registration {
        DnsRegistration::Primary => None,
        DnsRegistration::None => Some(("RegistrationEnabled", 0)),
        DnsRegistration::Both => Some(("RegisterAdapterName", 1)),
    };
    if let Some((name, value)) = registration {
        writeln!(out, "call :value {mac} {TCPIP} {name} REG_DWORD {value}")?;
    }
    let v4 = addresses_v4(wanted).into_iter().chain(dns_v4(wanted)).chain(wins(&wanted.wins)).collect();
    first_again(out, &format!("v4_{label}"), v4)?;
    if let Some(domain) = &wanted.domain {
        writeln!(out, "call :value {mac} {TCPIP} Domain REG_SZ \"{domain}\"")?;
    }
    if let Some(on) = wanted.netbios {
        let option = if on { 1 } else { 2 };
        writeln!(out, "call :value {mac} {NETBT} NetbiosOptions REG_DWORD {option}")?;
    }
    if let Some(metric) = wanted.metric {
        // XP has no such command, and reads the value.
        writeln!(out, "netsh interface ip set interface interface=\"%NAME%\" metric={metric}")?;
        writeln!(out, "call :value {mac} {TCPIP} InterfaceMetric REG_DWORD {metric}")?;
    }
    let v6 = addresses_v6(wanted).into_iter().chain(dns_v6(&wanted.dns)).collect();
    first_again(out, &format!("v6_{label}"), v6)?;
    writeln!(out, ":after_{label}")
}

/// Commands of one protocol. The first is given again while it fails; then the others are taken too.
fn first_again(out: &mut String, label: &str, commands: Vec<String>) -> std::fmt::Result {
    for (number, command) in commands.into_iter().enumerate() {
        if number > 0 {
            writeln!(out, "{command}")?;
            continue;
        }
        writeln!(out, "set TRY=0")?;
        writeln!(out, ":{label}")?;
        writeln!(out, "set AGAIN=")?;
        writeln!(out, "{command}")?;
        writeln!(out, "if errorlevel 1 call :again {TRIES}")?;
        writeln!(out, "if defined AGAIN goto {label}")?;
    }
    Ok(())
}

/// A metric of 0 is the automatic one; netsh takes 1 where it is not told.
fn addresses_v4(wanted: &Wanted) -> Vec<String> {
    let mut gateways = wanted.gateways.iter().filter(|(ip, _)| ip.is_ipv4());
    let mut commands = Vec::new();
    for (number, (ip, length)) in wanted.addresses.iter().filter(|(ip, _)| ip.is_ipv4()).enumerate() {
        let mask = mask(*length);
        if number > 0 {
            commands.push(format!("netsh interface ip add address name=\"%NAME%\" addr={ip} mask={mask}"));
            continue;
        }
        let gateway = gateways.next().map(|(gw, metric)| format!(" gateway={gw} gwmetric={metric}"));
        commands.push(format!(
            "netsh interface ip set address name=\"%NAME%\" source=static addr={ip} mask={mask}{}",
            gateway.unwrap_or_default()
        ));
    }
    commands.extend(gateways.map(|(gw, metric)| {
        format!("netsh interface ip add address name=\"%NAME%\" gateway={gw} gwmetric={metric}")
    }));
    commands
}

fn addresses_v6(wanted: &Wanted) -> Vec<String> {
    let addresses = wanted.addresses.iter().filter(|(ip, _)| ip.is_ipv6()).map(|(ip, length)| {
        format!("netsh interface ipv6 add address interface=\"%NAME%\" address={ip}/{length}")
    });
    let route = |prefix: String, hop: String| {
        format!("netsh interface ipv6 add route prefix={prefix} interface=\"%NAME%\" nexthop={hop}")
    };
    let gateways = wanted.gateways.iter().filter(|(ip, _)| ip.is_ipv6());
    let gateways = gateways.map(|(gw, _)| route("::/0".to_owned(), gw.to_string()));
    let routes = wanted.routes.iter();
    let routes = routes.map(|((prefix, length), gw)| route(format!("{prefix}/{length}"), gw.to_string()));
    addresses.chain(gateways).chain(routes).collect()
}

/// The first of them sets which names are registered, too: those with the computer's suffix if it does not say.
fn dns_v4(wanted: &Wanted) -> Vec<String> {
    let register = match wanted.dns_registration {
        DnsRegistration::Primary => "",
        DnsRegistration::None => " register=none",
        DnsRegistration::Both => " register=both",
    };
    let command = |(number, server): (usize, &IpAddr)| match number {
        0 => format!("netsh interface ip set dns name=\"%NAME%\" source=static addr={server}{register}"),
        _ => format!("netsh interface ip add dns name=\"%NAME%\" addr={server} index={}", number + 1),
    };
    wanted.dns.iter().filter(|ip| ip.is_ipv4()).enumerate().map(command).collect()
}

fn wins(servers: &[Ipv4Addr]) -> Vec<String> {
    let command = |(number, server): (usize, &Ipv4Addr)| match number {
        0 => format!("netsh interface ip set wins name=\"%NAME%\" source=static addr={server}"),
        _ => format!("netsh interface ip add wins name=\"%NAME%\" addr={server} index={}", number + 1),
    };
    servers.iter().enumerate().map(command).collect()
}

fn dns_v6(servers: &[IpAddr]) -> Vec<String> {
    let servers = servers.iter().filter(|ip| ip.is_ipv6());
    servers.map(|server| format!("netsh interface ipv6 add dnsserver \"%NAME%\" address={server}")).collect()
}

/// The mask of a prefix.
fn mask(length: u8) -> std::net::Ipv4Addr {
    let bits = u32::MAX.checked_shl(32 - u32::from(length.min(32))).unwrap_or(0);
    std::net::Ipv4Addr::from(bits)
}
