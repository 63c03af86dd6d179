//! A store on PostgreSQL is copied by PostgreSQL's own tools, which have to be installed.
use crate::Failure;
use percent_encoding::percent_decode_str;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use tokio::process::Command;
use url::Url;

const NAME: &str = "feria.dump";

/// The dump in `folder`, if that is what it holds.
pub fn dump_in(folder: &Path) -> Option<PathBuf> {
    Some(folder.join(NAME)).filter(|dump| dump.exists())
}

/// Copies the database at `url` into `to`.
pub async fn dump(url: &str, to: &Path) -> Result<(), Failure> {
    let mut command = tool("pg_dump", url)?;
    command.args(["--format=custom", "--no-owner", "--file"]).arg(to.join(NAME));
    run("pg_dump", command).await
}

/// Fills the database at `url`, which must have no tables of the store, in one transaction.
pub async fn restore(url: &str, dump: &Path) -> Result<(), Failure> {
    let mut command = tool("pg_restore", url)?;
    let database = connection(url)?.database;
    command.args(["--no-owner", "--single-transaction", "--exit-on-error", "--dbname"]);
    command.arg(database).arg(dump);
    run("pg_restore", command).await
}

/// What a URL says, as the tools want it.
struct Connection {
    host: String,
    port: u16,
    user: String,
    password: Option<String>,
    database: String,
}

fn connection(url: &str) -> Result<Connection, Failure> {
    let none = || Failure::input("the database's URL cannot be read");
    let url = Url::parse(url).map_err(|_| none())?;
    let text = |part: &str| percent_decode_str(part).decode_utf8().map(|text| text.into_owned());
    let user = text(url.username()).map_err(|_| none())?;
    let path = text(url.path().trim_start_matches('/')).map_err(|_| none())?;
    Ok(Connection {
        host: url.host_str().unwrap_or("localhost").to_owned(),
        port: url.port().unwrap_or(5432),
        password: url.password().map(text).transpose().map_err(|_| none())?,
        database: if path.is_empty() { user.clone() } else { path },
        user,
    })
}

/// The tool with its connection in the environment: arguments are seen by everybody.
fn tool(name: &str, url: &str) -> Result<Command, Failure> {
    let Connection { host, port, user, password, database } = connection(url)?;
    let mut command = Command::new(name);
    command.env("PGHOST", host).env("PGPORT", port.to_string()).env("PGUSER", user);
    command.env("PGDATABASE", database);
    if let Some(password) = password {
        command.env("PGPASSWORD", password);
    }
    Ok(command)
}

async fn run(name: &str, mut command: Command) -> Result<(), Failure> {
    let ran = command.stdin(Stdio::null()).output().await;
    let Output { status, stderr, .. } = match ran {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(Failure::input(format!(
                "{name} is not installed: it comes with PostgreSQL's client programs"
            )));
        }
        ran => ran?,
    };
    if status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&stderr);
    let said = said.lines().find(|line| !line.trim().is_empty()).unwrap_or("it failed").trim();
    Err(Failure::input(format!("{name}: {}", said.trim_start_matches(&format!("{name}: ")))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart_for_the_tools() {
        let known = connection("postgres://me:hunt%2Fer2@db.example:5433/shop?x=1").unwrap();
        assert_eq!((&*known.host, known.port, &*known.user), ("db.example", 5433, "me"));
        assert_eq!((known.password.as_deref(), &*known.database), (Some("hunt/er2"), "shop"));
        let bare = connection("postgres://me@db").unwrap();
        assert_eq!((bare.port, &*bare.database, bare.password), (5432, "me", None));
        assert!(connection("nonsense").is_err());
    }
}
