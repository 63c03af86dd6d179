//! The cookies of the store: all `HttpOnly` and `SameSite=Lax`, so that no script reads them and
//! no other site's form is sent with them.
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;

/// The access token; the gateway reads it.
pub const SESSION: &str = "feria_session";
/// The token that the access token is renewed with.
pub const REFRESH: &str = "feria_refresh";
/// Says that the session was renewed a moment ago.
pub const RENEWED: &str = "feria_renewed";
/// The token of a guest's cart.
pub const CART: &str = "feria_cart";
/// The token of a guest's order: sent to that order's pages only.
pub const ORDER: &str = "feria_order";

/// 30 days: as long as a session lives that is not used.
pub const LONG: u32 = 30 * 24 * 3600;

/// Longer ones are not ours.
const LONGEST: usize = 4096;

/// A cookie of the request, if there is one that can be ours.
pub fn read<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(found, _)| found.trim() == name)?;
    Some(value.trim()).filter(|value| !value.is_empty() && value.len() <= LONGEST)
}

/// How this store sets cookies.
#[derive(Clone, Copy)]
pub struct Rules {
    /// Whether the store is reached by https only.
    pub https: bool,
}

impl Rules {
    /// Sets a cookie for every page.
    pub fn set(self, response: &mut Response, name: &str, value: &str, seconds: u32) {
        self.set_at(response, name, value, "/", seconds);
    }
    /// Sets a cookie for the pages under `path`.
    pub fn set_at(
        self,
        response: &mut Response,
        name: &str,
        value: &str,
        path: &str,
        seconds: u32,
    ) {
        let secure = if self.https { "; Secure" } else { "" };
        let cookie = format!(
            "{name}={value}; HttpOnly; SameSite=Lax; Path={path}; Max-Age={seconds}{secure}"
        );
        match HeaderValue::try_from(cookie) {
            Ok(cookie) => {
                response.headers_mut().append(header::SET_COOKIE, cookie);
            }
            Err(_) => tracing::error!(name, "a cookie cannot be written"),
        }
    }
    /// Takes a cookie away.
    pub fn drop(self, response: &mut Response, name: &str) {
        self.set(response, name, "", 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_by_its_whole_name() {
        let mut headers = HeaderMap::new();
        let line = HeaderValue::from_static("xferia_cart=1; feria_cart = abc ; feria_order=");
        headers.append(header::COOKIE, line);
        assert_eq!(read(&headers, CART), Some("abc"));
        assert_eq!(read(&headers, ORDER), None);
        headers.insert(header::COOKIE, format!("{CART}={}", "a".repeat(5000)).parse().unwrap());
        assert_eq!(read(&headers, CART), None);
    }
}
