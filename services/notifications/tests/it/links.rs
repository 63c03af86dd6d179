//! Letters that carry a link.
use crate::letters::login;
use crate::shop::{Shop, all_waiting, all_written, count, mails};
use contracts::identity::{LinkPurpose, UserRegistered};
use contracts::notifications::{ListNotifications, MailStatus};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn a_welcome_carries_the_link_that_comes_right_behind_it() {
    let (rig, shop) = Shop::open().await;
    let ada = shop.person(&rig, "Ada");
    let asked = shop.link(&rig, ada, LinkPurpose::VerifyEmail);
    rig.tell(UserRegistered { account: ada }).await;
    rig.work("notifications", "write_letters").await;
    assert_eq!(mails(&rig).await.len(), 0, "it waits for its link");
    let id = rig.tell(asked.clone()).await;
    rig.tell_again(id, asked.clone()).await;
    all_written(&rig).await;
    // The same fact under another id, as after a restored backup.
    rig.tell(asked.clone()).await;
    all_written(&rig).await;
    let kept = mails(&rig).await;
    assert_eq!(
        (kept.len(), kept[0].kind.as_str(), kept[0].status),
        (1, "welcome", MailStatus::Kept)
    );
    let url = format!("/verify-email?token=s3cret-{}", asked.link.0.simple());
    assert!(kept[0].text.contains(&format!("http://127.0.0.1:8080{url}")), "{}", kept[0].text);
    assert!(kept[0].html.contains(&url), "{}", kept[0].html);
    let page = ListNotifications { limit: 10, cursor: None };
    let shown = rig.call(&login(&rig, ada), page).await.unwrap().items;
    assert_eq!((shown.len(), shown[0].kind.as_str()), (1, "welcome"));
    assert!(!shown[0].body.contains("s3cret"), "{}", shown[0].body);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_welcome_without_a_link_comes_all_the_same_and_a_later_link_alone() {
    let (rig, shop) = Shop::open().await;
    let ada = shop.person(&rig, "Ada");
    rig.tell(UserRegistered { account: ada }).await;
    rig.clock.forward(Duration::from_secs(2));
    all_written(&rig).await;
    assert!(!mails(&rig).await[0].text.contains("verify-email"));
    rig.tell(shop.link(&rig, ada, LinkPurpose::VerifyEmail)).await;
    all_written(&rig).await;
    let kinds: Vec<String> = mails(&rig).await.into_iter().map(|mail| mail.kind).collect();
    assert_eq!(kinds, ["verify_email", "welcome"]);
    assert_eq!(count(&rig, "notifications").await, 1, "a link is nobody's news");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_link_of_a_new_password_is_asked_for_when_its_letter_is_written() {
    let (rig, shop) = Shop::open().await;
    let ada = shop.person(&rig, "Ada");
    shop.change(|facts| facts.identity_away = true);
    let asked = shop.link(&rig, ada, LinkPurpose::ResetPassword);
    let gone = shop.link(&rig, ada, LinkPurpose::ResetPassword);
    rig.tell(gone.clone()).await;
    rig.tell(asked.clone()).await;
    all_waiting(&rig).await;
    shop.change(|facts| {
        facts.identity_away = false;
        // Replaced by the other.
        facts.links.remove(&gone.link)
    });
    rig.clock.forward(Duration::from_secs(60));
    all_written(&rig).await;
    let kept = mails(&rig).await;
    assert_eq!((kept.len(), kept[0].kind.as_str()), (1, "password_reset"));
    assert_eq!(kept[0].to, shop.email_of(ada));
    let url = format!("/reset-password?token=s3cret-{}", asked.link.0.simple());
    assert!(kept[0].text.contains(&url) && kept[0].html.contains(&url), "{}", kept[0].text);
    assert!(kept[0].text.contains("until 2026-01-01 01:00 UTC"), "{}", kept[0].text);
    let dropped = "letters WHERE state = 'dropped' AND dropped_because = 'the link is gone'";
    assert_eq!(count(&rig, dropped).await, 1);
    assert_eq!(count(&rig, "notifications").await, 0);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_welcome_whose_link_is_gone_is_written_without_it() {
    let (rig, shop) = Shop::open().await;
    let ada = shop.person(&rig, "Ada");
    let asked = shop.link(&rig, ada, LinkPurpose::VerifyEmail);
    shop.change(|facts| facts.links.clear());
    rig.tell(UserRegistered { account: ada }).await;
    rig.tell(asked).await;
    all_written(&rig).await;
    let kept = mails(&rig).await;
    assert_eq!((kept.len(), kept[0].kind.as_str()), (1, "welcome"));
    assert!(!kept[0].text.contains("verify-email"), "{}", kept[0].text);
    rig.stop().await;
}
