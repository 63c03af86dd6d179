//! As much of a client as the story needs.
use super::Wrong;
use reqwest::{Method, StatusCode};
use serde_json::Value;
use std::time::Duration;

/// Longer than any answer may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A client of one person.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    url: String,
    headers: Vec<(&'static str, String)>,
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

impl Client {
    /// Of the store at `url`.
    pub fn new(url: &str) -> Result<Self, Wrong> {
        let http = reqwest::Client::builder().timeout(PATIENCE).tcp_nodelay(true).build();
        let http = http.map_err(|error| Wrong(error.to_string()))?;
        Ok(Self { http, url: url.to_owned(), headers: Vec::new() })
    }
    /// With one more header, in place of an older one of that name.
    #[must_use]
    pub fn with(&self, name: &'static str, value: impl Into<String>) -> Self {
        let mut with = self.clone();
        with.headers.retain(|(known, _)| *known != name);
        with.headers.push((name, value.into()));
        with
    }
    /// Reads.
    pub async fn get(&self, path: &str) -> Result<Value, Refused> {
        Ok(self.ask(Method::GET, path, None).await?.0)
    }
    /// Sends.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, Refused> {
        Ok(self.ask(Method::POST, path, Some(body)).await?.0)
    }
    /// Changes.
    pub async fn patch(&self, path: &str, body: &Value) -> Result<Value, Refused> {
        Ok(self.ask(Method::PATCH, path, Some(body)).await?.0)
    }
    /// Takes away.
    pub async fn delete(&self, path: &str) -> Result<Value, Refused> {
        Ok(self.ask(Method::DELETE, path, None).await?.0)
    }
    /// Sends, and answers a header of the answer too.
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

    async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(Value, reqwest::header::HeaderMap), Refused> {
        let asked = format!("{method} {path}");
        let mut request = self.http.request(method, format!("{}{path}", self.url));
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let lost = |error: reqwest::Error| Refused::Lost(format!("{asked}: {error}"));
        let response = request.send().await.map_err(lost)?;
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
