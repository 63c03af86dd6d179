//! A store as a process of its own.
use super::Started;
use crate::story::Wrong;
use crate::story::place::Place;
use parking_lot::Mutex;
use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::{Child as Process, Command};

/// Longer than a start may take.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(2);

/// How a store is started, always at the same address.
pub struct Launch {
    feria: PathBuf,
    data: PathBuf,
    address: String,
    environment: Vec<(&'static str, OsString)>,
    log: PathBuf,
    starts: Mutex<Vec<Started>>,
}

/// A store that runs. It ends when this is dropped.
pub struct Child(Process);

impl Launch {
    /// Of the program `feria`, on what `place` keeps, with its log in `log`.
    pub fn new(
        feria: &Path,
        place: &Place,
        log: PathBuf,
        mut environment: Vec<(&'static str, OsString)>,
    ) -> Result<Self, Wrong> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0");
        let address = listener.and_then(|listener| listener.local_addr());
        let address = address.map_err(|error| Wrong::when("no port", error))?.to_string();
        let config = place.config("data");
        for (name, value) in [
            ("FERIA_RATE_LIMIT", "off"),
            ("FERIA_HOLD_SECONDS", "3"),
            ("FERIA_LOG", "warn"),
            ("FERIA_DATABASE", config.database.expose()),
            ("FERIA_MASTER_KEY", config.master_key.expose()),
        ] {
            environment.push((name, value.into()));
        }
        let (feria, data, starts) = (feria.to_owned(), config.data.into(), Mutex::default());
        Ok(Self { feria, data, address, environment, log, starts })
    }
    /// Where the store is.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
    /// Starts the store, and waits until it is ready.
    pub async fn start(&self) -> Result<Child, Wrong> {
        let began = Instant::now();
        let mut child = self.spawn()?;
        let healthy = self.until_200(&mut child, "/healthz", began).await?;
        let ready = self.until_200(&mut child, "/readyz", began).await?;
        self.starts.lock().push(Started { ready, healthy });
        Ok(child)
    }
    fn spawn(&self) -> Result<Child, Wrong> {
        let failed = |error| Wrong::when("the store does not start", error);
        let log = File::options().create(true).append(true).open(&self.log).map_err(failed)?;
        // A limit for files is not to end the store, but to be an error that it sees.
        let mut command = Command::new("sh");
        command.args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"]).arg(&self.feria);
        command.args(["serve", "--listen", &self.address, "--data"]).arg(&self.data);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(log.try_clone().map_err(failed)?).stderr(log);
        command.kill_on_drop(true).spawn().map(Child).map_err(failed)
    }
    async fn until_200(
        &self,
        child: &mut Child,
        path: &str,
        began: Instant,
    ) -> Result<Duration, Wrong> {
        loop {
            if self.status(path).await == Some(200) {
                return Ok(began.elapsed());
            }
            let ended = child.0.try_wait().ok().flatten();
            if ended.is_some() || began.elapsed() > PATIENCE {
                let said = std::fs::read_to_string(&self.log).unwrap_or_default();
                let last: Vec<_> = said.lines().rev().take(5).collect();
                return Err(Wrong(format!("no 200 on {path}: {ended:?} {last:#?}")));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
    /// The status of an answer, if there is one.
    pub async fn status(&self, path: &str) -> Option<u16> {
        let asked = async {
            let mut stream = TcpStream::connect(&self.address).await.ok()?;
            let request =
                format!("GET {path} HTTP/1.1\r\nHost: story\r\nConnection: close\r\n\r\n");
            stream.write_all(request.as_bytes()).await.ok()?;
            let mut said = String::new();
            stream.read_to_string(&mut said).await.ok()?;
            said.split_ascii_whitespace().nth(1)?.parse().ok()
        };
        tokio::time::timeout(PATIENCE, asked).await.ok().flatten()
    }
    /// How long the starts took.
    pub fn starts(&self) -> Vec<Started> {
        self.starts.lock().clone()
    }
    /// What was logged as an error, or as a panic.
    pub fn errors(&self) -> Result<Vec<String>, Wrong> {
        let log = std::fs::read(&self.log).map_err(|error| Wrong::when("read the log", error))?;
        let log = String::from_utf8_lossy(&log);
        let bad = |line: &&str| line.contains("ERROR") || line.contains("panicked");
        Ok(log.lines().filter(bad).map(str::to_owned).collect())
    }
}

impl Child {
    /// `kill -9`.
    pub async fn kill(mut self) -> Result<(), Wrong> {
        self.0.kill().await.map_err(|error| Wrong::when("kill -9", error))
    }
    /// The process.
    pub fn id(&self) -> Result<u32, Wrong> {
        self.0.id().ok_or_else(|| Wrong("the store has ended by itself".to_owned()))
    }
    /// Asks the store to end, and waits for it.
    pub async fn terminate(mut self) -> Result<(), Wrong> {
        let id = self.id()?.to_string();
        let failed = |error| Wrong::when("the store does not stop", error);
        Command::new("kill").args(["-TERM", &id]).status().await.map_err(failed)?;
        let ended = tokio::time::timeout(PATIENCE, self.0.wait()).await;
        let ended = ended.map_err(|_| Wrong("the store does not stop".to_owned()))?;
        match ended.map_err(failed)?.code() {
            Some(0) => Ok(()),
            code => Err(Wrong(format!("the store ended with {code:?}"))),
        }
    }
}
