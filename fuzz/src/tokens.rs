//! Tokens and keys: of access, of a guest's order, of a place in a list, of an attempt.
use crate::{NOW, first_line, first_text};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use contracts::identity::{Jwks, SessionEnded};
use contracts::{AccountId, Caller, OrderId, Role, SessionId, Timestamp};
use ed25519_dalek::Signer as _;
use http::{HeaderMap, HeaderValue};
use kit::auth::{Claims, SigningKey, Verifier};
use kit::input::IdempotencyKey;
use kit::pages::{CursorQuery, encode_cursor};
use orders::order_token::Tokens;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use uuid::Uuid;

const SECRET: [u8; 32] = [1; 32];

/// A line with what is meant (`bearer`, `claims`, `order`, `cursor`, `key`), and the token.
///
/// - `bearer`: an `Authorization` header. Only the token that was signed here opens anything.
/// - `claims`: a header and a body of a JWT, a line each, that are signed with the right key.
///   What is let in says who it is for and is not over.
/// - `order`: opens the order only when it is its token, byte for byte.
/// - `cursor`: what is taken can be written and read again.
/// - `key`: an `Idempotency-Key` header; what is taken is 1 to 200 visible characters.
pub fn tokens(bytes: &[u8]) {
    let Some((kind, rest)) = first_text(bytes) else { return };
    match kind {
        "bearer" => std::str::from_utf8(rest).map_or((), bearer),
        "claims" => claims(rest),
        "order" => order(rest),
        "cursor" => std::str::from_utf8(rest).map_or((), cursor),
        "key" => key(rest),
        _ => {}
    }
}

/// One key that is known, one whose session has ended, and the token of whoever is let in.
struct House {
    verifier: Verifier,
    kid: String,
    token: String,
}

fn house() -> &'static House {
    static HOUSE: OnceLock<House> = OnceLock::new();
    HOUSE.get_or_init(|| {
        let key = SigningKey::from_secret(&SECRET);
        let verifier = Verifier::new(&Jwks { keys: vec![key.jwk()] }, Arc::default());
        let until = NOW.after(Duration::from_secs(900));
        let session = SessionId(Uuid::from_u128(3));
        verifier.revoked().insert(&SessionEnded { session, tokens_expire_at: until });
        let token = key.sign(me()).unwrap_or_default();
        House { verifier, kid: key.kid().to_owned(), token }
    })
}

fn me() -> Claims {
    Claims {
        sub: AccountId(Uuid::from_u128(1)),
        sid: SessionId(Uuid::from_u128(2)),
        role: Role::Support,
        iat: NOW.seconds(),
        exp: NOW.seconds() + 900,
    }
}

/// In the corpus the token itself stands as `$TOKEN`, so that no secret scanner stumbles on it.
fn bearer(header: &str) {
    let House { verifier, token, .. } = house();
    let header = header.replace("$TOKEN", token);
    match verifier.caller(Some(&header), NOW) {
        Ok(Caller::Account { account, session, role }) => {
            let Claims { sub, sid, role: mine, .. } = me();
            assert_eq!((account, session, role), (sub, sid, mine));
            let sent = header.trim().split_once(' ').map(|(_, token)| token.trim());
            assert_eq!(sent, Some(token.as_str()), "a token that nobody signed is taken");
        }
        Ok(other) => unreachable!("{header:?} lets {other:?} in"),
        Err(_) => {}
    }
}

fn claims(rest: &[u8]) {
    let (head, body) = first_line(rest);
    let House { verifier, kid, .. } = house();
    let head = String::from_utf8_lossy(head).replace("$KID", kid);
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(&head), URL_SAFE_NO_PAD.encode(body));
    let key = ed25519_dalek::SigningKey::from_bytes(&SECRET);
    let signature = URL_SAFE_NO_PAD.encode(key.sign(message.as_bytes()).to_bytes());
    if verifier.verify(&format!("{message}.{signature}"), NOW).is_err() {
        return;
    }
    let (head, body): (Head, Body) = (said(head.as_bytes()), said(body));
    assert_eq!((&head.alg, &head.kid), (&"EdDSA".into(), &kid.as_str().into()));
    let names = |value: &Value| match value {
        Value::Array(all) => all.contains(&"feria".into()),
        one => *one == "feria",
    };
    assert!(names(&body.iss) && names(&body.aud), "{body:?}");
    assert!(body.exp.as_i64().is_some_and(|exp| exp > NOW.seconds()), "{body:?}");
    assert!(body.sid != Uuid::from_u128(3).to_string(), "an ended session: {body:?}");
}

/// What the head of a token says that was let in. Members that nobody looks at may be numbers
/// beyond all bounds, come twice, and have names that are no text.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Head {
    alg: Value,
    kid: Value,
}

/// The same of its body.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Body {
    iss: Value,
    aud: Value,
    exp: Value,
    sid: Value,
}

fn said<T: DeserializeOwned>(bytes: &[u8]) -> T {
    match serde_json::from_slice(bytes) {
        Ok(said) => said,
        Err(error) => unreachable!("{error}: {:?}", String::from_utf8_lossy(bytes)),
    }
}

fn order(token: &[u8]) {
    let (tokens, order) = (Tokens::new(SECRET), OrderId(Uuid::from_u128(4)));
    let token = String::from_utf8_lossy(token).replace("$TOKEN", &tokens.of(order));
    assert_eq!(tokens.opens(&token, order), token == tokens.of(order), "{token:?}");
    assert!(!tokens.opens(&token, OrderId(Uuid::from_u128(5))), "{token:?}");
}

fn cursor(text: &str) {
    let query =
        |cursor: &str| CursorQuery { cursor: Some(cursor.to_owned()), ..Default::default() };
    type Key = (Timestamp, Uuid);
    match query(text).after::<Key>() {
        Err(problem) => assert_eq!(problem.status, 400),
        Ok(key) => {
            let Some(key) = key else { unreachable!("there is a cursor") };
            let again = query(&encode_cursor(&key)).after::<Key>();
            assert_eq!(again, Ok(Some(key)), "{text:?}");
        }
    }
}

fn key(value: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(value) else { return };
    let headers = HeaderMap::from_iter([(http::HeaderName::from_static("idempotency-key"), value)]);
    match IdempotencyKey::of(&headers) {
        Err(problem) => assert_eq!(problem.status, 400),
        Ok(key) => {
            let key = key.as_str();
            assert!((1..=200).contains(&key.len()), "{key:?}");
            assert!(key.bytes().all(|byte| byte.is_ascii_graphic()), "{key:?}");
        }
    }
}
