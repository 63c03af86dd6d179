//! The mail server: hands letters over by SMTP, and says in three words what came of it.
use contracts::Timestamp;
use kit::problem::Unexpected;
use lettre::address::Envelope;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::{Error, PoolConfig};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use std::time::Duration;

/// The most connections to the mail server.
pub const CONNECTIONS: usize = 4;
/// How long the mail server may take for one letter, whatever it does.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);
/// How much of the server's words is kept, in characters.
const WORDS: usize = 500;

/// A mail server.
pub struct Post {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Address,
}

/// What came of handing a letter over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Handed {
    /// The server has it.
    Taken,
    /// Not now: it said so, or it could not be talked to. Whether it has the letter may be
    /// unknown; repeated, the letter has the same Message-ID.
    Later {
        /// What was said.
        why: String,
        /// Whether no letter can be handed over now.
        away: bool,
    },
    /// Never, by its own words.
    Refused(String),
}

impl Post {
    /// The server at `url`, `smtp://…` or `smtps://…`; none for `outbox:`. `from` is who writes.
    /// `smtp:` takes STARTTLS where the server has it, needs it with `?tls=required`, and does
    /// without it with `?tls=none`.
    /// # Errors
    /// When the URL names no server.
    pub fn new(url: &str, from: &Address) -> Result<Option<Self>, Unexpected> {
        if !url.starts_with("smtp:") && !url.starts_with("smtps:") {
            return Ok(None);
        }
        // The URL may hold a password: what is wrong with it is not told by its own words.
        let wrong = |_: Error| {
            Unexpected::new("mail names no mail server, such as smtp://user:password@host:587")
        };
        // In its own words, the library knows no TLS where none is asked for.
        let said = url.strip_suffix("?tls=none").unwrap_or(url);
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(said).map_err(wrong)?;
        if let Some(host) = opportunistic(url) {
            // Without a password, whoever sits between may strip STARTTLS as well: an encrypted
            // line to whomever is better than none (RFC 7435). A password is shown to the right
            // server, or to nobody who pretends to be it.
            let parameters = TlsParameters::builder(host.name.to_owned())
                .dangerous_accept_invalid_certs(!host.has_password)
                .dangerous_accept_invalid_hostnames(!host.has_password)
                .build()
                .map_err(wrong)?;
            builder = builder.tls(Tls::Opportunistic(parameters));
        }
        let transport = builder
            .hello_name(ClientId::Domain(from.domain().to_owned()))
            .timeout(Some(CONNECT))
            .pool_config(
                PoolConfig::new()
                    .max_size(u32::try_from(CONNECTIONS).unwrap_or(1))
                    .idle_timeout(Duration::from_secs(30)),
            )
            .build();
        Ok(Some(Self { transport, from: from.clone() }))
    }

    /// Hands a letter over. Ends within [`PATIENCE`].
    pub async fn hand(&self, to: &str, letter: &[u8]) -> Handed {
        let Ok(to) = to.parse::<Address>() else {
            return Handed::Refused("mail cannot be sent to the address".to_owned());
        };
        let envelope = match Envelope::new(Some(self.from.clone()), vec![to]) {
            Ok(envelope) => envelope,
            Err(error) => return Handed::Refused(words(&error.to_string())),
        };
        let work = async {
            match self.transport.send_raw(&envelope, letter).await {
                Ok(_) => Handed::Taken,
                Err(error) if error.is_permanent() => self.permanent(&error).await,
                Err(error) => Handed::Later { away: !error.is_transient(), why: said_by(&error) },
            }
        };
        // The one clock that counts here is the wall's: the server lives by it.
        match tokio::time::timeout(PATIENCE, work).await {
            Ok(handed) => handed,
            Err(_) => Handed::Later { why: "no answer came in time".to_owned(), away: true },
        }
    }

    /// A server that refuses us (a wrong password, say) does not refuse the letter.
    async fn permanent(&self, error: &Error) -> Handed {
        let why = said_by(error);
        match self.transport.test_connection().await {
            Ok(true) => Handed::Refused(why),
            Ok(false) | Err(_) => Handed::Later { why, away: true },
        }
    }
}

struct Host<'a> {
    name: &'a str,
    has_password: bool,
}

/// The host of an `smtp:` URL that does not say by `tls=` what it wants.
fn opportunistic(url: &str) -> Option<Host<'_>> {
    let rest = url.strip_prefix("smtp://")?;
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    if query.split('&').any(|pair| pair.starts_with("tls=")) {
        return None;
    }
    let place = place.split('/').next().unwrap_or_default();
    let (user, host) = place.rsplit_once('@').unwrap_or(("", place));
    let name = match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    Some(Host { name, has_password: user.contains(':') })
}

/// The server's own words, where they are the error: `550 nobody of that name`.
fn said_by(error: &Error) -> String {
    match (error.status(), std::error::Error::source(error)) {
        (Some(code), Some(said)) => words(&format!("{code} {said}")),
        _ => words(&error.to_string()),
    }
}

/// What a server said, as it can be kept.
fn words(said: &str) -> String {
    said.chars().map(|c| if c.is_control() { ' ' } else { c }).take(WORDS).collect()
}

/// How long a letter waits for the mail server, after which it failed.
pub const GIVE_UP: Duration = Duration::from_secs(2 * 24 * 3600);

/// When to try again a letter that waits since `since`: pauses grow with the time that it waits,
/// from half a minute to four hours, and the last try is at the end. None: that was it.
pub fn again_at(since: Timestamp, now: Timestamp) -> Option<Timestamp> {
    let (shortest, longest) = (Duration::from_secs(30), Duration::from_secs(4 * 3600));
    let end = since.after(GIVE_UP);
    (now < end).then(|| now.after(now.since(since).clamp(shortest, longest)).min(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post(url: &str) -> Result<Option<Post>, Unexpected> {
        Post::new(url, &"shop@feria.example".parse().unwrap())
    }

    #[test]
    fn only_smtp_is_a_mail_server() {
        assert!(post("outbox:").unwrap().is_none());
        // The pool of connections lives on the runtime.
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let _entered = runtime.enter();
        for good in [
            "smtp://mail.example",
            "smtp://ada:secret@mail.example:587",
            "smtp://[::1]:2525",
            "smtp://mail.example?tls=required",
            "smtp://ada:secret@localhost?tls=none",
            "smtps://ada:secret@mail.example",
        ] {
            assert!(post(good).unwrap().is_some(), "{good}");
        }
        for bad in ["smtp:", "smtp://", "smtp://ada:se cret@:x", "smtps://", "smtp://a?tls=maybe"] {
            let error = format!("{:#}", post(bad).err().unwrap_or_else(|| panic!("{bad}")));
            assert!(error.contains("mail names no mail server"), "{bad}: {error}");
            assert!(!error.contains("se cret"), "{error}");
        }
    }

    #[test]
    fn starttls_is_taken_where_nothing_else_is_said() {
        let seen = |url| opportunistic(url).map(|host| (host.name.to_owned(), host.has_password));
        assert_eq!(seen("smtp://mail.example:25"), Some(("mail.example".into(), false)));
        assert_eq!(seen("smtp://ada:p%40ss@mail.example/me"), Some(("mail.example".into(), true)));
        assert_eq!(seen("smtp://ada@[::1]:25?x=1"), Some(("::1".into(), false)));
        assert_eq!(seen("smtp://mail.example?tls=required"), None);
        assert_eq!(seen("smtps://mail.example"), None);
    }

    #[test]
    fn pauses_grow_and_end_after_two_days() {
        let start = Timestamp::from_micros(0);
        let (mut now, mut pauses) = (start, Vec::new());
        while let Some(next) = again_at(start, now) {
            pauses.push(next.since(now).as_secs());
            now = next;
        }
        assert_eq!(pauses[..6], [30, 30, 60, 120, 240, 480]);
        assert_eq!(pauses[7..11], [1_920, 3_840, 7_680, 14_400]);
        assert_eq!(now.since(start), GIVE_UP, "one last try at the end");
        assert!(pauses.len() < 30, "{pauses:?}");
    }

    #[test]
    fn what_a_server_says_is_kept_in_bounds_and_without_controls() {
        assert_eq!(words("550 no\r\nsuch\0user"), "550 no  such user");
        assert_eq!(words(&"é".repeat(9_000)).chars().count(), WORDS);
    }
}
