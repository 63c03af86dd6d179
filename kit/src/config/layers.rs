//! The default file, the shopkeeper's file and the environment, one on top of the other.
use super::ConfigError;
use crate::input::reason;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::path::Path;
use toml::{Table, Value};

const PREFIX: &str = "FERIA_";
/// Variables that start so are for those who start the store, not for the store.
const NOT_KEYS: [&str; 2] = ["FERIA_TEST_", "FERIA_CONFIG"];

/// The default, then the file, then the environment, and which of them each value is from.
pub(super) struct Layers {
    values: Table,
    /// Path of each key, its default, and where its value was said.
    keys: BTreeMap<String, Key>,
}

struct Key {
    default: Value,
    said_in: String,
}

impl Layers {
    /// The default, which names every key there is.
    pub(super) fn new(default: &str) -> Result<Self, ConfigError> {
        let values: Table = default.parse().map_err(|error| {
            ConfigError(format!("the default configuration is broken: {error}"))
        })?;
        let mut keys = BTreeMap::new();
        for (path, value) in leaves(&values) {
            let said_in = "the default configuration".to_owned();
            keys.insert(path, Key { default: value.clone(), said_in });
        }
        Ok(Self { values, keys })
    }

    /// Lays the values of a file on top.
    pub(super) fn read_file(&mut self, path: &Path) -> Result<(), ConfigError> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|error| ConfigError(format!("{name} cannot be read: {error}")))?;
        let table: Table = text.parse().map_err(|error: toml::de::Error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            ConfigError(format!("{name}, line {line}, is not TOML: {}", error.message()))
        })?;
        for (path, value) in leaves(&table) {
            let table = format!("{path}.");
            if value.is_table() && self.keys.keys().any(|key| key.starts_with(&table)) {
                continue;
            }
            if !self.keys.contains_key(&path) {
                return Err(ConfigError(format!("{name} has the key {path}, which is unknown")));
            }
            self.set(&path, value.clone(), &format!("{path} in {name}"))?;
        }
        Ok(())
    }

    /// Lays the values of the environment on top.
    pub(super) fn read_env(
        &mut self,
        env: impl Iterator<Item = (String, String)>,
    ) -> Result<(), ConfigError> {
        let names: BTreeMap<String, String> =
            self.keys.keys().map(|path| (variable(path), path.clone())).collect();
        for (name, text) in env {
            if !name.starts_with(PREFIX) || NOT_KEYS.iter().any(|other| name.starts_with(other)) {
                continue;
            }
            let Some(path) = names.get(&name) else {
                return Err(ConfigError(format!("the variable {name} is unknown")));
            };
            let number = self.keys.get(path).is_some_and(|key| key.default.is_integer());
            let value = match text.trim().parse() {
                Ok(integer) if number => Value::Integer(integer),
                _ => Value::String(text),
            };
            self.set(path, value, &name)?;
        }
        Ok(())
    }

    /// Sets the value of a known key.
    fn set(&mut self, path: &str, value: Value, said_in: &str) -> Result<(), ConfigError> {
        let Some(key) = self.keys.get_mut(path) else { return Ok(()) };
        if !key.default.same_type(&value) {
            let kind = if key.default.is_integer() { "a whole number" } else { "a text" };
            return Err(ConfigError(format!("{said_in} must be {kind}")));
        }
        key.said_in = said_in.to_owned();
        let mut table = &mut self.values;
        let mut name = path;
        if let Some((outer, inner)) = path.split_once('.') {
            name = inner;
            match table.get_mut(outer) {
                Some(Value::Table(found)) => table = found,
                _ => return Ok(()),
            }
        }
        table.insert(name.to_owned(), value);
        Ok(())
    }

    /// What all layers say together.
    pub(super) fn read<T: DeserializeOwned>(self) -> Result<T, ConfigError> {
        serde_path_to_error::deserialize(Value::Table(self.values)).map_err(|error| {
            let path = error.path().to_string();
            let place = self.keys.get(&path).map_or(path.as_str(), |key| &key.said_in);
            let (_, reason) = reason(error.inner().message());
            let colon =
                if reason.starts_with("must ") || reason.starts_with("is ") { "" } else { ":" };
            ConfigError(format!("{place}{colon} {reason}"))
        })
    }

    /// Every key with its default.
    #[cfg(test)]
    pub(super) fn defaults(self) -> Vec<(String, Value)> {
        self.keys.into_iter().map(|(path, key)| (path, key.default)).collect()
    }
}

/// Every value that is no table, and every empty table, with the path of its key:
/// `limits.body_bytes`.
fn leaves(table: &Table) -> Vec<(String, &Value)> {
    let mut found = Vec::new();
    for (name, value) in table {
        match value {
            Value::Table(inner) if !inner.is_empty() => {
                let inner = leaves(inner).into_iter();
                found.extend(inner.map(|(path, value)| (format!("{name}.{path}"), value)));
            }
            value => found.push((name.clone(), value)),
        }
    }
    found
}

/// The environment variable of a key.
pub(super) fn variable(path: &str) -> String {
    format!("{PREFIX}{}", path.replace('.', "_").to_uppercase())
}
