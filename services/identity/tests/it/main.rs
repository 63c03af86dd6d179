//! Identity as its neighbours and its public see it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod export;
mod http;
mod keys;
mod links;
mod me;
mod people;
mod sessions;
mod staff;

use contracts::identity::{CreateAdmin, LogIn, LogInRefused, PublishedKeys, Register, Tokens};
use contracts::{CallError, Caller, Role};
use kit::auth::{Claims, Verifier};
use kit::clock::Clock as _;
use kit::config::Config;
use kit::plug::Service;
use kit::testing::Rig;

const PASSWORD: &str = "a long pass phrase 1";

async fn started() -> Rig {
    Rig::start(&services(), Config::default()).await
}
fn services() -> [Box<dyn Service>; 1] {
    [Box::new(identity::plug())]
}

fn newcomer(email: &str) -> Register {
    Register { email: email.into(), password: PASSWORD.into(), name: "Ada".into(), device: None }
}

async fn register(rig: &Rig, email: &str) -> Tokens {
    rig.call(&Caller::Guest, newcomer(email)).await.unwrap()
}

/// What a token says, as the gateway reads it.
async fn read(rig: &Rig, tokens: &Tokens) -> Claims {
    let keys = rig.call(&Caller::Guest, PublishedKeys).await.unwrap();
    Verifier::new(&keys, Default::default()).verify(&tokens.access_token, rig.clock.now()).unwrap()
}

async fn caller(rig: &Rig, tokens: &Tokens) -> Caller {
    let Claims { sub: account, sid: session, role, .. } = read(rig, tokens).await;
    Caller::Account { account, session, role }
}

/// Registers, and answers who that is.
async fn registered(rig: &Rig, email: &str) -> Caller {
    caller(rig, &register(rig, email).await).await
}

async fn log_in(rig: &Rig, email: &str, password: &str) -> Result<Tokens, CallError<LogInRefused>> {
    let login = LogIn { email: email.into(), password: password.into(), device: None };
    rig.call(&Caller::Guest, login).await
}

/// A new admin, who is logged in.
async fn admin_of(rig: &Rig, email: &str) -> Caller {
    rig.call(&Caller::Store, admin(email)).await.unwrap();
    caller(rig, &log_in(rig, email, PASSWORD).await.unwrap()).await
}

fn admin(email: &str) -> CreateAdmin {
    CreateAdmin { email: email.into(), password: PASSWORD.into() }
}

mod accounts {
    use super::*;
    use contracts::AccountId;
    use contracts::identity::{Contact, ContactsOf, GetMe, RegisterRefused, UserRegistered};

    #[tokio::test(flavor = "multi_thread")]
    async fn registering_opens_an_account_and_logs_in() {
        let rig = started().await;
        let told = rig.listen::<UserRegistered>();
        let tokens = register(&rig, " Ada@Example.COM ").await;
        assert_eq!((tokens.token_type.as_str(), tokens.expires_in), ("Bearer", 900));
        let claims = read(&rig, &tokens).await;
        assert_eq!(claims.role, Role::Customer);
        assert_eq!(claims.exp - claims.iat, 900);
        rig.settled().await;
        assert_eq!(*told.lock(), [UserRegistered { account: claims.sub }]);

        let me = rig.call(&caller(&rig, &tokens).await, GetMe).await.unwrap();
        assert_eq!(
            (me.id, me.email.as_str(), me.name.as_str()),
            (claims.sub, "ada@example.com", "Ada")
        );
        let login =
            LogIn { email: "ADA@example.com".into(), password: PASSWORD.into(), device: None };
        let again = rig.call(&Caller::Guest, login).await.unwrap();
        let second = read(&rig, &again).await;
        assert_eq!(second.sub, claims.sub);
        assert_ne!(second.sid, claims.sid, "each login is a session of its own");
        rig.stop().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn one_address_is_registered_once_however_many_try_at_once() {
        let rig = started().await;
        let told = rig.listen::<UserRegistered>();
        let tries = ["ada@example.com", "ADA@example.com", " ada@example.com", "ada@EXAMPLE.com"];
        let tries = tries.map(|email| {
            let calls = rig.calls.clone();
            tokio::spawn(async move { calls.call(&Caller::Guest, newcomer(email)).await })
        });
        let mut registered = 0;
        for tried in tries {
            match tried.await.unwrap() {
                Ok(_) => registered += 1,
                Err(error) => assert_eq!(error, CallError::Refused(RegisterRefused::EmailTaken)),
            }
        }
        rig.settled().await;
        assert_eq!((registered, told.lock().len()), (1, 1));
        let later = rig.call(&Caller::Guest, newcomer("ada@example.com")).await.unwrap_err();
        assert_eq!(later, CallError::Refused(RegisterRefused::EmailTaken));
        rig.stop().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_wrong_password_and_an_unknown_address_answer_the_same() {
        let rig = started().await;
        register(&rig, "ada@example.com").await;
        for (email, password) in [
            ("ada@example.com", "another pass phrase"),
            ("ada@example.com", "short"),
            ("eve@example.com", PASSWORD),
            ("no address\0at all", PASSWORD),
            ("", ""),
        ] {
            let login = LogIn { email: email.into(), password: password.into(), device: None };
            let refused = rig.call(&Caller::Guest, login).await.unwrap_err();
            assert_eq!(refused, CallError::Refused(LogInRefused), "{email:?}");
        }
        rig.stop().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn only_the_store_creates_admins_and_each_once() {
        let rig = started().await;
        let told = rig.listen::<UserRegistered>();
        for stranger in [Caller::Guest, kit::testing::shopper(), kit::testing::admin()] {
            assert!(matches!(
                rig.call(&stranger, admin("a@b.c")).await,
                Err(CallError::NotDone(_))
            ));
        }
        let id = rig.call(&Caller::Store, admin("Admin@example.com")).await.unwrap();
        let again = rig.call(&Caller::Store, admin("admin@example.com")).await.unwrap_err();
        assert_eq!(again, CallError::Refused(RegisterRefused::EmailTaken));
        let short = CreateAdmin { password: "short".into(), ..admin("b@example.com") };
        let refused = rig.call(&Caller::Store, short).await.unwrap_err().refused().unwrap();
        assert!(matches!(refused, RegisterRefused::Invalid { field, .. } if field == "password"));

        let login =
            LogIn { email: "admin@example.com".into(), password: PASSWORD.into(), device: None };
        let tokens = rig.call(&Caller::Guest, login).await.unwrap();
        let claims = read(&rig, &tokens).await;
        assert_eq!((claims.sub, claims.role), (id, Role::Admin));
        rig.settled().await;
        assert_eq!(*told.lock(), [UserRegistered { account: id }]);
        rig.stop().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn addresses_are_told_to_the_store_alone() {
        let rig = started().await;
        let tokens = register(&rig, "ada@example.com").await;
        let ada = read(&rig, &tokens).await.sub;
        let asked = ContactsOf { accounts: vec![rig.id(), ada, rig.id(), ada] };
        for stranger in [Caller::Guest, kit::testing::shopper(), kit::testing::admin()] {
            let refused = rig.call(&stranger, asked.clone()).await;
            assert!(matches!(refused, Err(CallError::NotDone(_))), "{refused:?}");
        }
        let told = rig.call(&Caller::Store, asked).await.unwrap();
        let contact = Contact { account: ada, email: "ada@example.com".into(), name: "Ada".into() };
        assert_eq!(told, [contact], "unknown accounts are left out");
        let many: Vec<AccountId> = (0..1001).map(|_| rig.id()).collect();
        assert!(rig.call(&Caller::Store, ContactsOf { accounts: many }).await.is_err());
        assert_eq!(rig.call(&Caller::Store, ContactsOf { accounts: vec![] }).await, Ok(vec![]));
        rig.stop().await;
    }
}
