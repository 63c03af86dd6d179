//! Logins, sessions that expire, carts that follow, and forms of other sites.
use crate::town::{HOSTILE, Town, cart, line, tokens};
use axum::body::Body;
use axum::http::{Method, Request, header};
use contracts::cart::{AddItem, GetCart};
use contracts::identity::{LogIn, LogOut, Refresh, RefreshRefused, Register, RegisterRefused};
use contracts::{CallError, Caller};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

const RIGHT: [(&str, &str); 2] = [("email", "ada@example.com"), ("password", "right password")];

#[tokio::test]
async fn a_login_keeps_the_session_in_cookies_and_goes_where_it_was_meant_to() {
    let mut browser = Town::new().open();
    browser.get("/login?next=/checkout").await.is(200).tells("name=\"next\" value=\"/checkout\"");
    let seen = browser.post("/login", &[RIGHT[0], RIGHT[1], ("next", "/checkout?a=b")]).await;
    assert_eq!(seen.is(303).to(), "/checkout?a=b");
    assert_eq!(browser.cookie("feria_session").unwrap(), "ada");
    assert_eq!(browser.cookie("feria_refresh").unwrap(), "refresh-of-ada");
    let cookies = seen.set_cookies();
    assert!(cookies.iter().any(|c| c.starts_with("feria_session=") && c.contains("Max-Age=900")));
    assert!(cookies.iter().all(|cookie| !cookie.contains("Secure")));
    browser.get("/login?next=/wallet").await.is(303);
    for evil in [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "/\t/evil.example",
        HOSTILE,
        "",
    ] {
        let mut browser = browser.another();
        let seen = browser.post("/login", &[RIGHT[0], RIGHT[1], ("next", evil)]).await;
        assert_eq!(seen.is(303).to(), "/", "{evil}");
        let seen = browser.another().post("/register", &[RIGHT[0], RIGHT[1], ("next", evil)]).await;
        assert_eq!(seen.is(303).to(), "/?notice=welcome", "{evil}");
    }
}

#[tokio::test]
async fn behind_https_cookies_are_for_https_only() {
    let town = Town::new().configured(|config| config.public_url = "https://shop.example".into());
    let seen = town.open().post("/login", &RIGHT).await;
    assert!(seen.is(303).set_cookies().iter().all(|cookie| cookie.contains("; Secure")));
}

#[tokio::test]
async fn a_wrong_login_tells_nothing_and_keeps_the_address() {
    let mut browser = Town::new().open();
    for form in [
        vec![("email", "ada@example.com"), ("password", "wrong"), ("next", "/wallet")],
        vec![("email", "ada@example.com")],
        vec![],
    ] {
        let seen = browser.post("/login", &form).await;
        seen.is(422).tells("do not match").hides("wrong\"");
        assert!(seen.set_cookies().is_empty());
    }
    let seen =
        browser.post("/login", &[("email", "a@b.c"), ("password", "x"), ("next", "/wallet")]).await;
    seen.tells("value=\"a@b.c\"").tells("value=\"/wallet\"");
}

#[tokio::test]
async fn a_registration_that_fails_says_why_beside_the_field() {
    let mut browser = Town::new()
        .play::<Register>(|_, register: Register| match register.email.as_str() {
            "taken@example.com" => Err(CallError::Refused(RegisterRefused::EmailTaken)),
            "down@example.com" => Err(CallError::NotDone("down".to_owned())),
            _ => {
                let (field, reason) =
                    ("password".to_owned(), "must have 8 to 128 characters".to_owned());
                Err(CallError::Refused(RegisterRefused::Invalid { field, reason }))
            }
        })
        .open();
    let form = |email| [("name", "Ada"), ("email", email), ("password", "secret phrase")];
    let seen = browser.post("/register", &form("taken@example.com")).await;
    seen.is(409).tells("id=\"email-fault\"").tells("value=\"Ada\"").hides("secret phrase");
    let seen = browser.post("/register", &form("a@b.c")).await;
    seen.is(422).tells("id=\"password-fault\"").tells("Must have 8 to 128").hides("secret phrase");
    browser.post("/register", &form("down@example.com")).await.is(503).hides("secret phrase");
    browser.post("/register", &[]).await.is(422);
}

#[tokio::test]
async fn logging_out_forgets_the_session_even_when_identity_is_away() {
    let mut browser = Town::new()
        .play::<LogOut>(|_, _| Err(CallError::NotDone("down".to_owned())))
        .open()
        .logged_in("ada")
        .keep("feria_refresh", "refresh-of-ada");
    let seen = browser.post("/logout", &[]).await;
    assert_eq!(seen.is(303).to(), "/?notice=logged_out");
    assert!(browser.cookie("feria_session").is_none() && browser.cookie("feria_refresh").is_none());
    browser.follow(&seen).await.is(200).tells("You are logged out.").tells("href=\"/login\"");
    browser.get("/logout").await.is(405);
}

#[tokio::test]
async fn a_guests_cart_follows_into_the_account_and_its_cookie_goes() {
    let asked: Arc<Mutex<Vec<(Caller, GetCart)>>> = Arc::default();
    let heard = Arc::clone(&asked);
    let mut browser = Town::new()
        .play::<GetCart>(move |caller, get: GetCart| {
            heard.lock().unwrap().push((caller, get));
            Ok(cart(vec![line("Frankenstein")]))
        })
        .open()
        .keep("feria_cart", "guest-cart");
    let seen = browser.post("/login", &RIGHT).await;
    assert!(browser.cookie("feria_cart").is_some());
    browser.follow(&seen).await.is(200);
    assert!(browser.cookie("feria_cart").is_none());
    browser.get("/").await.is(200);
    let asked = asked.lock().unwrap();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].1.of.token.as_deref(), Some("guest-cart"));
    assert!(asked[0].0.account().is_some());
}

#[tokio::test]
async fn a_cart_that_could_not_be_merged_is_tried_on_the_next_page() {
    let mut browser = Town::new()
        .play::<GetCart>(|_, _| Err(CallError::NotDone("down".to_owned())))
        .open()
        .logged_in("ada")
        .keep("feria_cart", "guest-cart");
    browser.get("/").await.is(200);
    assert!(browser.cookie("feria_cart").is_some());
}

/// Counts how often a session is renewed.
fn renewing() -> (Town, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let town = Town::new().play::<Refresh>(move |_, refresh: Refresh| {
        match (refresh.refresh_token.as_str(), counted.fetch_add(1, Ordering::SeqCst)) {
            ("good", 0) => Ok(tokens("ada")),
            ("away", _) => Err(CallError::NotDone("down".to_owned())),
            // It was used before: the session is ended.
            _ => Err(CallError::Refused(RefreshRefused)),
        }
    });
    (town, count)
}

#[tokio::test]
async fn an_expired_session_is_renewed_and_the_page_asked_for_again() {
    let (town, count) = renewing();
    let mut browser = town.open().keep("feria_refresh", "good");
    let seen = browser.get("/orders?cursor=abc").await;
    assert_eq!(seen.is(307).to(), "/orders?cursor=abc");
    assert_eq!(browser.cookie("feria_session").unwrap(), "ada");
    assert_eq!(browser.cookie("feria_refresh").unwrap(), "refresh-of-ada");
    browser.follow(&seen).await.is(200).tells("Your orders");
    browser.get("/").await.is(200).tells("Log out");
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn tabs_that_open_at_once_renew_a_session_once() {
    let (town, count) = renewing();
    let browser = town.open().keep("feria_refresh", "good");
    let mut tabs: Vec<_> =
        (0..5).map(|_| browser.another().keep("feria_refresh", "good")).collect();
    let looks = tabs.iter_mut().map(|tab| tab.get("/wallet"));
    for seen in futures_util::future::join_all(looks).await {
        seen.is(307);
    }
    assert!(tabs.iter().all(|tab| tab.cookie("feria_session").unwrap() == "ada"));
    // One more, that was slow.
    browser.another().keep("feria_refresh", "good").get("/wallet").await.is(307);
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_form_of_an_expired_session_is_sent_again_as_it_was() {
    let (town, _) = renewing();
    let mut browser = town.open().keep("feria_refresh", "good");
    let form = [("sku", "FR-PB"), ("quantity", "1")];
    // 307: the browser repeats method and body.
    assert_eq!(browser.post("/cart/add", &form).await.is(307).to(), "/cart/add");
    browser.post("/cart/add", &form).await.is(303);
}

#[tokio::test]
async fn only_pages_that_are_looked_at_renew_a_session() {
    let (town, count) = renewing();
    let browser = town.open();
    let guest = || browser.another().keep("feria_refresh", "good");
    for (name, value) in
        [("sec-fetch-dest", "image"), ("sec-fetch-mode", "cors"), ("sec-fetch-dest", "iframe")]
    {
        guest().saying(name, value).get("/").await.is(200).tells("href=\"/login\"");
    }
    guest().get("/covers/FR-PB.svg").await.is(200);
    guest().get("/assets/style.css").await.is(200);
    guest().get("//evil.example/").await.is(404);
    // A browser whose new token is not taken is not sent in a circle.
    guest().keep("feria_renewed", "1").get("/").await.is(200);
    assert_eq!(count.load(Ordering::SeqCst), 0);
    let top = guest()
        .saying("sec-fetch-dest", "document")
        .saying("sec-fetch-mode", "navigate")
        .get("/")
        .await;
    top.is(307);
}

#[tokio::test]
async fn a_session_that_is_over_is_forgotten_and_one_that_may_live_is_kept() {
    let (town, _) = renewing();
    let mut browser = town.open().keep("feria_refresh", "stolen").keep("feria_session", "old");
    let seen = browser.get("/").await;
    seen.is(200).tells("href=\"/login\"").tells("Your session has ended.");
    assert!(browser.cookie("feria_refresh").is_none() && browser.cookie("feria_session").is_none());
    let mut browser = browser.another().keep("feria_refresh", "away");
    browser.get("/").await.is(200);
    assert_eq!(browser.cookie("feria_refresh").unwrap(), "away");
}

#[tokio::test]
async fn forms_of_other_sites_are_refused_whatever_they_ask() {
    let done = Arc::new(AtomicUsize::new(0));
    let (added, logged_in) = (Arc::clone(&done), Arc::clone(&done));
    let browser = Town::new()
        .play::<AddItem>(move |_, _| {
            added.fetch_add(1, Ordering::SeqCst);
            Ok(cart(Vec::new()))
        })
        .play::<LogIn>(move |_, _| {
            logged_in.fetch_add(1, Ordering::SeqCst);
            Ok(tokens("ada"))
        })
        .open();
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("origin", "http://shop.example.evil.example"),
    ] {
        for path in
            ["/cart/add", "/login", "/register", "/logout", "/checkout", "/admin/stock", "/nowhere"]
        {
            let mut browser = browser.another().saying(name, value).logged_in("ada");
            let seen = browser.post(path, &[("sku", "FR-PB")]).await;
            seen.is(403).tells("came from another site");
        }
    }
    assert_eq!(done.load(Ordering::SeqCst), 0);
    for (name, value) in [
        ("sec-fetch-site", "same-origin"),
        ("sec-fetch-site", "none"),
        ("origin", "http://shop.example"),
        // As the store is configured, should a proxy name another host.
        ("origin", "http://127.0.0.1:8080"),
    ] {
        browser.another().saying(name, value).post("/cart/add", &[("sku", "FR-PB")]).await.is(303);
    }
    browser.another().saying("sec-fetch-site", "cross-site").get("/").await.is(200);
}

#[tokio::test]
async fn what_is_no_form_is_refused_with_a_page() {
    let mut browser = Town::new().open();
    for path in [
        "/cart/add",
        "/cart/update",
        "/cart/remove",
        "/checkout",
        "/login",
        "/register",
        "/wallet/top-ups",
        "/admin/stock",
        "/admin/products/new",
    ] {
        // A form of the ones above may have logged somebody else in.
        browser = browser.logged_in("boss");
        for (body, status) in [
            ("sku=a&sku=b&email=1&email=2&amount=1&amount=1&title=1&title=1", 400),
            ("email=%00", 400),
            ("email=a\0b", 400),
        ] {
            browser.ask(Method::POST, path, body.to_owned()).await.is(status).tells("error-code");
        }
        let long = format!("email={}", "x".repeat(300_000));
        browser.ask(Method::POST, path, long).await.is(413).tells("error-code");
        let broken = browser.ask(Method::POST, path, "=&&=%ff%zz&%".to_owned()).await;
        assert!(!broken.status.is_server_error(), "{path}: {}", broken.body);
    }
    let request = browser.request(Method::POST, "/cart/add", String::new());
    let (mut parts, _) = request.into_parts();
    parts.headers.insert(header::CONTENT_TYPE, "application/json".parse().unwrap());
    let request = Request::from_parts(parts, Body::from("{}"));
    let answer = tower::ServiceExt::oneshot(browser.router(), request).await.unwrap();
    assert_eq!(answer.status(), 415);
}
