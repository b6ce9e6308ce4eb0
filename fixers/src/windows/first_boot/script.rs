//! The batch file of the first boot. It runs on every Windows from XP on, so it uses nothing but what all have: getmac,
//! netsh, reg, sc, and ping to wait. Every value in it has been checked: addresses are addresses, names and device
//! instances hold letters, digits and a few marks that mean nothing to cmd.exe inside quotes.

use std::fmt::Write;
use std::net::IpAddr;

use super::network::{Ghost, Wanted};

/// Times that it looks for a NIC, and the seconds between two looks: drivers are being installed meanwhile.
const LOOKS: u32 = 60;
const PAUSE: u32 = 5;
/// Disks that are brought online.
const MAX_DISKS: usize = 64;

/// Keys of devices, and of network connections by the GUID of their adapter.
const ENUM: &str = "HKLM\\SYSTEM\\CurrentControlSet\\Enum";
const CONNECTIONS: &str =
    "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Network\\{4D36E972-E325-11CE-BFC1-08002BE10318}";

/// What the first boot has to do.
pub(super) struct Script<'a> {
    pub adapters: &'a [Wanted],
    /// Adapters that are gone.
    pub ghosts: &'a [Ghost],
    /// Disks of the VM.
    pub disks: usize,
    /// The guest agent's installer beside the script.
    pub agent: Option<&'a str>,
    /// Plug and play is told of the drivers (Windows before 8).
    pub install_drivers: bool,
    /// The service to be removed.
    pub service: &'a str,
}

impl Script<'_> {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        let work = [!self.adapters.is_empty(), !self.ghosts.is_empty(), self.disks > 1, self.agent.is_some()];
        !work.contains(&true)
    }

    /// The batch file, with the ends of lines that cmd.exe wants.
    pub fn text(&self) -> String {
        let mut out = String::new();
        // Writing to a String cannot fail.
        let _ = self.write(&mut out);
        out.replace('\n', "\r\n")
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        writeln!(out, "@echo off")?;
        writeln!(out, "rem Written by h2k. Runs once, at the first boot on KVM, and removes itself.")?;
        writeln!(out, "setlocal")?;
        writeln!(out, "set LOG=%SystemRoot%\\Temp\\h2k-first-boot.log")?;
        writeln!(out, "call :main >>\"%LOG%\" 2>&1")?;
        // The whole rest is read at once, for the file is gone when the next line would be read.
        writeln!(
            out,
            "sc delete {} >>\"%LOG%\" 2>&1 & cd /d \"%SystemRoot%\" & rd /s /q \"%SystemRoot%\\h2k\" & exit",
            self.service
        )?;
        writeln!(out, "\n:main")?;
        writeln!(out, "echo h2k first boot, %DATE% %TIME%")?;
        // First of all, so that whatever stops the rest does not start it again at the next boot.
        writeln!(out, "sc config {} start= disabled", self.service)?;
        if self.install_drivers {
            // Those in directories of their own below it too.
            writeln!(out, "for /r %SystemRoot%\\Drivers\\VirtIO %%i in (*.inf) do pnputil -i -a \"%%i\"")?;
        }
        for Ghost { instance, guid } in self.ghosts {
            writeln!(out, "call :forget \"{instance}\" \"{guid}\"")?;
        }
        set_aside(out, self.adapters)?;
        for adapter in self.adapters {
            network(out, adapter)?;
        }
        if self.disks > 1 {
            disks(out, self.disks)?;
        }
        if let Some(agent) = self.agent {
            writeln!(out, "echo installing {agent}")?;
            writeln!(out, "msiexec /i \"%SystemRoot%\\h2k\\{agent}\" /qn /norestart")?;
        }
        writeln!(out, "echo done, %DATE% %TIME%")?;
        writeln!(out, "exit /b 0")?;
        subroutines(out)
    }
}

/// Windows may have given one NIC the name that another one is to have: so all give up theirs first.
fn set_aside(out: &mut String, adapters: &[Wanted]) -> std::fmt::Result {
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

fn network(out: &mut String, wanted: &Wanted) -> std::fmt::Result {
    let mac = &wanted.mac;
    writeln!(out, "call :find {mac}")?;
    writeln!(out, "if not defined NAME (echo no NIC {mac} has come& goto after_{})", label(mac))?;
    if let Some(name) = &wanted.name {
        writeln!(out, "call :rename \"{name}\"")?;
    }
    let (v4, v6): (Vec<_>, Vec<_>) = wanted.addresses.iter().partition(|(ip, _)| ip.is_ipv4());
    let gateway = |v4: bool| wanted.gateways.iter().filter(move |ip| ip.is_ipv4() == v4);
    if wanted.dhcp {
        writeln!(out, "netsh interface ip set address name=\"%NAME%\" source=dhcp")?;
        writeln!(out, "netsh interface ip set dns name=\"%NAME%\" source=dhcp")?;
    }
    for (number, (ip, length)) in v4.iter().enumerate() {
        let mask = mask(*length);
        let first = gateway(true).next().filter(|_| number == 0);
        match (number, first) {
            (0, Some(gw)) => writeln!(
                out,
                "netsh interface ip set address name=\"%NAME%\" source=static addr={ip} mask={mask} gateway={gw} gwmetric=1"
            )?,
            (0, None) => writeln!(
                out,
                "netsh interface ip set address name=\"%NAME%\" source=static addr={ip} mask={mask}"
            )?,
            _ => writeln!(out, "netsh interface ip add address name=\"%NAME%\" addr={ip} mask={mask}")?,
        }
    }
    for (number, gw) in gateway(true).enumerate().skip(1) {
        writeln!(out, "netsh interface ip add address name=\"%NAME%\" gateway={gw} gwmetric={}", number + 1)?;
    }
    for (ip, length) in &v6 {
        writeln!(out, "netsh interface ipv6 add address interface=\"%NAME%\" address={ip}/{length}")?;
    }
    for gw in gateway(false) {
        writeln!(out, "netsh interface ipv6 add route prefix=::/0 interface=\"%NAME%\" nexthop={gw}")?;
    }
    for ((prefix, length), gw) in &wanted.routes {
        writeln!(
            out,
            "netsh interface ipv6 add route prefix={prefix}/{length} interface=\"%NAME%\" nexthop={gw}"
        )?;
    }
    dns(out, &wanted.dns)?;
    writeln!(out, ":after_{}", label(mac))
}

fn dns(out: &mut String, servers: &[IpAddr]) -> std::fmt::Result {
    for (number, server) in servers.iter().filter(|ip| ip.is_ipv4()).enumerate() {
        if number == 0 {
            writeln!(out, "netsh interface ip set dns name=\"%NAME%\" source=static addr={server}")?;
        } else {
            writeln!(out, "netsh interface ip add dns name=\"%NAME%\" addr={server} index={}", number + 1)?;
        }
    }
    for server in servers.iter().filter(|ip| ip.is_ipv6()) {
        writeln!(out, "netsh interface ipv6 add dnsserver \"%NAME%\" address={server}")?;
    }
    Ok(())
}

/// diskpart reads its commands from a file; the first disk is the system's own.
fn disks(out: &mut String, disks: usize) -> std::fmt::Result {
    writeln!(out, "echo bringing disks online")?;
    writeln!(out, "> \"%SystemRoot%\\h2k\\disks.txt\" echo rescan")?;
    for disk in 1..disks.min(MAX_DISKS) {
        for line in [
            format!("select disk {disk}"),
            "online disk noerr".to_owned(),
            "attributes disk clear readonly noerr".to_owned(),
        ] {
            writeln!(out, ">> \"%SystemRoot%\\h2k\\disks.txt\" echo {line}")?;
        }
    }
    writeln!(out, "diskpart /s \"%SystemRoot%\\h2k\\disks.txt\"")
}

fn subroutines(out: &mut String) -> std::fmt::Result {
    // The name of the connection with a MAC, once it is there: getmac prints it first, between quotes, as are the other
    // values behind it. So a line of it is a list of arguments, with whatever the name holds but % and ^.
    writeln!(out, "\n:find")?;
    writeln!(out, "set NAME=")?;
    writeln!(out, "set /a LOOK=0")?;
    writeln!(out, ":look")?;
    writeln!(out, "for /f \"delims=\" %%a in ('getmac /v /nh /fo csv ^| find \"%1\"') do call :name %%a")?;
    writeln!(out, "if defined NAME exit /b 0")?;
    writeln!(out, "set /a LOOK+=1")?;
    writeln!(out, "if %LOOK% geq {LOOKS} exit /b 1")?;
    writeln!(out, "ping -n {} 127.0.0.1 >nul", PAUSE + 1)?;
    writeln!(out, "goto look")?;
    writeln!(out, "\n:name")?;
    writeln!(out, "set \"NAME=%~1\"")?;
    writeln!(out, "exit /b 0")?;
    writeln!(out, "\n:rename")?;
    writeln!(out, "if \"%NAME%\"==\"%~1\" exit /b 0")?;
    writeln!(out, "netsh interface set interface name=\"%NAME%\" newname=\"%~1\"")?;
    writeln!(out, "if not errorlevel 1 set \"NAME=%~1\"")?;
    writeln!(out, "exit /b 0")?;
    forget(out)
}

/// Windows has a command for it since 2020. Before, the keys of the device and of its connection, which owns the name,
/// are all that is left of it. Whether an older pnputil fails at an option that it does not know is not relied upon.
fn forget(out: &mut String) -> std::fmt::Result {
    writeln!(out, "\n:forget")?;
    writeln!(out, "echo removing %1")?;
    writeln!(out, "pnputil /remove-device %1 >nul 2>&1")?;
    writeln!(out, "reg query \"{ENUM}\\%~1\" >nul 2>&1")?;
    writeln!(out, "if errorlevel 1 exit /b 0")?;
    writeln!(out, "reg delete \"{ENUM}\\%~1\" /f")?;
    writeln!(out, "reg delete \"{CONNECTIONS}\\%~2\" /f")?;
    writeln!(out, "exit /b 0")
}

fn label(mac: &str) -> String {
    mac.replace('-', "")
}

/// The mask of a prefix.
fn mask(length: u8) -> std::net::Ipv4Addr {
    let bits = u32::MAX.checked_shl(32 - u32::from(length.min(32))).unwrap_or(0);
    std::net::Ipv4Addr::from(bits)
}
