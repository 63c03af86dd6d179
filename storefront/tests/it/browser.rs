//! A browser: keeps cookies by path, sends forms, and looks closely at the HTML that it gets.
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use contracts::{AccountId, Caller, Role, SessionId};
use http_body_util::BodyExt as _;
use std::collections::BTreeMap;
use tower::ServiceExt as _;
use uuid::Uuid;

pub struct Browser {
    router: Router,
    cookies: BTreeMap<(String, String), String>,
    headers: Vec<(&'static str, String)>,
}

pub struct Seen {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Seen {
    pub fn to(&self) -> &str {
        self.headers.get(header::LOCATION).map_or("", |to| to.to_str().unwrap())
    }
    #[track_caller]
    pub fn tells(&self, text: &str) -> &Self {
        assert!(self.body.contains(text), "{text:?} is missing in\n{}", self.body);
        self
    }
    #[track_caller]
    pub fn hides(&self, text: &str) -> &Self {
        assert!(!self.body.contains(text), "{text:?} is in\n{}", self.body);
        self
    }
    #[track_caller]
    pub fn is(&self, status: u16) -> &Self {
        assert_eq!(self.status.as_u16(), status, "{} {}", self.to(), self.body);
        self
    }
    /// The value of the hidden field `name`, in the first form that has it.
    #[track_caller]
    pub fn hidden(&self, name: &str) -> String {
        let start = format!("name=\"{name}\" value=\"");
        let at = self.body.find(&start).unwrap_or_else(|| panic!("{name} is missing"));
        let rest = &self.body[at + start.len()..];
        rest[..rest.find('"').unwrap()].to_owned()
    }
    pub fn set_cookies(&self) -> Vec<&str> {
        let all = self.headers.get_all(header::SET_COOKIE).iter();
        all.map(|cookie| cookie.to_str().unwrap()).collect()
    }
}

/// Who is logged in by an access token of the played identity.
fn caller(token: Option<&String>) -> Caller {
    let role = match token.map(String::as_str) {
        Some("ada") => Role::Customer,
        Some("helper") => Role::Support,
        Some("boss") => Role::Admin,
        _ => return Caller::Guest,
    };
    let (account, session) = (AccountId(Uuid::from_u128(1)), SessionId(Uuid::from_u128(2)));
    Caller::Account { account, session, role }
}

impl Browser {
    pub fn new(router: Router) -> Self {
        Self { router, cookies: BTreeMap::new(), headers: Vec::new() }
    }
    pub fn router(&self) -> Router {
        self.router.clone()
    }
    /// The same store in another browser, with nobody logged in.
    pub fn another(&self) -> Self {
        Self::new(self.router.clone())
    }
    pub fn keep(mut self, name: &str, value: &str) -> Self {
        self.cookies.insert(("/".to_owned(), name.to_owned()), value.to_owned());
        self
    }
    /// Logged in as `ada` (a customer), `helper` (support) or `boss` (an admin).
    pub fn logged_in(self, who: &str) -> Self {
        self.keep("feria_session", who)
    }
    pub fn saying(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }
    pub fn cookie(&self, name: &str) -> Option<&String> {
        self.cookies.get(&("/".to_owned(), name.to_owned()))
    }
    pub async fn get(&mut self, path: &str) -> Seen {
        self.ask(Method::GET, path, String::new()).await
    }
    pub async fn post(&mut self, path: &str, form: &[(&str, &str)]) -> Seen {
        let pairs = form.iter().map(|(name, value)| format!("{name}={}", encoded(value)));
        self.ask(Method::POST, path, pairs.collect::<Vec<_>>().join("&")).await
    }
    /// Goes where an answer sends it.
    pub async fn follow(&mut self, seen: &Seen) -> Seen {
        assert!(seen.status.is_redirection(), "{}", seen.status);
        self.get(seen.to()).await
    }
    pub async fn ask(&mut self, method: Method, path: &str, body: String) -> Seen {
        let answer = self.router.clone().oneshot(self.request(method, path, body)).await.unwrap();
        let (parts, body) = answer.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let body = String::from_utf8(body.to_vec()).unwrap();
        let seen = Seen { status: parts.status, headers: parts.headers, body };
        self.take(&seen);
        let kind = seen.headers.get(header::CONTENT_TYPE).map_or("", |kind| kind.to_str().unwrap());
        let redirected = seen.status.is_redirection();
        assert!(redirected || !kind.starts_with("text/plain"), "{path} is plain text");
        if kind.starts_with("text/html") {
            check(path, &seen.body);
        }
        seen
    }
    pub fn request(&self, method: Method, path: &str, body: String) -> Request<Body> {
        let plain = path.split('?').next().unwrap_or_default();
        let sent = self.cookies.iter().filter(|((under, _), _)| plain.starts_with(under.as_str()));
        let sent: Vec<String> = sent.map(|((_, name), value)| format!("{name}={value}")).collect();
        let mut request =
            Request::builder().method(&method).uri(path).header("host", "shop.example");
        if !sent.is_empty() {
            request = request.header(header::COOKIE, sent.join("; "));
        }
        if method == Method::POST {
            let form = "application/x-www-form-urlencoded";
            request = request.header(header::CONTENT_TYPE, form);
        }
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        request.extension(caller(self.cookie("feria_session"))).body(Body::from(body)).unwrap()
    }
    fn take(&mut self, seen: &Seen) {
        for cookie in seen.set_cookies() {
            assert!(cookie.contains("; HttpOnly; SameSite=Lax; Path=/"), "{cookie}");
            let (name, rest) = cookie.split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            let path = cookie.split("Path=").nth(1).unwrap().split(';').next().unwrap();
            let key = (path.to_owned(), name.to_owned());
            if cookie.contains("Max-Age=0") {
                self.cookies.remove(&key);
            } else {
                self.cookies.insert(key, value.to_owned());
            }
        }
    }
}

pub fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// Every element ends where it should, no id is there twice, and nothing runs but our script.
#[track_caller]
fn check(path: &str, html: &str) {
    let mut open: Vec<&str> = Vec::new();
    for (at, _) in html.match_indices('<') {
        let tag = &html[at + 1..at + html[at..].find('>').unwrap_or_else(|| panic!("{path}: <"))];
        let name = tag.trim_start_matches('/').split([' ', '\n']).next().unwrap();
        let void = ["!doctype", "meta", "link", "img", "input", "path", "br"].contains(&name);
        if let Some(closed) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(closed.trim()), "{path}: {}", &html[..at + 20]);
        } else if !void {
            open.push(name);
        }
        let ours = tag.starts_with("script src=\"/assets/live.js?v=") || tag == "/script";
        let is_script = name.eq_ignore_ascii_case("script");
        assert!(!is_script || (ours && path.starts_with("/orders/")), "{path}: a script");
        let outside = tag.split('"').step_by(2).collect::<String>();
        for event in ["onerror", "onload", "javascript:"] {
            assert!(!outside.contains(event), "{path}: {tag}");
        }
        assert!(!tag.contains("=\"javascript:"), "{path}: {tag}");
    }
    assert!(open.is_empty(), "{path}: {open:?} never end");
    let mut ids: Vec<&str> =
        html.split(" id=\"").skip(1).map(|id| id.split('"').next().unwrap()).collect();
    ids.sort_unstable();
    let twice = ids.windows(2).find(|two| two[0] == two[1]);
    assert_eq!(twice, None, "{path}: an id is there twice");
}
