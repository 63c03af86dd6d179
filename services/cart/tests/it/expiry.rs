//! Carts that are forgotten.
use crate::*;
use contracts::cart::CartExpired;
use contracts::identity::AccountErased;
use kit::testing::shopper;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 3600);

async fn look(shop: &Shop) {
    shop.rig.work("cart", "expire_carts").await;
    shop.rig.settled().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn carts_that_nobody_touches_expire_a_guests_sooner() {
    let shop = Shop::open().await;
    let expired = shop.rig.listen::<CartExpired>();
    let ada = shopper();
    let own = shop.add(&ada, None, "A-1", 1).await.unwrap().cart.id.unwrap();
    let guest = shop.add(&Caller::Guest, None, "A-1", 2).await.unwrap();
    let token = guest.token.as_deref();
    shop.rig.clock.forward(DAY * 29);
    shop.add(&Caller::Guest, token, "B-2", 1).await.unwrap();
    shop.rig.clock.forward(DAY * 2);
    look(&shop).await;
    assert_eq!(shop.cart(&Caller::Guest, token).await.items.len(), 2, "touched two days ago");
    shop.rig.clock.forward(DAY * 29);
    look(&shop).await;
    let gone = shop.cart(&Caller::Guest, token).await;
    assert_eq!((gone.id, gone.items.len()), (None, 0));
    assert_eq!(shop.cart(&ada, None).await.id, Some(own));
    shop.rig.clock.forward(DAY * 121);
    look(&shop).await;
    look(&shop).await;
    assert_eq!(shop.cart(&ada, None).await.id, None);
    let told: Vec<_> = expired.lock().iter().map(|it| (it.cart, it.account)).collect();
    assert_eq!(told, [(guest.cart.id.unwrap(), None), (own, ada.account())]);
    let again = shop.add(&ada, None, "A-1", 1).await.unwrap().cart;
    assert_eq!((lines(&again), again.version), (vec![("A-1".to_owned(), 1)], 1), "a new cart");
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_carts_than_one_turn_takes_are_all_forgotten() {
    let shop = Shop::open().await;
    for _ in 0..210 {
        shop.add(&Caller::Guest, None, "A-1", 1).await.unwrap();
    }
    let expired = shop.rig.listen::<CartExpired>();
    shop.rig.clock.forward(DAY * 31);
    look(&shop).await;
    look(&shop).await;
    assert_eq!(expired.lock().len(), 210);
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_cart_of_an_erased_account_is_gone() {
    let shop = Shop::open().await;
    let (ada, bob) = (shopper(), shopper());
    for who in [&ada, &bob] {
        shop.add(who, None, "A-1", 1).await.unwrap();
    }
    let account = ada.account().unwrap();
    for _ in 0..2 {
        shop.rig.tell(AccountErased { account }).await;
    }
    assert_eq!(shop.cart(&ada, None).await.id, None);
    assert_eq!(lines(&shop.cart(&bob, None).await).len(), 1);
    shop.rig.stop().await;
}
