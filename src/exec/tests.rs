use std::sync::Mutex;

use super::*;

/// Programs are started without a shell; these tests need one as a handy program.
fn sh(script: &str) -> Exec {
    Exec::new("sh").arg("-c").arg(script)
}

#[test]
fn stdout_and_the_end_of_stderr_come_back() {
    let output = sh("echo out; echo warning >&2; cat").run().unwrap();
    assert_eq!(output.text(), "out\n");
    assert_eq!(output.stderr_tail, "warning");
}

#[test]
fn a_failure_carries_argv_status_and_the_end_of_stderr() {
    let error =
        sh("i=0; while [ $i -lt 2000 ]; do echo line $i >&2; i=$((i+1)); done; exit 7").run().unwrap_err();
    let ExecError::Failed { argv, status, stderr_tail } = &error else { panic!("{error:?}") };
    assert_eq!(argv[0], "sh");
    assert_eq!(status.code(), Some(7));
    assert!(stderr_tail.ends_with("line 1999") && stderr_tail.len() <= stream::STDERR_TAIL, "{stderr_tail}");
    assert!(error.to_string().starts_with("sh failed (exit status: 7): "), "{error}");
}

#[test]
fn what_a_terminal_obeys_is_taken_out_of_messages() {
    let error = sh("printf 'a\\033[2Jb\\377' >&2; exit 1").run().unwrap_err();
    assert_eq!(error.to_string(), "sh failed (exit status: 1): a\u{fffd}[2Jb\u{fffd}");
}

#[test]
fn a_missing_program_is_named_with_its_package() {
    let error = Exec::new("h2k-no-such-program").run().unwrap_err();
    assert_eq!(error.to_string(), "h2k-no-such-program is not installed");
    let hint = ExecError::NotFound { program: "qemu-img".to_owned() }.hint().unwrap();
    assert!(hint.contains("qemu-utils"), "{hint}");
}

#[test]
fn time_is_up_for_the_program_and_what_it_started() {
    let dir = tempfile::tempdir().unwrap();
    let pid = dir.path().join("pid");
    let started = Instant::now();
    let script = format!("sleep 300 & echo $! > {}; wait", pid.display());
    let error = sh(&script).timeout(Duration::from_millis(300)).run().unwrap_err();
    assert!(matches!(error, ExecError::TimedOut { .. }), "{error:?}");
    assert!(started.elapsed() < Duration::from_secs(5));
    assert_gone(std::fs::read_to_string(pid).unwrap().trim());
}

#[test]
fn the_flag_ends_a_running_program() {
    let flag = Arc::new(AtomicBool::new(false));
    let exec = sh("sleep 300").cancelled_by(Arc::clone(&flag));
    let running = std::thread::spawn(move || exec.run());
    std::thread::sleep(Duration::from_millis(100));
    flag.store(true, Ordering::SeqCst);
    assert!(matches!(running.join().unwrap(), Err(ExecError::Cancelled)));
    let refused = sh("true").cancelled_by(flag).spawn();
    assert!(matches!(refused, Err(ExecError::Cancelled)));
}

#[test]
fn too_much_output_ends_the_program() {
    let error = sh("while :; do echo 0123456789; done").stdout_limit(1000).run().unwrap_err();
    assert!(matches!(error, ExecError::TooMuchOutput { limit: 1000, .. }), "{error:?}");
    let error = sh("cat /dev/zero").run_with_stdout_lines(|_| {}).unwrap_err();
    assert!(matches!(error, ExecError::TooMuchOutput { limit: LINE_LIMIT, .. }), "{error:?}");
}

#[test]
fn lines_and_progress_come_one_by_one() {
    let mut lines = Vec::new();
    sh("printf 'a\\rb\\n\\nlast'").run_with_stdout_lines(|line| lines.push(line.to_owned())).unwrap();
    assert_eq!(lines, ["a", "b", "last"]);
    let mut percents = Vec::new();
    sh("printf '    (0.00/100%%)\\r    (50.25/100%%)\\r    (100.00/100%%)\\n'")
        .run_with_progress(|p| percents.push(p))
        .unwrap();
    assert_eq!(percents, [0.0, 50.25, 100.0]);
}

#[test]
fn a_grandchild_that_keeps_stdout_does_not_hold_us_up() {
    let started = Instant::now();
    let output = sh("echo done; sleep 20 & exit 0").run().unwrap();
    assert_eq!(output.text(), "done\n");
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_guard_ends_its_program_but_a_worker_thread_does_not() {
    let mut child = std::thread::spawn(|| sh("sleep 300").spawn().unwrap()).join().unwrap();
    // PR_SET_PDEATHSIG of the thread that is gone would have struck by now.
    assert_eq!(child.wait_timeout(Duration::from_millis(200)).unwrap(), None);
    let id = child.id().to_string();
    drop(child);
    assert_gone(&id);
}

/// Starts a program and dies.
fn start_a_program_and_die(pid: OsString) {
    let child = sh("sleep 300").spawn().unwrap();
    std::fs::write(pid, child.id().to_string()).unwrap();
    // SIGKILL: no destructor runs, nobody could have ended the program in our place.
    rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL).unwrap();
}

/// It runs itself once more, as the process that dies.
#[test]
fn a_program_dies_with_us() {
    if let Some(pid) = std::env::var_os("H2K_TEST_PID") {
        start_a_program_and_die(pid);
    }
    let dir = tempfile::tempdir().unwrap();
    let pid = dir.path().join("pid");
    let us = Exec::new(std::env::current_exe().unwrap());
    let us = us.args(["--exact", "exec::tests::a_program_dies_with_us"]).env("H2K_TEST_PID", &pid);
    assert!(matches!(us.run(), Err(ExecError::Failed { .. })));
    assert_gone(&std::fs::read_to_string(pid).unwrap());
}

#[test]
fn programs_speak_english_and_have_no_stdin() {
    let output =
        sh("echo $LC_ALL $H2K_TEST; pwd; read x || echo none").env("H2K_TEST", "set").current_dir("/");
    assert_eq!(output.run().unwrap().text(), "C set\n/\nnone\n");
}

#[test]
fn the_logger_hears_of_every_program() {
    static HEARD: Mutex<Vec<Vec<OsString>>> = Mutex::new(Vec::new());
    set_logger(Box::new(|argv| HEARD.lock().unwrap().push(argv.to_vec())));
    Exec::new("true").args(["--one", "two words"]).run().unwrap();
    let want: Vec<OsString> = ["true", "--one", "two words"].map(OsString::from).into();
    assert!(HEARD.lock().unwrap().contains(&want));
}

/// A zombie counts as gone: its parent, the init of the container, may be slow to reap.
fn assert_gone(pid: &str) {
    for _ in 0..50 {
        match std::fs::read_to_string(format!("/proc/{pid}/stat")) {
            Ok(stat) if !stat.contains(") Z ") => std::thread::sleep(Duration::from_millis(20)),
            _ => return,
        }
    }
    panic!("process {pid} still runs");
}
