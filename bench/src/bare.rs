//! The ceiling of HTTP: a server of the same kind that answers the same bytes and does nothing.
//!
//! It is a process of its own as the store is (`bench --as-bare FILE`), on the same axum, hyper and
//! runtime, and the same clients ask it the same.
use crate::Trouble;
use crate::client::Answer;
use crate::store::{Program, Store};
use axum::body::{Body, Bytes};
use axum::http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use axum::serve::ListenerExt as _;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpListener;

/// The argument that has `bench` serve pages instead.
pub const ARGUMENT: &str = "--as-bare";

/// What is answered at an address.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Page {
    method: String,
    path: String,
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Page {
    /// As the store answered.
    pub fn new(method: &str, path: &str, answer: &Answer<'_>) -> Self {
        let head = String::from_utf8_lossy(answer.head).into_owned();
        let headers = head.lines().skip(1).filter_map(|line| {
            let (name, value) = line.split_once(": ")?;
            let by_hyper = ["content-length", "transfer-encoding", "date", "connection"];
            let name = name.to_ascii_lowercase();
            (!by_hyper.contains(&name.as_str())).then(|| (name, value.trim().to_owned()))
        });
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            status: answer.status,
            headers: headers.collect(),
            body: String::from_utf8_lossy(answer.body).into_owned(),
        }
    }
}

/// Starts a bare server that answers `pages`.
/// # Errors
/// When it does not start.
pub fn start(bench: &Program, pages: &[Page], folder: &Path) -> Result<Store, Trouble> {
    let file = folder.join("pages.json");
    std::fs::write(&file, serde_json::to_vec(pages)?)?;
    Store::spawn(bench.command(&[ARGUMENT]).arg(file))
}

type Asked = (Method, String);
type Answered = (StatusCode, Vec<(HeaderName, HeaderValue)>, Bytes);
type Pages = HashMap<Asked, Answered>;

/// Serves the pages of a file until the process is ended.
/// # Errors
/// When it cannot be read, or nothing can listen.
pub async fn serve(file: &Path) -> Result<(), Trouble> {
    let pages: Vec<Page> = serde_json::from_slice(&std::fs::read(file)?)?;
    let pages: Result<Pages, Trouble> = pages.into_iter().map(ready).collect();
    let pages = Arc::new(pages?);
    let router = axum::Router::new().fallback(move |request: Request<Body>| {
        let pages = Arc::clone(&pages);
        async move { answer(&pages, &request) }
    });
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "a bare server at http://{} for a while", listener.local_addr()?)?;
    out.flush()?;
    drop(out);
    // As the store's listener does. That it fails for a connection matters to nobody.
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        served = axum::serve(listener, router).into_future() => served?,
        _ = terminate.recv() => {}
    }
    Ok(())
}

fn ready(page: Page) -> Result<(Asked, Answered), Trouble> {
    let header = |(name, value): (String, String)| -> Result<(HeaderName, HeaderValue), Trouble> {
        Ok((
            name.parse().map_err(Trouble::from_error)?,
            value.parse().map_err(Trouble::from_error)?,
        ))
    };
    let headers: Result<Vec<_>, _> = page.headers.into_iter().map(header).collect();
    let method = page.method.parse().map_err(Trouble::from_error)?;
    let status = StatusCode::from_u16(page.status).map_err(Trouble::from_error)?;
    Ok(((method, page.path), (status, headers?, page.body.into())))
}

fn answer(pages: &Pages, request: &Request<Body>) -> Response<Body> {
    let path = request.uri().path_and_query().map_or("", |path| path.as_str());
    // One clone of the path: no more than a router does.
    let found = pages.get(&(request.method().clone(), path.to_owned()));
    let Some((status, headers, body)) = found else {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_FOUND;
        return response;
    };
    let mut response = Response::new(Body::from(body.clone()));
    *response.status_mut() = *status;
    for (name, value) in headers {
        response.headers_mut().insert(name.clone(), value.clone());
    }
    response
}
