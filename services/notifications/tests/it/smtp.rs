//! Letters on their way through a real mail server: Exim, as `.ci/engines` starts it.
use crate::http::{get, post};
use crate::shop::{Shop, all_written, change, count, placed, rows, until};
use ::http::StatusCode;
use contracts::identity::LinkPurpose;
use contracts::{AccountId, Caller};
use kit::testing::{Rig, admin, shopper};
use serde_json::json;
use std::path::PathBuf;
use std::time::Duration;

/// The mail server under test, and the folder of what it took. None, loudly, where there is
/// none; where all engines are asked for, that fails.
pub struct Server {
    address: String,
    folder: PathBuf,
}

impl Server {
    pub fn under_test() -> Option<Self> {
        let said = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        if let (Some(address), Some(folder)) = (said("FERIA_TEST_SMTP"), said("FERIA_TEST_MAILDIR"))
        {
            return Some(Self { address, folder: folder.into() });
        }
        let wanted = said("FERIA_TEST_ENGINES").is_some() || said("CI").as_deref() == Some("true");
        assert!(!wanted, "FERIA_TEST_SMTP names no mail server: eval \"$(.ci/engines start)\"");
        eprintln!("SKIPPED: FERIA_TEST_SMTP names no mail server: eval \"$(.ci/engines start)\"");
        None
    }
    fn url(&self) -> String {
        format!("smtp://{}", self.address)
    }
    /// The messages that it took for `address`.
    fn taken(&self, address: &str) -> Vec<String> {
        let new = self.folder.join("new");
        let Ok(files) = std::fs::read_dir(new) else { return Vec::new() };
        let wanted = format!("Envelope-to: {address}\n");
        let read = |file: std::io::Result<std::fs::DirEntry>| {
            let bytes = std::fs::read(file.unwrap().path()).ok()?;
            let text = String::from_utf8_lossy(&bytes).replace("\r\n", "\n");
            text.contains(&wanted).then_some(text)
        };
        files.filter_map(read).collect()
    }
    /// Waits until it took `count` messages for `address`, and a little longer.
    async fn takes(&self, address: &str, count: usize) -> Vec<String> {
        for _ in 0..1_000 {
            if self.taken(address).len() >= count {
                tokio::time::sleep(Duration::from_millis(100)).await;
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let taken = self.taken(address);
        assert_eq!(taken.len(), count, "{taken:#?}");
        taken
    }
}

/// An account with an address of this local part.
fn called(rig: &Rig, shop: &Shop, local: &str) -> (AccountId, String) {
    let account = shop.person(rig, "Ada");
    let email = format!("{local}@{}.example", account.0.simple());
    shop.change(|facts| facts.people.get_mut(&account).unwrap().email.clone_from(&email));
    (account, email)
}
/// Waits until `what` holds for one mail, while mails are delivered.
async fn delivered(rig: &Rig, what: &str) {
    let holds = || async {
        rig.work("notifications", "deliver_mails").await;
        count(rig, &format!("mails WHERE {what}")).await == 1
    };
    until(rig, what, holds).await;
}
async fn error(rig: &Rig) -> Option<String> {
    rows(rig, "SELECT error FROM mails").await[0].try_get_by_index(0).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_goes_over_tls_and_its_secret_is_forgotten_when_it_is_sent() {
    let Some(server) = Server::under_test() else { return };
    let (rig, shop) = Shop::posting(&server.url()).await;
    let (ada, email) = called(&rig, &shop, "ada");
    let asked = shop.link(&rig, ada, LinkPurpose::ResetPassword);
    let id = rig.tell(asked.clone()).await;
    let secret = format!("s3cret-{}", asked.link.0.simple());
    all_written(&rig).await;
    delivered(&rig, "state = 'sent'").await;
    let taken = server.takes(&email, 1).await.remove(0);
    assert!(taken.contains("with esmtps"), "{taken}");
    assert!(taken.contains("From: Feria <shop@feria.example>\n"), "{taken}");
    assert!(taken.contains(&format!("Message-ID: <{id}@feria.example>\n")), "{taken}");
    assert!(taken.contains("multipart/alternative"), "{taken}");
    // Quoted-printable breaks lines, and writes = as =3D.
    let joined = taken.replace("=\n", "");
    assert_eq!(joined.matches(&format!("token=3D{secret}")).count(), 2, "{joined}");
    let left = format!(
        "mails WHERE words LIKE '%{secret}%' OR plain <> '' OR html <> '' OR secret IS NOT NULL"
    );
    assert_eq!(count(&rig, &left).await, 0, "it is nowhere any more");
    assert_eq!(count(&rig, "mails WHERE words LIKE '%token=(removed)%'").await, 1);
    assert_eq!(count(&rig, "mails WHERE sent_at IS NOT NULL AND attempts = 1").await, 1);
    rig.clock.forward(Duration::from_secs(3 * 24 * 3600));
    rig.work("notifications", "deliver_mails").await;
    server.takes(&email, 1).await;
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_busy_is_tried_again_with_growing_pauses_for_two_days() {
    let Some(server) = Server::under_test() else { return };
    let (rig, shop) = Shop::posting(&server.url()).await;
    let (ada, _) = called(&rig, &shop, "busy");
    let order = shop.order(&rig, Some(ada), None);
    rig.tell(placed(&rig, &order, Some(ada))).await;
    all_written(&rig).await;
    let mut tries = 0;
    for pause in [30, 30, 60, 120, 240] {
        tries += 1;
        delivered(&rig, &format!("state = 'waiting' AND attempts = {tries} AND error IS NOT NULL"))
            .await;
        let waits = format!(
            "mails WHERE next_at - {} = {pause} * 1000000",
            kit::clock::Clock::now(&rig.clock).micros()
        );
        assert_eq!(count(&rig, &waits).await, 1, "{tries}: {pause}");
        rig.clock.forward(Duration::from_secs(pause));
    }
    let said = error(&rig).await.unwrap();
    assert_eq!(said, "451 4.3.2 the mailbox is busy, come back later");
    rig.clock.forward(Duration::from_secs(2 * 24 * 3600));
    delivered(&rig, "state = 'failed'").await;
    let said = error(&rig).await.unwrap();
    assert!(said.starts_with("given up after 2 days: 451 "), "{said}");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_see_what_was_refused_for_good_and_have_it_sent_again() {
    let Some(server) = Server::under_test() else { return };
    let (rig, shop) = Shop::posting(&server.url()).await;
    let (ada, email) = called(&rig, &shop, "nobody");
    let order = shop.order(&rig, Some(ada), None);
    let id = rig.tell(placed(&rig, &order, Some(ada))).await;
    all_written(&rig).await;
    let again = format!("/v1/staff/mails/{id}/send");
    delivered(&rig, "state = 'failed' AND next_at IS NULL").await;
    let list = "/v1/staff/mails?status=failed";
    let (status, page) = get(&rig, list, &admin()).await;
    assert_eq!((status, page["items"].as_array().unwrap().len()), (StatusCode::OK, 1), "{page}");
    let mail = &page["items"][0];
    assert_eq!((&mail["to"], &mail["status"]), (&json!(email), &json!("failed")));
    assert_eq!(mail["error"], "550 5.1.1 nobody of that name lives here");
    assert_eq!(mail["attempts"], 1);
    for (caller, status) in
        [(Caller::Guest, StatusCode::UNAUTHORIZED), (shopper(), StatusCode::FORBIDDEN)]
    {
        assert_eq!(post(&rig, &again, &caller).await.0, status);
    }
    let unknown = format!("/v1/staff/mails/{}/send", rig.id::<contracts::OrderId>());
    assert_eq!(post(&rig, &unknown, &admin()).await.0, StatusCode::NOT_FOUND);
    // It moved meanwhile.
    change(&rig, &format!("UPDATE mails SET recipient = 'ada@{}.example'", ada.0.simple())).await;
    let (status, mail) = post(&rig, &again, &admin()).await;
    assert_eq!((status, &mail["status"]), (StatusCode::OK, &json!("waiting")), "{mail}");
    delivered(&rig, "state = 'sent' AND attempts = 2 AND error IS NULL").await;
    server.takes(&format!("ada@{}.example", ada.0.simple()), 1).await;
    let (status, problem) = post(&rig, &again, &admin()).await;
    assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &json!("wrong_state")));
    for (filter, count) in [
        ("status=sent", 1),
        ("status=failed", 0),
        (&*format!("to={}", email.to_uppercase()), 1),
        ("to=else@example.com", 0),
    ] {
        let (_, page) = get(&rig, &format!("/v1/staff/mails?{filter}"), &admin()).await;
        assert_eq!(page["items"].as_array().unwrap().len(), count, "{filter}");
    }
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_does_not_know_us_refuses_no_letter() {
    let Some(server) = Server::under_test() else { return };
    for (login, query, said) in
        [("feria:wrong", "?tls=none", "535"), ("feria:secret", "", "certificate")]
    {
        let url = format!("smtp://{login}@{}{query}", server.address);
        let (rig, shop) = Shop::posting(&url).await;
        let (ada, email) = called(&rig, &shop, "ada");
        let order = shop.order(&rig, Some(ada), None);
        rig.tell(placed(&rig, &order, Some(ada))).await;
        all_written(&rig).await;
        delivered(&rig, "state = 'waiting' AND error IS NOT NULL").await;
        let error = error(&rig).await.unwrap();
        assert!(error.contains(said), "{error}");
        server.takes(&email, 0).await;
        rig.stop().await;
    }
    let url = format!("smtp://feria:secret@{}?tls=none", server.address);
    let (rig, shop) = Shop::posting(&url).await;
    let (ada, email) = called(&rig, &shop, "ada");
    let order = shop.order(&rig, Some(ada), None);
    rig.tell(placed(&rig, &order, Some(ada))).await;
    all_written(&rig).await;
    delivered(&rig, "state = 'sent'").await;
    assert!(server.takes(&email, 1).await[0].contains("with esmtpa"));
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_workers_hand_over_each_letter_once() {
    const MANY: usize = 60;
    let Some(server) = Server::under_test() else { return };
    let (rig, shop) = Shop::posting(&server.url()).await;
    let mut emails = Vec::new();
    for _ in 0..MANY {
        let (account, email) = called(&rig, &shop, "ada");
        let order = shop.order(&rig, Some(account), None);
        rig.tell(placed(&rig, &order, Some(account))).await;
        emails.push(email);
    }
    all_written(&rig).await;
    let work = || rig.work("notifications", "deliver_mails");
    let sent = || async {
        tokio::join!(work(), work(), work());
        count(&rig, "mails WHERE state = 'sent'").await == i64::try_from(MANY).unwrap()
    };
    until(&rig, "all are sent", sent).await;
    assert_eq!(count(&rig, "mails WHERE attempts <> 1").await, 0);
    for email in emails {
        server.takes(&email, 1).await;
    }
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_between_sending_and_noting_it_repeats_one_message_id() {
    let Some(server) = Server::under_test() else { return };
    let (rig, shop) = Shop::posting(&server.url()).await;
    let (ada, email) = called(&rig, &shop, "ada");
    let order = shop.order(&rig, Some(ada), None);
    rig.tell(placed(&rig, &order, Some(ada))).await;
    all_written(&rig).await;
    delivered(&rig, "state = 'sent'").await;
    // What such a crash leaves behind: a claim that ends by the clock.
    let now = kit::clock::Clock::now(&rig.clock).micros();
    let claimed = "UPDATE mails SET state = 'waiting', sent_at = NULL, next_at = ";
    change(&rig, &format!("{claimed}{}", now + 420_000_000)).await;
    rig.work("notifications", "deliver_mails").await;
    server.takes(&email, 1).await;
    rig.clock.forward(Duration::from_secs(420));
    delivered(&rig, "state = 'sent' AND attempts = 2").await;
    let taken = server.takes(&email, 2).await;
    let id = |message: &String| {
        let line = message.lines().find(|line| line.starts_with("Message-ID: "));
        line.unwrap().to_owned()
    };
    assert_eq!(id(&taken[0]), id(&taken[1]));
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_expired_is_not_sent_and_its_secret_goes() {
    // Nobody listens there.
    let (rig, shop) = Shop::posting("smtp://127.0.0.1:1").await;
    let ada = shop.person(&rig, "Ada");
    let asked = shop.link(&rig, ada, LinkPurpose::ResetPassword);
    let id = rig.tell(asked.clone()).await;
    all_written(&rig).await;
    delivered(&rig, "state = 'waiting' AND error IS NOT NULL").await;
    let secret = format!("s3cret-{}", asked.link.0.simple());
    let kept = format!("mails WHERE words LIKE '%{secret}%'");
    assert_eq!(count(&rig, &kept).await, 1, "it is still to be sent");
    for path in ["", "/eml"] {
        let (_, body) =
            crate::http::raw(&rig, &format!("/v1/staff/mails/{id}{path}"), &admin()).await;
        let body = String::from_utf8(body).unwrap();
        assert!(body.contains("(removed)") && !body.contains(&secret), "{body}");
    }
    rig.clock.forward(Duration::from_secs(3600));
    delivered(&rig, "state = 'failed' AND secret IS NULL").await;
    assert_eq!(count(&rig, &kept).await, 0);
    assert!(error(&rig).await.unwrap().contains("its link expired"));
    rig.stop().await;
}
