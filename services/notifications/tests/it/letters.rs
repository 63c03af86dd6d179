//! Which letters are written, and what they say.
use crate::shop::{Kept, Shop, all_waiting, all_written, cancelled, count, mails, paid, placed};
use contracts::identity::UserRegistered;
use contracts::notifications::{ListNotifications, Notification};
use contracts::orders::CancelReason;
use contracts::{AccountId, Caller, Role};
use kit::clock::Clock as _;
use kit::testing::Rig;
use std::time::Duration;

pub fn login(rig: &Rig, account: AccountId) -> Caller {
    Caller::Account { account, session: rig.id(), role: Role::Customer }
}
async fn shown(rig: &Rig, account: AccountId) -> Vec<Notification> {
    let call = ListNotifications { limit: 100, cursor: None };
    rig.call(&login(rig, account), call).await.unwrap().items
}
fn of<'a>(mails: &'a [Kept], kind: &str) -> &'a Kept {
    let mut found = mails.iter().filter(|mail| mail.kind == kind);
    let mail = found.next().unwrap_or_else(|| panic!("no {kind}"));
    assert!(found.next().is_none(), "two of {kind}");
    mail
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shopper_gets_one_letter_of_each_kind() {
    let (rig, shop) = Shop::open().await;
    let ada = shop.person(&rig, "Ada");
    let order = shop.order(&rig, Some(ada), None);
    rig.tell(UserRegistered { account: ada }).await;
    for _ in 0..2 {
        // The second time under other ids, as after a restored backup of orders.
        rig.clock.forward(Duration::from_secs(1));
        rig.tell(placed(&rig, &order, Some(ada))).await;
        rig.clock.forward(Duration::from_secs(1));
        rig.tell(paid(&rig, &order, Some(ada))).await;
        rig.clock.forward(Duration::from_secs(1));
        rig.tell(cancelled(&order, Some(ada), CancelReason::ByShopper, true)).await;
    }
    all_written(&rig).await;
    let mails = mails(&rig).await;
    assert_eq!(mails.len(), 4);
    for mail in &mails {
        assert_eq!(mail.to, shop.email_of(ada));
        assert!(mail.text.starts_with("Hello Ada,\n"), "{}", mail.text);
        assert!(mail.text.contains("Feria\nhttp://127.0.0.1:8080"), "{}", mail.text);
        if mail.kind != "welcome" {
            assert!(mail.subject.contains(&order.number), "{}", mail.subject);
            for part in [
                "2 x Dune",
                "9.99 USD each, 19.98 USD",
                "Shipping: 4.99 USD",
                "Total: 38.97 USD",
                "Discount: -1.00 USD",
                &order.number,
            ] {
                assert!(mail.text.contains(part), "{part}: {}", mail.text);
            }
            for part in
                ["Emma", "EMMA-HC", "19.98 USD", "34.98 USD", "38.97 USD", &order.number, "Feria"]
            {
                assert!(mail.html.contains(part), "{part}: {}", mail.html);
            }
            assert!(!mail.text.contains("Tax"), "nothing that is zero: {}", mail.text);
        }
    }
    assert_eq!(of(&mails, "welcome").subject, "Welcome to Feria");
    assert!(of(&mails, "receipt").text.contains("We received 38.97 USD"));
    let sorry = of(&mails, "cancellation");
    assert!(sorry.text.contains("was cancelled as you asked"), "{}", sorry.text);
    assert!(sorry.text.contains("You get back the 38.97 USD"), "{}", sorry.text);

    let shown = shown(&rig, ada).await;
    let kinds: Vec<&str> = shown.iter().map(|one| one.kind.as_str()).collect();
    assert_eq!(kinds, ["cancellation", "receipt", "order_confirmation", "welcome"], "newest first");
    for one in &shown[..3] {
        assert!(one.title.contains(&order.number) && one.body.contains(&order.number), "{one:?}");
        assert_eq!(one.order, Some(order.id));
    }
    assert_eq!(shown[3].order, None);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_comes_again_writes_no_second_mail() {
    let (rig, shop) = Shop::open().await;
    let ada = shop.person(&rig, "Ada");
    let order = shop.order(&rig, Some(ada), None);
    let event = placed(&rig, &order, Some(ada));
    let id = rig.tell(event.clone()).await;
    rig.tell_again(id, event.clone()).await;
    all_written(&rig).await;
    rig.tell_again(id, event.clone()).await;
    // And many copies at once, some under ids of their own: on a server one replica each.
    let copies: Vec<_> = (0..4).map(|_| rig.tell(event.clone())).collect();
    for copy in copies {
        copy.await;
    }
    all_written(&rig).await;
    assert_eq!(mails(&rig).await.len(), 1);
    assert_eq!((count(&rig, "letters").await, shown(&rig, ada).await.len()), (1, 1));
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancellation_says_why_and_what_happens_to_the_money() {
    let (rig, shop) = Shop::open().await;
    let mut whose = Vec::new();
    for (reason, was_paid, words) in [
        (CancelReason::ByShopper, false, "as you asked"),
        (CancelReason::ByStaff, true, "by our staff"),
        (CancelReason::PaymentFailed, false, "because the payment was refused"),
        (CancelReason::Expired, false, "because it was not paid in time"),
        (CancelReason::StockMissing, true, "because an item had sold out"),
    ] {
        let account = shop.person(&rig, "Ada");
        let order = shop.order(&rig, Some(account), None);
        rig.tell(cancelled(&order, Some(account), reason, was_paid)).await;
        whose.push((shop.email_of(account), was_paid, words));
    }
    all_written(&rig).await;
    let mails = mails(&rig).await;
    assert_eq!(mails.len(), 5);
    for (email, was_paid, words) in whose {
        let mail = mails.iter().find(|mail| mail.to == email).unwrap();
        assert!(mail.text.contains(words) && mail.html.contains(words), "{}", mail.text);
        assert_eq!(mail.text.contains("You get back the 38.97 USD"), was_paid, "{}", mail.text);
        assert_eq!(mail.text.contains("You are not charged"), !was_paid, "{}", mail.text);
        assert!(!mail.text.contains("Lisboa"), "nothing travels: {}", mail.text);
    }
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_is_written_to_at_the_address_of_the_order() {
    let (rig, shop) = Shop::open().await;
    let order = shop.order(&rig, None, Some("guest@example.com"));
    rig.tell(placed(&rig, &order, None)).await;
    all_written(&rig).await;
    let mails = mails(&rig).await;
    assert_eq!((mails.len(), mails[0].to.as_str()), (1, "guest@example.com"));
    assert_eq!(count(&rig, "notifications").await, 0, "a guest has no list");
    assert!(shop.change(|facts| facts.asked_of_identity.is_empty()), "nobody to ask about");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_wrote_is_escaped_and_breaks_no_line() {
    let (rig, shop) = Shop::open().await;
    let ada = shop.person(&rig, "<script>alert('Ada')</script>\u{202e}");
    let order = shop.order(&rig, Some(ada), None);
    let guests = shop.order(&rig, None, Some("guest@example.com"));
    rig.tell(placed(&rig, &order, Some(ada))).await;
    rig.tell(placed(&rig, &guests, None)).await;
    all_written(&rig).await;
    for mail in mails(&rig).await {
        for raw in ["<script", "<b>", "<i>", "onerror", "\u{202e}"] {
            assert!(!mail.html.contains(raw), "{raw}: {}", mail.html);
        }
        assert!(
            mail.html.contains("Dune &#60;b&#62;&#38; &#34;Co&#34;&#60;/b&#62;"),
            "{}",
            mail.html
        );
        assert!(mail.text.contains(crate::shop::TITLE), "plain text is plain: {}", mail.text);
        assert!(!mail.text.contains("\nBcc:") && !mail.text.contains('\r'), "{}", mail.text);
        assert!(mail.text.contains("Eve  Bcc: mallory@example.com"), "{}", mail.text);
        assert!(!mail.subject.contains(['\r', '\n']), "{}", mail.subject);
    }
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_to_write_to_drops_the_letter_with_a_reason() {
    let (rig, shop) = Shop::open().await;
    let (erased, ada): (AccountId, _) = (rig.id(), shop.person(&rig, "Ada"));
    rig.tell(UserRegistered { account: erased }).await;
    let theirs = shop.order(&rig, Some(erased), None);
    rig.tell(placed(&rig, &theirs, Some(erased))).await;
    let silent = shop.order(&rig, None, None);
    rig.tell(placed(&rig, &silent, None)).await;
    let odd = shop.order(&rig, None, Some("guest@example.com\r\nBcc: eve@example.com"));
    rig.tell(placed(&rig, &odd, None)).await;
    let unknown = shop.order(&rig, Some(ada), None);
    shop.change(|facts| facts.orders.remove(&unknown.id));
    rig.tell(placed(&rig, &unknown, Some(ada))).await;
    // Those beside them are written all the same.
    rig.tell(UserRegistered { account: ada }).await;
    rig.clock.forward(Duration::from_secs(2));
    all_written(&rig).await;
    assert_eq!(mails(&rig).await.len(), 1);
    assert_eq!(count(&rig, "letters WHERE state = 'written'").await, 1);
    let dropped =
        |why: &str| format!("letters WHERE state = 'dropped' AND dropped_because LIKE '%{why}%'");
    assert_eq!(count(&rig, &dropped("the account is not known")).await, 2);
    assert_eq!(count(&rig, &dropped("no address")).await, 1);
    assert_eq!(count(&rig, &dropped("cannot be sent to the address")).await, 1);
    assert_eq!(count(&rig, &dropped("the order is not known")).await, 1);
    assert_eq!(shown(&rig, ada).await.len(), 1);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notification_tells_when_it_happened_not_when_it_was_written() {
    let (rig, shop) = Shop::open().await;
    shop.change(|facts| facts.identity_away = true);
    let ada = shop.person(&rig, "Ada");
    let happened = rig.clock.now();
    rig.tell(UserRegistered { account: ada }).await;
    all_waiting(&rig).await;
    rig.clock.forward(Duration::from_secs(3600));
    shop.change(|facts| facts.identity_away = false);
    all_written(&rig).await;
    assert_eq!(shown(&rig, ada).await[0].at, happened);
    rig.stop().await;
}
