//! Searches, filters, orders and pages.
use crate::*;
use contracts::catalog::{FindProductsRefused, Sort, UpdateProduct};
use contracts::inventory::AvailabilityChanged;
use contracts::payments::{GetWallet, Wallet};
use kit::testing::shopper;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

async fn library() -> Shop {
    let shop = Shop::open().await;
    let mut engine = book("The Analytical Engine", "TOUR-1A2B3C4D", 1999);
    engine.description = "Notes by the translator upon the memoir.".into();
    engine.authors = vec!["Ada Lovelace".into(), "Luigi Menabrea".into()];
    engine.genres = vec!["Computing".into()];
    engine.categories = vec!["Books".into()];
    let mut stranger = book("L'Étranger", "FR/ET.1_B", 1200);
    stranger.authors = vec!["Albert Camus".into()];
    stranger.genres = vec!["Novel".into()];
    stranger.categories = vec!["Books".into(), "Français".into()];
    let mut emma = book("Emma", "EMMA", 700);
    emma.authors = vec!["Jane Austen".into()];
    emma.genres = vec!["Novel".into()];
    emma.categories = vec!["Books".into()];
    emma.description = "An engine of matchmaking.".into();
    emma.variants.push(NewVariant {
        sku: sku("EMMA-GOLD"),
        price: usd(9000),
        options: BTreeMap::new(),
    });
    let mug = book("Mug", "MUG-1", 500);
    for new in [engine, stranger, emma, mug] {
        shop.list(new).await;
        shop.rig.clock.forward(Duration::from_secs(1));
    }
    shop.indexed().await;
    shop
}

fn by(set: impl FnOnce(&mut FindProducts)) -> FindProducts {
    let mut find = FindProducts::default();
    set(&mut find);
    find
}
/// The same with and without a search that all of them match.
fn both(find: FindProducts) -> [FindProducts; 2] {
    [FindProducts { q: Some("e".into()), ..find.clone() }, find]
}
const NONE: [&str; 0] = [];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_word_must_be_there_in_any_order_and_case() {
    let shop = library().await;
    let engine = ["The Analytical Engine"];
    for q in [
        "analytical engine",
        "ENGINE Analytical",
        "lovelace engine",
        "notes computing ada",
        "engine menabrea books",
        "  the   engine  memoir ",
        "analyt",
        "engine analy",
        "\"analytical\" +engine",
        "engine!!! , analytical",
    ] {
        assert_eq!(shop.search(q).await, engine, "{q:?}");
    }
    for q in ["analytical emma", "analyt engine", "engine -", "!!!", "\0", "AND", "title:engine"] {
        let found = shop.search(q).await;
        let expected: &[&str] =
            if q == "engine -" { &["The Analytical Engine", "Emma"] } else { &NONE };
        assert_eq!(found, expected, "{q:?}");
    }
    assert_eq!(
        shop.search("engine").await,
        ["The Analytical Engine", "Emma"],
        "a title counts more"
    );
    assert_eq!(shop.search(&"engine ".repeat(500)).await, NONE);
    assert_eq!(shop.search("  ").await.len(), 4, "nothing is searched for");
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accents_do_not_matter() {
    let shop = library().await;
    for q in ["etranger", "ÉTRANGER", "étranger camus", "e\u{301}tranger", "francais", "Étrang"]
    {
        assert_eq!(shop.search(q).await, ["L'Étranger"], "{q:?}");
    }
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn typos_are_forgiven_in_longer_words() {
    let shop = library().await;
    let engine = ["The Analytical Engine"];
    for q in [
        "nalytical",
        "analitycal",
        "anallytical enginee",
        "lovelase engine",
        "menabera analytical",
        "computting",
        "memior",
        "Etranher ada",
    ] {
        let expected: &[&str] = if q == "Etranher ada" { &NONE } else { &engine };
        assert_eq!(shop.search(q).await, expected, "{q:?}");
    }
    assert_eq!(shop.search("étrangeer").await, ["L'Étranger"], "with accents");
    assert_eq!(shop.search("ema").await, NONE, "three letters are too few");
    assert_eq!(shop.search("Emna").await, ["Emma"]);
    assert_eq!(shop.search("Enma Asten").await, ["Emma"], "one each");
    assert_eq!(shop.search("Exna").await, NONE, "two in four letters are too many");
    assert_eq!(shop.search("TOUR-1A2B3C4E").await, NONE, "a code is what it is");
    let long = "analitycal ".repeat(10) + "engine";
    assert_eq!(shop.search(&long).await, NONE, "a long text is taken at its word");
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_typed_comes_before_beginnings_and_typos_are_for_what_is_not_found() {
    let shop = Shop::open().await;
    let mut described = book("A quiet house", "Q-1", 1);
    described.description = "About pride.".into();
    for new in [
        described,
        book("Pride", "Q-2", 1),
        book("The Prides of Africa, or many more words of a title", "Q-3", 1),
        book("Bride", "Q-4", 1),
        book("Prime", "Q-5", 1),
    ] {
        shop.list(new).await;
        shop.rig.clock.forward(Duration::from_secs(1));
    }
    shop.indexed().await;
    let prides = "The Prides of Africa, or many more words of a title";
    assert_eq!(shop.search("pride").await, ["Pride", "A quiet house", prides], "and no typos");
    assert_eq!(shop.search("pri").await, ["Prime", prides, "Pride", "A quiet house"]);
    assert_eq!(
        shop.search("PRIED").await,
        ["Pride", "A quiet house"],
        "letters that changed places"
    );
    assert_eq!(shop.search("bride").await[0], "Bride");
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_isbn_finds_its_book_however_it_is_written() {
    let shop = Shop::open().await;
    let mut games = book("The Hunger Games", "HG-1", 1);
    games.attributes = BTreeMap::from([("isbn10".into(), serde_json::json!("0439023483"))]);
    let mut stone = book("Sorcerer's Stone", "HP-1", 1);
    stone.attributes =
        BTreeMap::from([("ISBN13".into(), serde_json::json!(9_780_439_554_930_i64))]);
    for new in [games, stone, book("978 0 439", "N-1", 1)] {
        shop.list(new).await;
    }
    shop.indexed().await;
    for q in
        ["9780439023481", "978-0-439-02348-1", "978 0 439 02348 1", "0439023483", "0-439-02348-3"]
    {
        assert_eq!(shop.search(q).await, ["The Hunger Games"], "{q:?}");
    }
    assert_eq!(shop.search("9780439554930").await, ["Sorcerer's Stone"]);
    assert_eq!(shop.search("hunger 9780439554930").await, NONE);
    assert_eq!(shop.search("97804390").await, NONE, "whole, or not at all");
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sku_finds_its_product() {
    let shop = library().await;
    for q in [
        "TOUR-1A2B3C4D",
        "tour-1a2b3c4d",
        "analytical engine TOUR-1A2B3C4D",
        "tour-1a2b",
        "1A2B3C4D",
    ] {
        assert_eq!(shop.search(q).await, ["The Analytical Engine"], "{q:?}");
    }
    assert_eq!(shop.search("fr/et.1_b").await, ["L'Étranger"]);
    assert_eq!(shop.search("EMMA-GOLD").await, ["Emma"], "of any variant");
    assert_eq!(shop.search("analytical engine MUG-1").await, NONE);
    // A SKU whose words are in other products too: its own product comes first.
    shop.list(book("Mug 1 of MUG 1 MUG 1", "X-9", 1)).await;
    shop.indexed().await;
    assert_eq!(shop.search("MUG-1").await[0], "Mug");
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn filters_hold_with_and_without_a_search() {
    let shop = library().await;
    for find in both(by(|f| f.category = Some("books".into()))) {
        assert_eq!(shop.page(find.clone()).await.total, 3, "{find:?}");
    }
    for genre in ["novel", "NOVEL", "Novel "] {
        for find in both(by(|f| f.genre = Some(genre.into()))) {
            let mut found = shop.find(find).await;
            found.sort();
            assert_eq!(found, ["Emma", "L'Étranger"], "{genre:?}");
        }
    }
    for author in ["jane-austen", "Jane Austen"] {
        for find in both(by(|f| f.author = Some(author.into()))) {
            assert_eq!(shop.find(find).await, ["Emma"]);
        }
    }
    let emma = shop.page(by(|f| f.q = Some("emma".into()))).await.items.remove(0);
    for find in both(by(|f| f.author = Some(emma.authors[0].id.to_string()))) {
        assert_eq!(shop.find(find).await, ["Emma"]);
    }
    for find in both(by(|f| {
        f.category = Some("books".into());
        f.genre = Some("novel".into());
        f.author = Some("albert-camus".into());
    })) {
        assert_eq!(shop.find(find).await, ["L'Étranger"]);
    }
    for nothing in ["no-such", "", "\0", "é\0", &"x".repeat(5_000), "jane-austen"] {
        for find in both(by(|f| f.category = Some(nothing.into()))) {
            assert_eq!(shop.find(find).await, NONE, "{nothing:?}");
        }
    }
    for find in both(by(|f| (f.min_price, f.max_price) = (Some(700), Some(1999)))) {
        let mut found = shop.find(find).await;
        found.sort();
        assert_eq!(
            found,
            ["Emma", "L'Étranger", "The Analytical Engine"],
            "by the cheapest variant"
        );
    }
    for find in both(by(|f| f.max_price = Some(699))) {
        assert!(!shop.find(find).await.contains(&"Emma".to_owned()));
    }
    for find in both(by(|f| f.min_price = Some(2000))) {
        assert_eq!(shop.find(find).await, NONE);
    }
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_can_be_ordered_is_told_apart() {
    let shop = library().await;
    // Also of a SKU that is listed later.
    for name in ["EMMA-GOLD", "MUG-1", "LATER"] {
        shop.rig.tell(AvailabilityChanged { sku: sku(name), in_stock: true }).await;
    }
    shop.list(book("Emma later", "LATER", 1)).await;
    shop.indexed().await;
    let emmas = |in_stock| by(|f| (f.q, f.in_stock) = (Some("emma".into()), in_stock));
    assert_eq!(shop.page(emmas(Some(true))).await.total, 2);
    assert_eq!(shop.page(by(|f| f.in_stock = Some(true))).await.total, 3);
    assert_eq!(shop.page(by(|f| f.in_stock = Some(false))).await.total, 2);
    shop.rig.tell(AvailabilityChanged { sku: sku("EMMA"), in_stock: true }).await;
    shop.rig.tell(AvailabilityChanged { sku: sku("EMMA-GOLD"), in_stock: false }).await;
    assert_eq!(shop.page(by(|f| f.in_stock = Some(true))).await.total, 3, "one variant is enough");
    shop.rig.tell(AvailabilityChanged { sku: sku("EMMA"), in_stock: false }).await;
    shop.indexed().await;
    assert_eq!(shop.find(emmas(Some(true))).await, ["Emma later"]);
    assert_eq!(shop.find(emmas(Some(false))).await, ["Emma"]);
    assert_eq!(shop.page(emmas(None)).await.total, 2);
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_hold_with_and_without_a_search() {
    let shop = library().await;
    let all = |sort| by(|f| f.sort = sort);
    let of_books = |sort| by(|f| (f.sort, f.q) = (sort, Some("books".into())));
    for (sort, found) in [
        (Sort::Price, ["Mug", "Emma", "L'Étranger", "The Analytical Engine"]),
        (Sort::PriceDescending, ["The Analytical Engine", "L'Étranger", "Emma", "Mug"]),
        (Sort::Title, ["Emma", "L'Étranger", "Mug", "The Analytical Engine"]),
        (Sort::Newest, ["Mug", "Emma", "L'Étranger", "The Analytical Engine"]),
        (Sort::Relevance, ["Mug", "Emma", "L'Étranger", "The Analytical Engine"]),
    ] {
        assert_eq!(shop.find(all(sort)).await, found, "{sort:?}");
        if sort != Sort::Relevance {
            let books: Vec<&str> = found.into_iter().filter(|title| *title != "Mug").collect();
            assert_eq!(shop.find(of_books(sort)).await, books, "{sort:?} with a search");
        }
    }
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_follow_each_other_without_gaps() {
    let shop = Shop::open().await;
    for n in 0..23 {
        shop.list(book(&format!("Page {n:02}"), &format!("P-{n}"), n)).await;
    }
    shop.indexed().await;
    for q in [None, Some("page".to_owned())] {
        for sort in [Sort::Title, Sort::Price, Sort::Newest, Sort::Best, Sort::Relevance] {
            let mut seen = Vec::new();
            for page in 1..=4 {
                let find =
                    FindProducts { q: q.clone(), sort, page, per_page: 7, ..Default::default() };
                let answer = shop.rig.call(&Caller::Guest, find).await.unwrap();
                assert_eq!((answer.total, answer.page, answer.per_page), (23, page, 7));
                seen.extend(titles(&answer));
                // Each replica has its own index; ask the same one again.
                if shop.rig.nodes.len() > 1 {
                    let other = FindProducts { page: 1, per_page: 1, ..Default::default() };
                    shop.rig.call(&Caller::Guest, other).await.unwrap();
                }
            }
            seen.sort();
            seen.dedup();
            assert_eq!(seen.len(), 23, "{q:?} {sort:?}");
        }
        let far = FindProducts { q, page: 100_000, per_page: 100, ..Default::default() };
        let answer = shop.rig.call(&Caller::Guest, far).await.unwrap();
        assert_eq!((answer.items.len(), answer.total), (0, 23));
    }
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_affordable_follows_the_wallet() {
    let shop = library().await;
    let ada = shopper();
    let find = |q: Option<&str>| {
        by(|f| (f.q, f.affordable, f.page, f.per_page) = (q.map(str::to_owned), true, 1, 50))
    };
    let answer = shop.rig.call(&Caller::Guest, find(None)).await;
    assert_eq!(refused(answer, &find(None)), FindProductsRefused::NotLoggedIn);
    let away = shop.rig.call(&ada, find(None)).await;
    assert!(matches!(away, Err(CallError::NotDone(_))), "no wallets, no list: {away:?}");
    let balance = Arc::new(Mutex::new((0, ada.clone())));
    let wallet = Arc::clone(&balance);
    shop.rig.play::<GetWallet>(move |caller, _| {
        let (balance, ada) = &*wallet.lock();
        assert_eq!(caller, *ada, "asked on behalf of the shopper");
        Ok(Wallet { balance: usd(*balance) })
    });
    for (has, affords) in [
        (0, vec![]),
        (499, vec![]),
        (500, vec!["Mug"]),
        (700, vec!["Emma", "Mug"]),
        (1999, vec!["Emma", "L'Étranger", "Mug", "The Analytical Engine"]),
    ] {
        balance.lock().0 = has;
        let mut found = titles(&shop.rig.call(&ada, find(None)).await.unwrap());
        found.sort();
        assert_eq!(found, affords, "with {has}");
        let found = titles(&shop.rig.call(&ada, find(Some("emma"))).await.unwrap());
        assert_eq!(found.len(), usize::from(has >= 700));
        let cheap = FindProducts { max_price: Some(600), ..find(None) };
        let found = titles(&shop.rig.call(&ada, cheap).await.unwrap());
        assert_eq!(found.len(), usize::from(has >= 500), "the smaller bound holds");
    }
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_product_is_found_within_a_second_without_help() {
    let shop = library().await;
    let product = shop.list(book("Quite new", "NEW-1", 1)).await;
    let started = std::time::Instant::now();
    let found = by(|f| (f.q, f.page, f.per_page) = (Some("quite".into()), 1, 10));
    // Asked in turn: each replica has to find it.
    let mut hits = 0;
    while hits < shop.rig.nodes.len() {
        let page = shop.rig.call(&Caller::Guest, found.clone()).await.unwrap();
        hits = if page.total == 1 { hits + 1 } else { 0 };
        assert!(started.elapsed() < Duration::from_secs(3), "not found after 3 s");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let cheaper = UpdateProduct {
        product: product.id,
        title: Some("Renamed".into()),
        description: None,
        images: None,
        authors: None,
        genres: None,
        categories: None,
        attributes: None,
        prices: BTreeMap::new(),
        variants: None,
        slug: None,
    };
    shop.rig.call(&admin(), cheaper).await.unwrap();
    shop.indexed().await;
    assert_eq!(shop.search("quite").await, NONE);
    assert_eq!(shop.search("renamed").await, ["Renamed"]);
    shop.rig.stop().await;
}

/// Copies all files of a folder as they are at one time; an error if some went meanwhile.
fn copy_index(from: &Path, to: &Path) -> std::io::Result<()> {
    let names = || -> std::io::Result<BTreeSet<OsString>> {
        std::fs::read_dir(from)?.map(|file| Ok(file?.file_name())).collect()
    };
    std::fs::remove_dir_all(to).ok();
    std::fs::create_dir_all(to)?;
    let before = names()?;
    for name in &before {
        std::fs::copy(from.join(name), to.join(name))?;
    }
    if names()? == before { Ok(()) } else { Err(std::io::ErrorKind::NotFound.into()) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_that_is_of_another_database_is_built_anew() {
    let shop = library().await;
    shop.rig.nodes[0].service("catalog").unwrap().workers["index"]().await.unwrap();
    // The index of a store that is long gone, in the folder of a new one.
    let old = Rig::start(&[Box::new(catalog::plug())], Default::default()).await;
    let folder = Path::new(&old.setup.config.data).join("search");
    let before = Path::new(&shop.rig.setup.config.data).join("search");
    let setup = old.setup.clone();
    let mut old = old;
    for node in std::mem::take(&mut old.nodes) {
        node.stop().await;
    }
    let mut gone = shop.rig;
    for node in std::mem::take(&mut gone.nodes) {
        node.stop().await;
    }
    // The index may still be tidying up: what it takes away meanwhile makes no copy.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let mut tries = 0;
    while let Err(error) = copy_index(&before, &folder) {
        tries += 1;
        assert!(tries < 100, "{error}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(folder.join("meta.json").exists(), "there is an index of the other database");
    let setup = kit::plug::Setup { stop: Default::default(), ..setup };
    let node = kit::plug::Node::start(&[Box::new(catalog::plug())], &setup).await.unwrap();
    let turn = &node.service("catalog").unwrap().workers["index"];
    turn().await.unwrap();
    let all = by(|f| (f.q, f.page, f.per_page) = (Some("engine".into()), 1, 10));
    let page = old.call(&Caller::Guest, all).await;
    assert_eq!(page.unwrap().total, 0, "nothing of the other database is left");
    node.stop().await;
}
