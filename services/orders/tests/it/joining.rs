//! Guest orders join the account whose address was shown to be the same.
use crate::shop::*;
use crate::web::{get, send};
use contracts::identity::{AccountErased, EmailVerified};
use contracts::orders::{CheckedOut, OrderPaid};
use contracts::{AccountId, Caller};
use http::StatusCode;
use kit::testing::shopper;

async fn guest_order(shop: &Shop, email: &str) -> CheckedOut {
    let cart = format!("cart-{}", any_key().key);
    shop.fill_named(cart.clone(), &[("BOOK-1", 1)]);
    let mut command = guest_checkout(&cart, any_key());
    command.email = Some(email.into());
    shop.rig.call(&Caller::Guest, command).await.unwrap()
}

fn known(shop: &Shop, email: &str) -> (Caller, AccountId) {
    let ada = shopper();
    let account = ada.account().unwrap();
    shop.others.lock().contacts.insert(account, email.into());
    (ada, account)
}

async fn theirs(shop: &Shop, caller: &Caller) -> usize {
    let page = get(shop, caller, "/v1/orders").await.json();
    page["items"].as_array().unwrap().len()
}

/// Until nobody's orders wait to join.
async fn joined(shop: &Shop) {
    shop.rig.work("orders", "join_guest_orders").await;
    assert_eq!(shop.count("guest_joins").await, 0);
}

#[tokio::test]
async fn guest_orders_join_an_account_once_its_address_is_verified() {
    let shop = Shop::open().await;
    let (ada, account) = known(&shop, "ada@example.com");
    let order = guest_order(&shop, "Ada@Example.COM").await;
    let other = guest_order(&shop, "grace@example.com").await;
    assert_eq!(theirs(&shop, &ada).await, 0, "an account alone proves nothing");

    let told = shop.rig.tell(EmailVerified { account }).await;
    joined(&shop).await;
    assert_eq!(theirs(&shop, &ada).await, 1);
    let seen = shop.get(&ada, order.order.id).await;
    assert_eq!(seen.version, order.order.version + 1);
    let path = format!("/v1/orders/{}", other.order.id);
    assert_eq!(get(&shop, &ada, &path).await.status, StatusCode::NOT_FOUND);

    // Told again, or once more by another link: nothing is left to join.
    shop.rig.tell_again(told, EmailVerified { account }).await;
    shop.rig.tell(EmailVerified { account }).await;
    joined(&shop).await;
    assert_eq!(shop.get(&ada, order.order.id).await, seen);

    // What is told of it from now on names the account.
    let paid = shop.rig.listen::<OrderPaid>();
    shop.capture(&order.order).await;
    assert_eq!(paid.lock()[0].account, Some(account));
    shop.close().await;
}

#[tokio::test]
async fn the_token_of_a_guests_order_stays_good_and_opens_no_other() {
    let shop = Shop::open().await;
    let (ada, account) = known(&shop, "ada@example.com");
    let guests = guest_order(&shop, "ada@example.com").await;
    let own = shop.order(&ada).await;
    let token = guests.order_token.unwrap();
    let opened = |order| {
        let (shop, token, path) = (&shop, token.as_str(), format!("/v1/orders/{order}"));
        async move {
            send(shop, &Caller::Guest, "GET", &path, &[("order-token", token)], "").await.status
        }
    };
    shop.rig.tell(EmailVerified { account }).await;
    joined(&shop).await;
    assert_eq!(opened(guests.order.id).await, StatusCode::OK);
    assert_eq!(opened(own.id).await, StatusCode::NOT_FOUND);
    assert_eq!(theirs(&shop, &ada).await, 2);
    // With the account its orders lose who and where; the token opens nothing any more.
    shop.rig.tell(AccountErased { account }).await;
    assert_eq!(opened(guests.order.id).await, StatusCode::NOT_FOUND);
    shop.close().await;
}

#[tokio::test]
async fn an_address_that_cannot_be_asked_for_now_is_asked_for_later() {
    let shop = Shop::open().await;
    let (ada, account) = known(&shop, "ada@example.com");
    guest_order(&shop, "ada@example.com").await;
    for _ in 0..20 {
        shop.fail("contacts", Fault::NotDone);
    }
    shop.rig.tell(EmailVerified { account }).await;
    shop.rig.work("orders", "join_guest_orders").await;
    assert_eq!(theirs(&shop, &ada).await, 0);
    assert_eq!(shop.count("guest_joins").await, 1);
    shop.others.lock().heal("contacts");
    joined(&shop).await;
    assert_eq!(theirs(&shop, &ada).await, 1);
    shop.close().await;
}

#[tokio::test]
async fn an_account_that_is_gone_joins_nothing() {
    let shop = Shop::open().await;
    let unknown = shopper();
    guest_order(&shop, "ada@example.com").await;
    shop.rig.tell(EmailVerified { account: unknown.account().unwrap() }).await;
    joined(&shop).await;
    assert_eq!(theirs(&shop, &unknown).await, 0);

    let (ada, account) = known(&shop, "ada@example.com");
    for _ in 0..20 {
        shop.fail("contacts", Fault::NotDone);
    }
    shop.rig.tell(EmailVerified { account }).await;
    shop.rig.tell(AccountErased { account }).await;
    shop.others.lock().heal("contacts");
    joined(&shop).await;
    assert_eq!(theirs(&shop, &ada).await, 0);
    shop.close().await;
}

#[tokio::test]
async fn more_orders_than_fit_into_one_transaction_join_all_the_same() {
    let shop = Shop::open().await;
    let (ada, account) = known(&shop, "ada@example.com");
    let one = guest_order(&shop, "ada@example.com").await.order.id;
    let columns = "account, email, cart_id, cart_version, status, payment, payment_status, method, \
        currency, subtotal, shipping, tax, discount, total, refunded, items, shipping_method, \
        shipping_address, expires_at, steps, created_at, version, email_key";
    // Copies under other ids and numbers, by doubling.
    for round in 0..10 {
        let id = if shop.rig.nodes[0].services[0].db.engine() == kit::db::Engine::Sqlite {
            "randomblob(16)"
        } else {
            "gen_random_uuid()"
        };
        shop.sql(&format!(
            "INSERT INTO orders (id, number, {columns}) SELECT {id}, number || '{round}', {columns} FROM orders"
        ))
        .await;
    }
    shop.rig.tell(EmailVerified { account }).await;
    joined(&shop).await;
    assert_eq!(shop.count("orders WHERE account IS NULL").await, 0);
    assert_eq!(shop.count("orders").await, 1024);
    shop.get(&ada, one).await;
    shop.close().await;
}
