//! Links that letters carry: looked at by programs, used by people.
use crate::town::{HOSTILE, Town};
use contracts::CallError;
use contracts::identity::{ForgotPassword, LinkRefused, ResetPassword, VerifyEmail};
use std::sync::{Arc, Mutex};

#[tokio::test]
async fn a_forgotten_password_is_told_nothing_about() {
    let sent: Arc<Mutex<Vec<ForgotPassword>>> = Arc::default();
    let heard = Arc::clone(&sent);
    let town = Town::new().play::<ForgotPassword>(move |_, forgot: ForgotPassword| {
        let down = forgot.email.starts_with("down");
        heard.lock().unwrap().push(forgot);
        if down { Err(CallError::NotDone("down".to_owned())) } else { Ok(()) }
    });
    let mut browser = town.open();
    browser.get("/login").await.tells("href=\"/forgot-password\"");
    browser.get("/forgot-password").await.is(200).tells("Send me the link");
    let seen = browser.post("/forgot-password", &[("email", " ada@example.com ")]).await;
    seen.is(200).tells("If there is an account for <strong>ada@example.com</strong>");
    assert_eq!(seen.headers["cache-control"], "private, no-store");
    for wrong in ["", "nobody", &format!("{}@example.com", "x".repeat(300)), HOSTILE] {
        let seen = browser.post("/forgot-password", &[("email", wrong)]).await;
        seen.is(422).tells("id=\"email-fault\"").hides("<script>");
    }
    browser.post("/forgot-password", &[("email", "a\"><b>@x.y")]).await.is(200).hides("<b>");
    browser.post("/forgot-password", &[("email", "down@example.com")]).await.is(503);
    let sent = sent.lock().unwrap();
    assert_eq!((sent[0].email.as_str(), sent.len()), ("ada@example.com", 3));
}

#[tokio::test]
async fn a_password_is_reset_by_a_form_and_not_by_looking() {
    let sent: Arc<Mutex<Vec<ResetPassword>>> = Arc::default();
    let heard = Arc::clone(&sent);
    let town = Town::new().play::<ResetPassword>(move |_, reset: ResetPassword| {
        let answer = match (reset.token.as_str(), reset.password.len()) {
            ("good", 8..) => Ok(()),
            ("good", _) => Err(CallError::Refused(LinkRefused::Invalid {
                field: "password".to_owned(),
                reason: "must have 8 to 128 characters".to_owned(),
            })),
            _ => Err(CallError::Refused(LinkRefused::InvalidLink)),
        };
        heard.lock().unwrap().push(reset);
        answer
    });
    let mut browser = town.open().logged_in("ada").keep("feria_refresh", "refresh-of-ada");
    let seen = browser.get("/reset-password?token=good").await;
    assert_eq!(seen.is(200).hidden("token"), "good");
    seen.tells("name=\"referrer\" content=\"no-referrer\"");
    assert!(sent.lock().unwrap().is_empty());
    let form = |token, password| [("token", token), ("password", password)];
    let seen = browser.post("/reset-password", &form("good", "short")).await;
    seen.is(422).tells("Must have 8 to 128").hides("\"short\"");
    assert_eq!(seen.hidden("token"), "good");
    let seen = browser.post("/reset-password", &form("spent", "a new pass phrase")).await;
    seen.is(409).tells("This link does not work any more");
    let seen = browser.post("/reset-password", &form("good", "a new pass phrase")).await;
    assert_eq!(seen.is(303).to(), "/login?notice=password_reset");
    assert!(browser.cookie("feria_session").is_none() && browser.cookie("feria_refresh").is_none());
    browser.follow(&seen).await.is(200).tells("Log in with the new one.");
    let long = "x".repeat(3000);
    for none in ["", "a%20b", &long, "%3Cscript%3E%20"] {
        let seen = browser.get(&format!("/reset-password?token={none}")).await;
        seen.is(404).tells("Ask for a new one").hides("<script>");
    }
    browser.get("/reset-password").await.is(404);
    browser.post("/reset-password", &[]).await.is(409);
    assert_eq!(sent.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn an_address_is_verified_by_a_button_and_not_by_looking() {
    let sent: Arc<Mutex<Vec<VerifyEmail>>> = Arc::default();
    let heard = Arc::clone(&sent);
    let town = Town::new().play::<VerifyEmail>(move |_, verify: VerifyEmail| {
        let good = verify.token == "good";
        heard.lock().unwrap().push(verify);
        if good { Ok(()) } else { Err(CallError::Refused(LinkRefused::InvalidLink)) }
    });
    let mut browser = town.open();
    for _ in 0..3 {
        let seen = browser.get("/verify-email?token=good").await;
        assert_eq!(seen.is(200).hidden("token"), "good");
    }
    assert!(sent.lock().unwrap().is_empty());
    browser.post("/verify-email", &[("token", "good")]).await.is(200).tells("is verified");
    let seen = browser.post("/verify-email", &[("token", "bad")]).await;
    seen.is(409).tells("This link does not work any more");
    let mut ada = browser.another().logged_in("ada");
    let seen = ada.post("/verify-email", &[("token", "good")]).await;
    assert_eq!(seen.is(303).to(), "/account?notice=email_verified");
    browser.post("/verify-email", &[]).await.is(409);
    browser.get("/verify-email").await.is(404);
    let evil = crate::browser::encoded("\"><script>alert(1)</script>");
    browser.get(&format!("/verify-email?token={evil}")).await.is(200).hides("<script>");
    assert_eq!(sent.lock().unwrap().len(), 3);
}
