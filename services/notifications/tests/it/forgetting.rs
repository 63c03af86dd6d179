//! Accounts that were erased, and letters about what came later.
use crate::shop::{Shop, all_waiting, all_written, cancelled, count, mails, paid, placed, until};
use contracts::identity::{AccountErased, EmailVerified, UserRegistered};
use contracts::orders::{CancelReason, OrderDelivered, ShipmentSent};
use contracts::payments::{PaymentMethod, PaymentRefunded};
use contracts::{Currency, Money};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn every_step_of_an_order_is_told_once() {
    let (rig, shop) = Shop::open().await;
    let ada = shop.person(&rig, "Ada");
    let order = shop.order(&rig, Some(ada), None);
    let shipment = rig.id();
    shop.change(|facts| {
        let known = facts.orders.get_mut(&order.id).unwrap();
        known.order.shipments = vec![contracts::orders::Shipment {
            id: shipment,
            lines: Vec::new(),
            carrier: Some("DHL".into()),
            tracking: Some("JD0140".into()),
            status: contracts::orders::ShipmentStatus::Shipped,
            shipped_at: order.created_at,
            ended_at: None,
        }];
    });
    let usd = |minor| Money::new(minor, Currency::USD);
    let refund = rig.id();
    for _ in 0..2 {
        // The second time under other ids.
        let (order, account) = (&order, Some(ada));
        rig.tell(placed(&rig, order, account)).await;
        rig.tell(paid(&rig, order, account)).await;
        rig.tell(ShipmentSent { shipment, order: order.id, account, lines: Vec::new() }).await;
        rig.tell(OrderDelivered {
            order: order.id,
            account,
            payment: order.payment.id,
            method: PaymentMethod::Card,
            total: order.total,
        })
        .await;
        rig.tell(PaymentRefunded {
            payment: order.payment.id,
            order: order.id,
            refund,
            amount: usd(100),
            refunded: usd(100),
            whole: false,
            restock: false,
        })
        .await;
    }
    all_written(&rig).await;
    let kept = mails(&rig).await;
    let kinds: Vec<&str> = kept.iter().map(|mail| mail.kind.as_str()).collect();
    assert_eq!(kinds, ["delivery", "order_confirmation", "receipt", "refund", "shipment"]);
    assert!(kept.iter().all(|mail| mail.to == shop.email_of(ada)));
    assert!(kept[2].text.contains("Receipt: 17\n"), "{}", kept[2].text);
    assert!(kept[2].text.contains("VAT ID: PT999999990\n"), "{}", kept[2].text);
    assert!(kept[3].text.contains("We gave back 1.00 USD"), "{}", kept[3].text);
    assert!(kept[4].text.contains("Tracking code: JD0140"), "{}", kept[4].text);
    assert_eq!(count(&rig, "notifications").await, 5, "also of what names no account");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_account_is_forgotten_with_its_orders_and_nobody_else_is() {
    let (rig, shop) = Shop::open().await;
    let (ada, eve) = (shop.person(&rig, "Ada"), shop.person(&rig, "Eve"));
    let hers = shop.order(&rig, Some(ada), None);
    let other = shop.order(&rig, Some(eve), None);
    // Ordered as a guest, in other capitals; the address turned out to be hers.
    let guests = shop.order(&rig, None, Some(&shop.email_of(ada).to_uppercase()));
    let strangers = shop.order(&rig, None, Some("guest@example.com"));
    rig.tell(UserRegistered { account: ada }).await;
    rig.clock.forward(Duration::from_secs(2));
    for (order, account) in
        [(&hers, Some(ada)), (&other, Some(eve)), (&guests, None), (&strangers, None)]
    {
        rig.tell(placed(&rig, order, account)).await;
    }
    rig.tell(EmailVerified { account: ada }).await;
    rig.tell(EmailVerified { account: ada }).await;
    all_written(&rig).await;
    assert_eq!(mails(&rig).await.len(), 5);
    // One is still to be written when she goes.
    shop.change(|facts| facts.orders_away = true);
    rig.tell(paid(&rig, &hers, Some(ada))).await;
    all_waiting(&rig).await;
    shop.change(|facts| {
        facts.orders_away = false;
        facts.people.remove(&ada)
    });
    let id = rig.tell(AccountErased { account: ada }).await;
    rig.tell_again(id, AccountErased { account: ada }).await;
    // And one comes later.
    rig.tell(cancelled(&hers, Some(ada), CancelReason::ByStaff, true)).await;
    rig.clock.forward(Duration::from_secs(600));
    all_written(&rig).await;
    let kept = mails(&rig).await;
    let mut to: Vec<&str> = kept.iter().map(|mail| mail.to.as_str()).collect();
    to.sort_unstable();
    let mut left = [shop.email_of(eve), "guest@example.com".to_owned()];
    left.sort();
    assert_eq!(to, left);
    assert_eq!(count(&rig, "notifications").await, 1);
    assert_eq!(count(&rig, "letters").await, 3, "the late one, dropped, knows an id only");
    assert_eq!(count(&rig, "letters WHERE state = 'dropped'").await, 1);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_to_an_address_that_was_never_shown_to_be_hers_stay() {
    let (rig, shop) = Shop::open().await;
    let ada = shop.person(&rig, "Ada");
    let guests = shop.order(&rig, None, Some(&shop.email_of(ada)));
    rig.tell(UserRegistered { account: ada }).await;
    rig.tell(placed(&rig, &guests, None)).await;
    rig.clock.forward(Duration::from_secs(2));
    all_written(&rig).await;
    rig.tell(AccountErased { account: ada }).await;
    let kinds: Vec<String> = mails(&rig).await.into_iter().map(|mail| mail.kind).collect();
    assert_eq!(kinds, ["order_confirmation"]);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_mail_server_never_got_is_not_sent_after_the_erasing() {
    // Nobody listens there.
    let (rig, shop) = Shop::posting("smtp://127.0.0.1:1").await;
    let ada = shop.person(&rig, "Ada");
    rig.tell(UserRegistered { account: ada }).await;
    rig.clock.forward(Duration::from_secs(2));
    all_written(&rig).await;
    let tried = || async {
        rig.work("notifications", "deliver_mails").await;
        count(&rig, "mails WHERE state = 'waiting' AND error IS NOT NULL").await == 1
    };
    until(&rig, "the server is away", tried).await;
    rig.tell(AccountErased { account: ada }).await;
    rig.clock.forward(Duration::from_secs(3600));
    rig.work("notifications", "deliver_mails").await;
    assert_eq!(count(&rig, "mails").await, 0);
    rig.stop().await;
}
