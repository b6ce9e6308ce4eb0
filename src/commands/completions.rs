//! `h2k completions`: completions for a shell.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::{Cli, CompletionsArgs};
use crate::error::Failure;
use crate::ui::Ui;

/// Runs the subcommand.
///
/// # Errors
/// stdout takes no more.
pub fn run(args: CompletionsArgs, ui: &Ui) -> Result<(), Failure> {
    ui.answer(&script(args.shell))
}

/// The completions for a shell.
pub fn script(shell: Shell) -> String {
    let mut out = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "h2k", &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The completions that are committed are those that this h2k prints.
    #[test]
    fn the_committed_completions_are_current() {
        for (shell, file) in [(Shell::Bash, "h2k.bash"), (Shell::Zsh, "_h2k"), (Shell::Fish, "h2k.fish")] {
            let path = format!("{}/completions/{file}", env!("CARGO_MANIFEST_DIR"));
            let committed = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(
                committed == script(shell),
                "completions/{file} is not current; regenerate it: \
                 cargo run -- completions {shell} > completions/{file}"
            );
        }
    }
}
