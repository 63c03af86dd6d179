//! What a shopkeeper may decide: one `feria.toml`, each key also an environment variable.
//!
//! `feria.default.toml` names every key with its default and what it is for; this file gives
//! them types. A test holds the two equal.
mod layers;

use self::layers::Layers;
use contracts::payments::PaymentMethod;
use contracts::{Currency, Money};
use serde::{Deserialize, Serialize, Serializer};
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

const DEFAULT: &str = include_str!("feria.default.toml");

/// All that is configured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where the store listens: address and port.
    pub listen: String,
    /// The folder that holds whatever the store keeps on this machine.
    pub data: String,
    /// How the store is reached from outside, without a slash at the end.
    pub public_url: String,
    /// What prices, wallets and the ledger are in.
    pub currency: Currency,
    /// What is logged, as `tracing_subscriber::EnvFilter` reads it.
    pub log: String,
    /// How it is logged.
    pub log_format: LogFormat,
    /// Whether an address is limited in how much it may ask.
    pub rate_limit: Switch,
    /// Whether a proxy in front tells the client's address in `X-Forwarded-For`.
    pub trust_forwarded: Switch,
    /// How long an order that is to be paid by card or wallet holds its stock, in seconds.
    pub hold_seconds: u32,
    /// What carries events between services: a URL.
    pub events: Secret,
    /// What remembers for a while: a URL.
    pub cache: Secret,
    /// What finds products: a URL. See [`Config::search_folder`].
    pub search: Secret,
    /// What becomes of mail: a URL.
    pub mail: Secret,
    /// Whom mail is from.
    pub mail_from: String,
    /// One database server for all services, or nothing.
    pub database: Secret,
    /// How many connections each service opens to a server.
    pub database_connections: u32,
    /// See [`Config::master_key_bytes`].
    pub master_key: Secret,
    /// How much one address may ask.
    pub limits: Limits,
    /// The databases of single services. See [`Config::database_url`].
    pub databases: Databases,
    /// What shipping costs until staff says otherwise.
    pub shipping: Shipping,
    /// At how many pieces that can be ordered staff is told, unless a SKU has its own number.
    pub low_stock_at: u32,
    /// How shoppers may pay.
    pub payments: Payments,
    /// How long carts are kept.
    pub carts: Carts,
}

/// How shoppers may pay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Payments {
    /// The methods that are offered, in their order, with commas between. See
    /// [`Payments::offered`].
    pub methods: String,
    /// What a transfer needs to know: holder, IBAN, BIC.
    pub bank_account: String,
    /// How long an order that is to be paid by transfer holds its stock, in days.
    pub bank_transfer_days: u32,
    /// What the provider signs its webhooks with. Empty: webhooks are refused.
    pub webhook_secret: Secret,
}

impl Payments {
    /// The methods that are offered, in their order; what is none of them is left out.
    pub fn offered(&self) -> Vec<PaymentMethod> {
        self.methods.split(',').filter_map(|name| method(name.trim())).collect()
    }
}

fn method(name: &str) -> Option<PaymentMethod> {
    [
        PaymentMethod::Wallet,
        PaymentMethod::Card,
        PaymentMethod::BankTransfer,
        PaymentMethod::CashOnDelivery,
    ]
    .into_iter()
    .find(|method| method.as_str() == name)
}

/// How long carts that nobody touches are kept, in days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Carts {
    /// A guest's.
    pub guest_days: u32,
    /// An account's.
    pub account_days: u32,
}

/// How much one address may ask, and how much anyone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Requests of one address in a second.
    pub requests_per_second: u32,
    /// Registrations, logins and password resets of one address in a minute.
    pub logins_per_minute: u32,
    /// How long the body of a request may be, in bytes.
    pub body_bytes: u32,
    /// How long a request may take, in seconds.
    pub request_seconds: u32,
}

/// The database of each service, where it is not to be what [`Config::database`] says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Databases(BTreeMap<String, Secret>);

/// What shipping costs, in minor units of the store's currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shipping {
    /// By post.
    pub standard: i64,
    /// By courier.
    pub express: i64,
    /// Fetched by the shopper.
    pub pickup: i64,
}

/// How lines are logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// Yes or no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Switch {
    /// Yes.
    On,
    /// No.
    Off,
}

impl Switch {
    /// Whether it is on.
    pub const fn is_on(self) -> bool {
        matches!(self, Self::On)
    }
}

/// A text that may hold a password: only [`Secret::expose`] tells it. Shown and serialised, a
/// URL loses its password, and any other text all.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
    /// Whether nothing is set.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}
impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((scheme, rest)) = self.0.split_once(':') else {
            return f.write_str(if self.is_empty() { "" } else { "(secret)" });
        };
        if matches!(scheme, "sqlite" | "tantivy") {
            return f.write_str(&self.0);
        }
        // A password may hold a slash or an @: whatever stands before the last @ is hidden, and
        // so are the parameters, which may name a password too.
        let (shown, place) = match rest.rsplit_once('@') {
            Some((_, place)) => ("//(secret)@", place),
            None => ("", rest),
        };
        write!(f, "{scheme}:{shown}{}", place.split('?').next().unwrap_or_default())
    }
}
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}
impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What is wrong with the configuration, in one sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

impl ConfigError {
    fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }
}

impl Default for Config {
    /// What `feria.default.toml` says.
    #[expect(clippy::expect_used, reason = "a test loads the very text that is compiled in")]
    fn default() -> Self {
        Self::load(None, std::iter::empty()).expect("the default configuration is whole")
    }
}

impl Config {
    /// The default file, with what each key is for.
    pub const fn commented_default() -> &'static str {
        DEFAULT
    }

    /// Reads `file`, if one is given, and then the variables of `env` that start with `FERIA_`
    /// (but for `FERIA_TEST_…` and `FERIA_CONFIG…`, which are for those who start the store).
    /// `std::env::vars` panics where any variable is no UTF-8: use `vars_os`.
    /// # Errors
    /// One sentence: the file cannot be read, a key or a variable is unknown, or a value does
    /// not fit, as [`Self::validate`] says.
    pub fn load(
        file: Option<&Path>,
        env: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let mut layers = Layers::new(DEFAULT)?;
        if let Some(path) = file {
            layers.read_file(path)?;
        }
        layers.read_env(env)?;
        let mut config: Self = layers.read()?;
        let url = config.public_url.trim_end_matches('/').len();
        config.public_url.truncate(url);
        config.validate()?;
        Ok(config)
    }

    /// Where `service` keeps its data: `sqlite:PATH`, or a server's URL. On the server of
    /// [`Config::database`] each service has a schema of its own name.
    pub fn database_url(&self, service: &str) -> String {
        match self.databases.0.get(service) {
            Some(own) if !own.is_empty() => own.0.clone(),
            _ if !self.database.is_empty() => self.database.0.clone(),
            _ => {
                // A database's URL is percent-decoded, and ends at a question mark.
                let folder = self.data.replace('%', "%25").replace('?', "%3f");
                format!("sqlite:{folder}/{service}.db")
            }
        }
    }
    /// The folder of the search index: `tantivy:PATH`, seen from the data folder.
    pub fn search_folder(&self) -> PathBuf {
        let folder = self.search.0.strip_prefix("tantivy:").filter(|path| !path.is_empty());
        Path::new(&self.data).join(folder.unwrap_or("search"))
    }
    /// The key that encrypts what signs tokens, if one is set.
    pub fn master_key_bytes(&self) -> Option<[u8; 32]> {
        let mut key = [0; 32];
        hex::decode_to_slice(&self.master_key.0, &mut key).ok().map(|()| key)
    }

    /// Whether this build can serve what is asked of it. [`Self::load`] looks at it too; look
    /// again after changing something.
    /// # Errors
    /// One sentence about the first thing that it cannot.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.check_engines()?;
        self.check_databases()?;
        self.check_numbers()?;
        let web = ["http://", "https://"].iter().any(|web| self.public_url.starts_with(web));
        let listen = self.listen.rsplit_once(':');
        let complaint = if listen.is_none_or(|(_, port)| port.parse::<u16>().is_err()) {
            format!(
                "listen must be an address and a port, such as 0.0.0.0:8080, not {:?}",
                self.listen
            )
        } else if !web {
            format!("public_url must start with http:// or https://, not {:?}", self.public_url)
        } else if self.data.is_empty() {
            "data must name a folder".to_owned()
        } else if tracing_subscriber::EnvFilter::try_new(&self.log).is_err() {
            format!("log must be a level or a list of module=level, not {:?}", self.log)
        } else if !self.mail_from.contains('@') {
            format!("mail_from must hold an e-mail address, not {:?}", self.mail_from)
        } else if !self.master_key.is_empty() && self.master_key_bytes().is_none() {
            "master_key must be 64 hexadecimal digits".to_owned()
        } else {
            return Ok(());
        };
        Err(ConfigError(complaint))
    }

    fn check_engines(&self) -> Result<(), ConfigError> {
        let only = [("events", &self.events, "memory:"), ("cache", &self.cache, "memory:")];
        for (key, url, served) in only {
            if url.expose() != served {
                let sentence = format!("{key} can only be \"{served}\" in this build, not {url:?}");
                return Err(ConfigError(sentence));
            }
        }
        let mail = self.mail.0.split(':').next().unwrap_or_default();
        if !matches!(mail, "outbox" | "smtp" | "smtps") {
            let sentence = "mail must be \"outbox:\", or start with smtp:// or smtps://";
            return Err(ConfigError::new(sentence));
        }
        if self.search.0.starts_with("tantivy:") {
            return Ok(());
        }
        let found = &self.search;
        Err(ConfigError(format!("search can only be \"tantivy:\" in this build, not {found:?}")))
    }

    fn check_databases(&self) -> Result<(), ConfigError> {
        let own = self.databases.0.iter().map(|(name, url)| (format!("databases.{name}"), url));
        for (key, url) in own.chain([("database".to_owned(), &self.database)]) {
            let complaint = match url.0.split(':').next().unwrap_or_default() {
                _ if url.is_empty() => continue,
                "postgres" | "postgresql" => continue,
                "sqlite" if key != "database" => continue,
                "sqlite" => "must be a server, as SQLite has one file for each service",
                "mysql" | "mariadb" => "cannot be MySQL or MariaDB in this build",
                _ => "must start with postgres:// (or with sqlite: for a single service)",
            };
            return Err(ConfigError(format!("{key} {complaint}")));
        }
        Ok(())
    }

    fn check_numbers(&self) -> Result<(), ConfigError> {
        let Limits { requests_per_second, logins_per_minute, body_bytes, request_seconds } =
            self.limits;
        let positive = [
            ("hold_seconds", self.hold_seconds),
            ("database_connections", self.database_connections),
            ("limits.requests_per_second", requests_per_second),
            ("payments.bank_transfer_days", self.payments.bank_transfer_days),
            ("carts.guest_days", self.carts.guest_days),
            ("carts.account_days", self.carts.account_days),
            ("limits.logins_per_minute", logins_per_minute),
            ("limits.body_bytes", body_bytes),
            ("limits.request_seconds", request_seconds),
        ];
        if let Some((key, _)) = positive.iter().find(|(_, number)| *number == 0) {
            return Err(ConfigError(format!("{key} must be at least 1")));
        }
        let unknown = self.payments.methods.split(',').find(|name| method(name.trim()).is_none());
        if let Some(unknown) = unknown {
            let sentence = "payments.methods must name wallet, card, bank_transfer or \
                            cash_on_delivery, with commas between, not";
            return Err(ConfigError(format!("{sentence} {unknown:?}")));
        }
        let Shipping { standard, express, pickup } = self.shipping;
        let prices = [standard, express, pickup];
        if prices.iter().all(|price| (0..=Money::MAX_MINOR).contains(price)) {
            return Ok(());
        }
        Err(ConfigError::new("what shipping costs must be minor units, at least 0"))
    }
}

#[cfg(test)]
mod tests {
    use super::layers::variable;
    use super::*;
    use std::collections::BTreeSet;
    use toml::{Table, Value};

    fn with_env(env: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Config::load(None, env)
    }
    fn with_file(text: &str) -> Result<Config, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("feria.toml");
        std::fs::write(&path, text).unwrap();
        Config::load(Some(&path), std::iter::empty())
            .map_err(|error| error.to_string().replace(&path.display().to_string(), "feria.toml"))
    }

    #[test]
    fn the_commented_default_is_the_default() {
        let config = Config::default();
        assert_eq!(with_file(Config::commented_default()), Ok(config.clone()));
        assert_eq!(with_file(""), Ok(config.clone()));
        assert_eq!(with_file("[limits]\n[databases]"), Ok(config.clone()));
        let named: Table = DEFAULT.parse().unwrap();
        assert_eq!(Table::try_from(&config).unwrap(), named);
        assert_eq!(config.hold_seconds, 900);
        assert_eq!(config.limits.body_bytes, 1 << 20);
        assert_eq!(config.currency, Currency::USD);
    }

    #[test]
    fn every_key_is_told_what_it_is_for() {
        let mut told = false;
        for line in DEFAULT.lines() {
            let table = line.starts_with('[');
            assert!(!line.contains(" = ") || line.starts_with('#') || told, "{line}");
            told = line.starts_with('#') || (told && !line.is_empty()) || (table && told);
        }
    }

    #[test]
    fn every_key_is_an_environment_variable_that_outweighs_the_file() {
        let defaults = Layers::new(DEFAULT).unwrap().defaults();
        let names: BTreeSet<_> = defaults.iter().map(|(path, _)| variable(path)).collect();
        assert_eq!(names.len(), defaults.len());
        for (path, default) in defaults {
            let value = match (path.as_str(), &default) {
                ("listen", _) => "0.0.0.0:1".to_owned(),
                ("public_url", _) => "https://shop.example".to_owned(),
                ("currency", _) => "EUR".to_owned(),
                ("log_format", _) => "json".to_owned(),
                ("rate_limit", _) => "off".to_owned(),
                ("trust_forwarded", _) => "on".to_owned(),
                ("search", _) => "tantivy:index".to_owned(),
                ("events" | "cache", Value::String(only)) => only.clone(),
                ("mail", _) => "smtp://localhost:25".to_owned(),
                ("payments.methods", _) => "card".to_owned(),
                ("mail_from", _) => "me@example.com".to_owned(),
                ("master_key", _) => "ab".repeat(32),
                (database, _) if database.starts_with("database") && !default.is_integer() => {
                    "postgres://me@db/feria".to_owned()
                }
                (_, Value::Integer(number)) => (number + 1).to_string(),
                _ => "other".to_owned(),
            };
            let name = variable(&path);
            let config = with_env(&[(&name, &value)]).unwrap_or_else(|error| panic!("{error}"));
            let same = matches!(path.as_str(), "events" | "cache");
            assert_eq!(config == Config::default(), same, "{name} changes nothing");
        }
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("f.toml");
        std::fs::write(&file, "hold_seconds = 7\n[limits]\nbody_bytes = 9\n").unwrap();
        let env = [("FERIA_HOLD_SECONDS".to_owned(), "5".to_owned())];
        let config = Config::load(Some(&file), env.into_iter()).unwrap();
        assert_eq!((config.hold_seconds, config.limits.body_bytes), (5, 9));
        assert_eq!(config.limits.request_seconds, 30);
    }

    #[test]
    fn the_variables_that_tests_use_are_fixed() {
        let config = with_env(&[
            ("FERIA_RATE_LIMIT", "off"),
            ("FERIA_HOLD_SECONDS", "5"),
            ("FERIA_TEST_POSTGRES", "x"),
            ("FERIA_CONFIG", "feria.toml"),
            ("HOME", "/root"),
        ]);
        let config = config.unwrap();
        assert!(!config.rate_limit.is_on());
        assert_eq!(config.hold_seconds, 5);
    }

    #[test]
    fn what_is_unknown_or_does_not_fit_is_refused_in_one_sentence() {
        for (text, sentence) in [
            ("lissten = 'x'", "feria.toml has the key lissten, which is unknown"),
            ("[limits]\nx = 1", "feria.toml has the key limits.x, which is unknown"),
            ("limits = 1", "feria.toml has the key limits, which is unknown"),
            ("[listen]\nx = 1", "feria.toml has the key listen.x, which is unknown"),
            ("[shop]", "feria.toml has the key shop, which is unknown"),
            (
                "[databases]\nbilling = ''",
                "feria.toml has the key databases.billing, which is unknown",
            ),
            ("hold_seconds = '5'", "hold_seconds in feria.toml must be a whole number"),
            ("hold_seconds = 5.0", "hold_seconds in feria.toml must be a whole number"),
            ("hold_seconds = -5", "hold_seconds in feria.toml is out of range"),
            ("hold_seconds = 0", "hold_seconds must be at least 1"),
            ("rate_limit = true", "rate_limit in feria.toml must be a text"),
            ("rate_limit = 'no'", "rate_limit in feria.toml must be `on` or `off`"),
            (
                "currency = 'usd'",
                "currency in feria.toml: a currency is three capital letters, such as USD",
            ),
            ("\nlisten =", "feria.toml, line 2, is not TOML: "),
            ("[shipping]\nexpress = -1", "what shipping costs must be minor units, at least 0"),
        ] {
            let error = with_file(text).unwrap_err();
            assert!(error.starts_with(sentence), "{text}: {error}");
            assert!(!error.contains('\n'), "{error}");
        }
        for (name, value, sentence) in [
            ("FERIA_HOLDSECONDS", "5", "the variable FERIA_HOLDSECONDS is unknown"),
            ("FERIA_HOLD_SECONDS", "soon", "FERIA_HOLD_SECONDS must be a whole number"),
            ("FERIA_LOG_FORMAT", "xml", "FERIA_LOG_FORMAT must be `text` or `json`"),
            ("FERIA_LISTEN", "localhost", "listen must be an address and a port"),
            ("FERIA_PUBLIC_URL", "shop.example", "public_url must start with http://"),
            ("FERIA_LOG", "orders=loud", "log must be a level"),
            ("FERIA_MASTER_KEY", "abc", "master_key must be 64 hexadecimal digits"),
            ("FERIA_MAIL_FROM", "shop", "mail_from must hold an e-mail address"),
            ("FERIA_DATA", "", "data must name a folder"),
        ] {
            let error = with_env(&[(name, value)]).unwrap_err().to_string();
            assert!(error.starts_with(sentence), "{name}={value}: {error}");
        }
        let missing = Config::load(Some(Path::new("/none/feria.toml")), std::iter::empty());
        assert!(missing.unwrap_err().to_string().starts_with("/none/feria.toml cannot be read: "));
    }

    #[test]
    fn what_this_build_cannot_serve_is_refused_without_telling_passwords() {
        for (name, value, sentence) in [
            ("EVENTS", "kafka://k", "events can only be \"memory:\" in this build, not \"kafka:"),
            ("CACHE", "redis://:hunter2@r", "cache can only be \"memory:\" in this build"),
            ("MAIL", "sendmail:me:hunter2@m", "mail must be \"outbox:\", or start with smtp://"),
            ("PAYMENTS_METHODS", "card,gold", "payments.methods must name wallet, card"),
            ("SEARCH", "opensearch://s", "search can only be \"tantivy:\" in this build"),
            ("DATABASE", "mysql://me:hunter2@m/x", "database cannot be MySQL or MariaDB"),
            ("DATABASE", "sqlite:feria.db", "database must be a server"),
            ("DATABASE", "oracle://o", "database must start with postgres://"),
            ("DATABASES_ORDERS", "mariadb://m/x", "databases.orders cannot be MySQL"),
            ("DATABASES_ORDERS", ":memory:", "databases.orders must start with postgres://"),
        ] {
            let error = with_env(&[(&format!("FERIA_{name}"), value)]).unwrap_err().to_string();
            assert!(error.starts_with(sentence), "{value}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn each_service_has_a_database() {
        let mut config = with_env(&[("FERIA_DATA", "/srv/50%?")]).unwrap();
        assert_eq!(config.database_url("orders"), "sqlite:/srv/50%25%3f/orders.db");
        let file = crate::db::sqlite_file(&config.database_url("orders"));
        assert_eq!(file.as_deref(), Some(Path::new("/srv/50%?/orders.db")));
        assert_eq!(crate::db::sqlite_file("postgres://me@db/feria"), None);
        assert_eq!(config.search_folder(), Path::new("/srv/50%?/search"));
        let url = "postgres://me:hunt/er2@@db/feria?password=hunter2";
        config = with_env(&[
            ("FERIA_DATABASE", url),
            ("FERIA_DATABASES_CART", "sqlite:cart.db"),
            ("FERIA_SEARCH", "tantivy:index"),
        ])
        .unwrap();
        assert_eq!(config.database_url("orders"), url);
        assert_eq!(config.database_url("cart"), "sqlite:cart.db");
        assert_eq!(config.search_folder(), Path::new("data/index"));
        assert_eq!(format!("{:?}", config.database), "\"postgres://(secret)@db/feria\"");
    }

    #[test]
    fn secrets_are_not_shown() {
        let config = with_env(&[("FERIA_MASTER_KEY", &"0f".repeat(32))]).unwrap();
        assert_eq!(config.master_key_bytes(), Some([15; 32]));
        assert!(!format!("{config:?}").contains("0f0f"));
        assert!(!toml::to_string(&config).unwrap().contains("0f0f"));
        assert_eq!(Config::default().master_key_bytes(), None);
    }
}
