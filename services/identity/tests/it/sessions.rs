//! Sessions: refresh, reuse, logout.
use crate::{caller, read, register, started};
use contracts::identity::{
    GetMe, LogOut, NotLoggedIn, Refresh, RefreshRefused, RevokedSessions, SessionEnded, Tokens,
};
use contracts::{CallError, Caller, SessionId};
use kit::auth::{AuthError, Revoked, Verifier};
use kit::clock::Clock as _;
use kit::testing::Rig;
use std::sync::Arc;
use std::time::Duration;

const QUARTER: Duration = Duration::from_secs(15 * 60);
const DAY: Duration = Duration::from_secs(24 * 3600);

async fn refresh(rig: &Rig, tokens: &Tokens) -> Result<Tokens, CallError<RefreshRefused>> {
    let call = Refresh { refresh_token: tokens.refresh_token.clone() };
    rig.call(&Caller::Guest, call).await
}
const REFUSED: Result<Tokens, CallError<RefreshRefused>> = Err(CallError::Refused(RefreshRefused));

async fn revoked(rig: &Rig) -> Vec<SessionEnded> {
    rig.call(&Caller::Guest, RevokedSessions).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_is_exchanged_for_the_next_pair_of_the_same_session() {
    let rig = started().await;
    let first = register(&rig, "ada@example.com").await;
    rig.clock.forward(QUARTER);
    let second = refresh(&rig, &first).await.unwrap();
    assert_ne!(second.refresh_token, first.refresh_token);
    let claims = read(&rig, &second).await;
    assert_eq!(claims.iat, rig.clock.now().seconds());
    assert_eq!(claims.exp, rig.clock.now().after(QUARTER).seconds());
    rig.clock.forward(29 * DAY);
    let third = refresh(&rig, &second).await.unwrap();
    assert_eq!(read(&rig, &third).await.sid, claims.sid);
    rig.clock.forward(30 * DAY);
    assert_eq!(refresh(&rig, &third).await, REFUSED, "nobody used it for 30 days");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn using_an_old_refresh_token_ends_the_session_and_is_told() {
    let rig = started().await;
    let told = rig.listen::<SessionEnded>();
    let first = register(&rig, "ada@example.com").await;
    let second = refresh(&rig, &first).await.unwrap();
    let third = refresh(&rig, &second).await.unwrap();
    let whose = caller(&rig, &third).await;
    assert_eq!(refresh(&rig, &first).await, REFUSED, "two exchanges ago");
    assert_eq!(refresh(&rig, &third).await, REFUSED, "the thief's or the owner's: nobody knows");
    assert_eq!(refresh(&rig, &second).await, REFUSED);
    rig.settled().await;
    let ended = SessionEnded {
        session: read(&rig, &third).await.sid,
        tokens_expire_at: rig.clock.now().after(QUARTER),
    };
    assert_eq!(*told.lock(), std::slice::from_ref(&ended));
    assert_eq!(revoked(&rig).await, [ended]);
    assert_eq!(rig.call(&whose, GetMe).await, Err(CallError::Refused(NotLoggedIn)));
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_that_was_made_up_ends_nothing() {
    let rig = started().await;
    let told = rig.listen::<SessionEnded>();
    let tokens = register(&rig, "ada@example.com").await;
    let session = tokens.refresh_token.split('.').next().unwrap();
    let guess = format!("{session}.{}.{}", "A".repeat(43), "A".repeat(43));
    let unknown = format!("{}.{}.{}", "0".repeat(32), "A".repeat(43), "A".repeat(43));
    for made_up in [guess, unknown, String::new(), "a\0b".into(), "é".repeat(99)] {
        let tokens = Tokens { refresh_token: made_up, ..tokens.clone() };
        assert_eq!(refresh(&rig, &tokens).await, REFUSED);
    }
    refresh(&rig, &tokens).await.unwrap();
    rig.settled().await;
    assert_eq!(*told.lock(), []);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_exchanges_at_once_at_most_one_goes_on() {
    let rig = started().await;
    let told = rig.listen::<SessionEnded>();
    let tokens = register(&rig, "ada@example.com").await;
    let tries: Vec<_> = (0..8)
        .map(|_| {
            let (calls, refresh_token) = (rig.calls.clone(), tokens.refresh_token.clone());
            tokio::spawn(async move { calls.call(&Caller::Guest, Refresh { refresh_token }).await })
        })
        .collect();
    let mut exchanged = Vec::new();
    for tried in tries {
        exchanged.extend(tried.await.unwrap().ok());
    }
    assert_eq!(exchanged.len(), 1);
    assert_eq!(refresh(&rig, &exchanged[0]).await, REFUSED, "the session is over");
    rig.settled().await;
    assert_eq!(told.lock().len(), 1);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn logging_out_ends_the_tokens_at_once_and_is_told_once() {
    let rig = started().await;
    let told = rig.listen::<SessionEnded>();
    let tokens = register(&rig, "ada@example.com").await;
    let whose = caller(&rig, &tokens).await;
    assert_eq!(rig.call(&Caller::Guest, LogOut).await, Ok(()));
    assert_eq!(revoked(&rig).await, []);
    rig.clock.forward(QUARTER / 3);
    assert_eq!(rig.call(&whose, LogOut).await, Ok(()));
    rig.clock.forward(QUARTER / 3);
    assert_eq!(rig.call(&whose, LogOut).await, Ok(()), "repeating it changes nothing");
    assert_eq!(refresh(&rig, &tokens).await, REFUSED);
    assert_eq!(rig.call(&whose, GetMe).await, Err(CallError::Refused(NotLoggedIn)));
    rig.settled().await;
    assert_eq!(told.lock().len(), 1);

    // As a gateway that starts now learns it.
    let listed = revoked(&rig).await;
    assert_eq!(listed, *told.lock());
    let keys = rig.call(&Caller::Guest, contracts::identity::PublishedKeys).await.unwrap();
    let ended = Arc::new(Revoked::default());
    ended.load(&listed);
    let verifier = Verifier::new(&keys, ended);
    let verified = verifier.verify(&tokens.access_token, rig.clock.now());
    assert_eq!(verified, Err(AuthError::SessionEnded));

    rig.clock.forward(QUARTER);
    assert_eq!(revoked(&rig).await, [], "its tokens have expired by themselves");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_logout_leaves_the_other_logins_alone() {
    let rig = started().await;
    let first = register(&rig, "ada@example.com").await;
    let login = contracts::identity::LogIn {
        email: "ada@example.com".into(),
        password: crate::PASSWORD.into(),
        device: None,
    };
    let second = rig.call(&Caller::Guest, login).await.unwrap();
    rig.call(&caller(&rig, &first).await, LogOut).await.unwrap();
    assert!(rig.call(&caller(&rig, &second).await, GetMe).await.is_ok());
    assert!(refresh(&rig, &second).await.is_ok());
    // Nor does a forged pair of account and session see anything.
    let stranger = Caller::Account {
        account: rig.id(),
        session: read(&rig, &second).await.sid,
        role: contracts::Role::Admin,
    };
    assert_eq!(rig.call(&stranger, GetMe).await, Err(CallError::Refused(NotLoggedIn)));
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_forgotten_only_when_their_tokens_are_void_anyway() {
    let rig = started().await;
    let (kept, left) =
        (register(&rig, "ada@example.com").await, register(&rig, "eve@example.com").await);
    let count = || async {
        let mut live = 0;
        for tokens in [&kept, &left] {
            let session: SessionId = tokens.refresh_token[..32].parse().unwrap();
            live += usize::from(session_exists(&rig, session).await);
        }
        live
    };
    rig.call(&caller(&rig, &left).await, LogOut).await.unwrap();
    rig.work("identity", "forget_sessions").await;
    assert_eq!((count().await, revoked(&rig).await.len()), (2, 1));
    rig.clock.forward(QUARTER);
    rig.work("identity", "forget_sessions").await;
    assert_eq!(count().await, 1, "the one that was left");
    refresh(&rig, &kept).await.unwrap();
    rig.clock.forward(30 * DAY);
    rig.work("identity", "forget_sessions").await;
    assert_eq!(count().await, 0);
    rig.stop().await;
}

async fn session_exists(rig: &Rig, session: SessionId) -> bool {
    use sea_orm::{ConnectionTrait as _, Statement};
    let reader = rig.nodes[0].service("identity").unwrap().db.reader();
    let backend = reader.get_database_backend();
    let sql = match backend {
        sea_orm::DbBackend::Postgres => "SELECT id FROM sessions WHERE id = $1",
        _ => "SELECT id FROM sessions WHERE id = ?",
    };
    let asked = Statement::from_sql_and_values(backend, sql, [session.0.into()]);
    reader.query_one_raw(asked).await.unwrap().is_some()
}
