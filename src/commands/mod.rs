//! The subcommands, a file each.

pub mod accept;
mod acts;
pub mod batch;
pub mod cancel;
pub mod clean;
pub mod completions;
pub mod convert;
pub mod doctor;
pub mod fixers;
pub mod history;
pub mod inspect;
pub mod jobs;
mod listing;
pub mod man;
pub mod migrate;
pub mod plan;
pub mod plan_batch;
pub mod planned;
pub mod refix;
pub mod report;
pub mod resume;
pub mod rules;
pub mod run_batch;
pub mod run_job;
mod stamp;
pub mod status;
pub mod test;
pub mod undo;
pub mod verify;

use std::path::Path;

use h2k_config::batch::BatchFile;
use h2k_config::{ConfigError, Loaded, Resolved, Settings, Surroundings};

use crate::batch::expand::{Expanded, expand};
use crate::cli::{Cli, Command};
use crate::error::{Doing, Failure, FailureKind};
use crate::state::Store;
use crate::ui::Ui;

/// What the command line, the environment and the files come to.
pub struct Settled {
    /// Settings of all layers.
    pub resolved: Resolved,
    /// What the user should read about them.
    pub warnings: Vec<String>,
    /// The batch file that the command line names; its `defaults` are in `resolved`.
    pub batch: Option<BatchFile>,
    layers: Loaded,
    around: Surroundings,
}

impl Settled {
    /// Lays all layers upon each other.
    ///
    /// # Errors
    /// A file, a variable or an option is wrong.
    pub fn of(cli: &Cli) -> Result<Self, Failure> {
        let usage = |message: String| Failure::message(FailureKind::Usage, message);
        let around = Surroundings::of_process().doing("finding the current directory")?;
        let command_line = cli.settings().map_err(usage)?;
        let loaded = h2k_config::load(command_line, cli.global.config.as_deref(), &around)
            .map_err(|e: ConfigError| Failure::new(FailureKind::Usage, e))?;
        let batch = cli.batch_file().map(|path| h2k_config::batch::load(path, &around)).transpose();
        let batch = batch.map_err(|e: ConfigError| Failure::new(FailureKind::Usage, e))?;
        let defaults = batch.as_ref().map(|file| file.defaults.clone()).unwrap_or_default();
        let settings = loaded.above.clone().merge(defaults).merge(loaded.below.clone());
        let warnings = loaded.warnings.clone();
        Ok(Self { resolved: settings.resolve(&around), warnings, batch, layers: loaded, around })
    }

    /// These settings alone.
    #[cfg(test)]
    pub(crate) fn without(settings: Settings, around: Surroundings) -> Self {
        let layers = Loaded { above: settings.clone(), ..Loaded::default() };
        Self { resolved: settings.resolve(&around), warnings: Vec::new(), batch: None, layers, around }
    }

    /// The batch that the command line's file names, with every VM that it stands for.
    ///
    /// # Errors
    /// Everything that the files which it names do not bear out.
    pub fn expanded(&self) -> Result<Option<Expanded>, Failure> {
        self.batch.as_ref().map(|file| expand(file, &|own| self.of_vm(file, own))).transpose()
    }

    /// The current directory.
    pub fn directory(&self) -> &Path {
        &self.around.directory
    }

    /// What the command line and the environment come to upon what was wanted before, or upon the files.
    pub fn upon(&self, before: Option<Settings>) -> Resolved {
        let above = self.layers.above.clone();
        above.merge(before.unwrap_or_else(|| self.layers.below.clone())).resolve(&self.around)
    }

    /// Settings of a VM of a batch.
    fn of_vm(&self, file: &BatchFile, own: &Settings) -> Resolved {
        let above = self.layers.above.clone().merge(own.clone());
        above.merge(file.defaults.clone()).merge(self.layers.below.clone()).resolve(&self.around)
    }

    /// Opens the state store.
    ///
    /// # Errors
    /// There is no place for it; it cannot be opened.
    pub fn store(&self) -> Result<Store, Failure> {
        Store::open(self.state()?)
    }

    /// Seconds of earlier boot tests on this host, where the state store is there and can be read: a plan needs none.
    pub fn past(&self) -> Vec<f64> {
        let file = self.resolved.state.as_deref().filter(|file| file.exists());
        file.and_then(|file| Store::open(file).ok()?.past().ok()).unwrap_or_default()
    }

    /// The state store's file.
    ///
    /// # Errors
    /// There is no place for it.
    pub fn state(&self) -> Result<&Path, Failure> {
        self.resolved.state.as_deref().ok_or_else(|| {
            Failure::message(FailureKind::Usage, "there is no home directory to keep the state file in")
                .hint("name a file with --state FILE or H2K_STATE")
        })
    }
}

/// Runs the subcommand.
///
/// # Errors
/// As the subcommand says.
pub fn run(cli: &Cli, settled: &Settled, ui: &Ui) -> Result<(), Failure> {
    match &cli.command {
        Command::Migrate(args) => migrate::run(args, settled, ui),
        Command::Batch(args) => batch::run(args, settled, ui),
        Command::Plan(args) => plan::run(args, settled, ui),
        Command::Inspect(args) => inspect::run(args, settled, ui),
        Command::Test(args) => test::run(args, settled, ui),
        Command::Convert(args) => convert::run(args, settled, ui),
        Command::Verify(args) => verify::run(args, ui),
        Command::Resume(args) => resume::run(args, settled, ui),
        Command::History(args) => history::run(args, settled, ui),
        Command::Cancel(args) => cancel::run(args, settled, ui),
        Command::Clean(args) => clean::run(args, settled, ui),
        Command::RunJob => run_job::run(settled),
        Command::Status(args) => status::run(*args, settled, ui),
        Command::Report(args) => report::run(args, settled, ui),
        Command::Undo(args) => undo::run(args, settled, ui),
        Command::Refix(args) => refix::run(args, settled, ui),
        Command::Accept(args) => accept::run(args, settled, ui),
        Command::Fixers(args) => fixers::run(args, ui),
        Command::Rules(args) => rules::run(args, ui),
        Command::Doctor(args) => doctor::run(*args, settled, ui),
        Command::Completions(args) => completions::run(*args, ui),
        Command::Man(args) => man::run(args, ui),
    }
}
