//! Accounts as those who run the shop see and change them.
use crate::http::{post, send};
use crate::{PASSWORD, admin_of, caller, log_in, register, registered, started};
use contracts::identity::{
    AccountForStaff, AccountRefused, GetMe, ListAccounts, LogInRefused, NotLoggedIn, Refresh,
    RefreshRefused, SessionEnded, SetAccount, StaffContacts,
};
use contracts::{AccountId, CallError, Caller, Role};
use http::{Method, StatusCode};
use kit::testing::Rig;
use serde_json::{Value, json};
use std::time::Duration;

fn list() -> ListAccounts {
    ListAccounts { q: None, role: None, limit: 100, cursor: None }
}
fn set(account: AccountId, role: Option<Role>, disabled: Option<bool>) -> SetAccount {
    SetAccount { account, role, disabled }
}
async fn emails(rig: &Rig, who: &Caller, call: ListAccounts) -> Vec<String> {
    let page = rig.call(who, call).await.unwrap();
    page.items.into_iter().map(|item| item.me.email).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn admins_list_accounts_newest_first_by_beginning_and_role() {
    let rig = started().await;
    let boss = admin_of(&rig, "boss@example.com").await;
    for email in ["ada@example.com", "adam@example.com", "a_b@example.com", "zoe@example.com"] {
        rig.clock.forward(Duration::from_secs(1));
        register(&rig, email).await;
    }
    let all = ["zoe@example.com", "a_b@example.com", "adam@example.com", "ada@example.com"];
    let seen = emails(&rig, &boss, list()).await;
    assert_eq!(seen[..4], all);
    assert_eq!(seen[4], "boss@example.com");
    let q = |q: &str| ListAccounts { q: Some(q.into()), ..list() };
    assert_eq!(emails(&rig, &boss, q(" ADA")).await, ["adam@example.com", "ada@example.com"]);
    assert_eq!(emails(&rig, &boss, q("a_")).await, ["a_b@example.com"], "no wildcard");
    for nothing in ["%", "da@", "a\0", &"x".repeat(300), "a\u{10FFFF}"] {
        assert_eq!(emails(&rig, &boss, q(nothing)).await, [""; 0], "{nothing:?}");
    }
    let admins = ListAccounts { role: Some(Role::Admin), ..list() };
    assert_eq!(emails(&rig, &boss, admins).await, ["boss@example.com"]);

    // Page by page, each once, though somebody registers meanwhile.
    let (mut cursor, mut paged) = (None, Vec::new());
    loop {
        let call = ListAccounts { limit: 2, cursor, ..list() };
        let page = rig.call(&boss, call).await.unwrap();
        paged.extend(page.items.into_iter().map(|item| item.me.email));
        register(&rig, &format!("new{}@example.com", paged.len())).await;
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(paged, seen);
    let bad = ListAccounts { cursor: Some("x".into()), ..list() };
    assert_eq!(rig.call(&boss, bad).await, Err(CallError::Refused(AccountRefused::Cursor)));
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_admins_see_and_change_accounts() {
    let rig = started().await;
    let boss = admin_of(&rig, "boss@example.com").await;
    let helper = registered(&rig, "helper@example.com").await.account().unwrap();
    rig.call(&boss, set(helper, Some(Role::Support), None)).await.unwrap();
    let helper = caller(&rig, &log_in(&rig, "helper@example.com", PASSWORD).await.unwrap()).await;
    let ada = registered(&rig, "ada@example.com").await;
    let not_allowed = AccountRefused::NotAllowed;
    for who in [&Caller::Guest, &ada, &helper] {
        let listed = rig.call(who, list()).await;
        assert_eq!(listed, Err(CallError::Refused(not_allowed.clone())), "{who:?}");
        let own = who.account().unwrap_or(AccountId(sea_orm::prelude::Uuid::nil()));
        let made = rig.call(who, set(own, Some(Role::Admin), None)).await;
        assert_eq!(made, Err(CallError::Refused(not_allowed.clone())), "{who:?}");
        let status =
            send(&rig, Method::GET, "/v1/staff/accounts?limit=x", who, &Value::Null).await.status();
        let wanted = if *who == Caller::Guest { 401 } else { 403 };
        assert_eq!(status.as_u16(), wanted, "before anything is looked at");
        let path = "/v1/staff/accounts/none";
        let status = send(&rig, Method::PATCH, path, who, &json!({"x": 1})).await.status();
        assert_eq!(status.as_u16(), wanted);
    }
    // A token that says admin, of a session that is none.
    let Caller::Account { account, .. } = boss else { panic!() };
    let forged = Caller::Account { account, session: rig.id(), role: Role::Admin };
    let made = rig.call(&forged, set(ada.account().unwrap(), Some(Role::Admin), None)).await;
    assert_eq!(made, Err(CallError::Refused(not_allowed)));
    assert!(rig.call(&Caller::Guest, StaffContacts).await.is_err());
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_role_ends_the_sessions_at_once_and_holds_from_the_next_login_on() {
    let rig = started().await;
    let ended = rig.listen::<SessionEnded>();
    let boss = admin_of(&rig, "boss@example.com").await;
    let tokens = register(&rig, "ada@example.com").await;
    let ada = caller(&rig, &tokens).await;
    let id = ada.account().unwrap();
    let same = rig.call(&boss, set(id, Some(Role::Customer), Some(false))).await.unwrap();
    assert_eq!((same.me.role, same.disabled), (Role::Customer, false));
    assert!(rig.call(&ada, GetMe).await.is_ok(), "nothing is new");
    let made = rig.call(&boss, set(id, Some(Role::Admin), None)).await.unwrap();
    assert_eq!(made.me.role, Role::Admin);
    assert_eq!(ended.lock().len(), 1, "told before the answer");
    assert_eq!(rig.call(&ada, GetMe).await, Err(CallError::Refused(NotLoggedIn)));
    let refresh = Refresh { refresh_token: tokens.refresh_token };
    assert!(rig.call(&Caller::Guest, refresh).await.is_err());
    let again = caller(&rig, &log_in(&rig, "ada@example.com", PASSWORD).await.unwrap()).await;
    assert!(matches!(again, Caller::Account { role: Role::Admin, .. }));
    let contacts = rig.call(&Caller::Store, StaffContacts).await.unwrap();
    let mut told: Vec<_> = contacts.iter().map(|contact| contact.email.as_str()).collect();
    told.sort_unstable();
    assert_eq!(told, ["ada@example.com", "boss@example.com"]);
    let unknown = rig.call(&boss, set(rig.id(), None, Some(true))).await;
    assert_eq!(unknown, Err(CallError::Refused(AccountRefused::NotFound)));
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_logs_in_to_a_disabled_account_and_it_is_told_like_a_wrong_password() {
    let rig = started().await;
    let boss = admin_of(&rig, "boss@example.com").await;
    let tokens = register(&rig, "ada@example.com").await;
    let ada = caller(&rig, &tokens).await;
    let id = ada.account().unwrap();
    let disabled = rig.call(&boss, set(id, None, Some(true))).await.unwrap();
    assert!(disabled.disabled);
    assert_eq!(rig.call(&ada, GetMe).await, Err(CallError::Refused(NotLoggedIn)));
    let refresh = Refresh { refresh_token: tokens.refresh_token };
    let refreshed = rig.call(&Caller::Guest, refresh).await;
    assert_eq!(refreshed, Err(CallError::Refused(RefreshRefused)));
    let login = log_in(&rig, "ada@example.com", PASSWORD).await;
    assert_eq!(login, Err(CallError::Refused(LogInRefused)));
    let mut answers = Vec::new();
    for password in [PASSWORD, "not the password"] {
        let body = json!({"email": "ada@example.com", "password": password});
        let answer = post(&rig, "/v1/auth/login", body).await;
        answers.push((answer.status(), answer.into_body()));
    }
    assert_eq!(answers[0], answers[1]);
    assert!(!rig.call(&boss, set(id, None, Some(false))).await.unwrap().disabled);
    assert!(log_in(&rig, "ada@example.com", PASSWORD).await.is_ok());
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_never_loses_its_last_admin() {
    let rig = started().await;
    let boss = admin_of(&rig, "boss@example.com").await;
    let id = boss.account().unwrap();
    let last = Err(CallError::Refused(AccountRefused::LastAdmin));
    for call in [set(id, Some(Role::Support), None), set(id, None, Some(true))] {
        assert_eq!(rig.call(&boss, call).await, last);
    }
    // A disabled admin does not count.
    let other = admin_of(&rig, "other@example.com").await;
    rig.call(&boss, set(other.account().unwrap(), None, Some(true))).await.unwrap();
    assert_eq!(rig.call(&boss, set(id, Some(Role::Customer), None)).await, last);
    assert!(rig.call(&boss, GetMe).await.is_ok(), "a refusal ends no session");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_admins_who_disable_each_other_at_once_one_stays() {
    for round in 0..3 {
        let rig = started().await;
        let one = admin_of(&rig, "one@example.com").await;
        let two = admin_of(&rig, "two@example.com").await;
        let pairs = [(one.clone(), two.clone()), (two, one)];
        let tries = pairs.map(|(who, whom)| {
            let (calls, call) = (rig.calls.clone(), set(whom.account().unwrap(), None, Some(true)));
            tokio::spawn(async move { calls.call(&who, call).await })
        });
        let mut done: Vec<AccountForStaff> = Vec::new();
        for tried in tries {
            done.extend(tried.await.unwrap().ok());
        }
        assert_eq!(done.len(), 1, "round {round}");
        assert_eq!(rig.call(&Caller::Store, StaffContacts).await.unwrap().len(), 1);
        rig.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_change_accounts_over_http() {
    let rig = started().await;
    let boss = admin_of(&rig, "boss@example.com").await;
    let ada = registered(&rig, "ada@example.com").await.account().unwrap();
    let path = "/v1/staff/accounts";
    let listed = send(
        &rig,
        Method::GET,
        &format!("{path}?q=ada&role=customer&limit=1"),
        &boss,
        &Value::Null,
    )
    .await;
    assert_eq!(listed.status(), StatusCode::OK);
    assert_eq!(listed.body()["items"][0]["email"], "ada@example.com");
    assert_eq!(listed.body()["items"][0]["disabled"], false);
    assert_eq!(listed.body()["next_cursor"], Value::Null);
    assert!(!listed.body().to_string().contains("argon2"));
    for bad in ["role=owner", "limit=101", "limit=0", "page=1", "cursor=x"] {
        let answer = send(&rig, Method::GET, &format!("{path}?{bad}"), &boss, &Value::Null).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{bad}");
        let field = bad.split('=').next().unwrap();
        assert_eq!(answer.body()["errors"][0]["field"], field, "{bad}");
    }
    let one = format!("{path}/{ada}");
    let patch = async |path: &str, body: Value| {
        let answer = send(&rig, Method::PATCH, path, &boss, &body).await;
        (answer.status().as_u16(), answer.into_body())
    };
    let (status, body) = patch(&one, json!({"role": "support", "disabled": true})).await;
    assert_eq!((status, &body["role"], &body["disabled"]), (200, &json!("support"), &json!(true)));
    assert_eq!(patch(&one, json!({"role": "owner"})).await.0, 400);
    assert_eq!(patch(&one, json!({"email": "x@example.com"})).await.0, 400);
    assert_eq!(patch(&format!("{path}/x"), json!({})).await.0, 404);
    assert_eq!(patch(&format!("{path}/{}", rig.id::<AccountId>()), json!({})).await.0, 404);
    let own = format!("{path}/{}", boss.account().unwrap());
    let (status, body) = patch(&own, json!({"disabled": true})).await;
    assert_eq!((status, &body["code"]), (409, &json!("last_admin")));
    rig.stop().await;
}
