use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixListener;

use super::*;

/// How it ends with an appliance that says `word`, and the commands that its QEMU is given.
fn save_one_that_says(word: &'static str) -> (Result<(), QmpError>, Vec<String>) {
    let dir = tempfile::tempdir().unwrap();
    let sockets = Sockets::new(dir.path()).unwrap();
    let port = UnixListener::bind(sockets.port()).unwrap();
    let monitor = UnixListener::bind(sockets.monitor()).unwrap();
    let qemu = std::thread::spawn(move || {
        let (stream, _) = monitor.accept().unwrap();
        let mut answers = stream.try_clone().unwrap();
        answers.write_all(b"{\"QMP\": {}}\n").unwrap();
        let (mut heard, mut appliance) = (Vec::new(), None);
        for line in BufReader::new(stream).lines() {
            let asked: Value = serde_json::from_str(&line.unwrap()).unwrap();
            heard.push(asked["execute"].as_str().unwrap().to_owned());
            let answer = json!({ "return": [], "id": asked["id"] }).to_string() + "\n";
            answers.write_all(answer.as_bytes()).unwrap();
            if heard.last().unwrap() == "quit" {
                break;
            }
            let said = appliance.get_or_insert_with(|| port.accept().unwrap().0);
            said.write_all(word.as_bytes()).unwrap();
        }
        heard
    });
    let saved = save(&sockets, &dir.path().join("memory"), &AtomicBool::new(false));
    (saved, qemu.join().unwrap())
}

/// libguestfs would wait for its appliance without end.
#[test]
fn a_qemu_whose_appliance_cannot_be_saved_is_ended() {
    let long = "a line that is longer than any line that an appliance says, and without an end";
    for word in ["no\n", long] {
        let (saved, commands) = save_one_that_says(word);
        assert!(matches!(saved, Err(QmpError::Protocol)), "{saved:?}");
        assert_eq!(commands, ["qmp_capabilities", "quit"]);
    }
}

#[test]
fn a_qemu_that_never_started_is_not_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let sockets = Sockets::new(dir.path()).unwrap();
    let began = Instant::now();
    let never = resume(&sockets, Path::new("memory"), &[], &AtomicBool::new(true));
    assert!(matches!(never, Err(QmpError::Io(_))) && began.elapsed() < Duration::from_secs(10), "{never:?}");
}
