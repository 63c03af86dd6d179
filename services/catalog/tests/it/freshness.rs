//! What is shown comes from memory, and is still what is: at once in this process, within a
//! second from another one.
use crate::*;
use contracts::catalog::{
    BestSellers, GetProduct, SaveShelfEntry, Shelf, Sort, UpdateProduct, WithdrawProduct,
};
use contracts::inventory::{AvailabilityChanged, StockLine};
use contracts::orders::OrderPaid;
use contracts::{ProductId, Quantity};
use kit::bus::Bus;
use kit::calls::{Calls, Registry};
use kit::plug::{Node, Setup};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;

fn priced(product: &Product, price: i64) -> UpdateProduct {
    UpdateProduct {
        product: product.id,
        title: Some(format!("{} again", product.title)),
        description: None,
        images: None,
        authors: None,
        genres: None,
        categories: None,
        attributes: None,
        prices: BTreeMap::from([(product.sku.clone(), usd(price))]),
        variants: None,
        slug: None,
    }
}
fn by(sort: Sort) -> FindProducts {
    FindProducts { sort, ..Default::default() }
}
fn found(q: &str) -> FindProducts {
    FindProducts { q: Some(q.into()), facets: true, ..Default::default() }
}

impl Shop {
    /// What every replica shows of a product.
    async fn seen(&self, id: ProductId) -> Option<Product> {
        let call = GetProduct { id_or_slug: id.to_string() };
        let mut shown = Vec::new();
        for _ in &self.rig.nodes {
            shown.push(self.rig.call(&Caller::Guest, call.clone()).await.ok());
        }
        assert!(shown.windows(2).all(|pair| pair[0] == pair[1]), "{shown:?}");
        shown.remove(0)
    }
    /// What every replica says that a SKU costs.
    async fn cost(&self, text: &str) -> Option<i64> {
        let mut said = Vec::new();
        for _ in &self.rig.nodes {
            said.push(self.prices(&[text]).await.pop().map(|priced| priced.price.minor));
        }
        assert!(said.windows(2).all(|pair| pair[0] == pair[1]), "{said:?}");
        said[0]
    }
    /// Another process on the same databases, without a word to this one.
    async fn beside(&self) -> (Node, Calls) {
        let (bus, registry) = (Bus::default(), Registry::default());
        let setup = self.rig.setup.clone();
        let setup = Setup { bus, registry: registry.clone(), stop: Default::default(), ..setup };
        let node = Node::start(&[Box::new(catalog::plug())], &setup).await.unwrap();
        (node, Calls::any("beside", registry))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_this_process_is_shown_at_once() {
    let shop = Shop::open().await;
    let dune = shop.list(book("Dune", "DUNE", 900)).await;
    let emma = shop.list(book("Emma", "EMMA", 500)).await;
    for price in [100, 2_000, 300] {
        assert_eq!(shop.find(by(Sort::Price)).await.len(), 2);
        let changed = shop.rig.call(&admin(), priced(&dune, price)).await.unwrap();
        assert_eq!(changed.price, usd(price));
        assert_eq!(shop.seen(dune.id).await, Some(changed));
        let cheapest = if price < 500 { "Dune again" } else { "Emma" };
        assert_eq!(shop.find(by(Sort::Price)).await[0], cheapest);
        shop.indexed().await;
        assert_eq!(shop.search("again").await, ["Dune again"]);
    }
    shop.rig.call(&admin(), WithdrawProduct { product: dune.id }).await.unwrap();
    assert_eq!(shop.seen(dune.id).await, None);
    assert_eq!(shop.find(by(Sort::Price)).await, ["Emma"]);
    assert_eq!(shop.seen(emma.id).await.unwrap().price, usd(500));
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_by_another_process_is_shown_within_a_second() {
    let shop = Shop::open().await;
    let dune = shop.list(book("Dune", "DUNE", 900)).await;
    shop.indexed().await;
    assert_eq!(shop.seen(dune.id).await.unwrap().price, usd(900));
    assert_eq!(shop.find(by(Sort::Title)).await, ["Dune"]);
    let (node, calls) = shop.beside().await;
    calls.call(&admin(), priced(&dune, 300)).await.unwrap();
    let emma = calls.call(&admin(), book("Emma", "EMMA", 500)).await.unwrap();
    shop.rig.clock.forward(Duration::from_secs(1));
    let shown = shop.seen(dune.id).await.unwrap();
    assert_eq!((shown.title.as_str(), shown.price), ("Dune again", usd(300)));
    assert_eq!(shop.find(by(Sort::Title)).await, ["Dune again", "Emma"]);
    assert_eq!(shop.page(by(Sort::Title)).await.total, 2);
    calls.call(&admin(), WithdrawProduct { product: dune.id }).await.unwrap();
    shop.rig.clock.forward(Duration::from_secs(1));
    assert_eq!(shop.seen(dune.id).await, None);
    assert_eq!(shop.find(by(Sort::Title)).await, ["Emma"]);
    assert!(shop.seen(emma.id).await.is_some());
    node.stop().await;
    shop.rig.stop().await;
}

/// Whoever changes it, and though the clock stands still: checkouts charge it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_price_is_that_of_the_database_at_once() {
    let shop = Shop::open().await;
    let (node, beside) = shop.beside().await;
    assert_eq!(shop.cost("DUNE").await, None);
    let dune = shop.list(book("Dune", "DUNE", 900)).await;
    shop.list(book("Emma", "EMMA", 500)).await;
    for price in [900, 100, 2_000] {
        shop.rig.call(&admin(), priced(&dune, price)).await.unwrap();
        for _ in 0..2 {
            assert_eq!(shop.cost("DUNE").await, Some(price));
        }
        beside.call(&admin(), priced(&dune, price + 1)).await.unwrap();
        for _ in 0..2 {
            assert_eq!(shop.cost("DUNE").await, Some(price + 1));
        }
        let both = shop.prices(&["EMMA", "NONE", "DUNE"]).await;
        let both: Vec<_> = both.iter().map(|p| (p.sku.as_str(), p.price.minor)).collect();
        assert_eq!(both, [("DUNE", price + 1), ("EMMA", 500)]);
    }
    beside.call(&admin(), WithdrawProduct { product: dune.id }).await.unwrap();
    assert_eq!(shop.cost("DUNE").await, None);
    beside.call(&admin(), book("Ink", "INK", 70)).await.unwrap();
    assert_eq!(shop.cost("INK").await, Some(70));
    node.stop().await;
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_price_is_older_than_the_last_one_that_was_answered() {
    let shop = Shop::open().await;
    let (node, beside) = shop.beside().await;
    let dune = shop.list(book("Dune", "DUNE", 0)).await;
    let answered = Arc::new(AtomicI64::new(0));
    let mut asking = JoinSet::new();
    for _ in 0..4 {
        let calls = Calls::any("asking", shop.rig.registry.clone());
        let answered = Arc::clone(&answered);
        asking.spawn(async move {
            loop {
                let least = answered.load(Ordering::Acquire);
                let call = PricesOf { skus: vec![sku("DUNE")], categories: false };
                let price = calls.call(&Caller::Store, call).await.unwrap()[0].price.minor;
                assert!(price >= least, "{price} after {least}");
                if least == 200 {
                    return;
                }
                tokio::task::yield_now().await;
            }
        });
    }
    for price in 1..=200 {
        let change = priced(&dune, price);
        match price % 2 {
            0 => beside.call(&admin(), change).await.unwrap(),
            _ => shop.rig.call(&admin(), change).await.unwrap(),
        };
        answered.store(price, Ordering::Release);
    }
    while let Some(asked) = asking.join_next().await {
        asked.unwrap();
    }
    node.stop().await;
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_sold_moves_up_within_a_second() {
    let shop = Shop::open().await;
    let mut sold = Vec::new();
    for name in ["A", "B", "C"] {
        sold.push(shop.list(book(name, name, 900)).await);
    }
    for (name, units) in [("A", 3), ("B", 7), ("C", 5)] {
        // All of it is in memory.
        shop.find(by(Sort::Best)).await;
        let line = StockLine { sku: sku(name), quantity: Quantity::new(units).unwrap() };
        let paid = OrderPaid {
            order: shop.rig.id(),
            account: None,
            cart: shop.rig.id(),
            lines: vec![line],
            total: usd(1),
            placed_with: None,
        };
        shop.rig.tell(paid).await;
        shop.rig.clock.forward(Duration::from_secs(1));
        let best = shop.page(by(Sort::Best)).await;
        let scores: Vec<i64> = best.items.iter().map(|product| product.score).collect();
        assert!(scores.is_sorted_by(|a, b| a >= b) && scores.contains(&i64::from(units)));
        for _ in &shop.rig.nodes {
            let best = shop.rig.call(&Caller::Guest, BestSellers { limit: 2 }).await.unwrap();
            assert_eq!(best.iter().map(|p| p.score).collect::<Vec<_>>(), scores[..2]);
        }
    }
    assert_eq!(shop.find(by(Sort::Best)).await, ["B", "C", "A"]);
    assert_eq!(shop.seen(sold[1].id).await.unwrap().score, 7);
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_sold_out_leaves_the_lists() {
    let shop = Shop::open().await;
    shop.list(book("Dune", "DUNE", 900)).await;
    shop.list(book("Emma", "EMMA", 500)).await;
    let there = |in_stock| FindProducts { in_stock: Some(in_stock), ..by(Sort::Title) };
    for in_stock in [true, false, true] {
        shop.find(there(true)).await;
        shop.find(there(false)).await;
        shop.rig.tell(AvailabilityChanged { sku: sku("DUNE"), in_stock }).await;
        if shop.rig.nodes.len() > 1 {
            // The other replica did not hear it.
            shop.rig.clock.forward(Duration::from_secs(1));
        }
        assert_eq!(shop.find(there(in_stock)).await[0], "Dune");
        assert!(!shop.find(there(!in_stock)).await.contains(&"Dune".to_owned()));
    }
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_name_is_shown_in_products_and_in_facets() {
    let shop = Shop::open().await;
    let mut dune = book("Dune", "DUNE", 900);
    dune.authors = vec!["Frank Herbet".into()];
    let dune = shop.list(dune).await;
    shop.indexed().await;
    let facets = async || shop.page(found("dune")).await.facets.unwrap().authors;
    assert_eq!(facets().await[0].name, "Frank Herbet");
    assert_eq!(shop.seen(dune.id).await.unwrap().authors[0].name, "Frank Herbet");
    let save = SaveShelfEntry {
        shelf: Shelf::Authors,
        id: Some(dune.authors[0].id.0),
        name: Some("Frank Herbert".into()),
        slug: None,
        parent: None,
    };
    shop.rig.call(&admin(), save).await.unwrap();
    assert_eq!(facets().await[0].name, "Frank Herbert");
    assert_eq!(shop.seen(dune.id).await.unwrap().authors[0].name, "Frank Herbert");
    shop.rig.stop().await;
}
