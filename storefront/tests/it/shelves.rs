//! Searches that are narrowed, categories, and names that changed.
use crate::town::{Town, facets, product};
use contracts::catalog::{CategoryTree, FindProducts, GetProduct, GetShelfEntry, ProductPage};
use contracts::{CallError, catalog};
use std::sync::{Arc, Mutex};

fn asked() -> (Town, Arc<Mutex<Vec<FindProducts>>>) {
    let asked: Arc<Mutex<Vec<FindProducts>>> = Arc::default();
    let heard = Arc::clone(&asked);
    let town = Town::new().play::<FindProducts>(move |_, find: FindProducts| {
        let (page, per_page) = (find.page, find.per_page);
        heard.lock().unwrap().push(find);
        let (items, facets) = (vec![product()], Some(facets()));
        Ok(ProductPage { items, page, per_page, total: 200, facets })
    });
    (town, asked)
}

#[tokio::test]
async fn links_narrow_a_search_and_keep_its_other_filters() {
    let (town, asked) = asked();
    let mut browser = town.open();
    let seen = browser.get("/search?q=dark&genre=gothic&sort=price&page=2").await;
    seen.is(200).tells("/c/fiction?q=dark&#38;genre=gothic&#38;sort=price\"");
    seen.tells("author=bram-stoker").tells("> <span class=\"muted\">2</span>");
    // The genre is on: its link leads out of it.
    seen.tells("href=\"/search?q=dark&#38;sort=price\" aria-current=\"true\">Gothic<");
    seen.tells("max=9.99&#38;sort=price\">Up to 9.99<").tells(">10.00 and more<");
    seen.tells("in_stock=true&#38;sort=price\">In stock</a> <span class=\"muted\">150<");
    // The names are the catalogue's own.
    seen.tells(">Gothic tales<").hides("Within my wallet");
    assert!(asked.lock().unwrap()[0].facets);
    let seen = browser.another().logged_in("ada").get("/search?in_stock=true&min=10.00").await;
    seen.tells("Within my wallet")
        .tells("href=\"/search?min=10.00\" aria-current=\"true\">In stock");
    seen.tells("href=\"/search?in_stock=true\" aria-current=\"true\">10.00 and more");
}

#[tokio::test]
async fn a_category_has_a_page_with_the_way_to_it_and_what_is_in_it() {
    let (town, asked) = asked();
    let mut browser = town.open();
    let seen = browser.get("/c/novels?author=mary-shelley").await;
    seen.is(200).tells("<h1>Novels</h1>").tells("<title>Novels · Old Paper</title>");
    seen.tells("<li><a href=\"/c/fiction\">Fiction</a></li><li aria-current=\"page\">Novels</li>");
    seen.tells("<li class=\"is-up\"><a href=\"/c/fiction?author=mary-shelley\">Fiction</a>");
    seen.tells("href=\"/search?author=mary-shelley\" aria-current=\"true\">Novels");
    seen.tells("<a href=\"/c/ghosts?author=mary-shelley\">Ghost stories</a>");
    seen.tells("action=\"/c/novels\"")
        .tells("Mary Shelley<span class=\"visually-hidden\">: remove");
    // The head knows the outermost shelves, and marks the one that this stands on.
    seen.tells("href=\"/c/fiction\" aria-current=\"page\">Fiction")
        .hides("<li><a href=\"/c/novels\">");
    let find = asked.lock().unwrap().pop().unwrap();
    assert_eq!(find.category.as_deref(), Some("novels"));
    browser.get("/c/nothing").await.is(404).tells("error-code");
    browser.get("/c/%00").await.is(400);
    browser.get(&format!("/c/{}", "x".repeat(9000))).await.is(404);
    // An address of before.
    browser.get("/search?category=fiction&q=x").await.is(200).tells("Fiction");
}

#[tokio::test]
async fn old_names_lead_to_the_ones_of_now() {
    let mut browser = Town::new().open();
    let seen = browser.get("/c/romances?sort=best&page=2").await;
    assert_eq!(seen.is(308).to(), "/c/novels?sort=best&page=2");
    let seen = browser.get("/search?q=x&author=mary-godwin").await;
    assert_eq!(seen.is(308).to(), "/search?q=x&author=mary-shelley");
    let id = product().id;
    let mut browser = Town::new().play::<GetProduct>(|_, _| Ok(product())).open();
    assert_eq!(browser.get("/p/modern-prometheus").await.is(308).to(), "/p/frankenstein");
    let seen = browser.get(&format!("/p/{id}?notice=added")).await;
    assert_eq!(seen.is(308).to(), "/p/frankenstein?notice=added");
    browser.get("/p/frankenstein").await.is(200);
}

#[tokio::test]
async fn a_search_goes_on_without_names_and_counts() {
    let down = || CallError::NotDone("down".to_owned());
    let mut browser = Town::new()
        .play::<GetShelfEntry>(move |_, _| Err(down()))
        .play::<CategoryTree>(move |_, _| Err(CallError::Unknown("down".to_owned())))
        .play::<FindProducts>(|_, find| {
            let (page, per_page) = (find.page, find.per_page);
            Ok(ProductPage { items: vec![product()], page, per_page, total: 1, facets: None })
        })
        .open();
    let seen = browser.get("/search?author=mary-shelley&category=tales").await;
    seen.is(200).tells("Mary Shelley<").tells("1 book");
    browser.get("/c/novels").await.is(503);
    let (town, _) = asked();
    let town = town.play::<catalog::BestSellers>(|_, _| Ok(Vec::new()));
    town.open().get("/c/fiction?min=x").await.is(422).tells("The lowest price must be");
}

#[tokio::test]
async fn the_shelves_are_asked_for_once_in_two_seconds() {
    let count: Arc<Mutex<usize>> = Arc::default();
    let counted = Arc::clone(&count);
    let town = Town::new().play::<CategoryTree>(move |_, _| {
        *counted.lock().unwrap() += 1;
        Ok(Vec::new())
    });
    let clock = town.clock.clone();
    let mut browser = town.open();
    for _ in 0..5 {
        browser.get("/").await.is(200);
    }
    assert_eq!(*count.lock().unwrap(), 1);
    clock.forward(std::time::Duration::from_secs(2));
    browser.get("/").await.is(200);
    assert_eq!(*count.lock().unwrap(), 2);
}
