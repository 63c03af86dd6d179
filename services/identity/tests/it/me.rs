//! One's own account: name, password, sessions, addresses, erasure.
use crate::{PASSWORD, admin_of, caller, log_in, register, registered, started};
use contracts::identity::{
    AccountErased, ChangePassword, Contact, ContactsOf, EndSessions, EraseMe, GetMe, LinkAsked,
    ListAddresses, ListSessions, LogIn, LogInRefused, MeRefused, NotLoggedIn, Refresh,
    RemoveAddress, RevokedSessions, SaveAddress, SavedAddress, SessionEnded, StaffContacts,
    UpdateMe,
};
use contracts::{Address, CallError, Caller, SessionId};
use kit::testing::Rig;
use std::time::Duration;

const NEW: &str = "another pass phrase 2";

fn refused<T>(why: MeRefused) -> Result<T, CallError<MeRefused>> {
    Err(CallError::Refused(why))
}
fn session_of(caller: &Caller) -> SessionId {
    match caller {
        Caller::Account { session, .. } => *session,
        Caller::Guest | Caller::Store => panic!("nobody is logged in"),
    }
}
fn change(current: &str, new: &str) -> ChangePassword {
    ChangePassword { current: current.into(), new: new.into() }
}
async fn is_live(rig: &Rig, caller: &Caller) -> bool {
    match rig.call(caller, GetMe).await {
        Ok(_) => true,
        gone => {
            assert_eq!(gone, Err(CallError::Refused(NotLoggedIn)));
            false
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_addressed_as_they_wish() {
    let rig = started().await;
    let ada = registered(&rig, "ada@example.com").await;
    let named = rig.call(&ada, UpdateMe { name: Some(" Countess ".into()) }).await.unwrap();
    assert_eq!(named.name, "Countess");
    assert_eq!(rig.call(&ada, UpdateMe { name: None }).await.unwrap().name, "Countess");
    for bad in ["", " ", "a\0b", &"n".repeat(201)] {
        let answer = rig.call(&ada, UpdateMe { name: Some(bad.into()) }).await;
        let why = answer.unwrap_err().refused().unwrap();
        assert!(matches!(why, MeRefused::Invalid { field, .. } if field == "name"), "{bad:?}");
    }
    let guest = rig.call(&Caller::Guest, UpdateMe { name: None }).await;
    assert_eq!(guest, refused(MeRefused::NotLoggedIn));
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_ends_the_other_sessions_at_once_and_leaves_this_one() {
    let rig = started().await;
    let ended = rig.listen::<SessionEnded>();
    let ada = registered(&rig, "ada@example.com").await;
    let tokens = log_in(&rig, "ada@example.com", PASSWORD).await.unwrap();
    let other = caller(&rig, &tokens).await;
    let eve = registered(&rig, "eve@example.com").await;
    let wrong = rig.call(&ada, change("not the password", NEW)).await;
    assert_eq!(wrong, refused(MeRefused::WrongPassword));
    let wrong = rig.call(&ada, change("short", NEW)).await;
    assert_eq!(wrong, refused(MeRefused::WrongPassword));
    let why = rig.call(&ada, change(PASSWORD, "short")).await.unwrap_err().refused().unwrap();
    assert!(matches!(why, MeRefused::Invalid { field, .. } if field == "new"));
    assert!(is_live(&rig, &other).await);

    assert_eq!(rig.call(&ada, change(PASSWORD, NEW)).await, Ok(()));
    let told: Vec<SessionId> = ended.lock().iter().map(|ended| ended.session).collect();
    assert_eq!(told, [session_of(&other)], "told before the answer");
    assert!(is_live(&rig, &ada).await && is_live(&rig, &eve).await);
    assert!(!is_live(&rig, &other).await);
    let refresh = Refresh { refresh_token: tokens.refresh_token };
    assert!(rig.call(&Caller::Guest, refresh).await.is_err());
    assert!(log_in(&rig, "ada@example.com", PASSWORD).await.is_err());
    assert!(log_in(&rig, "ada@example.com", NEW).await.is_ok());
    let guest = rig.call(&Caller::Guest, change(PASSWORD, NEW)).await;
    assert_eq!(guest, refused(MeRefused::NotLoggedIn));
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_login_by_the_old_password_outlives_the_new_one() {
    let rig = started().await;
    let ada = registered(&rig, "ada@example.com").await;
    let logins: Vec<_> = (0..8)
        .map(|_| {
            let calls = rig.calls.clone();
            let (email, password) = ("ada@example.com".into(), PASSWORD.into());
            let login = LogIn { email, password, device: None };
            tokio::spawn(async move { calls.call(&Caller::Guest, login).await.is_ok() })
        })
        .collect();
    assert_eq!(rig.call(&ada, change(PASSWORD, NEW)).await, Ok(()));
    for login in logins {
        login.await.unwrap();
    }
    let live = rig.call(&ada, ListSessions).await.unwrap();
    assert_eq!(live.len(), 1, "{live:?}");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_changes_of_a_password_at_once_one_wins() {
    let rig = started().await;
    let ada = registered(&rig, "ada@example.com").await;
    let tries: Vec<_> = (0..4)
        .map(|one| {
            let (calls, ada) = (rig.calls.clone(), ada.clone());
            let call = change(PASSWORD, &format!("pass phrase number {one}"));
            tokio::spawn(async move { calls.call(&ada, call).await })
        })
        .collect();
    let mut won = 0;
    for tried in tries {
        match tried.await.unwrap() {
            Ok(()) => won += 1,
            lost => assert_eq!(lost, refused(MeRefused::WrongPassword)),
        }
    }
    assert_eq!(won, 1);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_at_one_account_are_limited_whether_it_exists_or_not() {
    let rig = started().await;
    register(&rig, "ada@example.com").await;
    let replicas = rig.nodes.len();
    for email in ["ada@example.com", "nobody@example.com"] {
        for guess in 0..10 * replicas {
            let login = log_in(&rig, email, &format!("guess number {guess}")).await;
            assert_eq!(login, Err(CallError::Refused(LogInRefused)), "{email} {guess}");
        }
        for _ in 0..replicas {
            let login = log_in(&rig, email, PASSWORD).await;
            assert!(matches!(login, Err(CallError::NotDone(_))), "{email} {login:?}");
        }
    }
    rig.clock.forward(Duration::from_secs(30));
    for _ in 0..30 {
        assert!(log_in(&rig, "ada@example.com", PASSWORD).await.is_ok(), "none was a guess");
    }
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_sees_the_live_sessions_and_ends_them() {
    let rig = started().await;
    let ada = registered(&rig, "ada@example.com").await;
    let eve = registered(&rig, "eve@example.com").await;
    rig.clock.forward(Duration::from_secs(60));
    let device = Some(format!("Fire\u{1b}fox/{}\r\n", "1".repeat(400)));
    let login = LogIn { email: "ada@example.com".into(), password: PASSWORD.into(), device };
    let tokens = rig.call(&Caller::Guest, login).await.unwrap();
    let phone = caller(&rig, &tokens).await;
    let third = caller(&rig, &log_in(&rig, "ada@example.com", PASSWORD).await.unwrap()).await;
    rig.clock.forward(Duration::from_secs(60));
    let refresh = Refresh { refresh_token: tokens.refresh_token };
    rig.call(&Caller::Guest, refresh).await.unwrap();

    let live = rig.call(&ada, ListSessions).await.unwrap();
    assert_eq!(live.len(), 3);
    assert_eq!(live[2].id, session_of(&ada), "the oldest is the last");
    assert_eq!(live.iter().map(|one| one.current).collect::<Vec<_>>(), [false, false, true]);
    let seen = live.iter().find(|one| one.id == session_of(&phone)).unwrap();
    let device = seen.device.as_deref().unwrap();
    assert!(device.starts_with("Firefox/111") && device.len() == 300, "{device}");
    assert_eq!(seen.used_at, seen.created_at.after(Duration::from_secs(60)));

    let end = |session: &Caller| EndSessions { session: Some(session_of(session)) };
    assert_eq!(rig.call(&eve, end(&phone)).await, refused(MeRefused::NotFound), "a stranger's");
    let unknown = EndSessions { session: Some(rig.id()) };
    assert_eq!(rig.call(&ada, unknown).await, refused(MeRefused::NotFound));
    for _ in 0..2 {
        assert_eq!(rig.call(&ada, end(&phone)).await, Ok(()), "repeating it changes nothing");
    }
    assert!(!is_live(&rig, &phone).await && is_live(&rig, &third).await);
    for _ in 0..2 {
        assert_eq!(rig.call(&ada, EndSessions { session: None }).await, Ok(()));
    }
    assert!(!is_live(&rig, &third).await && is_live(&rig, &ada).await && is_live(&rig, &eve).await);
    assert_eq!(rig.call(&Caller::Guest, RevokedSessions).await.unwrap().len(), 2);
    assert_eq!(rig.call(&phone, ListSessions).await, refused(MeRefused::NotLoggedIn));
    let late = rig.call(&phone, EndSessions { session: None }).await;
    assert_eq!(late, refused(MeRefused::NotLoggedIn), "an ended session ends no other");
    rig.stop().await;
}

fn address(city: &str) -> Address {
    Address {
        name: "Ada Lovelace".into(),
        line1: "12 St James's Square".into(),
        line2: None,
        city: city.into(),
        postal_code: "SW1Y 4JH".into(),
        country: "GB".into(),
        phone: None,
    }
}
async fn keep(rig: &Rig, who: &Caller, city: &str, is_default: Option<bool>) -> SavedAddress {
    let call = SaveAddress { id: None, address: Some(address(city)), is_default };
    rig.call(who, call).await.unwrap()
}
async fn cities(rig: &Rig, who: &Caller) -> Vec<(String, bool)> {
    let kept = rig.call(who, ListAddresses).await.unwrap();
    kept.into_iter().map(|kept| (kept.address.city, kept.is_default)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_keeps_addresses_and_one_is_used_by_itself() {
    let rig = started().await;
    let ada = registered(&rig, "ada@example.com").await;
    let eve = registered(&rig, "eve@example.com").await;
    let london = keep(&rig, &ada, "London", Some(false)).await;
    assert!(london.is_default, "the first one");
    rig.clock.forward(Duration::from_secs(1));
    keep(&rig, &ada, "Paris", None).await;
    rig.clock.forward(Duration::from_secs(1));
    let rome = keep(&rig, &ada, "Rome", Some(true)).await;
    let seen = |of: &[(&str, bool)]| -> Vec<(String, bool)> {
        of.iter().map(|(city, is_default)| ((*city).to_owned(), *is_default)).collect()
    };
    let all = cities(&rig, &ada).await;
    assert_eq!(all, seen(&[("Rome", true), ("Paris", false), ("London", false)]));
    assert_eq!(cities(&rig, &eve).await, []);

    let only = |id, is_default| SaveAddress { id: Some(id), address: None, is_default };
    assert!(rig.call(&ada, only(london.id, Some(true))).await.unwrap().is_default);
    let moved = SaveAddress { address: Some(address("Oxford")), ..only(london.id, None) };
    let moved = rig.call(&ada, moved).await.unwrap();
    assert_eq!((moved.address.city.as_str(), moved.is_default), ("Oxford", true));
    for (who, id) in [(&eve, london.id), (&ada, rig.id())] {
        assert_eq!(rig.call(who, only(id, None)).await, refused(MeRefused::NotFound));
    }
    rig.call(&eve, RemoveAddress { id: london.id }).await.unwrap();
    for _ in 0..2 {
        rig.call(&ada, RemoveAddress { id: rome.id }).await.unwrap();
    }
    assert_eq!(cities(&rig, &ada).await, seen(&[("Oxford", true), ("Paris", false)]));

    let bad = Address { country: "gb".into(), ..address("London") };
    let call = SaveAddress { id: None, address: Some(bad), is_default: None };
    let why = rig.call(&ada, call).await.unwrap_err().refused().unwrap();
    assert!(matches!(why, MeRefused::Invalid { field, .. } if field == "country"));
    let guest = rig.call(&Caller::Guest, ListAddresses).await;
    assert_eq!(guest, refused(MeRefused::NotLoggedIn));
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_keeps_fifty_addresses_however_many_come_at_once() {
    let rig = started().await;
    let ada = registered(&rig, "ada@example.com").await;
    let tries: Vec<_> = (0..56)
        .map(|one| {
            let (calls, ada) = (rig.calls.clone(), ada.clone());
            let address = Some(address(&format!("Town {one}")));
            let call = SaveAddress { id: None, address, is_default: Some(true) };
            tokio::spawn(async move { calls.call(&ada, call).await })
        })
        .collect();
    let mut kept = 0;
    for tried in tries {
        match tried.await.unwrap() {
            Ok(_) => kept += 1,
            Err(error) => {
                let why = error.refused().unwrap();
                assert!(matches!(why, MeRefused::Invalid { field, .. } if field == "addresses"));
            }
        }
    }
    let all = rig.call(&ada, ListAddresses).await.unwrap();
    assert_eq!((kept, all.len()), (50, 50));
    assert_eq!(all.iter().filter(|kept| kept.is_default).count(), 1);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_account_is_gone_and_its_address_is_free_again() {
    let rig = started().await;
    let (erased, ended) = (rig.listen::<AccountErased>(), rig.listen::<SessionEnded>());
    let asked = rig.listen::<LinkAsked>();
    let ada = registered(&rig, "ada@example.com").await;
    let device = Some("Firefox/140".to_owned());
    let login = LogIn { email: "ada@example.com".into(), password: PASSWORD.into(), device };
    let tokens = rig.call(&Caller::Guest, login).await.unwrap();
    assert_eq!(devices(&rig).await, ["Firefox/140"]);
    keep(&rig, &ada, "London", None).await;
    let account = ada.account().unwrap();
    let erase = |password: &str| EraseMe { password: password.into() };
    let wrong = rig.call(&ada, erase("not the password")).await;
    assert_eq!(wrong, refused(MeRefused::WrongPassword));
    assert!(is_live(&rig, &ada).await);
    assert_eq!(rig.call(&ada, erase(PASSWORD)).await, Ok(()));
    rig.settled().await;
    assert_eq!(*erased.lock(), [AccountErased { account }]);
    assert_eq!(ended.lock().len(), 2);
    let revoked = rig.call(&Caller::Guest, RevokedSessions).await.unwrap();
    assert_eq!(revoked.len(), 2, "a gateway that starts now learns of it");
    assert!(!is_live(&rig, &ada).await);
    assert_eq!(rig.call(&ada, erase(PASSWORD)).await, refused(MeRefused::NotLoggedIn));
    let login = log_in(&rig, "ada@example.com", PASSWORD).await;
    assert_eq!(login, Err(CallError::Refused(LogInRefused)));
    let refresh = Refresh { refresh_token: tokens.refresh_token };
    assert!(rig.call(&Caller::Guest, refresh).await.is_err());
    assert_eq!(devices(&rig).await, [""; 0], "nor does a session tell of the person");
    let contacts = ContactsOf { accounts: vec![account] };
    assert_eq!(rig.call(&Caller::Store, contacts).await, Ok(vec![]));
    let links = asked.lock().iter().map(|asked| asked.link).collect();
    let links = contracts::identity::LinksFor { links };
    assert_eq!(rig.call(&Caller::Store, links).await, Ok(vec![]), "its links are gone");

    let again = registered(&rig, "ada@example.com").await;
    assert_ne!(again.account(), ada.account());
    assert_eq!(cities(&rig, &again).await, []);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_admins_who_erase_themselves_at_once_one_stays() {
    let rig = started().await;
    let erase = || EraseMe { password: PASSWORD.into() };
    let (one, two) = (admin_of(&rig, "1@example.com").await, admin_of(&rig, "2@example.com").await);
    let tries = [one, two].map(|admin| {
        let (calls, call) = (rig.calls.clone(), erase());
        tokio::spawn(async move { calls.call(&admin, call).await })
    });
    let mut answers = Vec::new();
    for tried in tries {
        answers.push(tried.await.unwrap());
    }
    answers.sort_by_key(Result::is_err);
    assert_eq!(answers, [Ok(()), refused(MeRefused::LastAdmin)]);
    let left: Vec<Contact> = rig.call(&Caller::Store, StaffContacts).await.unwrap();
    assert_eq!(left.len(), 1);
    rig.stop().await;
}

async fn devices(rig: &Rig) -> Vec<String> {
    use sea_orm::{ConnectionTrait as _, Statement};
    let reader = rig.nodes[0].service("identity").unwrap().db.reader();
    let sql = "SELECT device FROM sessions WHERE device IS NOT NULL";
    let rows = reader.query_all_raw(Statement::from_string(reader.get_database_backend(), sql));
    rows.await.unwrap().iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
}
