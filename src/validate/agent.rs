//! Asks the guest's agent whether it is there (qemu-ga, docs/interop/qemu-ga-ref: `guest-sync`, `guest-ping`). It
//! listens at the guest's end of a virtio port, so whoever answers is the guest: bounded in time and size.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

/// Most that is read for one answer, in bytes.
const MAX_ANSWER: usize = 64 << 10;

/// Does the agent answer a synchronisation and a ping within `limit`? Whatever goes wrong is a no.
pub fn ping(socket: &Path, limit: Duration) -> bool {
    let deadline = Instant::now() + limit;
    UnixStream::connect(socket).is_ok_and(|mut stream| talk(&mut stream, deadline).is_some())
}

fn talk(stream: &mut UnixStream, deadline: Instant) -> Option<()> {
    // Any number that an earlier answer in the port does not carry by chance.
    let id = SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |d| u64::from(d.subsec_nanos()) + 1);
    ask(stream, &json!({ "execute": "guest-sync", "arguments": { "id": id } }), deadline, |v| {
        v == &json!(id)
    })?;
    ask(stream, &json!({ "execute": "guest-ping" }), deadline, Value::is_object)
}

/// Sends a command and waits for a return value that is `wanted`; others are left over from before.
fn ask(
    stream: &mut UnixStream,
    command: &Value,
    deadline: Instant,
    wanted: impl Fn(&Value) -> bool,
) -> Option<()> {
    stream.set_write_timeout(Some(Duration::from_secs(1))).ok()?;
    stream.write_all(format!("{command}\n").as_bytes()).ok()?;
    let mut answer: Vec<u8> = Vec::new();
    let mut buffer = [0; 4096];
    while answer.len() < MAX_ANSWER {
        for line in answer.split(|b| *b == b'\n') {
            let value: Option<Value> = serde_json::from_slice(line).ok();
            if value.and_then(|v| v.get("return").map(&wanted)) == Some(true) {
                return Some(());
            }
        }
        let left = deadline.checked_duration_since(Instant::now()).filter(|d| !d.is_zero())?;
        stream.set_read_timeout(Some(left)).ok()?;
        let read = stream.read(&mut buffer).ok().filter(|n| *n > 0)?;
        answer.extend_from_slice(buffer.get(..read)?);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader};

    /// Answers each line that comes with what `answer` makes of it.
    fn with_agent(milliseconds: u64, answer: fn(Value) -> String) -> bool {
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        let agent = std::thread::spawn(move || {
            let mut writer = theirs.try_clone().unwrap();
            for line in BufReader::new(theirs).lines().map_while(Result::ok) {
                let _ = writer.write_all(answer(serde_json::from_str(&line).unwrap()).as_bytes());
            }
        });
        let answered = talk(&mut ours, Instant::now() + Duration::from_millis(milliseconds)).is_some();
        drop(ours);
        agent.join().unwrap();
        answered
    }

    #[test]
    fn only_the_right_answers_count() {
        assert!(with_agent(20_000, |c| match c["arguments"]["id"].as_u64() {
            Some(id) => format!("junk\n{{\"return\": 1}}\n{{\"return\": {id}}}\n"),
            None => "{\"return\": {}}\n".into(),
        }));
        assert!(!with_agent(300, |_| "{\"return\": {}}\n".into()));
        assert!(!with_agent(300, |c| format!("{{\"return\": {}}}\n", c["arguments"]["id"])));
        assert!(!with_agent(300, |_| "x".repeat(2 * MAX_ANSWER)));
        assert!(!ping(Path::new("/nonexistent"), Duration::from_millis(10)));
    }
}
