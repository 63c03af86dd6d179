//! What staff is told of what runs out.
use crate::letters::login;
use crate::shop::{Shop, all_written, count, mails};
use contracts::inventory::LowStock;
use contracts::notifications::ListNotifications;
use kit::testing::Rig;
use std::time::Duration;

fn low(sku: &str, available: i64) -> LowStock {
    LowStock { sku: sku.parse().unwrap(), available, threshold: 5 }
}
/// Has the digest written that is due, if one is.
async fn digest(rig: &Rig) {
    rig.work("notifications", "digest_low_stock").await;
    all_written(rig).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_gets_one_digest_at_most_every_quarter_of_an_hour() {
    let (rig, shop) = Shop::open().await;
    let (ada, eve) = (shop.person(&rig, "Ada"), shop.person(&rig, "Eve"));
    shop.person(&rig, "Not staff");
    // Until identity answers, nothing is lost.
    shop.change(|facts| (facts.staff, facts.identity_away) = (vec![ada, eve], true));
    rig.tell(low("DUNE", 5)).await;
    rig.tell(low("EMMA", 3)).await;
    rig.work("notifications", "digest_low_stock").await;
    rig.clock.forward(Duration::from_secs(1));
    let newer = rig.tell(low("DUNE", 4)).await;
    rig.tell_again(newer, low("DUNE", 4)).await;
    shop.change(|facts| facts.identity_away = false);
    digest(&rig).await;
    let first = mails(&rig).await;
    let mut to: Vec<&str> = first.iter().map(|mail| mail.to.as_str()).collect();
    let mut staff = [shop.email_of(ada), shop.email_of(eve)];
    to.sort_unstable();
    staff.sort();
    assert_eq!(to, staff);
    for mail in &first {
        assert_eq!(mail.kind, "low_stock");
        assert_eq!(mail.subject, "2 items are running low at Feria");
        for part in ["DUNE: 4 left (told at 5 or fewer)", "EMMA: 3 left", "/admin/stock"] {
            assert!(mail.text.contains(part), "{part}: {}", mail.text);
        }
    }
    let page = ListNotifications { limit: 10, cursor: None };
    let shown = rig.call(&login(&rig, ada), page).await.unwrap().items;
    assert_eq!((shown.len(), shown[0].kind.as_str()), (1, "low_stock"));

    rig.tell(low("IDIOT", 1)).await;
    rig.clock.forward(Duration::from_secs(15 * 60 - 1));
    rig.tell(low("ULYSSES", 0)).await;
    let asked = shop.change(|facts| facts.asked_for_staff);
    digest(&rig).await;
    assert_eq!(mails(&rig).await.len(), 2, "staff has peace for a while");
    assert_eq!(shop.change(|facts| facts.asked_for_staff), asked, "and nobody is asked");
    rig.clock.forward(Duration::from_secs(1));
    digest(&rig).await;
    let second = mails(&rig).await;
    assert_eq!(second.len(), 4);
    let both = |text: &str| text.contains("IDIOT: 1 left") && text.contains("ULYSSES: 0 left");
    assert_eq!(second.iter().filter(|mail| both(&mail.text)).count(), 2);
    rig.clock.forward(Duration::from_secs(3600));
    digest(&rig).await;
    assert_eq!(mails(&rig).await.len(), 4, "no news, no letter");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_write_one_digest() {
    let (rig, shop) = Shop::open().await;
    let ada = shop.person(&rig, "Ada");
    shop.change(|facts| facts.staff = vec![ada]);
    for round in 1..=5 {
        for sku in ["A", "B", "C"] {
            rig.tell(low(sku, round)).await;
        }
        tokio::join!(digest(&rig), digest(&rig), digest(&rig));
        // The first SKU may go alone: a worker need not wait for the rest.
        rig.clock.forward(Duration::from_secs(15 * 60));
        digest(&rig).await;
        rig.clock.forward(Duration::from_secs(15 * 60));
    }
    let texts: Vec<String> = mails(&rig).await.into_iter().map(|mail| mail.text).collect();
    for round in 1..=5 {
        for sku in ["A", "B", "C"] {
            let told = format!("{sku}: {round} left");
            assert_eq!(texts.iter().filter(|text| text.contains(&told)).count(), 1, "{told}");
        }
    }
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_without_staff_writes_nobody() {
    let (rig, _) = Shop::open().await;
    rig.tell(low("DUNE", 5)).await;
    digest(&rig).await;
    assert_eq!((count(&rig, "low_stock").await, count(&rig, "letters").await), (0, 0));
    rig.stop().await;
}
