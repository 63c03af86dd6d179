//! As much of HTTP as the tests speak, and the command as a child process.
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Longer than anything may take.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

/// Sends one request and reads its answer to the end of the connection.
pub fn ask(address: SocketAddr, method: &str, path: &str, token: &str, body: &str) -> Answer {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let authorization = match token {
        "" => String::new(),
        token => format!("Authorization: Bearer {token}\r\n"),
    };
    // By version 1.0 no answer comes in chunks.
    let head = format!(
        "{method} {path} HTTP/1.0\r\nHost: {address}\r\n{authorization}\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer:?}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
}

pub fn get(address: SocketAddr, path: &str) -> Answer {
    ask(address, "GET", path, "", "")
}

/// Waits until `holds`.
pub fn eventually(what: &str, holds: impl FnMut() -> bool) {
    within(PATIENCE, what, holds);
}

/// Waits until `holds`, for what takes long.
pub fn within(patience: Duration, what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < patience, "never: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The command, without the variables of whoever runs the tests.
pub fn feria(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_feria"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("FERIA_") {
            command.env_remove(name);
        }
    }
    command.args(arguments).env("FERIA_LOG", "warn").stdin(Stdio::null());
    command
}

/// Runs the command to its end: its exit code, what it says, and what it complains of.
pub fn run(arguments: &[&str], input: &str) -> (i32, String, String) {
    finish(feria(arguments), input)
}

pub fn finish(mut command: Command, input: &str) -> (i32, String, String) {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A command that does not read is gone before all is written.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code().expect("it ends by itself"), text(stdout), text(stderr))
}

/// A store in a process of its own.
pub struct Served {
    child: Child,
    pub address: SocketAddr,
    out: BufReader<ChildStdout>,
}

impl Served {
    /// Serves `data` on a free port.
    pub fn start(data: &Path) -> Self {
        let mut command = feria(&["serve", "--listen", "127.0.0.1:0", "--data"]);
        let mut child = command.arg(data).stdout(Stdio::piped()).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        let address = line.split("http://").nth(1).unwrap_or_else(|| panic!("{line:?}"));
        let address = address.split(' ').next().unwrap().parse().unwrap();
        Self { child, address, out }
    }
    /// Asks it to stop, as a system does: its exit code, and what it said meanwhile.
    pub fn terminate(mut self) -> (i32, String) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        let mut said = String::new();
        self.out.read_to_string(&mut said).unwrap();
        (self.child.wait().unwrap().code().expect("it ends by itself"), said)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // Of a test that failed; after `terminate` there is nothing to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
