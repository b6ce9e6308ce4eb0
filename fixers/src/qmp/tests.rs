#![allow(clippy::disallowed_methods, reason = "a real QEMU is what is tested against")]

use std::process::Command;

use super::*;

#[test]
fn a_real_qemu_answers_and_tells() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("qmp");
    let chardev = format!("socket,id=qmp,path={},server=on,wait=off", socket.display());
    let mut qemu = Command::new("qemu-system-x86_64")
        .args([
            "-nodefaults",
            "-no-user-config",
            "-display",
            "none",
            "-machine",
            "pc,accel=tcg",
            "-m",
            "16",
            "-S",
        ])
        .args(["-chardev", &chardev, "-mon", "chardev=qmp,mode=control"])
        .spawn()
        .unwrap();
    let mut qmp = Qmp::connect(&socket, Instant::now() + Duration::from_secs(40)).unwrap();
    let status = qmp.execute("query-status", json!({})).unwrap();
    assert_eq!(status["status"], "prelaunch");
    assert!(matches!(qmp.execute("no-such", json!({})), Err(QmpError::Refused { .. })));
    qmp.execute("cont", json!({})).unwrap();
    assert!(qmp.events().unwrap().iter().any(|e| e.name == "RESUME"));
    qmp.execute("quit", json!({})).unwrap();
    assert!(qemu.wait().unwrap().success());
    while qmp.events().is_ok() {}
}

#[test]
fn what_is_not_the_protocol_is_refused() {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let mut qmp = Qmp { stream: ours, rest: Vec::new(), events: VecDeque::new(), commands: 0 };
    theirs.write_all(b"{\"event\":\"RESET\",\"data\":{\"guest\":true}}\r\n\n{\"event\"").unwrap();
    assert_eq!(qmp.events().unwrap(), [Event { name: "RESET".into(), data: json!({ "guest": true }) }]);
    theirs.write_all(b"\n").unwrap();
    assert!(matches!(qmp.events(), Err(QmpError::Protocol)));
    std::thread::spawn(move || while theirs.write_all(&[b'x'; 65536]).is_ok() {});
    while !matches!(qmp.events(), Err(QmpError::Protocol)) {}
}
