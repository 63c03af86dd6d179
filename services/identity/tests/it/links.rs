//! Links that come by mail: a forgotten password, and an address that is to be verified.
use crate::http::post;
use crate::{PASSWORD, admin_of, caller, log_in, register, registered, started};
use contracts::identity::{
    AskToVerify, ChangePassword, EmailVerified, ForgotPassword, GetMe, LinkAsked, LinkPurpose,
    LinkRefused, LinksFor, LogInRefused, NotLoggedIn, Refresh, ResetPassword, SecretLink,
    SessionEnded, SetAccount, VerifyEmail,
};
use contracts::{CallError, Caller, LinkId};
use http::StatusCode;
use kit::testing::Rig;
use parking_lot::Mutex;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

const NEW: &str = "another pass phrase 2";
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);
const INVALID: Result<(), CallError<LinkRefused>> =
    Err(CallError::Refused(LinkRefused::InvalidLink));

type Asked = Arc<Mutex<Vec<LinkAsked>>>;

async fn forgot(rig: &Rig, email: &str) {
    let call = ForgotPassword { email: email.into() };
    assert_eq!(rig.call(&Caller::Guest, call).await, Ok(()));
    rig.work("identity", "answer_forgotten").await;
    rig.settled().await;
}
async fn reset(rig: &Rig, token: &str, password: &str) -> Result<(), CallError<LinkRefused>> {
    let call = ResetPassword { token: token.into(), password: password.into() };
    rig.call(&Caller::Guest, call).await
}
async fn verify(rig: &Rig, token: &str) -> Result<(), CallError<LinkRefused>> {
    rig.call(&Caller::Guest, VerifyEmail { token: token.into() }).await
}
async fn secrets(rig: &Rig, links: Vec<LinkId>) -> Vec<SecretLink> {
    rig.call(&Caller::Store, LinksFor { links }).await.unwrap()
}
/// The secret of the link of this purpose that was asked for last, as notifications learns it.
async fn token(rig: &Rig, asked: &Asked, purpose: LinkPurpose) -> String {
    let last = asked.lock().iter().rev().find(|asked| asked.purpose == purpose).cloned().unwrap();
    secrets(rig, vec![last.link]).await.remove(0).token
}
async fn reset_token(rig: &Rig, asked: &Asked, email: &str) -> String {
    forgot(rig, email).await;
    token(rig, asked, LinkPurpose::ResetPassword).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_password_is_chosen_anew_by_a_link_and_every_session_ends() {
    let rig = started().await;
    let (asked, ended) = (rig.listen::<LinkAsked>(), rig.listen::<SessionEnded>());
    let first = register(&rig, "ada@example.com").await;
    let second = log_in(&rig, "ada@example.com", PASSWORD).await.unwrap();
    let token = reset_token(&rig, &asked, " ADA@example.com").await;
    assert_eq!(reset(&rig, &token, NEW).await, Ok(()));
    rig.settled().await;
    assert_eq!(ended.lock().len(), 2, "both sessions, at once");
    for tokens in [first, second] {
        let whose = caller(&rig, &tokens).await;
        assert_eq!(rig.call(&whose, GetMe).await, Err(CallError::Refused(NotLoggedIn)));
        let refresh = Refresh { refresh_token: tokens.refresh_token };
        assert!(rig.call(&Caller::Guest, refresh).await.is_err());
    }
    let old = log_in(&rig, "ada@example.com", PASSWORD).await;
    assert_eq!(old, Err(CallError::Refused(LogInRefused)));
    let whose = caller(&rig, &log_in(&rig, "ada@example.com", NEW).await.unwrap()).await;
    let me = rig.call(&whose, GetMe).await.unwrap();
    assert!(me.email_verified, "whoever has the link reads the account's mail");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_is_used_expired_replaced_or_forged_does_nothing() {
    let rig = started().await;
    let asked = rig.listen::<LinkAsked>();
    let email = "ada@example.com";
    register(&rig, email).await;
    register(&rig, "eve@example.com").await;
    let replaced = reset_token(&rig, &asked, email).await;
    let used = reset_token(&rig, &asked, email).await;
    assert_eq!(reset(&rig, &replaced, NEW).await, INVALID, "replaced");
    assert_eq!(reset(&rig, &used, NEW).await, Ok(()));
    assert_eq!(reset(&rig, &used, PASSWORD).await, INVALID, "used");

    let late = reset_token(&rig, &asked, email).await;
    let eves = reset_token(&rig, &asked, "eve@example.com").await;
    let verifies = token(&rig, &asked, LinkPurpose::VerifyEmail).await;
    let (id, secret) = late.split_once('.').unwrap();
    let (_, other) = eves.split_once('.').unwrap();
    let flipped: String = secret.chars().rev().collect();
    for forged in [
        format!("{id}.{other}"),
        format!("{id}.{flipped}"),
        format!("{id}.{}", "A".repeat(43)),
        format!("{id}."),
        format!("{}.{secret}", rig.id::<LinkId>().0.simple()),
        format!("{id}.{secret}="),
        format!("{late}.{secret}"),
        late.to_uppercase(),
        verifies.clone(),
        String::new(),
        "a\0b".into(),
        "é".repeat(80),
    ] {
        assert_eq!(reset(&rig, &forged, PASSWORD).await, INVALID, "{forged:?}");
    }
    assert_eq!(verify(&rig, &late).await, INVALID, "it is for something else");
    rig.clock.forward(60 * MINUTE);
    assert_eq!(reset(&rig, &late, PASSWORD).await, INVALID, "expired");
    assert!(log_in(&rig, email, NEW).await.is_ok(), "nothing changed");

    rig.work("identity", "forget_sessions").await;
    assert_eq!(reset(&rig, &late, PASSWORD).await, INVALID, "and forgotten");
    assert_eq!(verify(&rig, &verifies).await, Ok(()), "the one that lives is not");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_resets_with_one_link_at_once_one_wins() {
    let rig = started().await;
    let asked = rig.listen::<LinkAsked>();
    register(&rig, "ada@example.com").await;
    let token = reset_token(&rig, &asked, "ada@example.com").await;
    let tries: Vec<_> = (0..6)
        .map(|one| {
            let (calls, token) = (rig.calls.clone(), token.clone());
            let call = ResetPassword { token, password: format!("pass phrase number {one}") };
            tokio::spawn(async move { calls.call(&Caller::Guest, call).await })
        })
        .collect();
    let mut won = Vec::new();
    for (one, tried) in tries.into_iter().enumerate() {
        match tried.await.unwrap() {
            Ok(()) => won.push(one),
            lost => assert_eq!(lost, INVALID),
        }
    }
    assert_eq!(won.len(), 1);
    for one in 0..6 {
        let login = log_in(&rig, "ada@example.com", &format!("pass phrase number {one}")).await;
        assert_eq!(login.is_ok(), one == won[0], "{one}");
    }
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_learns_by_a_forgotten_password_whether_an_account_exists() {
    let rig = started().await;
    let asked = rig.listen::<LinkAsked>();
    register(&rig, "ada@example.com").await;
    rig.settled().await;
    asked.lock().clear();
    let mut answers = Vec::new();
    for email in ["ada@example.com", "eve@example.com"] {
        let answer = post(&rig, "/v1/auth/password/forgot", json!({"email": email})).await;
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
        answers.push((answer.headers().clone(), answer.into_body()));
    }
    assert_eq!(answers[0], answers[1]);
    rig.work("identity", "answer_forgotten").await;
    rig.settled().await;
    assert_eq!(asked.lock().len(), 1, "a letter to the one who has an account");
    // Both are refused from the same letter on.
    for email in ["ada@example.com", "eve@example.com"] {
        let mut seen = Vec::new();
        for _ in 0..5 {
            let answer = post(&rig, "/v1/auth/password/forgot", json!({"email": email})).await;
            seen.push(answer.status().as_u16());
        }
        // On two replicas, each counts for itself: the routes are the last one's.
        assert_eq!(seen, [202, 202, 202, 202, 429], "{email}");
    }
    rig.clock.forward(2 * MINUTE);
    forgot(&rig, "ada@example.com").await;
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_routes_of_links_tell_what_is_wrong() {
    let rig = started().await;
    let asked = rig.listen::<LinkAsked>();
    register(&rig, "ada@example.com").await;
    let token = reset_token(&rig, &asked, "ada@example.com").await;
    let (reset, verify) = ("/v1/auth/password/reset", "/v1/auth/verify-email");
    let bad = "0123456789abcdef0123456789abcdef.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    for (path, body, code) in [
        (reset, json!({"token": token, "password": "short"}), "invalid_input"),
        (reset, json!({"token": token}), "invalid_input"),
        (reset, json!({"token": token, "password": NEW, "email": "x"}), "invalid_input"),
        (reset, json!({"token": bad, "password": NEW}), "invalid_link"),
        (verify, json!({"token": 1}), "invalid_input"),
        (verify, json!({"token": "a\0b"}), "invalid_link"),
        ("/v1/auth/password/forgot", json!({"email": "no address"}), "invalid_input"),
        ("/v1/auth/password/forgot", json!({}), "invalid_input"),
    ] {
        let answer = post(&rig, path, body.clone()).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{path} {body}");
        assert_eq!(answer.body()["code"], code, "{path} {body}");
    }
    let verifies = self::token(&rig, &asked, LinkPurpose::VerifyEmail).await;
    let verified = post(&rig, verify, json!({"token": verifies})).await;
    assert_eq!(verified.status(), StatusCode::NO_CONTENT);
    let done = post(&rig, reset, json!({"token": token, "password": NEW})).await;
    assert_eq!(done.status(), StatusCode::NO_CONTENT);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_secret_of_a_link_is_told_to_the_store_alone_and_kept_nowhere() {
    let rig = started().await;
    let asked = rig.listen::<LinkAsked>();
    register(&rig, "ada@example.com").await;
    rig.settled().await;
    let link = asked.lock()[0].link;
    for stranger in [Caller::Guest, kit::testing::shopper(), kit::testing::admin()] {
        let refused = rig.call(&stranger, LinksFor { links: vec![link] }).await;
        assert!(matches!(refused, Err(CallError::NotDone(_))), "{refused:?}");
    }
    let many: Vec<LinkId> = (0..1001).map(|_| rig.id()).collect();
    assert!(rig.call(&Caller::Store, LinksFor { links: many }).await.is_err());
    assert_eq!(secrets(&rig, vec![rig.id()]).await, []);
    // Asked again, by either replica, it is the same.
    let told = secrets(&rig, vec![link, rig.id(), link]).await;
    assert_eq!(told.len(), 1);
    assert_eq!(secrets(&rig, vec![link]).await, told);
    let secret = told[0].token.split_once('.').unwrap().1;
    let kept = every_link_row(&rig).await;
    assert!(kept.contains("verify_email") && !kept.contains(secret), "{kept}");
    assert!(!serde_json::to_string(&*asked.lock()).unwrap().contains(secret));
    rig.stop().await;
}

async fn every_link_row(rig: &Rig) -> String {
    use sea_orm::{ConnectionTrait as _, Statement};
    let reader = rig.nodes[0].service("identity").unwrap().db.reader();
    let sql = "SELECT purpose, kid FROM links";
    let rows = reader.query_all_raw(Statement::from_string(reader.get_database_backend(), sql));
    let text = |row: &sea_orm::QueryResult, column| row.try_get_by_index::<String>(column).unwrap();
    let rows = rows.await.unwrap();
    rows.iter().map(|row| format!("{} {}\n", text(row, 0), text(row, 1))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_asks_to_verify_the_address_and_the_link_does_it_once() {
    let rig = started().await;
    let (asked, verified) = (rig.listen::<LinkAsked>(), rig.listen::<EmailVerified>());
    let ada = registered(&rig, "ada@example.com").await;
    rig.settled().await;
    assert!(!rig.call(&ada, GetMe).await.unwrap().email_verified);
    let first = token(&rig, &asked, LinkPurpose::VerifyEmail).await;
    assert_eq!(rig.call(&ada, AskToVerify).await, Ok(()));
    rig.settled().await;
    assert_eq!(asked.lock().len(), 2);
    let second = token(&rig, &asked, LinkPurpose::VerifyEmail).await;
    assert_eq!(verify(&rig, &first).await, INVALID, "replaced");
    rig.clock.forward(7 * DAY - MINUTE);
    let tries: Vec<_> = (0..4)
        .map(|_| {
            let (calls, token) = (rig.calls.clone(), second.clone());
            tokio::spawn(async move { calls.call(&Caller::Guest, VerifyEmail { token }).await })
        })
        .collect();
    let mut opened = 0;
    for tried in tries {
        opened += usize::from(tried.await.unwrap().is_ok());
    }
    assert_eq!(opened, 1);
    assert!(rig.call(&ada, GetMe).await.unwrap().email_verified);
    assert_eq!(rig.call(&ada, AskToVerify).await, Ok(()), "there is nothing to ask for");
    rig.settled().await;
    assert_eq!(asked.lock().len(), 2);
    assert_eq!(*verified.lock(), [EmailVerified { account: ada.account().unwrap() }]);
    assert!(rig.call(&Caller::Guest, AskToVerify).await.is_err());
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_to_verify_lives_for_seven_days() {
    let rig = started().await;
    let asked = rig.listen::<LinkAsked>();
    register(&rig, "ada@example.com").await;
    rig.settled().await;
    let token = token(&rig, &asked, LinkPurpose::VerifyEmail).await;
    rig.clock.forward(7 * DAY);
    assert_eq!(verify(&rig, &token).await, INVALID);
    let link = asked.lock()[0].link;
    assert_eq!(secrets(&rig, vec![link]).await, [], "and no letter has it");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_for_the_old_password_does_not_undo_a_new_one() {
    let rig = started().await;
    let asked = rig.listen::<LinkAsked>();
    let ada = registered(&rig, "ada@example.com").await;
    let token = reset_token(&rig, &asked, "ada@example.com").await;
    let change = ChangePassword { current: PASSWORD.into(), new: NEW.into() };
    assert_eq!(rig.call(&ada, change).await, Ok(()));
    assert_eq!(reset(&rig, &token, PASSWORD).await, INVALID);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_account_gets_no_link_and_its_old_ones_do_nothing() {
    let rig = started().await;
    let asked = rig.listen::<LinkAsked>();
    let boss = admin_of(&rig, "boss@example.com").await;
    let ada = registered(&rig, "ada@example.com").await.account().unwrap();
    let token = reset_token(&rig, &asked, "ada@example.com").await;
    let disable = SetAccount { account: ada, role: None, disabled: Some(true) };
    rig.call(&boss, disable).await.unwrap();
    assert_eq!(reset(&rig, &token, NEW).await, INVALID);
    let before = asked.lock().len();
    forgot(&rig, "ada@example.com").await;
    assert_eq!(asked.lock().len(), before);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_forgotten_many_times_before_anybody_looked_gets_one_link() {
    let rig = started().await;
    let asked = rig.listen::<LinkAsked>();
    register(&rig, "ada@example.com").await;
    for _ in 0..3 {
        forgot(&rig, "ada@example.com").await;
    }
    let links: Vec<LinkId> = asked
        .lock()
        .iter()
        .filter(|asked| asked.purpose == LinkPurpose::ResetPassword)
        .map(|asked| asked.link)
        .collect();
    let live = secrets(&rig, links.clone()).await;
    assert_eq!(live.len(), 1, "whatever was asked before is replaced");
    assert_eq!(live[0].link, *links.last().unwrap());
    rig.stop().await;
}
