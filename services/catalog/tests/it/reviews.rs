//! What buyers say, and what staff let be seen.
use crate::*;
use contracts::catalog::{
    ExportProducts, GetProduct, ListReviews, ModerateReview, ProductChanged, Review, ReviewPage,
    ReviewRefused, ReviewStatus, ReviewsBy, ReviewsToModerate, UpdateProduct, WithdrawProduct,
    WriteReview,
};
use contracts::identity::AccountErased;
use contracts::orders::HasBought;
use contracts::{AccountId, ProductId, ReviewId};
use futures_util::future::join_all;
use kit::testing::shopper;
use std::collections::BTreeSet;

/// Who has bought what; none while orders is away.
pub type Bought = Arc<Mutex<Option<BTreeSet<(AccountId, Sku)>>>>;

impl Shop {
    /// Plays orders.
    pub fn orders(&self) -> Bought {
        let bought: Bought = Arc::new(Mutex::new(Some(BTreeSet::new())));
        let has = Arc::clone(&bought);
        self.rig.play::<HasBought>(move |caller, call| {
            assert_eq!(caller, Caller::Store, "only the store may ask");
            assert!((1..=100).contains(&call.skus.len()));
            let has = has.lock();
            let has = has.as_ref().ok_or_else(|| CallError::NotDone("away".into()))?;
            Ok(call.skus.into_iter().any(|sku| has.contains(&(call.account, sku))))
        });
        bought
    }
    async fn write(&self, by: &Caller, call: WriteReview) -> Result<Review, ReviewRefused> {
        self.rig.call(by, call).await.map_err(|error| error.refused().unwrap())
    }
    /// Has a new buyer review the product.
    pub async fn reviewed(
        &self,
        bought: &Bought,
        product: &Product,
        stars: u8,
    ) -> (Caller, Review) {
        let buyer = shopper();
        let account = buyer.account().unwrap();
        bought.lock().as_mut().unwrap().insert((account, product.sku.clone()));
        let review = self.write(&buyer, review(&product.slug, stars)).await.unwrap();
        (buyer, review)
    }
    async fn moderate(&self, review: ReviewId, status: ReviewStatus) -> Review {
        self.rig.call(&admin(), ModerateReview { review, status }).await.unwrap()
    }
    /// As every replica shows it.
    async fn shown(&self, id: ProductId) -> Product {
        let mut shown = Vec::new();
        self.rig.settled().await;
        for _ in 0..4 {
            let call = GetProduct { id_or_slug: id.to_string() };
            shown.push(self.rig.call(&Caller::Guest, call).await.unwrap());
        }
        assert!(shown.iter().all(|product| *product == shown[0]), "{shown:?}");
        shown.remove(0)
    }
    async fn rating(&self, id: ProductId) -> (Option<u32>, u64) {
        let product = self.shown(id).await;
        (product.rating, product.rating_count)
    }
    async fn reviews(&self, slug: &str) -> Vec<Review> {
        let call = ListReviews { id_or_slug: slug.into(), limit: 100, cursor: None };
        self.rig.call(&Caller::Guest, call).await.unwrap().items
    }
    async fn pending(&self) -> Vec<Review> {
        let call = ReviewsToModerate { status: ReviewStatus::Pending, limit: 100, cursor: None };
        self.rig.call(&admin(), call).await.unwrap().items
    }
}

pub fn review(id_or_slug: &str, stars: u8) -> WriteReview {
    WriteReview {
        id_or_slug: id_or_slug.into(),
        stars,
        title: Some("A classic".into()),
        text: "Read it twice.".into(),
        name: "Ada L.".into(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_who_bought_a_product_reviews_it_and_once() {
    let shop = Shop::open().await;
    let bought = shop.orders();
    let dune = shop.list(book("Dune", "DUNE", 900)).await;
    shop.list(book("Emma", "EMMA", 900)).await;
    let (buyer, stranger) = (shopper(), shopper());
    bought.lock().as_mut().unwrap().insert((buyer.account().unwrap(), sku("DUNE")));
    for (by, call, why) in [
        (&Caller::Guest, review("dune", 5), ReviewRefused::NotLoggedIn),
        (&Caller::Store, review("dune", 5), ReviewRefused::NotLoggedIn),
        (&stranger, review("dune", 5), ReviewRefused::NotBought),
        (&buyer, review("emma", 5), ReviewRefused::NotBought),
        (&buyer, review("no-such", 5), ReviewRefused::NotFound),
        (&buyer, review("\0", 5), ReviewRefused::NotFound),
    ] {
        assert_eq!(shop.write(by, call).await.unwrap_err(), why);
    }
    for bad in [
        WriteReview { stars: 0, ..review("dune", 5) },
        WriteReview { stars: 6, ..review("dune", 5) },
        WriteReview { name: " ".into(), ..review("dune", 5) },
        WriteReview { text: "a\0b".into(), ..review("dune", 5) },
    ] {
        let refused = shop.write(&buyer, bad).await.unwrap_err();
        assert!(matches!(refused, ReviewRefused::Invalid { .. }), "{refused:?}");
    }
    let written = join_all((1..=5).map(|stars| shop.write(&buyer, review("dune", stars)))).await;
    let kept: Vec<&Review> = written.iter().filter_map(|written| written.as_ref().ok()).collect();
    assert_eq!(kept.len(), 1);
    let refused: Vec<_> = written.iter().filter_map(|written| written.as_ref().err()).collect();
    assert!(refused.iter().all(|why| **why == ReviewRefused::AlreadyReviewed), "{refused:?}");
    assert_eq!((kept[0].status, kept[0].product), (ReviewStatus::Pending, dune.id));
    assert_eq!(shop.reviews("dune").await, [], "nobody has looked at it");
    assert_eq!(shop.rating(dune.id).await, (None, 0));
    assert_eq!(shop.pending().await, [kept[0].clone()]);
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_orders_is_away_no_review_is_kept_or_refused_for_good() {
    let shop = Shop::open().await;
    let bought = shop.orders();
    shop.list(book("Dune", "DUNE", 900)).await;
    let buyer = shopper();
    *bought.lock() = None;
    let answer = shop.rig.call(&buyer, review("dune", 5)).await;
    assert!(matches!(answer, Err(CallError::NotDone(_))), "{answer:?}");
    *bought.lock() = Some(BTreeSet::from([(buyer.account().unwrap(), sku("DUNE"))]));
    assert!(shop.write(&buyer, review("dune", 5)).await.is_ok());
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_bought_a_variant_that_is_sold_no_more_may_review_the_product() {
    let shop = Shop::open().await;
    let bought = shop.orders();
    let shirt = shop.list(book("Shirt", "SHIRT-S", 900)).await;
    let buyer = shopper();
    bought.lock().as_mut().unwrap().insert((buyer.account().unwrap(), sku("SHIRT-S")));
    let other = book("Shirt", "SHIRT-M", 900).variants;
    let update = UpdateProduct { variants: Some(other), ..products::change(shirt.id) };
    shop.rig.call(&admin(), update).await.unwrap();
    assert!(shop.write(&buyer, review("shirt", 4)).await.is_ok());
    shop.rig.call(&admin(), WithdrawProduct { product: shirt.id }).await.unwrap();
    shop.rig.settled().await;
    assert_eq!(
        shop.write(&shopper(), review("shirt", 4)).await.unwrap_err(),
        ReviewRefused::NotFound
    );
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rating_follows_what_staff_publish_and_take_back() {
    let shop = Shop::open().await;
    let bought = shop.orders();
    let dune = shop.list(book("Dune", "DUNE", 900)).await;
    let (_, four) = shop.reviewed(&bought, &dune, 4).await;
    let (_, five) = shop.reviewed(&bought, &dune, 5).await;
    let (_, also_four) = shop.reviewed(&bought, &dune, 4).await;
    shop.rig.settled().await;
    let told = shop.rig.listen::<ProductChanged>();
    let published = shop.moderate(four.id, ReviewStatus::Published).await;
    assert_eq!(published, Review { status: ReviewStatus::Published, ..four.clone() });
    assert_eq!(shop.rating(dune.id).await, (Some(400), 1));
    assert_eq!(shop.moderate(four.id, ReviewStatus::Published).await, published, "again");
    assert_eq!(shop.rating(dune.id).await, (Some(400), 1));
    shop.moderate(five.id, ReviewStatus::Published).await;
    assert_eq!(shop.rating(dune.id).await, (Some(450), 2));
    shop.moderate(also_four.id, ReviewStatus::Published).await;
    assert_eq!(shop.rating(dune.id).await, (Some(433), 3));
    shop.moderate(four.id, ReviewStatus::Rejected).await;
    assert_eq!(shop.rating(dune.id).await, (Some(450), 2));
    shop.moderate(four.id, ReviewStatus::Pending).await;
    shop.moderate(five.id, ReviewStatus::Pending).await;
    shop.moderate(also_four.id, ReviewStatus::Rejected).await;
    assert_eq!(shop.rating(dune.id).await, (None, 0));
    assert_eq!(shop.reviews("dune").await, []);
    shop.rig.settled().await;
    assert_eq!(told.lock().len(), 6, "one for each change of the rating");
    let page = shop.page(FindProducts::default()).await;
    assert_eq!((page.items[0].rating, page.items[0].rating_count), (None, 0));
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reviews_that_are_published_all_at_once_all_count() {
    let shop = Shop::open().await;
    let bought = shop.orders();
    let dune = shop.list(book("Dune", "DUNE", 900)).await;
    let stars = |n: u8| n % 5 + 1;
    let written = join_all((0..30).map(|n| shop.reviewed(&bought, &dune, stars(n)))).await;
    join_all(written.iter().map(|(_, r)| shop.moderate(r.id, ReviewStatus::Published))).await;
    assert_eq!(shop.rating(dune.id).await, (Some(300), 30));
    let few = written.iter().filter(|(_, review)| review.stars < 3);
    join_all(few.map(|(_, r)| shop.moderate(r.id, ReviewStatus::Rejected))).await;
    assert_eq!(shop.rating(dune.id).await, (Some(400), 18));
    assert_eq!(shop.reviews("dune").await.len(), 18);
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reviews_come_in_pages_newest_first_and_to_staff_oldest_first() {
    let shop = Shop::open().await;
    let bought = shop.orders();
    let dune = shop.list(book("Dune", "DUNE", 900)).await;
    let emma = shop.list(book("Emma", "EMMA", 900)).await;
    let mut written = Vec::new();
    for n in 0..7 {
        shop.rig.clock.forward(std::time::Duration::from_millis(5));
        let product = if n == 3 { &emma } else { &dune };
        written.push(shop.reviewed(&bought, product, 5).await.1);
    }
    let staff = admin();
    let mut seen: Vec<ReviewId> = Vec::new();
    let mut cursor = None;
    loop {
        let call = ReviewsToModerate { status: ReviewStatus::Pending, limit: 3, cursor };
        let page: ReviewPage = shop.rig.call(&staff, call).await.unwrap();
        assert!(page.items.len() <= 3);
        seen.extend(page.items.iter().map(|review| review.id));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    let all: Vec<ReviewId> = written.iter().map(|review| review.id).collect();
    assert_eq!(seen, all);
    for review in &written {
        shop.moderate(review.id, ReviewStatus::Published).await;
    }
    assert_eq!(shop.pending().await, []);
    let (mut seen, mut cursor) = (Vec::new(), None);
    for size in [3, 3] {
        let call = ListReviews { id_or_slug: "dune".into(), limit: 3, cursor };
        let page = shop.rig.call(&Caller::Guest, call).await.unwrap();
        assert_eq!(page.items.len(), size);
        seen.extend(page.items.into_iter().map(|review| review.id));
        cursor = page.next_cursor;
    }
    assert_eq!(cursor, None);
    let of_dune = written.iter().filter(|review| review.product == dune.id).rev();
    assert_eq!(seen, of_dune.map(|review| review.id).collect::<Vec<_>>());
    for forged in ["", "!", "e30"] {
        let cursor = Some(forged.to_owned());
        let call = ListReviews { id_or_slug: "dune".into(), limit: 3, cursor };
        let answer = shop.rig.call(&Caller::Guest, call.clone()).await;
        assert_eq!(refused(answer, &call), ReviewRefused::Cursor);
    }
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_staff_moderate_and_an_account_sees_what_it_wrote() {
    let shop = Shop::open().await;
    let bought = shop.orders();
    let dune = shop.list(book("Dune", "DUNE", 900)).await;
    let (buyer, written) = shop.reviewed(&bought, &dune, 5).await;
    let call = ModerateReview { review: written.id, status: ReviewStatus::Published };
    let list = ReviewsToModerate { status: ReviewStatus::Pending, limit: 10, cursor: None };
    for (by, why) in [
        (Caller::Guest, ReviewRefused::NotLoggedIn),
        (shopper(), ReviewRefused::NotAllowed),
        (buyer.clone(), ReviewRefused::NotAllowed),
    ] {
        assert_eq!(refused(shop.rig.call(&by, call.clone()).await, &call), why);
        assert_eq!(refused(shop.rig.call(&by, list.clone()).await, &list), why);
    }
    let unknown = ModerateReview { review: shop.rig.id(), status: ReviewStatus::Published };
    let answer = shop.rig.call(&admin(), unknown.clone()).await;
    assert_eq!(refused(answer, &unknown), ReviewRefused::NotFound);
    let theirs = ReviewsBy { account: buyer.account().unwrap() };
    for by in [&buyer, &Caller::Store] {
        assert_eq!(shop.rig.call(by, theirs.clone()).await.unwrap(), vec![written.clone()]);
    }
    for by in [shopper(), admin(), Caller::Guest] {
        assert!(shop.rig.call(&by, theirs.clone()).await.is_err(), "{by:?}");
    }
    assert_eq!(shop.rating(dune.id).await, (None, 0));
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_review_outlives_its_account_without_its_name() {
    let shop = Shop::open().await;
    let bought = shop.orders();
    let dune = shop.list(book("Dune", "DUNE", 900)).await;
    let emma = shop.list(book("Emma", "EMMA", 900)).await;
    let (buyer, written) = shop.reviewed(&bought, &dune, 5).await;
    let (_, other) = shop.reviewed(&bought, &dune, 1).await;
    for review in [&written, &other] {
        shop.moderate(review.id, ReviewStatus::Published).await;
    }
    let account = buyer.account().unwrap();
    let id = shop.rig.tell(AccountErased { account }).await;
    shop.rig.tell_again(id, AccountErased { account }).await;
    shop.rig.tell(AccountErased { account }).await;
    let mut reviews = shop.reviews("dune").await;
    reviews.sort_by_key(|review| review.stars);
    assert_eq!((reviews[0].name.as_deref(), reviews[1].name.as_deref()), (Some("Ada L."), None));
    assert_eq!((reviews[1].id, &reviews[1].text), (written.id, &written.text));
    assert_eq!(shop.rating(dune.id).await, (Some(300), 2), "the stars stay");
    assert_eq!(shop.rig.call(&Caller::Store, ReviewsBy { account }).await.unwrap(), []);
    // What was on its way while the account went.
    bought.lock().as_mut().unwrap().insert((account, emma.sku.clone()));
    for slug in ["dune", "emma"] {
        let refused = shop.write(&buyer, review(slug, 5)).await.unwrap_err();
        assert_eq!(refused, ReviewRefused::NotLoggedIn);
    }
    shop.moderate(written.id, ReviewStatus::Rejected).await;
    assert_eq!(shop.rating(dune.id).await, (Some(100), 1));
    let exported = shop.rig.call(&Caller::Store, ExportProducts { after: None, limit: 9 }).await;
    assert_eq!(exported.unwrap().records[0].1.stars, None, "reviews are no imported stars");
    shop.rig.stop().await;
}
