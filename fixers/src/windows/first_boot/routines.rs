//! What the script of the first boot calls.

use std::fmt::Write;

/// Times that it looks for a NIC, and the seconds between two looks: drivers are being installed meanwhile.
const LOOKS: u32 = 60;
const PAUSE: u32 = 5;

/// Keys of devices, of network connections by the GUID of their adapter, and of the interfaces of TCP/IP by the same.
const ENUM: &str = "HKLM\\SYSTEM\\CurrentControlSet\\Enum";
const CONNECTIONS: &str =
    "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Network\\{4D36E972-E325-11CE-BFC1-08002BE10318}";
/// Below it are [`TCPIP`] and [`NETBT`].
const SERVICES: &str = "HKLM\\SYSTEM\\CurrentControlSet\\Services";
/// How the keys of an interface begin; its GUID follows.
pub(super) const TCPIP: &str = "Tcpip\\Parameters\\Interfaces\\";
const TCPIP6: &str = "Tcpip6\\Parameters\\Interfaces\\";
pub(super) const NETBT: &str = "NetBT\\Parameters\\Interfaces\\Tcpip_";

/// Writes them.
pub(super) fn write(out: &mut String) -> std::fmt::Result {
    find(out)?;
    writeln!(out, "\n:rename")?;
    writeln!(out, "if \"%NAME%\"==\"%~1\" exit /b 0")?;
    writeln!(out, "netsh interface set interface name=\"%NAME%\" newname=\"%~1\"")?;
    writeln!(out, "if not errorlevel 1 set \"NAME=%~1\"")?;
    writeln!(out, "exit /b 0")?;
    value(out)?;
    // AGAIN is defined if a command is to be tried once more, after a pause; the argument is how often at most.
    writeln!(out, "\n:again")?;
    writeln!(out, "if %TRY% geq %1 exit /b 1")?;
    writeln!(out, "set /a TRY+=1")?;
    writeln!(out, "set AGAIN=1")?;
    writeln!(out, "ping -n {} 127.0.0.1 >nul", PAUSE + 1)?;
    writeln!(out, "exit /b 0")?;
    forget(out)
}

/// The name of the connection with a MAC, once it is there, and the GUID of its interface, which is told only of one with a
/// link. One that was waited for in vain is not waited for again.
fn find(out: &mut String) -> std::fmt::Result {
    writeln!(out, "\n:find")?;
    writeln!(out, "set NAME=")?;
    writeln!(out, "set GUID=")?;
    writeln!(out, "set /a LOOK=0")?;
    writeln!(out, "if defined ABSENT_%1 set /a LOOK={}", LOOKS - 1)?;
    writeln!(out, ":look")?;
    // getmac prints the name first, between quotes, as are the other values behind it. So a line of it is a list of
    // arguments, with whatever the name holds but % and ^.
    writeln!(out, "for /f \"delims=\" %%a in ('getmac /v /nh /fo csv ^| find \"%1\"') do call :name %%a")?;
    writeln!(out, "if defined NAME exit /b 0")?;
    writeln!(out, "set /a LOOK+=1")?;
    writeln!(out, "if %LOOK% geq {LOOKS} set ABSENT_%1=1")?;
    writeln!(out, "if %LOOK% geq {LOOKS} exit /b 1")?;
    writeln!(out, "ping -n {} 127.0.0.1 >nul", PAUSE + 1)?;
    writeln!(out, "goto look")?;
    writeln!(out, "\n:name")?;
    writeln!(out, "set \"NAME=%~1\"")?;
    // \Device\Tcpip_{...}
    writeln!(out, "for /f \"tokens=2 delims={{}}\" %%g in (\"%~4\") do set \"GUID={{%%g}}\"")?;
    writeln!(out, "if \"%GUID%\"==\"{{}}\" set GUID=")?;
    writeln!(out, "exit /b 0")
}

/// What netsh has no word for: a value of the interface's key. The arguments are the MAC, how the key begins, the value's
/// name, type and data.
fn value(out: &mut String) -> std::fmt::Result {
    writeln!(out, "\n:value")?;
    writeln!(out, "if not defined GUID call :find %1")?;
    writeln!(out, "if not defined GUID (echo %1 has no link: %3 is not set& exit /b 1)")?;
    writeln!(out, "reg add \"{SERVICES}\\%~2%GUID%\" /v %3 /t %4 /d \"%~5\" /f")?;
    writeln!(out, "exit /b 0")
}

/// Windows has a command for it since 2020. Before, the keys of the device and of its connection, which owns the name,
/// are all that is left of it. Whether an older pnputil fails at an option that it does not know is not relied upon.
fn forget(out: &mut String) -> std::fmt::Result {
    writeln!(out, "\n:forget")?;
    writeln!(out, "echo removing %1")?;
    // Windows leaves them, and its address is told to be another adapter's.
    for key in [TCPIP, TCPIP6, NETBT] {
        writeln!(out, "reg delete \"{SERVICES}\\{key}%~2\" /f >nul 2>&1")?;
    }
    writeln!(out, "pnputil /remove-device %1 >nul 2>&1")?;
    writeln!(out, "reg query \"{ENUM}\\%~1\" >nul 2>&1")?;
    writeln!(out, "if errorlevel 1 exit /b 0")?;
    writeln!(out, "reg delete \"{ENUM}\\%~1\" /f")?;
    writeln!(out, "reg delete \"{CONNECTIONS}\\%~2\" /f")?;
    writeln!(out, "exit /b 0")
}
