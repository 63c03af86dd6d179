//! JSON bodies of the cart and of the checkout, by the extractor of their routes.
use crate::first_text;
use axum::body::Body;
use axum::extract::FromRequest as _;
use cart::http::{ItemChange, NewItem};
use futures_util::FutureExt as _;
use http::Request;
use kit::input::{BodyLimit, canonical_hash, parse_json};
use kit::problem::HttpResult;
use orders::http::{CheckoutBody, PayBody};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The bound of the bodies here: it has to be met too.
const LIMIT: usize = 4096;

/// A line with the name of a body (`checkout`, `pay`, `item`, `change`), one with its content
/// type, and the body.
///
/// What is refused is refused as 400 (naming a field), 413 or 415. What is taken has the same
/// hash however its JSON is spaced.
pub fn bodies(bytes: &[u8]) {
    let Some((kind, rest)) = first_text(bytes) else { return };
    let (content_type, body) = crate::first_line(rest);
    match kind {
        "checkout" => body_of::<CheckoutBody>(content_type, body),
        "pay" => body_of::<PayBody>(content_type, body),
        "item" => body_of::<NewItem>(content_type, body),
        "change" => body_of::<ItemChange>(content_type, body),
        _ => {}
    }
}

fn body_of<T: DeserializeOwned>(content_type: &[u8], body: &[u8]) {
    let request = Request::post("/")
        .header("content-type", content_type)
        .extension(BodyLimit(LIMIT))
        .body(Body::from(body.to_vec()));
    let Ok(request) = request else { return };
    let extracted = kit::input::Body::<T>::from_request(request, &()).now_or_never();
    let Some(Ok(received)) = extracted else { unreachable!("the body is there") };
    match received.or_empty().parse_hashed() {
        Err(problem) => refused(&problem),
        Ok(hashed) => {
            assert!(body.len() <= LIMIT, "a body of {} bytes is taken", body.len());
            if !body.is_empty() {
                assert_eq!(hashed.hash, respelled(body), "spaces make another body");
            }
        }
    }
}

fn refused(problem: &kit::Problem) {
    match problem.status.as_u16() {
        400 => assert!(!problem.errors.is_empty(), "no field is named: {problem}"),
        413 | 415 => {}
        other => unreachable!("refused as {other}: {problem}"),
    }
}

/// The hash of the same JSON with other spaces.
fn respelled(body: &[u8]) -> [u8; 32] {
    let value: HttpResult<Value> = parse_json(body);
    let Ok(value) = value else { unreachable!("it was taken, so it is JSON") };
    let pretty = serde_json::to_vec_pretty(&value).unwrap_or_default();
    match parse_json(&pretty) {
        Ok(again) => canonical_hash(&again),
        Err(problem) => unreachable!("what was written cannot be read: {problem}"),
    }
}
