//! The command line: what it understands, and how it answers.
use crate::goods::Format;
use crate::import::Import;
use crate::{Failure, admin, backup, describe, export, import, seed, serve, services, store};
use clap::{Parser, Subcommand};
use contracts::Caller;
use contracts::catalog::BestSellers;
use kit::Unexpected;
use kit::config::{Config, LogFormat};
use std::ffi::OsString;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// The file that is read where none is named.
const DEFAULT_FILE: &str = "feria.toml";
/// What is logged by commands that are not the store itself.
const QUIET: &str = "error";
/// Longer input is no password.
const PASSWORD_BYTES: u64 = 4096;

/// An online store in one command.
#[derive(Parser)]
#[command(
    name = "feria",
    version,
    max_term_width = 90,
    after_help = "\
Examples:
  feria serve                                   open a store at http://127.0.0.1:8080
  feria seed                                    put a demo catalogue of classics on its shelves
  feria admin create me@example.com --password-stdin < password.txt
  FERIA_HOLD_SECONDS=60 feria serve --data /srv/shop --listen 0.0.0.0:80

A store needs no configuration. `feria config` prints every setting with its default and what it
is for: keep what you change in feria.toml, or set it as an environment variable FERIA_….

Exit codes: 0 done, 1 our fault or the machine's, 2 something to be asked differently."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// The folder that holds whatever the store keeps on this machine [default: data]
    #[arg(long, global = true, value_name = "DIR")]
    data: Option<String>,
    /// The configuration file [default: feria.toml, if there is one]
    #[arg(long, global = true, value_name = "FILE", env = "FERIA_CONFIG")]
    config: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    /// Open the store
    ///
    /// Makes whatever is missing (the data folder, databases, keys) and serves the shop, its API and
    /// its documentation (/docs) until Ctrl-C or SIGTERM. Then it takes no more connections, answers
    /// what was asked, and closes its databases.
    #[command(after_help = "\
Examples:
  feria serve
  feria serve --listen 0.0.0.0:8080 --data /srv/shop
  FERIA_DATABASE=postgres://me@db/shop feria serve")]
    Serve {
        /// Where to listen: address and port; port 0 takes a free one [default: 127.0.0.1:8080]
        #[arg(long, value_name = "ADDR")]
        listen: Option<String>,
        /// The services to run: all, or none for all (one alone is for a later version)
        #[arg(value_name = "SERVICE")]
        services: Vec<String>,
    },
    /// Put a demo catalogue on the shelves
    ///
    /// Lists a hundred and some classics in the public domain, with prices and stock. What is there
    /// already stays as it is, so it is safe to repeat. Works beside a running store, which shows them
    /// within a second or so, and without one.
    #[command(after_help = "Example:\n  feria seed --data /srv/shop")]
    Seed,
    /// Take in goods from a file
    ///
    /// Lists the products that are new, changes those that the file has otherwise (a product is
    /// known by its SKUs), and counts the stock of new SKUs. Rows that make no sense are named with
    /// their line and the reason, and passed over. Repeating it changes nothing, so an import that
    /// was interrupted is simply repeated. Works beside a running store, and without one.
    #[command(after_help = "\
Examples:
  feria import books.csv                        the format is found by itself
  feria import goods.csv --replace-stock        set the stock of known SKUs, too
  feria import export.jsonl --data /srv/shop")]
    Import {
        /// The file: csv, jsonl, or books.csv of goodbooks-10k
        file: PathBuf,
        /// How it is written [default: found by itself]
        #[arg(long, value_enum)]
        format: Option<Format>,
        /// Set stock that is known already to what the file says, though the shop may have sold since
        #[arg(long)]
        replace_stock: bool,
        /// End with exit code 2 if any row was rejected (the others are taken in all the same)
        #[arg(long)]
        strict: bool,
    },
    /// Write all goods to a file that `feria import` takes
    #[command(after_help = "\
Examples:
  feria export > goods.jsonl
  feria export --format csv > goods.csv")]
    Export {
        /// How it is written: jsonl or csv
        #[arg(long, value_enum, default_value = "jsonl")]
        format: Format,
    },
    /// Copy the store, while it sells
    ///
    /// Copies all databases as they were at one instant, and the key that seals what signs tokens,
    /// into a new folder. Keep it as safe as the store: it holds all its secrets. A store on
    /// PostgreSQL is copied by pg_dump, which has to be installed.
    #[command(after_help = "Example:\n  feria backup /backups/shop-2026-11-21 --data /srv/shop")]
    Backup {
        /// The folder to make
        folder: PathBuf,
    },
    /// Put a copy in the place of a store that has no data yet
    ///
    /// Checks the copy before it begins. The data folder must have no databases, and no store may
    /// run on it. The search index is made anew at the next start.
    #[command(after_help = "Example:\n  feria restore /backups/shop-2026-11-21 --data /srv/new")]
    Restore {
        /// The folder that `feria backup` made
        folder: PathBuf,
    },
    /// Manage those who run the shop
    #[command(subcommand)]
    Admin(Admin),
    /// Bring the databases up to date, and stop there
    ///
    /// `feria serve` does it by itself. Do it before, where many replicas start at once.
    #[command(after_help = "Example:\n  FERIA_DATABASE=postgres://me@db/shop feria migrate")]
    Migrate,
    /// Print the document of the API (OpenAPI 3.1)
    #[command(after_help = "Example:\n  feria openapi > openapi.json")]
    Openapi,
    /// Print every setting with its default and what it is for
    #[command(after_help = "Example:\n  feria config > feria.toml")]
    Config,
    /// Print which service talks to which
    #[command(after_help = "Example:\n  feria map > docs/MAP.md")]
    Map,
}

#[derive(Subcommand)]
enum Admin {
    /// Open an account that may do everything
    ///
    /// Works beside a running store, and without one. An address that has an account already is
    /// refused with exit code 2.
    #[command(after_help = "\
Examples:
  feria admin create me@example.com --password-stdin < password.txt
  printf %s 'correct horse battery' | feria admin create me@example.com --password-stdin")]
    Create {
        /// The e-mail address to log in with
        email: String,
        /// Read the password from standard input: 8 to 128 characters
        #[arg(long, required = true)]
        password_stdin: bool,
    },
}

/// Does what `arguments` ask, and says how it ended.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() => return complain(&misread(&error)),
        // Help and version were asked for; that nobody reads them is no failure.
        Err(error) => {
            let _ = error.print();
            return ExitCode::SUCCESS;
        }
    };
    match execute(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => complain(&failure),
    }
}

fn complain(failure: &Failure) -> ExitCode {
    // When nobody reads it, the exit code still tells.
    let _ = writeln!(io::stderr(), "feria: {failure}");
    failure.exit_code()
}

/// The first paragraph of what the parser says, as one sentence.
fn misread(error: &clap::Error) -> Failure {
    let said = error.to_string();
    let first = said.lines().take_while(|line| !line.trim().is_empty()).map(str::trim);
    let sentence = first.collect::<Vec<_>>().join(" ");
    let sentence = sentence.strip_prefix("error: ").unwrap_or(&sentence);
    Failure::input(format!("{sentence} (feria --help says what there is)"))
}

fn execute(cli: Cli) -> Result<(), Failure> {
    if let Command::Config = cli.command {
        return say(Config::commented_default());
    }
    if let Command::Map = cli.command {
        return say(&describe::map());
    }
    let config = configured(&cli)?;
    if let Command::Serve { services, .. } = &cli.command {
        services::check(services)?;
        kit::telemetry::init(&config.log, config.log_format)?;
    } else {
        kit::telemetry::init(QUIET, LogFormat::Text)?;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async move {
        match cli.command {
            Command::Serve { .. } => serve(config).await,
            Command::Seed => say(&format!("{}\n", seed::seed(config).await?)),
            Command::Admin(Admin::Create { email, .. }) => {
                let said = format!("{email} is an admin now.\n");
                admin::create(config, email, password()?).await?;
                say(&said)
            }
            Command::Import { file, format, replace_stock, strict } => {
                take_in(config, Import { file, format, replace_stock }, strict).await
            }
            Command::Export { format } => {
                let out = io::BufWriter::new(io::stdout());
                export::export(config, format, out).await.map(drop)
            }
            Command::Backup { folder } => {
                say(&format!("{}\n", backup::backup(&config, &folder).await?))
            }
            Command::Restore { folder } => {
                say(&format!("{}\n", backup::restore(&config, &folder).await?))
            }
            Command::Migrate => migrate(config).await,
            Command::Openapi => {
                let document = describe::openapi(config).await?.to_pretty_json();
                say(&(document.map_err(Unexpected::from)? + "\n"))
            }
            Command::Config | Command::Map => Ok(()),
        }
    })
}

/// The file, then the environment, then the command line.
fn configured(cli: &Cli) -> Result<Config, Failure> {
    let default = Path::new(DEFAULT_FILE);
    let file = cli.config.as_deref().or_else(|| default.exists().then_some(default));
    // A variable that is not UTF-8 is none of ours.
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let mut told = Vec::new();
    if let Some(data) = &cli.data {
        told.push(("FERIA_DATA".to_owned(), data.clone()));
    }
    if let Command::Serve { listen: Some(listen), .. } = &cli.command {
        told.push(("FERIA_LISTEN".to_owned(), listen.clone()));
    }
    Ok(Config::load(file, environment.chain(told))?)
}

async fn serve(config: Config) -> Result<(), Failure> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let listener = TcpListener::bind(&config.listen).await.map_err(|error| {
        Failure::input(format!("nothing can listen on {}: {error}", config.listen))
    })?;
    let beside = if config.data == Config::default().data {
        String::new()
    } else {
        format!(" --data {}", config.data)
    };
    let store = tokio::select! {
        store = serve::start(config, listener) => store?,
        _ = interrupt.recv() => return Ok(()),
        _ = terminate.recv() => return Ok(()),
    };
    say(&format!("Feria is open at {} (Ctrl-C closes it)\n", store.url()))?;
    let empty = store.calls().call(&Caller::Store, BestSellers { limit: 1 }).await;
    if empty.is_ok_and(|products| products.is_empty()) {
        say(&format!("  The shelves are empty: feria seed{beside}\n"))?;
        say(&format!("  To run the shop: feria admin create EMAIL --password-stdin{beside}\n"))?;
    }
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    let again = tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        // Asked twice: at once. What was committed is safe, the rest never happened.
        std::process::exit(1);
    });
    store.stop().await;
    again.abort();
    Ok(())
}

async fn take_in(config: Config, from: Import, strict: bool) -> Result<(), Failure> {
    let file = from.file.display().to_string();
    let report = import::import(config, from, |rejected| {
        // When nobody reads it, the count in the report still tells.
        let _ = writeln!(io::stderr(), "{file}:{}: {}", rejected.line, rejected.reason);
    });
    let report = report.await?;
    say(&format!("{report}\n"))?;
    let nothing = report.rejected > 0 && report.rejected == report.rows;
    if nothing || (strict && report.rejected > 0) {
        let (rejected, rows) = (report.rejected, report.rows);
        return Err(Failure::input(format!("{rejected} of {rows} rows were rejected")));
    }
    Ok(())
}

async fn migrate(config: Config) -> Result<(), Failure> {
    store::make_folder(&config)?;
    let setup = store::setup(&Arc::new(config), false);
    for service in services::services() {
        let taken = service.migrate(&setup).await?;
        say(&format!("{}: {taken} steps\n", service.name()))?;
    }
    Ok(())
}

/// The first line of standard input.
fn password() -> Result<String, Failure> {
    let mut text = String::new();
    let read = io::stdin().lock().take(PASSWORD_BYTES).read_to_string(&mut text);
    read.map_err(|error| Failure::input(format!("the password cannot be read: {error}")))?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

fn say(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // Whoever reads has read enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        said => Ok(said?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_misread_line_is_one_sentence() {
        for line in [
            &["feria", "sreve"][..],
            &["feria", "admin", "create"],
            &["feria", "serve", "--lissten", "x"],
            &["feria"],
        ] {
            let error = Cli::try_parse_from(line).err().unwrap();
            let said = misread(&error).to_string();
            assert!(!said.contains('\n') && said.len() > 40, "{line:?}: {said}");
        }
    }
}
