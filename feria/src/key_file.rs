//! The key that seals the keys that sign tokens: configured, or a file in the data folder.
use crate::Failure;
use kit::clock::Sources;
use kit::config::Config;
use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Its name in the data folder.
pub const NAME: &str = "master.key";

/// The configuration with a master key. On SQLite one that is not configured is read from the
/// data folder, or made there: 64 hexadecimal digits that only the store's user can read. On a
/// server, whose replicas have to share it, it stays what is configured.
/// # Errors
/// When the file cannot be read or made, or holds no key.
pub fn complete(config: Config, sources: &Sources) -> Result<Config, Failure> {
    if !config.master_key.is_empty() || !config.database_url("identity").starts_with("sqlite:") {
        return Ok(config);
    }
    let path = path(&config);
    let text = match std::fs::read_to_string(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => make(&path, sources)?,
        read => read?,
    };
    let config = Config { master_key: text.trim().into(), ..config };
    if config.master_key_bytes().is_none() {
        let path = path.display();
        return Err(Failure::input(format!("{path} does not hold 64 hexadecimal digits")));
    }
    Ok(config)
}

/// Where it is, or would be.
pub fn path(config: &Config) -> PathBuf {
    Path::new(&config.data).join(NAME)
}

fn make(path: &Path, sources: &Sources) -> Result<String, Failure> {
    let mut key = [0; 32];
    sources.fill(&mut key);
    let text: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    // Written whole before it has its name: whoever starts beside reads all of it, or none.
    let whole = path.with_extension(format!("key.{}", std::process::id()));
    let mut file =
        File::options().write(true).create(true).truncate(true).mode(0o600).open(&whole)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    let linked = std::fs::hard_link(&whole, path);
    std::fs::remove_file(&whole)?;
    match linked {
        Ok(()) => Ok(text),
        // Another process was first: its key counts.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            Ok(std::fs::read_to_string(path)?)
        }
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(data: &Path) -> Config {
        Config { data: data.display().to_string(), ..Config::default() }
    }

    #[test]
    fn a_key_is_made_once_and_only_its_user_reads_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let sources = crate::sources::real();
        let first = complete(config(folder.path()), &sources).unwrap();
        let second = complete(config(folder.path()), &sources).unwrap();
        assert!(first.master_key_bytes().is_some());
        assert_eq!(first.master_key_bytes(), second.master_key_bytes());
        let file = folder.path().join(NAME);
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left over");
        std::fs::write(&file, "not a key").unwrap();
        assert!(complete(config(folder.path()), &sources).is_err());
    }

    #[test]
    fn a_server_has_only_the_key_that_is_configured() {
        let folder = tempfile::tempdir().unwrap();
        let database = "postgres://localhost/feria".into();
        let config = Config { database, ..config(folder.path()) };
        let config = complete(config, &crate::sources::real()).unwrap();
        assert!(config.master_key.is_empty());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
