//! As much of a client as the story needs.
use super::{Told, Wrong};
use parking_lot::Mutex;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Longer than any answer may take, with all its repetitions.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a client waits before it asks again.
const PAUSE: Duration = Duration::from_millis(50);

/// When a client asks the same again, with the same `Idempotency-Key`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Insist {
    /// Never: the store answers.
    #[default]
    Never,
    /// When no answer came, or the store was too busy: it may be killed at any moment.
    IfLost,
    /// When the store failed, too: its disk may be full.
    IfFailed,
}

/// A client of one person.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    url: String,
    headers: Vec<(&'static str, String)>,
    account: Option<Arc<Account>>,
    insist: Insist,
    told: Told,
}

/// Who the client is logged in as.
struct Account {
    email: String,
    password: &'static str,
    token: Mutex<String>,
}

/// The store did not do it.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// It said why.
    #[error("{asked}: {status} {code}: {said}")]
    Problem {
        /// What was asked.
        asked: String,
        /// The status.
        status: StatusCode,
        /// The problem's code.
        code: String,
        /// All that it said.
        said: String,
    },
    /// No answer came.
    #[error("{0}")]
    Lost(String),
}

impl From<Refused> for Wrong {
    fn from(refused: Refused) -> Self {
        Self(refused.to_string())
    }
}

type Answer = (Value, reqwest::header::HeaderMap);

impl Client {
    /// Of the store at `url`.
    /// # Errors
    /// When it is refused, or no answer comes.
    pub fn new(url: &str, insist: Insist, told: Told) -> Result<Self, Wrong> {
        let http = reqwest::Client::builder().timeout(PATIENCE).tcp_nodelay(true).build();
        let http = http.map_err(|error| Wrong(error.to_string()))?;
        Ok(Self { http, url: url.to_owned(), headers: Vec::new(), account: None, insist, told })
    }
    /// With one more header, in place of an older one of that name.
    #[must_use]
    pub fn with(&self, name: &'static str, value: impl Into<String>) -> Self {
        let mut with = self.clone();
        with.headers.retain(|(known, _)| *known != name);
        with.headers.push((name, value.into()));
        with
    }
    /// Logged in, and again whenever the token has ended.
    /// # Errors
    /// When it is refused, or no answer comes.
    pub async fn log_in(self, email: String, password: &'static str) -> Result<Self, Refused> {
        let account = Account { email, password, token: Mutex::default() };
        let logged_in = Self { account: Some(Arc::new(account)), ..self };
        logged_in.renew().await?;
        Ok(logged_in)
    }
    /// With a new account.
    /// # Errors
    /// When it is refused, or no answer comes.
    pub async fn register(self, email: String, password: &'static str) -> Result<Self, Refused> {
        let body = json!({"email": email, "password": password, "name": "Story"});
        match self.post("/v1/auth/register", &body).await {
            Ok(tokens) => {
                let account = Account { email, password, token: Mutex::new(token(&tokens)) };
                Ok(Self { account: Some(Arc::new(account)), ..self })
            }
            // It was opened, and the answer did not come.
            Err(Refused::Problem { code, .. })
                if code == "email_taken" && self.insist != Insist::Never =>
            {
                self.log_in(email, password).await
            }
            Err(refused) => Err(refused),
        }
    }
    async fn renew(&self) -> Result<(), Refused> {
        let Some(account) = &self.account else { return Ok(()) };
        let body = json!({"email": account.email, "password": account.password});
        let stranger = Self { account: None, headers: Vec::new(), ..self.clone() };
        let tokens = Box::pin(stranger.post("/v1/auth/login", &body)).await?;
        *account.token.lock() = token(&tokens);
        Ok(())
    }
    /// Reads.
    /// # Errors
    /// When it is refused, or no answer comes.
    pub async fn get(&self, path: &str) -> Result<Value, Refused> {
        Ok(self.ask(Method::GET, path, None).await?.0)
    }
    /// Sends.
    /// # Errors
    /// When it is refused, or no answer comes.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, Refused> {
        Ok(self.ask(Method::POST, path, Some(body)).await?.0)
    }
    /// Changes.
    /// # Errors
    /// When it is refused, or no answer comes.
    pub async fn patch(&self, path: &str, body: &Value) -> Result<Value, Refused> {
        Ok(self.ask(Method::PATCH, path, Some(body)).await?.0)
    }
    /// Takes away.
    /// # Errors
    /// When it is refused, or no answer comes.
    pub async fn delete(&self, path: &str) -> Result<Value, Refused> {
        Ok(self.ask(Method::DELETE, path, None).await?.0)
    }
    /// Sends, and answers a header of the answer too.
    /// # Errors
    /// When it is refused, or no answer comes.
    pub async fn post_for(
        &self,
        path: &str,
        body: &Value,
        header: &str,
    ) -> Result<(Value, Option<String>), Refused> {
        let (answer, headers) = self.ask(Method::POST, path, Some(body)).await?;
        let value = headers.get(header).and_then(|value| value.to_str().ok());
        Ok((answer, value.map(str::to_owned)))
    }

    /// Asks until there is an answer that counts.
    async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, Refused> {
        let end = Instant::now() + PATIENCE;
        let mut renewed = false;
        loop {
            let refused = match self.once(method.clone(), path, body).await {
                Ok(answer) => return Ok(answer),
                Err(refused) => refused,
            };
            match &refused {
                Refused::Problem { status: StatusCode::UNAUTHORIZED, .. }
                    if self.account.is_some() && !renewed =>
                {
                    renewed = true;
                    self.told.count("logged in again");
                    self.renew().await?;
                    continue;
                }
                refused if self.again(refused) && Instant::now() < end => {}
                _ => return Err(refused),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
    fn again(&self, refused: &Refused) -> bool {
        let (again, why) = match refused {
            Refused::Lost(_) => (self.insist != Insist::Never, "no answer".to_owned()),
            Refused::Problem { status, code, .. } => {
                let again = match status.as_u16() {
                    409 => code == "idempotency_in_progress",
                    503 => true,
                    status => status >= 500 && self.insist == Insist::IfFailed,
                };
                let why = format!("{} {code}", status.as_u16());
                (again && self.insist != Insist::Never, why)
            }
        };
        if again {
            self.told.count(format!("asked again after {why}"));
        }
        again
    }
    async fn once(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, Refused> {
        let asked = format!("{method} {path}");
        let mut request = self.http.request(method, format!("{}{path}", self.url));
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        if let Some(account) = &self.account {
            request = request.bearer_auth(account.token.lock().clone());
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let lost = |error: reqwest::Error| Refused::Lost(format!("{asked}: {error}"));
        let response: Response = request.send().await.map_err(lost)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.map_err(lost)?;
        let value: Value = serde_json::from_str(&text).unwrap_or_default();
        if status.is_success() {
            return Ok((value, headers));
        }
        let code = value["code"].as_str().unwrap_or_default().to_owned();
        Err(Refused::Problem { asked, status, code, said: text })
    }
}

fn token(tokens: &Value) -> String {
    tokens["access_token"].as_str().unwrap_or_default().to_owned()
}
