use insta::assert_snapshot;
use serde_json::Value;

use super::testing::captured;
use super::*;
use crate::error::FailureKind;
use crate::stage::Stage;

fn events() -> Vec<Event> {
    let vm = "web\x1b[2J01".to_owned();
    vec![
        Event::StageResumed { vm: vm.clone(), stage: Stage::Fetch },
        Event::StageStarted { vm: vm.clone(), stage: Stage::Convert },
        Event::Command { argv: vec!["qemu-img".to_owned(), "info".to_owned(), "a b".to_owned()] },
        Event::Progress {
            vm: vm.clone(),
            stage: Stage::Convert,
            done: 1,
            total: 2,
            message: "disk 0".to_owned(),
        },
        Event::Note { vm: String::new(), message: "a note".to_owned() },
        Event::Warning { vm: vm.clone(), message: "the clock\nis off".to_owned() },
        Event::StageDone { vm, stage: Stage::Convert, seconds: 12.34, summary: "1.2 GiB".to_owned() },
    ]
}

fn log(mode: Mode) -> String {
    let (ui, out, log) = captured(mode);
    for event in events() {
        ui.event(&event);
    }
    assert_eq!(out.text(), "", "stdout is for answers");
    log.text()
}

fn failure() -> Failure {
    let cause = io::Error::other("bad magic \x1b]0;owned\x07");
    Failure::new(FailureKind::Failed, cause)
        .context("reading VMDK header")
        .context("opening disk 2 of web01")
        .hint("is it a VMDK?")
        .hint("two\nlines")
}

#[test]
fn a_log_for_people() {
    assert_snapshot!(log(Mode::default()), @r"
    web\u{1b}[2J01: fetch: done in an earlier run
    web\u{1b}[2J01: convert ...
    web\u{1b}[2J01: warning: the clock\nis off
    web\u{1b}[2J01: convert: 1.2 GiB (12.3 s)
    ");
    assert_snapshot!(log(Mode { verbose: true, ..Mode::default() }), @r"
    web\u{1b}[2J01: fetch: done in an earlier run
    web\u{1b}[2J01: convert ...
    + qemu-img info 'a b'
    a note
    web\u{1b}[2J01: warning: the clock\nis off
    web\u{1b}[2J01: convert: 1.2 GiB (12.3 s)
    ");
    assert_snapshot!(log(Mode { quiet: true, ..Mode::default() }), @r"web\u{1b}[2J01: warning: the clock\nis off");
}

#[test]
fn a_log_for_programs_has_every_event_on_a_line_with_its_time() {
    let text = log(Mode { log_format: LogFormat::Json, ..Mode::default() });
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), events().len());
    for line in &lines {
        let time = line["time"].as_str().unwrap();
        assert!(time.parse::<jiff::Timestamp>().is_ok(), "{time}");
    }
    assert_eq!(lines[3]["event"], "progress");
    assert_eq!(lines[3]["stage"], "convert");
    assert_eq!(lines[6]["seconds"], 12.34);
    let quiet = log(Mode { log_format: LogFormat::Json, quiet: true, ..Mode::default() });
    assert_eq!(quiet.lines().count(), 1);
}

#[test]
fn a_failure_for_people() {
    let (ui, out, log) = captured(Mode { quiet: true, ..Mode::default() });
    ui.failure(&failure());
    assert_eq!(out.text(), "");
    assert_snapshot!(log.text(), @r"
    h2k: error: opening disk 2 of web01
      caused by: reading VMDK header
      caused by: bad magic \u{1b}]0;owned\u{7}
      hint: is it a VMDK?
      hint: two
        lines
    ");
}

#[test]
fn a_failure_for_programs() {
    let (ui, _, log) = captured(Mode { log_format: LogFormat::Json, ..Mode::default() });
    ui.failure(&failure());
    let mut line: Value = serde_json::from_str(&log.text()).unwrap();
    line["time"] = Value::Null;
    assert_snapshot!(line.to_string(), @r#"{"causes":["reading VMDK header","bad magic \u001b]0;owned\u0007"],"event":"failure","exit_code":1,"hints":["is it a VMDK?","two\nlines"],"kind":"failed","message":"opening disk 2 of web01","time":null}"#);
}

#[test]
fn a_cause_that_its_context_repeats_is_told_once() {
    let error = anyhow::anyhow!("no such file").context("opening a.vmdk: no such file").context("fetch");
    let told = super::failure::causes(&Failure::new(FailureKind::Failed, error));
    assert_eq!(told, ["fetch", "opening a.vmdk: no such file"]);
}

#[test]
fn an_answer_is_printed_as_it_is_unless_a_terminal_reads_it() {
    let (mut ui, out, log) = captured(Mode::default());
    ui.answer("a\x1b[0m\n\tb").unwrap();
    ui.out_is_terminal = true;
    ui.answer("a\x1b[0m\n\tb\n").unwrap();
    assert_eq!(out.text(), "a\x1b[0m\n\tb\na\\u{1b}[0m\n\tb\n");
    assert_eq!(log.text(), "");
}

struct Broken(io::ErrorKind);

impl Write for Broken {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(self.0.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_reader_that_went_away_is_no_failure_and_a_full_disk_is() {
    let ui = |kind| Ui::with_sinks(Mode::default(), Box::new(Broken(kind)), Box::new(Broken(kind)));
    assert!(ui(io::ErrorKind::BrokenPipe).answer("x").is_ok());
    let failure = ui(io::ErrorKind::StorageFull).answer("x").unwrap_err();
    assert!(failure.chain().starts_with("writing the answer to stdout: "));
    ui(io::ErrorKind::BrokenPipe).failure(&failure);
}
