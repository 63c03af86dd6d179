//! What sold how often.
use crate::*;
use contracts::catalog::{BestSellers, GetProduct, Sort};
use contracts::inventory::StockLine;
use contracts::orders::{CancelReason, OrderCancelled, OrderPaid};
use contracts::{CartId, OrderId, PaymentId, Quantity};
use futures_util::future::join_all;
use sea_orm::{ConnectionTrait as _, Statement};
use std::time::Duration;

fn stock_lines(bought: &[(&str, u32)]) -> Vec<StockLine> {
    let line = |(name, n): &(&str, u32)| StockLine {
        sku: sku(name),
        quantity: Quantity::new(*n).unwrap(),
    };
    bought.iter().map(line).collect()
}

impl Shop {
    fn paid(&self, order: OrderId, bought: &[(&str, u32)]) -> OrderPaid {
        let cart = self.rig.id::<CartId>();
        OrderPaid {
            order,
            account: None,
            cart,
            lines: stock_lines(bought),
            total: usd(1),
            placed_with: None,
        }
    }
    fn cancelled(&self, order: OrderId, bought: &[(&str, u32)], was_paid: bool) -> OrderCancelled {
        OrderCancelled {
            order,
            account: None,
            lines: stock_lines(bought),
            was_paid,
            payment: self.rig.id::<PaymentId>(),
            reason: CancelReason::ByShopper,
        }
    }
    async fn score(&self, slug: &str) -> i64 {
        // A page that was read a moment ago shows the score of then.
        self.rig.clock.forward(Duration::from_secs(6));
        let call = GetProduct { id_or_slug: slug.into() };
        self.rig.call(&Caller::Guest, call).await.unwrap().score
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_score_follows_payment_and_cancellation_once_though_they_come_again() {
    let shop = Shop::open().await;
    let mut shirt = book("Shirt", "SHIRT-M", 1500);
    shirt.variants.push(NewVariant {
        sku: sku("SHIRT-L"),
        price: usd(1),
        options: BTreeMap::new(),
    });
    shop.list(shirt).await;
    let order = shop.rig.id::<OrderId>();
    let bought = [("SHIRT-M", 2), ("SHIRT-L", 3), ("UNKNOWN", 9)];
    let paid = shop.paid(order, &bought);
    let id = shop.rig.tell(paid.clone()).await;
    assert_eq!(shop.score("shirt").await, 5, "units of all variants");
    shop.rig.tell_again(id, paid.clone()).await;
    assert_eq!(shop.score("shirt").await, 5, "a redelivered message");
    shop.rig.tell(paid.clone()).await;
    assert_eq!(shop.score("shirt").await, 5, "the same fact in another message");
    let cancelled = shop.cancelled(order, &bought, true);
    let id = shop.rig.tell(cancelled.clone()).await;
    assert_eq!(shop.score("shirt").await, 0);
    shop.rig.tell_again(id, cancelled.clone()).await;
    shop.rig.tell(cancelled).await;
    shop.rig.tell(paid).await;
    assert_eq!(shop.score("shirt").await, 0);
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unpaid_order_that_is_cancelled_leaves_the_score() {
    let shop = Shop::open().await;
    shop.list(book("Dune", "DUNE", 900)).await;
    let (unpaid, late) = (shop.rig.id::<OrderId>(), shop.rig.id::<OrderId>());
    shop.rig.tell(shop.cancelled(unpaid, &[("DUNE", 4)], false)).await;
    assert_eq!(shop.score("dune").await, 0);
    shop.rig.tell(shop.cancelled(late, &[("DUNE", 4)], true)).await;
    shop.rig.tell(shop.paid(late, &[("DUNE", 4)])).await;
    assert_eq!(shop.score("dune").await, 0, "a payment that is heard of after its end");
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_sales_at_once_are_all_counted() {
    let shop = Shop::open().await;
    for name in ["A", "B"] {
        shop.list(book(name, name, 900)).await;
    }
    // Memory knows whose one of the SKUs is.
    assert_eq!(shop.prices(&["A"]).await.len(), 1);
    let orders: Vec<OrderId> = (0..100).map(|_| shop.rig.id()).collect();
    let tell = |order: &OrderId| shop.rig.tell(shop.paid(*order, &[("A", 1), ("B", 2)]));
    join_all(orders.iter().map(tell)).await;
    assert_eq!((shop.score("a").await, shop.score("b").await), (100, 200));
    let tell = |order: &OrderId| shop.rig.tell(shop.cancelled(*order, &[("A", 1), ("B", 2)], true));
    join_all(orders.iter().take(40).map(tell)).await;
    assert_eq!((shop.score("a").await, shop.score("b").await), (60, 120));
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn best_sellers_come_first_in_lists_and_in_searches() {
    let shop = Shop::open().await;
    for (title, name) in [("Tale one", "T-1"), ("Tale two", "T-2"), ("Tale three", "T-3")] {
        shop.list(book(title, name, 900)).await;
    }
    shop.indexed().await;
    for (name, units) in [("T-2", 9), ("T-3", 4)] {
        let order = shop.rig.id();
        shop.rig.tell(shop.paid(order, &[(name, units)])).await;
    }
    let best = ["Tale two", "Tale three", "Tale one"];
    let by_best = FindProducts { sort: Sort::Best, ..Default::default() };
    assert_eq!(shop.find(by_best.clone()).await, best);
    let sellers = shop.rig.call(&Caller::Guest, BestSellers { limit: 2 }).await.unwrap();
    let found: Vec<_> = sellers.iter().map(|p| (p.title.as_str(), p.score)).collect();
    assert_eq!(found, [("Tale two", 9), ("Tale three", 4)]);
    // The index learns of scores a little later.
    shop.rig.work("catalog", "scores").await;
    shop.indexed().await;
    assert_eq!(shop.find(FindProducts { q: Some("tale".into()), ..by_best }).await, best);
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_scores_come_to_the_index_a_few_hundred_at_a_time() {
    let shop = Shop::open().await;
    let many = 1_100_i64;
    for from in (0..many).step_by(100) {
        let listed = (from..from + 100).map(|n| shop.list(book("Tale", &format!("T-{n}"), 900)));
        join_all(listed).await;
    }
    shop.indexed().await;
    let names: Vec<String> = (0..many).map(|n| format!("T-{n}")).collect();
    let units = (1..).map(|n| n * 7_919 % 1_103 + 1);
    let bought: Vec<(&str, u32)> = names.iter().map(String::as_str).zip(units).collect();
    shop.rig.tell(shop.paid(shop.rig.id(), &bought)).await;
    let number = async |sql: &str| {
        let db = shop.rig.nodes[0].service("catalog").unwrap().db.reader();
        let sql = Statement::from_string(db.get_database_backend(), sql);
        let row = db.query_one_raw(sql).await.unwrap().unwrap();
        row.try_get::<i64>("", "number").unwrap()
    };
    let last = "SELECT last AS number FROM change_log WHERE id = 1";
    let before = number(last).await;
    let turn = &shop.rig.nodes[0].service("catalog").unwrap().workers["scores"];
    let publish = async || {
        let before = number(last).await;
        turn().await.unwrap();
        assert!(number(last).await - before <= 500);
    };
    // Though the first ones are sold again, those behind them have their turn, too.
    for _ in 0..3 {
        publish().await;
        shop.rig.tell(shop.paid(shop.rig.id(), &bought)).await;
    }
    let published = "SELECT COUNT(*) AS number FROM products WHERE change_number > ";
    assert_eq!(number(&format!("{published}{before}")).await, many);
    for _ in 0..3 {
        publish().await;
    }
    shop.indexed().await;
    let best = FindProducts { q: Some("tale".into()), sort: Sort::Best, ..Default::default() };
    for page in 1..=11 {
        let page = shop.page(FindProducts { page, ..best.clone() }).await;
        assert!(page.items.iter().all(|product| product.score > 0));
        assert!(page.items.is_sorted_by(|a, b| a.score >= b.score), "{}", page.page);
    }
    shop.rig.stop().await;
}
