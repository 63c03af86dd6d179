//! The story of a whole store, over HTTP and on real databases: SQLite, or two replicas on the
//! PostgreSQL under test. What is done to stores stands in `crash`, what providers do in
//! `webhooks`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod crash;
mod webhooks;

use feria::Store;
use feria::store::Beside;
use kit::config::Config;
use sim::story::place::Place;
use sim::story::{Insist, Plan, Story, goods, hire, open};

const PLAN: Plan = Plan { orders: 60, shoppers: 8, seed: 3, insist: Insist::Never };

/// A store on the engine under test, with goods and staff: one on SQLite, two replicas on a
/// server.
async fn stores(place: &Place) -> Vec<Store> {
    let config = place.config("one");
    goods::stock(&config, 40, 200).await.unwrap();
    hire(config.clone()).await.unwrap();
    let mut stores = vec![open(config).await.unwrap()];
    if place.is_server() {
        stores.push(open(place.config("two")).await.unwrap());
    }
    stores
}

fn urls(stores: &[Store]) -> Vec<String> {
    stores.iter().map(|store| store.url().to_owned()).collect()
}

async fn stop(stores: Vec<Store>) {
    for store in stores {
        store.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_shoppers_and_staff_do_the_books_hold() {
    let place = Place::under_test().await.unwrap();
    let stores = stores(&place).await;
    let mut story = Story::begin(&urls(&stores), PLAN).await.unwrap();
    story.end().await.unwrap();
    let node = stores[0].node();
    let audit = story.audit(node).await.unwrap();
    assert_eq!(audit.violations, Vec::<String>::new());
    let notes = story.told().notes();
    assert_eq!(notes.check(node, true).await.unwrap(), Vec::<String>::new());
    let (repeated, differs) = notes.repeat().await.unwrap();
    assert_eq!(differs, Vec::<String>::new());
    // A story in which little happens would prove little.
    assert!(repeated > 40, "{repeated} orders");
    assert!(audit.orders["delivered"] > 5 && audit.orders["cancelled"] > 5, "{audit}");
    assert!(audit.receipts > 20 && audit.skus == 40 && audit.sold > 20, "{audit}");
    stop(stores).await;
    place.delete().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_taken_under_load_comes_to_rest_with_books_that_hold() {
    let (place, other) = (Place::under_test().await.unwrap(), Place::under_test().await.unwrap());
    let stores = stores(&place).await;
    let plan = Plan { orders: u32::MAX, seed: 4, ..PLAN };
    let mut story = Story::begin(&urls(&stores), plan).await.unwrap();
    story.until(25).await.unwrap();
    let before = story.told().notes();
    let copy = other.folder().join("copy");
    feria::backup::backup(&place.config("one"), &copy).await.unwrap();
    let after = story.told().notes().orders();
    story.until(after + 5).await.unwrap();
    story.close();
    story.end().await.unwrap();
    let audit = story.audit(stores[0].node()).await.unwrap();
    assert_eq!(audit.violations, Vec::<String>::new());
    stop(stores).await;

    let config = other.config("restored");
    // Where the key is a file, it is in the copy.
    let config = Config { master_key: place.config("one").master_key, ..config };
    feria::backup::restore(&config, &copy).await.unwrap();
    let restored = open(config.clone()).await.unwrap();
    let plan = Plan { orders: 0, ..PLAN };
    let mut rest = Story::begin(&[restored.url().to_owned()], plan).await.unwrap();
    let audit = rest.audit(restored.node()).await.unwrap();
    assert_eq!(audit.violations, Vec::<String>::new());
    assert_eq!(before.check(restored.node(), false).await.unwrap(), Vec::<String>::new());
    let copied: u64 = audit.orders.values().sum();
    assert!(copied >= 25, "{audit}");
    restored.stop().await;
    // The copy lives on, as a store of its own.
    let beside = Beside::open(config).await.unwrap();
    let again = sim::story::books::audit(&beside.node).await.unwrap();
    beside.close().await;
    assert_eq!(again, audit);
    place.delete().await.unwrap();
    other.delete().await.unwrap();
}
