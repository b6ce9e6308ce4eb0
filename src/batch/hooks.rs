//! The user's programs before and after stages. What they should know comes as one JSON object on their stdin; they
//! are given argv, never a shell's line.

use std::path::Path;
use std::sync::mpsc;

use h2k_config::batch::{Hook, HookTime, OnFailure};
use serde::Serialize;

use crate::error::{Failure, FailureKind};
use crate::event::{Event, Reporter};
use crate::exec::Exec;

/// What a hook gets on its stdin.
#[derive(Debug, Clone, Serialize)]
pub struct Given<'a> {
    /// Version of this object.
    pub version: u32,
    /// Name of the hook.
    pub hook: &'a str,
    /// When it runs, as the batch file writes it.
    pub when: String,
    /// Name of the batch.
    pub batch: &'a str,
    /// Name of the VM, as far as it is known; `None` for hooks of the batch.
    pub vm: Option<&'a str>,
    /// What was given as SOURCE.
    pub sources: Vec<&'a Path>,
    /// The result's directory, once it is there.
    pub result: Option<&'a Path>,
    /// How the VM or the batch ended (`done`, `failed`, …), for hooks of an end.
    pub state: Option<&'a str>,
    /// Why it failed.
    pub error: Option<&'a str>,
}

/// Version of [`Given`].
pub const VERSION: u32 = 1;

/// Runs the hooks of `when` one after the other, each with `given` under its own name.
///
/// # Errors
/// A hook failed, and its failure is to count. Those after it are not run.
pub fn run(hooks: &[Hook], when: &HookTime, given: &Given<'_>, ui: &dyn Reporter) -> Result<(), Failure> {
    for hook in hooks.iter().filter(|h| h.when == *when) {
        let given = Given { hook: &hook.name, when: when.to_string(), ..given.clone() };
        let Err(failure) = one(hook, &given) else { continue };
        match hook.on_failure {
            OnFailure::Fail => return Err(failure),
            OnFailure::Warn => ui.event(&Event::Warning {
                vm: given.vm.unwrap_or_default().to_owned(),
                message: failure.chain(),
            }),
        }
    }
    Ok(())
}

fn one(hook: &Hook, given: &Given<'_>) -> Result<(), Failure> {
    let doing = format!("running the hook {:?}", hook.name);
    let [program, args @ ..] = hook.run.as_slice() else {
        return Err(Failure::message(FailureKind::Usage, "it names no program").context(doing));
    };
    let (sender, input) = mpsc::channel();
    // The program's stdin ends with the object: the sender is dropped here.
    let mut object = serde_json::to_vec(given)?;
    object.push(b'\n');
    let _fed = sender.send(object);
    drop(sender);
    let exec = Exec::new(program).args(args).timeout(hook.timeout);
    // What it says is not taken for an answer; the end of its stderr stands in the error if it fails.
    exec.converse(input, |_| {}).map(|_| ()).map_err(|e| Failure::from(e).context(doing))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::event::Silent;

    fn hook(name: &str, run: &[&str], on_failure: OnFailure) -> Hook {
        Hook {
            name: name.to_owned(),
            when: HookTime::VmEnd,
            run: run.iter().map(|s| (*s).to_owned()).collect(),
            timeout: Duration::from_secs(20),
            on_failure,
        }
    }

    fn given() -> Given<'static> {
        Given {
            version: VERSION,
            hook: "",
            when: String::new(),
            batch: "night",
            vm: Some("web01"),
            sources: vec![Path::new("/vms/web01.vmx")],
            result: None,
            state: Some("done"),
            error: None,
        }
    }

    #[test]
    fn a_hook_gets_json_on_its_stdin() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("out");
        let hooks = [hook("keep", &["tee", out.to_str().unwrap()], OnFailure::Fail)];
        run(&hooks, &HookTime::VmEnd, &given(), &Silent).unwrap();
        let got: serde_json::Value = serde_json::from_slice(&std::fs::read(&out).unwrap()).unwrap();
        assert_eq!((got["hook"].as_str(), got["when"].as_str()), (Some("keep"), Some("vm-end")));
        assert_eq!((got["vm"].as_str(), got["state"].as_str()), (Some("web01"), Some("done")));
        std::fs::remove_file(&out).unwrap();
        run(&hooks, &HookTime::BatchEnd, &given(), &Silent).unwrap();
        assert!(!out.exists(), "another time");
    }

    #[test]
    fn a_failure_counts_or_is_told() {
        let fails = run(&[hook("no", &["false"], OnFailure::Fail)], &HookTime::VmEnd, &given(), &Silent);
        assert!(fails.unwrap_err().chain().starts_with("running the hook \"no\": "));
        run(&[hook("no", &["false"], OnFailure::Warn)], &HookTime::VmEnd, &given(), &Silent).unwrap();
        let slow =
            Hook { timeout: Duration::from_millis(50), ..hook("slow", &["sleep", "60"], OnFailure::Fail) };
        let told = run(&[slow], &HookTime::VmEnd, &given(), &Silent).unwrap_err().chain();
        assert!(told.contains("running the hook \"slow\""), "{told}");
    }
}
