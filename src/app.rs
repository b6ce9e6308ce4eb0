//! From the command line to an exit code.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;

use crate::cli::Cli;
use crate::commands::{self, Settled};
use crate::error::Failure;
use crate::event::{Event, Reporter};
use crate::interrupt;
use crate::ui::{Mode, Ui};

/// Parses, settles, runs, and tells a failure.
pub fn main() -> ExitCode {
    // A wrong command line ends here, with clap's message and exit code 2.
    let cli = Cli::parse();
    let mut mode = Mode {
        log_format: cli.global.log_format.unwrap_or_default(),
        quiet: cli.global.quiet,
        verbose: cli.global.verbose,
    };
    let settled = match Settled::of(&cli) {
        Ok(settled) => settled,
        Err(failure) => return told(&Ui::new(mode), &failure),
    };
    mode.log_format = settled.resolved.log_format;
    let ui = Arc::new(Ui::new(mode));
    Ui::watch_programs(&ui);
    for message in &settled.warnings {
        ui.event(&Event::Warning { vm: String::new(), message: message.clone() });
    }
    let teller = Arc::clone(&ui);
    let stopping = move || {
        let message = "stopping; a second signal stops at once".to_owned();
        teller.event(&Event::Warning { vm: String::new(), message });
    };
    let result = interrupt::install_telling(stopping).and_then(|()| commands::run(&cli, &settled, &ui));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => told(&ui, &failure),
    }
}

fn told(ui: &Ui, failure: &Failure) -> ExitCode {
    ui.failure(failure);
    ExitCode::from(failure.kind.exit_code())
}
