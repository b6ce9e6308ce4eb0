//! The command line: pure definitions. Parsing has no side effects; what was parsed becomes one layer of settings.

use std::path::{Path, PathBuf};

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Parser, Subcommand, ValueHint};
use clap_complete::Shell;
use h2k_config::{LogFormat, Settings};

pub mod batch;
pub mod choice;
pub mod convert;
pub mod copy;
pub mod help;
pub mod policy;

pub use batch::{BatchArgs, BatchCommand};
pub use convert::{ConvertArgs, VerifyArgs};
pub use copy::CopyArgs;
pub use policy::PolicyArgs;

/// Moves virtual machines from VMware and Hyper-V to KVM.
///
/// h2k reads the VM where it lies and never writes to it, shows every change that it will make inside the guest,
/// makes those changes and no others in the one copy that it takes, and boots the result to prove that it runs.
#[derive(Debug, Parser)]
#[command(
    name = "h2k",
    version,
    arg_required_else_help = true,
    subcommand_required = true,
    after_help = help::examples("h2k"),
    after_long_help = help::main()
)]
pub struct Cli {
    /// Options of every subcommand.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every subcommand.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// File that remembers runs [default: $XDG_STATE_HOME/h2k/h2k.db]
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub state: Option<PathBuf>,
    /// Read this configuration file and no other
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    /// What goes to stderr: lines for people, or one JSON object per event and line [default: text]
    #[arg(long, global = true, value_name = "FORMAT", value_parser = choice::parser::<LogFormat>())]
    pub log_format: Option<LogFormat>,
    /// Only warnings and errors on stderr
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Also notes and every program that is started on stderr
    #[arg(short, long, global = true)]
    pub verbose: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Move a VM: plan, repair, copy, boot
    ///
    /// Plans the migration, makes the plan's changes in an overlay, copies once into DIR/NAME and boots the copy on a
    /// throw-away overlay. A plan with critical concerns stops it before anything is written. A run that was killed
    /// goes on where it stopped when the same command is given again.
    #[command(after_help = help::examples("migrate"))]
    Migrate(MigrateArgs),
    /// Show every change that migrate would make; nothing is touched
    ///
    /// Prints the target's hardware, every change inside the guest as a diff, the space, memory and time that are
    /// needed, and every concern. For the time a sample of the source is copied, a few seconds long, into the output
    /// directory where one is set and there, and removed; a source that lies in memory already looks faster than it is.
    /// --no-sample leaves that out. Ends with 3 if a concern is critical: migrate would refuse.
    #[command(after_help = help::examples("plan"))]
    Plan(PlanArgs),
    /// Check, describe and begin batch files: many VMs for one night
    ///
    /// A batch file names VMs with their settings, in waves. Relative paths in it start at its directory.
    #[command(after_help = help::examples("batch"))]
    Batch(BatchArgs),
    /// Show what the hypervisor and the disks say of a VM
    #[command(after_help = help::examples("inspect"))]
    Inspect(InspectArgs),
    /// Boot results, domains or disks to prove that they run; they are not written to
    ///
    /// Boots each TARGET on a throw-away overlay without network and keeps the serial log, a screenshot and the
    /// verdict. Ends with 5 if one did not boot.
    #[command(after_help = help::examples("test"))]
    Test(TestArgs),
    /// Copy a disk into another format; nothing inside it is changed
    ///
    /// Reads any format that h2k reads, snapshots with their parents included, and writes OUT in one pass: what is
    /// zero is neither read nor written, and on XFS and btrfs blocks are shared where they can be. A copy that was
    /// killed goes on where it stopped when the same command is given again.
    #[command(after_help = help::examples("convert"))]
    Convert(ConvertArgs),
    /// Read disks again and compare them with what was copied
    ///
    /// Compares each disk of a result with the digests that the migration left, or one disk with a file of digests.
    /// Ends with 5 if one differs: a guest that was started since has changed its disks.
    #[command(after_help = help::examples("verify"))]
    Verify(VerifyArgs),
    /// Show batches and runs, also while another h2k works on them
    #[command(after_help = help::examples("status"))]
    Status(StatusArgs),
    /// Show what was done when, and how long it took
    #[command(after_help = help::examples("history"))]
    History(HistoryArgs),
    /// Stop a batch, or a VM, that another h2k works on
    ///
    /// What is finished stays, the source is as it was, and h2k resume goes on.
    #[command(after_help = help::examples("cancel"))]
    Cancel(CancelArgs),
    /// Remove what unfinished runs left, and forget them
    ///
    /// Only the unfinished work in an output's .h2k directory and records in the state file; never a result or a
    /// source. What another h2k works on is left alone.
    #[command(after_help = help::examples("clean"))]
    Clean(CleanArgs),
    /// Go on with batches and runs that were killed or failed
    ///
    /// Without NAME: with all of them. Finished stages are not done again; a source that changed is started over.
    #[command(after_help = help::examples("resume"))]
    Resume(ResumeArgs),
    /// Print the report of a finished migration
    #[command(after_help = help::examples("report"))]
    Report(ReportArgs),
    /// List the edits of a finished migration, or take them back
    ///
    /// Without numbers and without --all: lists them, and which can be taken back. Edits are taken back on the
    /// result's own disks, the last first, if the guest still is as the edit left it; otherwise nothing is changed.
    /// What a program of the guest did cannot be taken back. The guest must not run. If h2k undo is killed, the same
    /// command goes on.
    #[command(after_help = help::examples("undo"))]
    Undo(UndoArgs),
    /// Make the repairs of a result anew with other options, without copying
    ///
    /// For a result that keeps its base (--keep-base), until it is accepted. Its repairs are discarded, and planned and
    /// made again over the unchanged copy of the source, which itself need not be there any more; then the result is
    /// booted. Without options the repairs are made as they were wanted; an option stands above what was wanted then.
    #[command(after_help = help::examples("refix"))]
    Refix(RefixArgs),
    /// Make a result that keeps its base stand for itself: one file per disk
    ///
    /// What the repairs, and the guest since, have written comes into the base, which takes the disk's name. After that
    /// the repairs can no longer be made anew. The guest must not run. If h2k accept is killed, the same command goes
    /// on.
    #[command(after_help = help::examples("accept"))]
    Accept(AcceptArgs),
    /// List the repairs that h2k knows
    #[command(after_help = help::examples("fixers"))]
    Fixers(ListArgs),
    /// List the rules that look for concerns
    #[command(after_help = help::examples("rules"))]
    Rules(ListArgs),
    /// Check whether this host has what h2k needs
    ///
    /// Prints a line for each check, and how to mend what is missing. Ends with 1 if a check fails; a warning only
    /// concerns some VMs.
    #[command(after_help = help::examples("doctor"))]
    Doctor(JsonArgs),
    /// Print completions for a shell
    #[command(after_help = help::examples("completions"))]
    Completions(CompletionsArgs),
    /// Migrate one VM of a batch; started by migrate -f
    #[command(hide = true)]
    RunJob,
    /// Write the manual pages into a directory
    #[command(hide = true)]
    Man(ManArgs),
}

/// Arguments of `migrate`.
#[derive(Debug, Clone, Default, Args)]
pub struct MigrateArgs {
    /// What is moved.
    #[arg(required_unless_present_any = ["file", "plan"], value_name = "SOURCE", value_hint = ValueHint::AnyPath, help = help::SOURCE)]
    pub sources: Vec<PathBuf>,
    /// Move all VMs of a batch file; one that was stopped goes on where it was
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with_all = ["sources", "name", "plan"])]
    pub file: Option<PathBuf>,
    /// Directory that the result's directory DIR/NAME is made in
    #[arg(short, long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub output: Option<PathBuf>,
    /// Name of the VM on the target [default: the source's own]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Write metrics for Prometheus to this file after each VM: states, seconds, bytes [default: none]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub metrics: Option<PathBuf>,
    /// Carry out a plan that h2k plan wrote with --json or -f: as it stands there, or not at all
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with_all = ["sources", "name", "file"])]
    pub plan: Option<PathBuf>,
    /// Print JSON: what came of each VM, as in the report of a batch
    #[arg(long)]
    pub json: bool,
    /// What the user wants of target and repairs.
    #[command(flatten)]
    pub policy: PolicyArgs,
    /// How the disks are copied.
    #[command(flatten)]
    pub copy: CopyArgs,
}

/// Arguments of `plan`.
#[derive(Debug, Clone, Default, Args)]
pub struct PlanArgs {
    /// What is moved.
    #[arg(required_unless_present = "file", value_name = "SOURCE", value_hint = ValueHint::AnyPath, help = help::SOURCE)]
    pub sources: Vec<PathBuf>,
    /// Plan all VMs of a batch file, side by side
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with_all = ["sources", "name"])]
    pub file: Option<PathBuf>,
    /// Of the batch file, only this VM's plan. May be given several times
    #[arg(long, value_name = "NAME", requires = "file")]
    pub vm: Vec<String>,
    /// Name of the VM on the target [default: the source's own]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Print JSON
    #[arg(long, conflicts_with = "markdown")]
    pub json: bool,
    /// Print Markdown
    #[arg(long)]
    pub markdown: bool,
    /// Write the plan to a file instead of stdout; with -f, a file NAME.plan.json for each VM into a directory, for
    /// migrate --plan
    #[arg(short, long, value_name = "FILE|DIR", value_hint = ValueHint::AnyPath)]
    pub output: Option<PathBuf>,
    /// What the user wants of target and repairs.
    #[command(flatten)]
    pub policy: PolicyArgs,
}

/// Arguments of `inspect`.
#[derive(Debug, Clone, Default, Args)]
pub struct InspectArgs {
    /// What is moved.
    #[arg(required = true, value_name = "SOURCE", value_hint = ValueHint::AnyPath, help = help::SOURCE)]
    pub sources: Vec<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// File that may be the parent of a disk, or a directory of such. May be given several times
    #[arg(long, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub parent: Vec<PathBuf>,
    /// Open an encrypted volume, as in migrate. May be given several times
    #[arg(long, value_name = "VOLUME:PLACE")]
    pub key: Vec<String>,
    /// Look into the system whose root device this is, where the disks hold several, as in migrate
    #[arg(long, value_name = "DEVICE", value_parser = NonEmptyStringValueParser::new())]
    pub root: Option<String>,
    /// Directory for temporary files [default: $TMPDIR, or /var/tmp]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub temp_dir: Option<PathBuf>,
}

/// Arguments of `test`.
#[derive(Debug, Clone, Default, Args)]
pub struct TestArgs {
    /// Result directory, libvirt domain XML, or disk
    #[arg(required = true, value_name = "TARGET", value_hint = ValueHint::AnyPath)]
    pub targets: Vec<PathBuf>,
    /// Write the verdicts as JUnit XML
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub junit: Option<PathBuf>,
    /// Directory for serial log, screenshot and verdict [default: none is kept]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub evidence: Option<PathBuf>,
    /// Open an encrypted volume, as in migrate: a guest without a serial console is given one. May be given several
    /// times
    #[arg(long, value_name = "VOLUME:PLACE")]
    pub key: Vec<String>,
    /// Seconds that a boot may take [default: depends on whether KVM can be used]
    #[arg(long, value_name = "SECONDS", value_parser = h2k_config::keys::boot_timeout)]
    pub boot_timeout: Option<u64>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of a subcommand that only prints.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct JsonArgs {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `status`.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct StatusArgs {
    /// Print JSON
    #[arg(long, conflicts_with = "watch")]
    pub json: bool,
    /// Show it again and again until nothing runs
    #[arg(short, long)]
    pub watch: bool,
}

/// Arguments of `history`.
#[derive(Debug, Clone, Default, Args)]
pub struct HistoryArgs {
    /// Name of a VM [default: all]
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `cancel`.
#[derive(Debug, Clone, Default, Args)]
pub struct CancelArgs {
    /// Name of a batch or of a VM, as h2k status shows it
    #[arg(required = true, value_name = "NAME")]
    pub names: Vec<String>,
}

/// Arguments of `clean`.
#[derive(Debug, Clone, Default, Args)]
pub struct CleanArgs {
    /// Name of a batch or of a VM, as h2k status shows it
    #[arg(required_unless_present_any = ["all", "finished"], value_name = "NAME")]
    pub names: Vec<String>,
    /// All that is unfinished
    #[arg(long, conflicts_with_all = ["names", "finished"])]
    pub all: bool,
    /// The records of all that is finished, instead
    #[arg(long, conflicts_with = "names")]
    pub finished: bool,
    /// Only show what would be removed
    #[arg(short = 'n', long)]
    pub dry_run: bool,
}

/// Arguments of `resume`.
#[derive(Debug, Clone, Default, Args)]
pub struct ResumeArgs {
    /// Name of a batch or of a VM, as h2k status shows it
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// How the disks are copied.
    #[command(flatten)]
    pub copy: CopyArgs,
}

/// Arguments of `report`.
#[derive(Debug, Clone, Default, Args)]
pub struct ReportArgs {
    /// Name of a VM, or its result directory [default: the run that finished last]
    #[arg(value_name = "NAME|DIR", value_hint = ValueHint::DirPath)]
    pub which: Option<PathBuf>,
    /// Print the report of a batch, by its name or the directory of its report
    #[arg(long, value_name = "NAME|DIR", value_hint = ValueHint::DirPath, conflicts_with = "which")]
    pub batch: Option<PathBuf>,
    /// Print JSON
    #[arg(long, conflicts_with_all = ["html", "markdown"])]
    pub json: bool,
    /// Print a page for a browser: one file that needs no other
    #[arg(long, conflicts_with = "markdown")]
    pub html: bool,
    /// Print Markdown; this is what is printed without an option too
    #[arg(long)]
    pub markdown: bool,
}

/// Arguments of `undo`.
#[derive(Debug, Clone, Default, Args)]
pub struct UndoArgs {
    /// Name of a VM, or its result directory
    #[arg(required = true, value_name = "NAME|DIR", value_hint = ValueHint::DirPath)]
    pub which: PathBuf,
    /// Numbers of edits, as the list shows them
    #[arg(value_name = "NUMBER")]
    pub numbers: Vec<usize>,
    /// Take back every edit that can be
    #[arg(long, conflicts_with = "numbers")]
    pub all: bool,
    /// List the edits; nothing is changed
    #[arg(long, conflicts_with_all = ["numbers", "all"])]
    pub list: bool,
    /// Open an encrypted volume, as in migrate. May be given several times
    #[arg(long, value_name = "VOLUME:PLACE")]
    pub key: Vec<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `refix`.
#[derive(Debug, Clone, Default, Args)]
pub struct RefixArgs {
    /// Name of a VM, or its result directory
    #[arg(required = true, value_name = "NAME|DIR", value_hint = ValueHint::DirPath)]
    pub which: PathBuf,
    /// Only show the plan; nothing is changed
    #[arg(short = 'n', long)]
    pub dry_run: bool,
    /// Forget what was wanted before: options, environment and settings files alone decide, as in migrate
    #[arg(long)]
    pub fresh_policy: bool,
    /// Also if a guest was started from the disks, or edits were taken back: what was written since is lost
    #[arg(long)]
    pub discard_changes: bool,
    /// What the user wants of target and repairs.
    #[command(flatten)]
    pub policy: PolicyArgs,
}

/// Arguments of `accept`.
#[derive(Debug, Clone, Default, Args)]
pub struct AcceptArgs {
    /// Name of a VM, or its result directory. May be given several times
    #[arg(required = true, value_name = "NAME|DIR", value_hint = ValueHint::DirPath)]
    pub which: Vec<PathBuf>,
}

/// Arguments of `fixers` and `rules`.
#[derive(Debug, Clone, Default, Args)]
pub struct ListArgs {
    /// Explain these only
    #[arg(value_name = "ID")]
    pub ids: Vec<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `completions`.
#[derive(Debug, Clone, Copy, Args)]
pub struct CompletionsArgs {
    /// Shell
    #[arg(value_name = "SHELL")]
    pub shell: Shell,
}

/// Arguments of `man`.
#[derive(Debug, Clone, Args)]
pub struct ManArgs {
    /// Directory that the pages are written to
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub dir: PathBuf,
}

impl Cli {
    /// The batch file that the subcommand works on.
    pub fn batch_file(&self) -> Option<&Path> {
        match &self.command {
            Command::Plan(args) => args.file.as_deref(),
            Command::Migrate(args) => args.file.as_deref(),
            Command::Batch(BatchArgs { command: BatchCommand::Check { file, .. } }) => Some(file),
            _ => None,
        }
    }

    /// The command line as the uppermost layer of settings.
    ///
    /// # Errors
    /// A network is mapped twice, a key names no secret's place.
    pub fn settings(&self) -> Result<Settings, String> {
        let mut settings = match &self.command {
            Command::Migrate(args) => {
                let (output, metrics) = (args.output.clone(), args.metrics.clone());
                args.copy.on(Settings { output, metrics, ..args.policy.settings()? })
            }
            Command::Resume(args) => args.copy.on(Settings::default()),
            Command::Convert(args) => args.settings(),
            Command::Plan(args) => args.policy.settings()?,
            Command::Inspect(args) => Settings {
                parent: policy::some(&args.parent),
                key: policy::keys(&args.key)?,
                root: args.root.clone(),
                temp_dir: args.temp_dir.clone(),
                ..Settings::default()
            },
            Command::Refix(args) => args.policy.settings()?,
            Command::Undo(args) => Settings { key: policy::keys(&args.key)?, ..Settings::default() },
            Command::Test(args) => Settings {
                key: policy::keys(&args.key)?,
                boot_timeout: args.boot_timeout,
                ..Settings::default()
            },
            _ => Settings::default(),
        };
        settings.state.clone_from(&self.global.state);
        settings.log_format = self.global.log_format;
        Ok(settings)
    }
}

#[cfg(test)]
mod tests;
