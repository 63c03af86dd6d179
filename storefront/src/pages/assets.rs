//! The style sheet, the script and the icon: the same bytes for everybody.
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use kit::auth::token_hash;
use std::fmt::Write as _;

const STYLE: &str = include_str!("../../assets/style.css");
const LIVE: &str = include_str!("../../assets/live.js");
const FAVICON: &str = include_str!("../../assets/favicon.svg");

/// The first eight bytes of the SHA-256 of `text`.
pub fn fingerprint(text: &str) -> String {
    token_hash(text).iter().take(8).fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// The address of the style sheet; another one for another style.
pub fn style_address() -> String {
    format!("/assets/style.css?v={}", fingerprint(STYLE))
}

/// The address of the script; another one for another script.
pub fn live_address() -> String {
    format!("/assets/live.js?v={}", fingerprint(LIVE))
}

/// The style sheet: for ever under its own address, and else asked for again.
pub async fn style(uri: Uri, headers: HeaderMap) -> Response {
    let keep = keep(&uri, &style_address());
    cached(&headers, "text/css; charset=utf-8", keep, STYLE.to_owned())
}

/// The script, likewise.
pub async fn live(uri: Uri, headers: HeaderMap) -> Response {
    let keep = keep(&uri, &live_address());
    cached(&headers, "text/javascript; charset=utf-8", keep, LIVE.to_owned())
}

fn keep(asked: &Uri, own: &str) -> &'static str {
    let own = asked.path_and_query().is_some_and(|here| here.as_str() == own);
    if own { "public, max-age=31536000, immutable" } else { "no-cache" }
}

/// The icon of the shop.
pub async fn favicon(headers: HeaderMap) -> Response {
    cached(&headers, "image/svg+xml", "public, max-age=86400", FAVICON.to_owned())
}

/// `text` with its `ETag`, or the word that the browser has it. Weak, as it may go out compressed.
pub fn cached(
    headers: &HeaderMap,
    kind: &'static str,
    keep: &'static str,
    text: String,
) -> Response {
    let etag = format!("W/\"{}\"", fingerprint(&text));
    let known = headers.get(header::IF_NONE_MATCH).and_then(|known| known.to_str().ok());
    let known = known.is_some_and(|known| known.split(',').any(|known| known.trim() == etag));
    let etag = HeaderValue::try_from(etag).unwrap_or(HeaderValue::from_static("W/\"\""));
    let about = [(header::ETAG, etag), (header::CACHE_CONTROL, HeaderValue::from_static(keep))];
    if known {
        return (StatusCode::NOT_MODIFIED, about).into_response();
    }
    (about, [(header::CONTENT_TYPE, kind)], text).into_response()
}
