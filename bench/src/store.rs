//! The store under load: a child process with a data folder of its own, or one that runs already.
use crate::Trouble;
use crate::process::Process;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a store may take to stop.
const PATIENCE: Duration = Duration::from_secs(60);
/// What the store complains of while it is measured.
const LOG: &str = "bench-store.log";

/// A program, and what stands before its own arguments.
#[derive(Clone, Debug)]
pub struct Program {
    /// Which file.
    pub file: PathBuf,
    /// Arguments that come first.
    pub first: Vec<String>,
}

impl Program {
    /// The program, to be run with `arguments`.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.file);
        command.args(&self.first).args(arguments).stdin(Stdio::null());
        command
    }
    /// `feria`, on a data folder, without limits and with little to log.
    pub fn feria(&self, arguments: &[&str], data: &Path) -> Command {
        let mut command = self.command(arguments);
        command.arg("--data").arg(data);
        command.env("FERIA_RATE_LIMIT", "off").env("FERIA_LOG", "warn");
        command
    }
}

/// A store that is measured.
pub struct Store {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its process, if it runs here.
    pub process: Option<Process>,
    child: Option<Child>,
}

impl Store {
    /// Starts one.
    /// # Errors
    /// When it does not open.
    pub fn start(feria: &Program, data: &Path) -> Result<Self, Trouble> {
        let log = File::create(data.join(LOG))?;
        let mut command = feria.feria(&["serve", "--listen", "127.0.0.1:0"], data);
        Self::spawn(command.stderr(log))
    }
    /// Starts a child that says `… http://ADDRESS …` once it listens.
    /// # Errors
    /// When it does not say so.
    pub fn spawn(command: &mut Command) -> Result<Self, Trouble> {
        let mut child = command.stdout(Stdio::piped()).spawn().map_err(|error| {
            Trouble::new(format!("{} cannot be run: {error}", command.get_program().display()))
        })?;
        let process = Some(Process::of(child.id()));
        let mut out = BufReader::new(child.stdout.take().ok_or_else(|| Trouble::new("no output"))?);
        let mut line = String::new();
        out.read_line(&mut line)?;
        let address = line.split("http://").nth(1).and_then(|rest| rest.split_whitespace().next());
        let address = address.and_then(|address| address.parse().ok());
        // What else it says is read, so that it never waits for a reader.
        std::thread::spawn(move || std::io::copy(&mut out, &mut std::io::sink()));
        match address {
            Some(address) => Ok(Self { address, process, child: Some(child) }),
            None => {
                let _ = child.kill();
                let _ = child.wait();
                Err(Trouble::new("the store did not open; its log says why"))
            }
        }
    }
    /// One that runs already; `pid` names its process, if that runs on this machine.
    /// # Errors
    /// When the URL names no address.
    pub fn running(url: &str, pid: Option<u32>) -> Result<Self, Trouble> {
        let place = url.strip_prefix("http://").unwrap_or(url).trim_end_matches('/');
        let address = place.to_socket_addrs().ok().and_then(|mut all| all.next());
        let address = address.ok_or_else(|| Trouble::new(format!("{url} names no address")))?;
        Ok(Self { address, process: pid.map(Process::of), child: None })
    }
    /// Asks a child to stop, and waits until it has.
    /// # Errors
    /// When it does not stop, or not cleanly.
    pub fn stop(mut self) -> Result<(), Trouble> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        let pid = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
        let asked =
            pid.map(|pid| rustix::process::kill_process(pid, rustix::process::Signal::TERM));
        let began = Instant::now();
        while let Some(Ok(())) = asked
            && began.elapsed() < PATIENCE
        {
            match child.try_wait()? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => return Err(Trouble::new(format!("the store ended with {status}"))),
                None => std::thread::sleep(Duration::from_millis(10)),
            }
        }
        child.kill()?;
        child.wait()?;
        Err(Trouble::new("the store did not stop by itself"))
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // Of a measurement that failed; after `stop` there is nothing to end.
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// How many lines the store logged while it was measured.
pub fn complaints(data: &Path) -> usize {
    File::open(data.join(LOG)).map_or(0, |log| BufReader::new(log).lines().count())
}
