//! A headless Chromium, through its WebDriver (<https://www.w3.org/TR/webdriver2/>).

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use base64::Engine;
use serde_json::{Value, json};

/// A browser with a window of its own. It ends when it is dropped.
pub struct Browser {
    driver: Child,
    port: u16,
    session: String,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Starts it; `dark` says which colours the page is told that its reader prefers.
    pub fn start(dark: bool) -> Self {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver: scripts/setup --test installs it");
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = lines
            .find_map(|line| {
                line.unwrap().split("successfully on port ").nth(1)?.trim_end_matches('.').parse().ok()
            })
            .expect("chromedriver tells its port");
        std::thread::spawn(move || lines.for_each(drop));
        let profile = tempfile::tempdir().unwrap();
        let mut browser = Self { driver, port, session: String::new(), _profile: profile };
        let mut args = vec![
            "--headless=new".to_owned(),
            "--no-sandbox".to_owned(),
            "--disable-gpu".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            "--hide-scrollbars".to_owned(),
            "--window-size=1200,900".to_owned(),
            format!("--user-data-dir={}", browser._profile.path().display()),
        ];
        if dark {
            args.push("--blink-settings=preferredColorScheme=0".to_owned());
        }
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "goog:chromeOptions": { "args": args }, "goog:loggingPrefs": { "performance": "ALL" } } } });
        let made = browser.call("POST", "/session", Some(&wanted));
        browser.session = format!("/session/{}", made["sessionId"].as_str().unwrap());
        browser
    }

    /// Opens a file and waits until it is loaded.
    pub fn open(&self, file: &Path) {
        // What the browser's own first page asked for is nobody's fault.
        self.post("url", &json!({ "url": "about:blank" }));
        self.requests();
        self.post("url", &json!({ "url": format!("file://{}", file.display()) }));
    }

    /// What a script yields, run from outside the page.
    pub fn ask(&self, script: &str) -> Value {
        self.post("execute/sync", &json!({ "script": format!("return {script}"), "args": [] }))
    }

    /// Every address that was asked for since the last call, but for what the page's own policy stopped.
    pub fn requests(&self) -> Vec<String> {
        let log = self.post("se/log", &json!({ "type": "performance" }));
        let parsed =
            |entry: &Value| -> Value { serde_json::from_str(entry["message"].as_str().unwrap()).unwrap() };
        let told: Vec<Value> = log.as_array().unwrap().iter().map(|e| parsed(e)["message"].clone()).collect();
        let of =
            |method: &'static str| told.iter().filter(move |event| event["method"] == method).map(params);
        let stopped: Vec<&Value> = of("Network.loadingFailed")
            .filter(|params| params["blockedReason"] == "csp")
            .map(|params| &params["requestId"])
            .collect();
        of("Network.requestWillBeSent")
            .filter(|params| !stopped.contains(&&params["requestId"]))
            .map(|params| params["request"]["url"].as_str().unwrap().to_owned())
            .collect()
    }

    /// A picture of the whole page as a PNG.
    pub fn picture(&self, file: &Path) {
        let height = self.ask("document.documentElement.scrollHeight").as_u64().unwrap();
        self.post("window/rect", &json!({ "width": 1200, "height": height + 150 }));
        let png = self.call("GET", &format!("{}/screenshot", self.session), None);
        let png = base64::engine::general_purpose::STANDARD.decode(png.as_str().unwrap()).unwrap();
        std::fs::write(file, png).unwrap();
    }

    /// The page as it would be printed: a PDF.
    pub fn print(&self) -> Vec<u8> {
        let pdf = self.post("print", &json!({}));
        base64::engine::general_purpose::STANDARD.decode(pdf.as_str().unwrap()).unwrap()
    }

    fn post(&self, what: &str, body: &Value) -> Value {
        self.call("POST", &format!("{}/{what}", self.session), Some(body))
    }

    fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        let body = body.map(Value::to_string).unwrap_or_default();
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let head =
            format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n", body.len());
        stream.write_all((head + &body).as_bytes()).unwrap();
        let mut reader = BufReader::new(stream);
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            if line.trim().is_empty() {
                break;
            }
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
        }
        let mut answer = vec![0; length];
        reader.read_exact(&mut answer).unwrap();
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        assert!(answer["value"]["error"].is_null(), "{method} {path}: {answer:#}");
        answer["value"].clone()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty() {
            // The browser is a process of its own: it ends with its session, not with the driver.
            self.call("DELETE", &self.session, None);
        }
        let _ended = self.driver.kill();
        let _reaped = self.driver.wait();
    }
}

fn params(event: &Value) -> &Value {
    &event["params"]
}
