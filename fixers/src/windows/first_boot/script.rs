//! The batch file of the first boot. It runs on every Windows from XP on, so it uses nothing but what all have: getmac,
//! netsh, reg, sc, and ping to wait. Every value in it has been checked: addresses are addresses, names and device
//! instances hold letters, digits and a few marks that mean nothing to cmd.exe inside quotes.

use std::fmt::Write;

use super::network::{Ghost, Wanted};
use super::{nic, routines};

/// Starts of Windows at which it is tried. One that is not done is stopped by a restart, or by what stops it each time.
const STARTS: u32 = 5;
/// `ERROR_INSTALL_ALREADY_RUNNING` (winerror.h): the installer serves one at a time, Windows' own updates too.
const INSTALLER_BUSY: u32 = 1618;
/// Times that a busy installer is asked again: for ten minutes.
const INSTALLER_TRIES: u32 = 120;
/// Disks that are brought online.
const MAX_DISKS: usize = 64;

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
    /// The control sets that it was written to.
    pub control_sets: &'a [String],
}

/// Files beside the script by which it knows at the next start what it has done: `start1` and so on, and one of the network.
const START: &str = "start";
const NETWORK: &str = "network";

/// Their names.
pub(super) fn notes() -> impl Iterator<Item = String> {
    (1..=STARTS).map(|number| format!("{START}{number}")).chain([NETWORK.to_owned()])
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
        writeln!(
            out,
            "rem Written by h2k. Runs at the first boot on KVM and removes itself. A restart before it is done"
        )?;
        writeln!(out, "rem does not stop it: it goes on at the next start, {STARTS} times at most.")?;
        writeln!(out, "setlocal")?;
        writeln!(out, "set LOG=%SystemRoot%\\Temp\\h2k-first-boot.log")?;
        writeln!(out, "set DONE=")?;
        if self.install_drivers {
            install_drivers(out)?;
        }
        writeln!(out, "call :main >>\"%LOG%\" 2>&1")?;
        writeln!(out, "if not defined DONE exit")?;
        // The whole rest is read at once, for the file is gone when the next line would be read.
        writeln!(out, "cd /d \"%SystemRoot%\" & rd /s /q \"%SystemRoot%\\h2k\" & exit")?;
        writeln!(out, "\n:main")?;
        self.count_starts(out)?;
        if !(self.adapters.is_empty() && self.ghosts.is_empty()) {
            self.network(out)?;
        }
        if self.disks > 1 {
            disks(out, self.disks)?;
        }
        if let Some(agent) = self.agent {
            install_agent(out, agent)?;
        }
        self.remove_service(out)?;
        writeln!(out, "echo done, %DATE% %TIME%")?;
        writeln!(out, "set DONE=1")?;
        writeln!(out, "exit /b 0")?;
        routines::write(out)
    }

    /// Whatever stops the script each time is not started again for ever. The number is in the names of files: a power cut
    /// leaves a name or none, but may leave zeros in what was written last.
    fn count_starts(&self, out: &mut String) -> std::fmt::Result {
        let numbers: Vec<String> = (1..STARTS).map(|n| n.to_string()).collect();
        let file = format!("%SystemRoot%\\h2k\\{START}");
        writeln!(out, "set STARTS=0")?;
        writeln!(out, "for %%n in ({}) do if exist \"{file}%%n\" set STARTS=%%n", numbers.join(" "))?;
        writeln!(out, "set /a STARTS+=1")?;
        writeln!(out, "echo h2k first boot, %DATE% %TIME%, start %STARTS%")?;
        writeln!(out, "> \"{file}%STARTS%\" echo %DATE% %TIME%")?;
        writeln!(out, "if %STARTS% geq {STARTS} sc config {} start= disabled", self.service)
    }

    /// What was set once is not set again after a restart: by then somebody may have set something else.
    fn network(&self, out: &mut String) -> std::fmt::Result {
        let done = format!("\"%SystemRoot%\\h2k\\{NETWORK}\"");
        writeln!(out, "if exist {done} goto network_done")?;
        for Ghost { instance, guid } in self.ghosts {
            writeln!(out, "call :forget \"{instance}\" \"{guid}\"")?;
        }
        nic::set_aside(out, self.adapters)?;
        for adapter in self.adapters {
            nic::network(out, adapter)?;
        }
        writeln!(out, "> {done} echo %DATE% %TIME%")?;
        writeln!(out, ":network_done")
    }

    /// `sc` knows the control set that is in use. In another one, which Windows may go back to, the service would be left
    /// with a script that is gone.
    fn remove_service(&self, out: &mut String) -> std::fmt::Result {
        writeln!(out, "sc delete {}", self.service)?;
        if self.control_sets.len() > 1 {
            for set in self.control_sets {
                let key = format!("HKLM\\SYSTEM\\{set}\\Services\\{}", self.service);
                writeln!(out, "reg delete \"{key}\" /f >nul 2>&1")?;
            }
        }
        Ok(())
    }
}

/// pnputil asks whether a publisher is trusted that Windows does not know, on a desktop that nobody sees, and waits for ever.
/// So nothing waits for it but the looks for a NIC, whose own driver comes first. It reads nothing that is removed here, and
/// holds no log that another command is to write to: cmd.exe runs no command whose output it cannot open. That is why it is
/// started outside `:main`. cmd.exe is in between since `start` shows a message where there is no pnputil (XP).
fn install_drivers(out: &mut String) -> std::fmt::Result {
    let dir = "%SystemRoot%\\Drivers\\VirtIO";
    // Those in directories of their own below it too.
    let each = format!("for /r {dir} %%i in (net*.inf *.inf) do pnputil -i -a \"%%i\"");
    let log = "\"%SystemRoot%\\Temp\\h2k-first-boot-drivers.log\" 2>&1";
    writeln!(out, "start \"h2k\" /b \"%SystemRoot%\\System32\\cmd.exe\" /c {each} >>{log}")
}

/// diskpart reads its commands from a file. Every disk is among them: which one Windows starts from is not said by its
/// number, and one that is online stays so.
fn disks(out: &mut String, disks: usize) -> std::fmt::Result {
    writeln!(out, "echo bringing disks online")?;
    writeln!(out, "> \"%SystemRoot%\\h2k\\disks.txt\" echo rescan")?;
    for disk in 0..disks.min(MAX_DISKS) {
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

fn install_agent(out: &mut String, agent: &str) -> std::fmt::Result {
    writeln!(out, "echo installing {agent}")?;
    writeln!(out, "set TRY=0")?;
    writeln!(out, ":agent")?;
    writeln!(out, "set AGAIN=")?;
    writeln!(out, "msiexec /i \"%SystemRoot%\\h2k\\{agent}\" /qn /norestart")?;
    let next = INSTALLER_BUSY + 1;
    writeln!(out, "if errorlevel {INSTALLER_BUSY} if not errorlevel {next} call :again {INSTALLER_TRIES}")?;
    writeln!(out, "if defined AGAIN goto agent")
}
