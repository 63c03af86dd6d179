//! What belongs to a person, and how it is changed.
use crate::town::{HOSTILE, Town, address, now, saved_address};
use contracts::identity::{
    AskToVerify, ChangePassword, EndSessions, EraseMe, ExportMe, GetMe, ListAddresses,
    ListSessions, Me, MeRefused, NotLoggedIn, OpenSession, RemoveAddress, SaveAddress, UpdateMe,
};
use contracts::{Call, CallError, Caller};
use std::sync::{Arc, Mutex};
use uuid::Uuid;

type Sent<C> = Arc<Mutex<Vec<C>>>;

/// What is sent to identity, which answers as `say` says.
fn hearing<C: Call>(
    town: Town,
    say: impl Fn(&C) -> Result<C::Reply, CallError<C::Error>> + Send + Sync + 'static,
) -> (Town, Sent<C>) {
    let sent: Sent<C> = Arc::default();
    let heard = Arc::clone(&sent);
    let town = town.play::<C>(move |_, call: C| {
        let answer = say(&call);
        heard.lock().unwrap().push(call);
        answer
    });
    (town, sent)
}
fn refused<T>(refused: MeRefused) -> Result<T, CallError<MeRefused>> {
    Err(CallError::Refused(refused))
}
fn invalid<T>(field: &str, reason: &str) -> Result<T, CallError<MeRefused>> {
    refused(MeRefused::Invalid { field: field.to_owned(), reason: reason.to_owned() })
}
fn me(caller: &Caller, name: &str, email_verified: bool) -> Me {
    Me {
        id: caller.account().unwrap(),
        email: "ada@example.com".to_owned(),
        name: name.to_owned(),
        email_verified,
        role: contracts::Role::Customer,
        created_at: now(),
    }
}

#[tokio::test]
async fn an_account_shows_all_that_is_known_of_a_person() {
    let town = Town::new().play::<ListAddresses>(|_, _| {
        Ok(vec![saved_address(1, "12 St James's Square", "GB"), saved_address(2, "1 Rue X", "FR")])
    });
    let mut ada = town.open().logged_in("ada");
    let seen = ada.get("/account").await;
    seen.is(200).tells("value=\"Ada Lovelace\"").tells("ada@example.com").tells("Not verified yet");
    seen.tells("12 St James&#39;s Square\nSW1Y 4JH London\nUnited Kingdom").tells("Used first");
    seen.tells("Firefox on Linux")
        .tells("This one")
        .tells("curl/8")
        .tells("Log out everywhere else");
    seen.tells("href=\"/account\" aria-current=\"page\"").tells("14 March 2026");
    assert_eq!(seen.headers["cache-control"], "private, no-store");
    let mut verified = Town::new()
        .play::<GetMe>(|caller, _| Ok(me(&caller, "Ada", true)))
        .play::<ListAddresses>(|_, _| Err(CallError::NotDone("down".to_owned())))
        .play::<ListSessions>(|_, _| Err(CallError::Unknown("down".to_owned())))
        .open()
        .logged_in("ada");
    let seen = verified.get("/account").await;
    seen.is(200).tells("Verified").hides("Send the link again");
    seen.tells("Your addresses cannot be shown").tells("Your devices cannot be shown");
}

#[tokio::test]
async fn whoever_is_not_logged_in_is_asked_to_first() {
    let mut guest = Town::new().open();
    for page in ["/account", "/account/addresses", "/account/data"] {
        assert_eq!(guest.get(page).await.is(303).to(), "/login?next=/account", "{page}");
    }
    let address = format!("/account/addresses/{}", Uuid::from_u128(1));
    guest.get(&address).await.is(303);
    for form in [
        "/account/name",
        "/account/password",
        "/account/verify",
        "/account/sessions",
        "/account/delete",
        "/account/addresses",
        &format!("{address}/default"),
        &format!("{address}/delete"),
    ] {
        assert_eq!(guest.post(form, &[]).await.is(303).to(), "/login?next=/account", "{form}");
    }
    // An account that is gone although its token lives.
    let town = Town::new().play::<GetMe>(|_, _| Err(CallError::Refused(NotLoggedIn)));
    town.open().logged_in("ada").get("/account").await.is(303);
}

#[tokio::test]
async fn a_name_is_changed_and_a_wrong_one_stays_in_its_field() {
    let (town, sent) = hearing::<UpdateMe>(Town::new(), |update| match update.name.as_deref() {
        Some("") => invalid("name", "must have 1 to 200 characters"),
        Some(name) => Ok(me(
            &Caller::Account {
                account: Uuid::nil().into(),
                session: Uuid::nil().into(),
                role: contracts::Role::Customer,
            },
            name,
            false,
        )),
        None => invalid("x", "y"),
    });
    let mut ada = town.open().logged_in("ada");
    let seen = ada.post("/account/name", &[("name", " Ada King ")]).await;
    assert_eq!(seen.is(303).to(), "/account?notice=name_saved");
    ada.follow(&seen).await.is(200).tells("Your name is saved.");
    assert_eq!(sent.lock().unwrap()[0].name.as_deref(), Some("Ada King"));
    let seen = ada.post("/account/name", &[("name", "  ")]).await;
    seen.is(422).tells("id=\"name-fault\"").tells("Must have 1 to 200 characters");
    let (town, _) = hearing::<UpdateMe>(Town::new(), |_| invalid("name", "is odd"));
    let seen = town.open().logged_in("ada").post("/account/name", &[("name", HOSTILE)]).await;
    seen.is(422).tells("&#60;script&#62;").hides("<script>");
}

#[tokio::test]
async fn a_password_is_changed_by_who_knows_the_present_one() {
    let (town, sent) = hearing::<ChangePassword>(Town::new(), |change| {
        match (change.current.as_str(), change.new.len()) {
            ("right password", 8..) => Ok(()),
            ("right password", _) => invalid("new", "must have 8 to 128 characters"),
            _ => refused(MeRefused::WrongPassword),
        }
    });
    let mut ada = town.open().logged_in("ada");
    let form = |current, new| [("current", current), ("new", new)];
    let seen = ada.post("/account/password", &form("wrong secret", "another secret")).await;
    seen.is(422).tells("id=\"current-fault\"").hides("wrong secret").hides("another secret");
    let seen = ada.post("/account/password", &form("right password", "short")).await;
    seen.is(422).tells("id=\"new-fault\"").tells("Must have 8 to 128").hides("right password");
    let seen = ada.post("/account/password", &form("right password", "another secret")).await;
    assert_eq!(seen.is(303).to(), "/account?notice=password_changed");
    assert_eq!(sent.lock().unwrap().len(), 3);
    assert_eq!(ada.cookie("feria_session").unwrap(), "ada");
}

#[tokio::test]
async fn the_link_is_sent_again_and_a_failure_is_told() {
    let (town, sent) = hearing::<AskToVerify>(Town::new(), |_| Ok(()));
    let mut ada = town.open().logged_in("ada");
    let seen = ada.post("/account/verify", &[]).await;
    assert_eq!(seen.is(303).to(), "/account?notice=link_sent");
    assert_eq!(sent.lock().unwrap().len(), 1);
    let (town, _) =
        hearing::<AskToVerify>(Town::new(), |_| Err(CallError::NotDone("down".to_owned())));
    let seen = town.open().logged_in("ada").post("/account/verify", &[]).await;
    seen.is(503).tells("A part of the shop does not answer");
}

#[tokio::test]
async fn one_session_ends_or_all_others() {
    let (town, sent) = hearing::<EndSessions>(Town::new(), |end| match end.session {
        Some(id) if id.0 == Uuid::from_u128(99) => refused(MeRefused::NotFound),
        _ => Ok(()),
    });
    let mut ada = town.open().logged_in("ada");
    for id in ["", &Uuid::from_u128(9).to_string(), &Uuid::from_u128(99).to_string()] {
        let seen = ada.post("/account/sessions", &[("session", id)]).await;
        assert_eq!(seen.is(303).to(), "/account?notice=session_closed");
    }
    ada.post("/account/sessions", &[("session", "x")]).await.is(404);
    let ended: Vec<_> = sent.lock().unwrap().iter().map(|end| end.session).collect();
    assert_eq!(ended.len(), 3);
    assert_eq!((ended[0], ended[1].map(|id| id.0)), (None, Some(Uuid::from_u128(9))));
}

#[tokio::test]
async fn a_device_is_shown_as_text_whatever_it_calls_itself() {
    let town = Town::new()
        .play::<ListSessions>(|_, _| {
            Ok(vec![OpenSession {
                id: Uuid::from_u128(1).into(),
                current: false,
                device: Some(HOSTILE.to_owned()),
                created_at: now(),
                used_at: now(),
            }])
        })
        .play::<ListAddresses>(|_, _| Ok(vec![saved_address(1, HOSTILE, "GB")]))
        .play::<GetMe>(|caller, _| {
            Ok(Me { email: HOSTILE.to_owned(), ..me(&caller, HOSTILE, false) })
        });
    let mut ada = town.open().logged_in("ada");
    ada.get("/account").await.is(200).tells("&#60;script&#62;").hides("<script>");
    let edit = format!("/account/addresses/{}", Uuid::from_u128(1));
    ada.get(&edit).await.is(200).tells("&#60;script&#62;").hides("<script>");
    ada.get("/account/addresses").await.is(200).tells("&#60;script&#62;").hides("<script>");
}

#[tokio::test]
async fn all_that_is_kept_can_be_downloaded() {
    let (town, _) = hearing::<ExportMe>(Town::new(), |_| {
        Ok(serde_json::json!({"identity": {"name": HOSTILE}, "orders": []}))
    });
    let seen = town.open().logged_in("ada").get("/account/data").await;
    seen.is(200).tells("\"orders\": []");
    assert_eq!(seen.headers["content-type"], "application/json");
    assert_eq!(seen.headers["content-disposition"], "attachment; filename=\"my-data.json\"");
    assert_eq!(seen.headers["cache-control"], "private, no-store");
    let (town, _) = hearing::<ExportMe>(Town::new(), |_| Err(CallError::NotDone("x".to_owned())));
    town.open().logged_in("ada").get("/account/data").await.is(503);
}

#[tokio::test]
async fn an_account_is_erased_by_who_knows_its_password() {
    let (town, sent) = hearing::<EraseMe>(Town::new(), |erase| match erase.password.as_str() {
        "right password" => Ok(()),
        "last" => refused(MeRefused::LastAdmin),
        _ => refused(MeRefused::WrongPassword),
    });
    let mut ada = town.open().logged_in("ada").keep("feria_refresh", "refresh-of-ada");
    let seen = ada.post("/account/delete", &[("password", "a guess")]).await;
    seen.is(422).tells("Is not your password").hides("a guess");
    ada.post("/account/delete", &[("password", "last")]).await.is(422).tells("no admin left");
    assert!(ada.cookie("feria_session").is_some());
    let seen = ada.post("/account/delete", &[("password", "right password")]).await;
    assert_eq!(seen.is(303).to(), "/?notice=erased");
    assert!(ada.cookie("feria_session").is_none() && ada.cookie("feria_refresh").is_none());
    ada.follow(&seen).await.is(200).tells("Your account is deleted.").tells("href=\"/login\"");
    assert_eq!(sent.lock().unwrap().len(), 3);
}

const ADDRESS: [(&str, &str); 8] = [
    ("id", ""),
    ("name", "Ada Lovelace"),
    ("line1", "12 St James's Square"),
    ("line2", ""),
    ("postal_code", "SW1Y 4JH"),
    ("city", "London"),
    ("country", "gb"),
    ("is_default", "true"),
];

#[tokio::test]
async fn addresses_are_kept_changed_preferred_and_forgotten() {
    let town =
        Town::new().play::<ListAddresses>(|_, _| Ok(vec![saved_address(7, "1 Rue X", "FR")]));
    let (town, saved) = hearing::<SaveAddress>(town, |save| match save.id {
        Some(id) if id.0 == Uuid::from_u128(99) => refused(MeRefused::NotFound),
        _ => Ok(saved_address(7, "1 Rue X", "FR")),
    });
    let (town, removed) = hearing::<RemoveAddress>(town, |_| Ok(()));
    let mut ada = town.open().logged_in("ada");
    let seen = ada.get("/account/addresses").await;
    seen.is(200).tells("New address").tells("value=\"Ada Lovelace\"").tells("United Kingdom");
    // The shop delivers to two countries.
    seen.hides("Germany");
    let seen = ada.post("/account/addresses", &ADDRESS).await;
    assert_eq!(seen.is(303).to(), "/account?notice=address_saved#addresses");
    let edit = format!("/account/addresses/{}", Uuid::from_u128(7));
    let seen = ada.get(&edit).await;
    seen.is(200).tells("value=\"1 Rue X\"").tells("<option value=\"FR\" selected>France");
    let id = Uuid::from_u128(7).to_string();
    let form = ADDRESS.map(|(name, value)| match name {
        "id" => (name, id.as_str()),
        "is_default" => (name, ""),
        _ => (name, value),
    });
    ada.post("/account/addresses", &form).await.is(303);
    ada.post(&format!("{edit}/default"), &[]).await.is(303);
    ada.post(&format!("{edit}/delete"), &[]).await.is(303);
    {
        let saved = saved.lock().unwrap();
        assert_eq!((saved[0].id, saved[0].is_default), (None, Some(true)));
        assert_eq!(saved[0].address.as_ref(), Some(&address("Ada Lovelace")));
        assert_eq!((saved[1].id.unwrap().0, saved[1].is_default), (Uuid::from_u128(7), None));
        assert_eq!((saved[2].address.as_ref(), saved[2].is_default), (None, Some(true)));
        assert_eq!(removed.lock().unwrap()[0].id.0, Uuid::from_u128(7));
    }
    let strange = format!("/account/addresses/{}", Uuid::from_u128(99));
    ada.get(&strange).await.is(404);
    ada.post(&format!("{strange}/default"), &[]).await.is(404);
    ada.get("/account/addresses/x").await.is(404);
}

#[tokio::test]
async fn a_wrong_address_keeps_what_was_typed() {
    let (town, sent) = hearing::<SaveAddress>(Town::new(), |save| match save.is_default {
        Some(true) => invalid("address.city", "is too far away"),
        _ => invalid("addresses", "must be at most 50"),
    });
    let mut ada = town.open().logged_in("ada");
    let long = "x".repeat(3000);
    for (field, value, told) in [
        ("name", " ", "id=\"name-fault\""),
        ("line1", long.as_str(), "must have 1 to 200 characters"),
        ("city", "", "id=\"city-fault\""),
        ("country", "Utopia", "id=\"country-fault\""),
        ("country", "", "Choose a country"),
        ("postal_code", HOSTILE, "id=\"postal_code-fault\""),
    ] {
        let form = ADDRESS.map(|(name, old)| (name, if name == field { value } else { old }));
        let seen = ada.post("/account/addresses", &form).await;
        seen.is(422).hides("<script>").tells("checked");
        assert!(seen.body.to_lowercase().contains(&told.to_lowercase()), "{told}: {}", seen.body);
        if field != "line1" {
            seen.tells("value=\"12 St James&#39;s Square\"");
        }
    }
    assert!(sent.lock().unwrap().is_empty());
    ada.post("/account/addresses", &ADDRESS).await.is(422).tells("id=\"city-fault\"");
    let other = ADDRESS.map(|(name, old)| (name, if name == "is_default" { "" } else { old }));
    let seen = ada.post("/account/addresses", &other).await;
    seen.is(422).tells("Addresses must be at most 50").tells("role=\"alert\"");
    ada.post("/account/addresses", &[("id", "no id")]).await.is(404);
    ada.post("/account/addresses", &[]).await.is(422);
}
