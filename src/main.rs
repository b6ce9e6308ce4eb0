//! The h2k command.

fn main() -> std::process::ExitCode {
    h2k::app::main()
}
