//! A store with the data of the first release: its orders are whole under the new tables.
use crate::shop::*;
use crate::web::get;
use contracts::identity::EmailVerified;
use contracts::orders::{GetReceipt, OrderStatus};
use contracts::{Caller, OrderId};
use kit::db::{Db, DbOptions, Engine};
use kit::migrate::migrate;
use kit::plug::Node;
use kit::testing::{admin, shopper};
use sea_orm::{ConnectionTrait as _, DatabaseBackend, Statement};

/// The tables of the first release; its files never change.
const FIRST: kit::migrate::Migration = kit::migration!("0001_orders");

/// A guest's order, as the first release wrote it.
async fn write(db: &Db, order: OrderId, number: &str, status: &str, steps: &str) {
    let id = |place: u128| {
        let id = uuid::Uuid::from_u128(order.0.as_u128() ^ place).simple().to_string();
        if db.engine() == Engine::Sqlite { format!("X'{id}'") } else { format!("'{id}'") }
    };
    let (order, cart, payment) = (id(0), id(1), id(2));
    let address = serde_json::to_string(&address()).unwrap().replace('\'', "''");
    let payment_status = if status == "paid" { "captured" } else { "pending" };
    let expires_at = if status == "paid" { "NULL" } else { "1767229200000000" };
    let sql = format!(
        "INSERT INTO orders (id, number, email, cart_id, cart_version, status, payment, \
         payment_status, method, currency, subtotal, shipping, tax, discount, total, refunded, \
         items, shipping_method, shipping_address, expires_at, steps, created_at, version) VALUES \
         ({order}, '{number}', 'Guest@Example.com', {cart}, 1, '{status}', {payment}, \
         '{payment_status}', 'card', 'USD', 1000, 499, 0, 0, 1499, 0, '[]', 'standard', \
         '{address}', {expires_at}, '{steps}', 1767225600000000, 2)"
    );
    let backend = if db.engine() == Engine::Sqlite {
        DatabaseBackend::Sqlite
    } else {
        DatabaseBackend::Postgres
    };
    db.reader().execute_raw(Statement::from_string(backend, sql)).await.unwrap();
}

#[tokio::test]
async fn orders_of_the_first_release_are_shown_and_found_and_join_their_accounts() {
    let mut shop = Shop::without_orders().await;
    let (url, schema) = (shop.rig.setup.database)("orders");
    let options = DbOptions { connections: 2, durable: false };
    let db = Db::open("orders", &url, schema.as_deref(), options).await.unwrap();
    migrate(&db, &[FIRST]).await.unwrap();
    let (paid, pending): (OrderId, OrderId) = (shop.rig.id(), shop.rig.id());
    let steps = |more: &str| {
        format!(r#"[{{"status":"pending","at":"2026-01-01T00:00:00.000000Z"}}{more}]"#)
    };
    let was_paid = r#",{"status":"paid","at":"2026-01-01T00:00:05.000000Z"}"#;
    write(&db, paid, "AAAA-BBBB-CC", "paid", &steps(was_paid)).await;
    write(&db, pending, "AAAA-BBBB-DD", "pending", &steps("")).await;
    db.close().await;

    let plug = || -> Box<dyn kit::plug::Service> { Box::new(orders::plug()) };
    let mut node = Node::start(&[plug()], &shop.rig.setup).await.unwrap();
    let routes = node.services[0].routes.take().unwrap();
    shop.routers.push(routes.split_for_parts().0);
    shop.rig.nodes = vec![node];

    let seen = shop.get(&admin(), paid).await;
    assert_eq!(
        (seen.status, seen.tax_included, &*seen.tax_lines),
        (OrderStatus::Paid, usd(0), &[][..])
    );
    let receipt = shop.rig.call(&admin(), GetReceipt { of: of(paid) }).await.unwrap();
    assert_eq!(
        (receipt.number.as_str(), receipt.seller.name.as_str()),
        ("R-AAAA-BBBB-CC", "Feria")
    );
    assert_eq!(receipt.paid_at.to_string(), "2026-01-01T00:00:05.000000Z");
    let page =
        get(&shop, &admin(), "/v1/staff/orders?q=guest@example.com&status=paid").await.json();
    assert_eq!(page["items"][0]["number"], "AAAA-BBBB-CC");

    let ada = shopper();
    let account = ada.account().unwrap();
    shop.others.lock().contacts.insert(account, "guest@example.com".into());
    shop.rig.tell(EmailVerified { account }).await;
    shop.rig.work("orders", "join_guest_orders").await;
    assert_eq!(get(&shop, &ada, "/v1/orders").await.json()["items"].as_array().unwrap().len(), 2);
    // And they go on.
    let order = shop.get(&ada, pending).await;
    shop.capture(&order).await;
    assert_eq!(shop.status(pending).await, OrderStatus::Paid);
    assert_eq!(get(&shop, &Caller::Guest, "/v1/shop").await.json()["version"], 0);
    shop.close().await;
}
