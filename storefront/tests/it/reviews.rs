//! What buyers say, and how they say it.
use crate::town::{HOSTILE, Town, product, review};
use contracts::CallError;
use contracts::catalog::{
    GetProduct, ListReviews, ReviewPage, ReviewRefused, ReviewStatus, WriteReview,
};
use std::sync::{Arc, Mutex};

const REVIEW: [(&str, &str); 4] =
    [("stars", "5"), ("title", " Alive! "), ("text", "It\r\nlives."), ("name", "Ada L.")];

#[tokio::test]
async fn a_product_shows_its_stars_and_what_is_said() {
    let asked: Arc<Mutex<Vec<ListReviews>>> = Arc::default();
    let heard = Arc::clone(&asked);
    let town = Town::new().play::<ListReviews>(move |_, list: ListReviews| {
        heard.lock().unwrap().push(list);
        let items = vec![review("A monster of a book", "Read it at night.")];
        Ok(ReviewPage { items, next_cursor: Some("a&b".to_owned()) })
    });
    let mut browser = town.open();
    let seen = browser.get("/p/frankenstein").await;
    seen.is(200).tells("aria-label=\"4.3 of 5 stars\"").tells("4.3 · 12 ratings");
    seen.tells("A monster of a book").tells("Mary G., ").tells("aria-label=\"4 of 5 stars\"");
    seen.tells("/p/frankenstein?reviews=a%26b#reviews").hides("Write a review");
    seen.tells("href=\"/login?next=/p/frankenstein\"");
    browser.get("/p/frankenstein?reviews=a%26b").await.is(200).tells("#reviews\">Newest</a>");
    assert_eq!(asked.lock().unwrap()[1].cursor.as_deref(), Some("a&b"));
    browser.get("/").await.tells("<small class=\"muted\">(12)</small>");
    let seen = browser.another().logged_in("ada").get("/p/frankenstein").await;
    seen.tells("action=\"/p/frankenstein/reviews#write\"").tells("value=\"Ada Lovelace\"");
}

#[tokio::test]
async fn a_product_without_reviews_or_stars_is_still_a_page() {
    let mut none = product();
    (none.rating, none.rating_count) = (None, 0);
    let mut browser = Town::new()
        .play::<GetProduct>(move |_, _| Ok(none.clone()))
        .play::<ListReviews>(|_, list| match list.cursor {
            Some(_) => Err(CallError::Refused(ReviewRefused::Cursor)),
            None => Ok(ReviewPage { items: Vec::new(), next_cursor: None }),
        })
        .open();
    let seen = browser.get("/p/frankenstein").await;
    seen.is(200).tells("Nobody has written one yet.").hides("class=\"rated\"");
    let seen = browser.get("/p/frankenstein?reviews=nonsense").await;
    seen.is(200).tells("The reviews cannot be shown just now");
}

#[tokio::test]
async fn a_buyer_writes_a_review_once() {
    let sent: Arc<Mutex<Vec<WriteReview>>> = Arc::default();
    let heard = Arc::clone(&sent);
    let town = Town::new().play::<WriteReview>(move |_, write: WriteReview| {
        let mut heard = heard.lock().unwrap();
        heard.push(write);
        let mut written = review("", "");
        match heard.len() {
            1 => written.status = ReviewStatus::Pending,
            2 => {}
            _ => return Err(CallError::Refused(ReviewRefused::AlreadyReviewed)),
        }
        Ok(written)
    });
    let mut ada = town.open().logged_in("ada");
    let seen = ada.post("/p/frankenstein/reviews", &REVIEW).await;
    assert_eq!(seen.is(303).to(), "/p/frankenstein?notice=reviewed#reviews");
    ada.get("/p/frankenstein?notice=reviewed").await.tells("as soon as we have read it");
    let seen = ada.post("/p/frankenstein/reviews", &REVIEW).await;
    assert_eq!(seen.is(303).to(), "/p/frankenstein?notice=review_published#reviews");
    let seen = ada.post("/p/frankenstein/reviews", &REVIEW).await;
    seen.is(409).tells("one review each is the rule").tells("value=\" Alive! \"");
    let sent = sent.lock().unwrap();
    assert_eq!((sent[0].stars, sent[0].title.as_deref()), (5, Some("Alive!")));
    assert_eq!((sent[0].text.as_str(), sent[0].name.as_str()), ("It\nlives.", "Ada L."));
    assert_eq!(sent[0].id_or_slug, product().id.to_string());
}

#[tokio::test]
async fn why_a_review_is_not_taken_is_told_and_what_was_typed_stays() {
    for (refused, status, told) in [
        (ReviewRefused::NotBought, 409, "no paid order of yours with it"),
        (
            ReviewRefused::Invalid { field: "text".to_owned(), reason: "is too long".to_owned() },
            422,
            "id=\"review-text-fault\">Is too long",
        ),
        (
            ReviewRefused::Invalid { field: "name".to_owned(), reason: "is odd".to_owned() },
            422,
            "id=\"review-name-fault\">Is odd",
        ),
    ] {
        let town =
            Town::new().play::<WriteReview>(move |_, _| Err(CallError::Refused(refused.clone())));
        let seen = town.open().logged_in("ada").post("/p/frankenstein/reviews", &REVIEW).await;
        seen.is(status)
            .tells(told)
            .tells("<option value=\"5\" selected>")
            .tells("lives.</textarea>");
    }
    let mut ada = Town::new().open().logged_in("ada");
    for (field, value, fault) in [
        ("stars", "", "review-stars-fault"),
        ("stars", "6", "review-stars-fault"),
        ("stars", "five", "review-stars-fault"),
        ("name", " ", "review-name-fault"),
    ] {
        let form = REVIEW.map(|(name, old)| (name, if name == field { value } else { old }));
        let seen = ada.post("/p/frankenstein/reviews", &form).await;
        seen.is(422).tells(fault).tells("lives.</textarea>");
    }
    let evil = [("stars", "9"), ("title", HOSTILE), ("text", HOSTILE), ("name", HOSTILE)];
    ada.post("/p/frankenstein/reviews", &evil).await.is(422).hides("<script>");
    ada.post("/p/nothing/reviews", &REVIEW).await.is(404);
    let seen = ada.another().post("/p/frankenstein/reviews", &REVIEW).await;
    assert_eq!(seen.is(303).to(), "/login?next=/p/frankenstein");
    let town = Town::new().play::<ListReviews>(|_, _| {
        let mut evil = review(HOSTILE, HOSTILE);
        evil.name = Some(HOSTILE.to_owned());
        let mut gone = review("Fine", "");
        gone.name = None;
        Ok(ReviewPage { items: vec![evil, gone], next_cursor: Some(HOSTILE.to_owned()) })
    });
    let seen = town.open().get("/p/frankenstein").await;
    seen.is(200).hides("<script>").tells("&#60;script&#62;").tells("Somebody who has left");
}

#[tokio::test]
async fn variants_are_told_apart_by_their_options() {
    let one = Town::new().open().get("/p/frankenstein").await;
    one.tells("<legend>Format</legend>").tells("> Paperback ");
    let mut two = product();
    for (variant, size) in two.variants.iter_mut().zip(["A5", "A4"]) {
        variant.options.insert("size".to_owned(), size.to_owned());
    }
    two.images.push("https://pictures.example/2.jpg".to_owned());
    two.images.push("javascript:alert(1)".to_owned());
    let mut browser = Town::new().play::<GetProduct>(move |_, _| Ok(two.clone())).open();
    let seen = browser.get("/p/frankenstein").await;
    seen.tells("<legend>Choose one</legend>").tells("Format Paperback, Size A4");
    seen.tells("src=\"https://pictures.example/2.jpg\" alt=\"Picture 2 of Frankenstein\"");
    seen.hides("javascript:");
}
