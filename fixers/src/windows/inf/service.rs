//! `AddService` (Microsoft: "INF AddService Directive").

use super::error::Fault;
use super::lexer::{Line, Section};
use super::number::word;
use super::place::{Directory, Place};
use super::resolver::{Failure, Resolver};
use super::types::{EventLog, Install, Service, Text};

/// Log of a service that names none.
const DEFAULT_LOG: &str = "System";

impl Resolver<'_> {
    /// The services of a `.Services` section.
    pub(super) fn services(&mut self, section: &Section, install: &mut Install) -> Result<(), Failure> {
        for line in section.lines.iter().filter(|line| line.is("AddService")) {
            self.keep(line.number)?;
            let name = self.text(line.value(0));
            let flags = word("a flag of AddService", &self.text(line.value(1)));
            let flags = flags.map_err(|fault| (line.number, fault))?;
            if name.is_empty() {
                install.null_driver |= flags & Service::ASSOCIATED != 0;
                continue;
            }
            let event_log = self.event_log(line, &name, &mut install.absent)?;
            let service = self.service(line, name, flags, event_log, &mut install.absent)?;
            install.services.push(service);
        }
        Ok(())
    }

    fn service(
        &mut self,
        line: &Line,
        name: String,
        flags: u32,
        event_log: Option<EventLog>,
        absent: &mut Vec<String>,
    ) -> Result<Service, Failure> {
        let sections = self.sections;
        let wanted = self.text(line.value(2));
        let section = sections.find(&wanted).ok_or((line.number, Fault::Missing(wanted)))?;
        self.visit(section)?;
        let registry = self.add_reg(section, absent)?;
        let text = |key| section.entry(key).map(|line| self.text(line.value(0)));
        let both = |key| section.entry(key).map(|line| -> Text { self.both(line.value(0)) });
        let binary = self.required(section, "ServiceBinary")?;
        Ok(Service {
            name,
            flags,
            display_name: both("DisplayName"),
            description: both("Description"),
            service_type: self.number(section, "ServiceType")?,
            start_type: self.number(section, "StartType")?,
            error_control: self.number(section, "ErrorControl")?,
            binary: place(&self.text(binary.value(0))).map_err(|fault| (binary.number, fault))?,
            group: text("LoadOrderGroup").filter(|group| !group.is_empty()),
            dependencies: self.named(section, "Dependencies").into_iter().map(|(name, _)| name).collect(),
            start_name: text("StartName").filter(|name| !name.is_empty()),
            registry,
            event_log,
        })
    }

    fn required<'s>(&self, section: &'s Section, entry: &'static str) -> Result<&'s Line, Failure> {
        let missing = || (section.line, Fault::NoEntry { section: section.name.clone(), entry });
        section.entry(entry).ok_or_else(missing)
    }

    fn number(&self, section: &Section, entry: &'static str) -> Result<u32, Failure> {
        let line = self.required(section, entry)?;
        word(entry, &self.text(line.value(0))).map_err(|fault| (line.number, fault))
    }

    /// The fourth to sixth value of AddService.
    fn event_log(
        &mut self,
        line: &Line,
        service: &str,
        absent: &mut Vec<String>,
    ) -> Result<Option<EventLog>, Failure> {
        let name = self.text(line.value(3));
        if name.is_empty() {
            return Ok(None);
        }
        let Some(section) = self.sections.find(&name) else {
            absent.push(name);
            return Ok(None);
        };
        self.visit(section)?;
        let registry = self.add_reg(section, absent)?;
        let given = |at, default: &str| {
            Some(self.text(line.value(at))).filter(|t| !t.is_empty()).unwrap_or_else(|| default.to_owned())
        };
        Ok(Some(EventLog { log: given(4, DEFAULT_LOG), name: given(5, service), registry }))
    }
}

/// A path such as `%12%\viostor.sys`. Without a number it is one as the registry has it.
fn place(text: &str) -> Result<Place, Fault> {
    let wrong = || Fault::Malformed {
        what: "ServiceBinary",
        wanted: "a path such as %12%\\name.sys",
        value: text.to_owned(),
    };
    let numbered = text.strip_prefix('%').and_then(|rest| rest.split_once('%'));
    let (directory, path) = match numbered {
        Some((id, path)) => (Directory::of(id.trim().parse().map_err(|_| wrong())?), path),
        None => match strip_root(text) {
            Some(path) => (Directory::Windows, path),
            None => (Directory::Absolute, text),
        },
    };
    let path = path.trim_matches('\\');
    let (below, name) = path.rsplit_once('\\').unwrap_or(("", path));
    if name.is_empty() {
        return Err(wrong());
    }
    Ok(Place { directory, below: below.to_owned(), name: name.to_owned() })
}

fn strip_root(text: &str) -> Option<&str> {
    let after = |prefix: &str| {
        let (start, rest) = text.split_at_checked(prefix.len())?;
        start.eq_ignore_ascii_case(prefix).then_some(rest)
    };
    if after(r"System32\").is_some() {
        return Some(text);
    }
    after(r"\SystemRoot\").or_else(|| after(r"%SystemRoot%\"))
}
