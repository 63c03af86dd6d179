//! Guests, accounts, and what they may put into a cart.
use crate::*;
use contracts::cart::{CartContents, ChangeItem, ClearCart, RemoveItem};
use futures_util::future::join_all;
use kit::testing::shopper;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guests_cart_follows_into_the_account_once() {
    let shop = Shop::open().await;
    let token = shop.add(&Caller::Guest, None, "A-1", 2).await.unwrap().token.unwrap();
    let guests = shop.cart(&Caller::Guest, Some(&token)).await;
    let ada = shopper();
    let cart = shop.cart(&ada, Some(&token)).await;
    assert_eq!(lines(&cart), [("A-1".into(), 2)]);
    assert_eq!(
        (cart.id, cart.version),
        (guests.id, guests.version),
        "it is the cart that was seen"
    );
    for _ in 0..3 {
        assert_eq!(shop.cart(&ada, Some(&token)).await, cart);
    }
    assert_eq!(shop.cart(&Caller::Guest, Some(&token)).await.items, [], "the token is void");
    assert_eq!(shop.cart(&shopper(), Some(&token)).await.items, [], "for everybody");
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guests_cart_is_added_to_what_the_account_has_once_though_asked_many_times_at_once() {
    let shop = Shop::open().await;
    let ada = shopper();
    shop.add(&ada, None, "A-1", 1).await.unwrap();
    let token = shop.add(&Caller::Guest, None, "A-1", 2).await.unwrap().token.unwrap();
    shop.add(&Caller::Guest, Some(&token), "B-2", 4).await.unwrap();
    let carts = join_all((0..30).map(|_| shop.cart(&ada, Some(&token)))).await;
    for cart in &carts {
        assert_eq!(lines(cart), [("A-1".into(), 3), ("B-2".into(), 4)]);
        assert_eq!(cart.version, 2);
    }
    let added = shop.add(&ada, Some(&token), "C-3", 1).await.unwrap();
    assert_eq!(added.token, None);
    assert_eq!(lines(&added.cart), [("A-1".into(), 3), ("B-2".into(), 4), ("C-3".into(), 1)]);
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_checkout_sees_the_merged_cart_too() {
    let shop = Shop::open().await;
    let token = shop.add(&Caller::Guest, None, "A-1", 2).await.unwrap().token.unwrap();
    let ada = shopper();
    let of = by(Some(&token));
    let contents = shop.rig.call(&ada, CartContents { of, lately: false }).await.unwrap();
    assert_eq!(contents.lines.len(), 1);
    assert_eq!(contents.lines[0].shown_price, Some(usd(1000)));
    let nobody =
        shop.rig.call(&shopper(), CartContents { of: by(None), lately: false }).await.unwrap();
    assert_eq!((nobody.cart, nobody.version, nobody.lines.len()), (None, 0, 0));
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_parallel_adds_to_one_cart_lose_nothing() {
    let shop = Shop::open().await;
    let token = shop.add(&Caller::Guest, None, "A-1", 1).await.unwrap().token.unwrap();
    let names = ["A-1", "B-2", "C-3"];
    let added = (0..100).map(|n| shop.add(&Caller::Guest, Some(&token), names[n % 3], 1));
    let mut versions: Vec<i64> =
        join_all(added).await.into_iter().map(|added| added.unwrap().cart.version).collect();
    versions.sort_unstable();
    assert_eq!(versions, (2..=101).collect::<Vec<_>>(), "each change has a version of its own");
    let cart = shop.cart(&Caller::Guest, Some(&token)).await;
    assert_eq!(cart.items.iter().map(|line| line.quantity.get()).sum::<u32>(), 101);
    assert_eq!((cart.items.len(), cart.version), (3, 101));
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_first_adds_of_an_account_make_one_cart() {
    let shop = Shop::open().await;
    let ada = shopper();
    let added = join_all((0..40).map(|_| shop.add(&ada, None, "A-1", 1))).await;
    let first = added[0].as_ref().unwrap().cart.id;
    assert!(added.iter().all(|added| added.as_ref().unwrap().cart.id == first));
    let cart = shop.cart(&ada, None).await;
    assert_eq!((lines(&cart), cart.version), (vec![("A-1".into(), 40)], 40));
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn totals_of_three_lines_are_right() {
    let shop = Shop::open().await;
    let ada = shopper();
    for (name, quantity) in [("A-1", 2), ("B-2", 3), ("C-3", 7)] {
        shop.add(&ada, None, name, quantity).await.unwrap();
    }
    let cart = shop.cart(&ada, None).await;
    let totals: Vec<i64> = cart.items.iter().map(|line| line.line_total.minor).collect();
    assert_eq!(totals, [2000, 750, 231]);
    assert_eq!((cart.subtotal, cart.total), (usd(2981), usd(2981)));
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_sold_does_not_get_in_and_what_is_no_longer_sold_is_named_once() {
    let shop = Shop::open().await;
    let ada = shopper();
    let refused = shop.add(&ada, None, "NO-SUCH", 1).await.unwrap_err();
    assert_eq!(refused, CallError::Refused(CartRefused::NotSold { sku: sku("NO-SUCH") }));
    assert_eq!(shop.cart(&ada, None).await.id, None, "and makes no cart");
    shop.add(&ada, None, "A-1", 1).await.unwrap();
    shop.add(&ada, None, "B-2", 1).await.unwrap();
    shop.price("A-1", None);
    let cart = shop.cart(&ada, None).await;
    assert_eq!((lines(&cart), cart.subtotal), (vec![("B-2".into(), 1)], usd(250)));
    assert_eq!((cart.unavailable.clone(), cart.version), (vec![sku("A-1")], 3));
    let again = shop.cart(&ada, None).await;
    assert_eq!((again.unavailable, again.version), (vec![], 3));
    let contents = shop.rig.call(&ada, CartContents { of: by(None), lately: false }).await.unwrap();
    assert_eq!(contents.lines.len(), 1, "a checkout does not order it");
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_price_that_was_shown_last_is_remembered() {
    let shop = Shop::open().await;
    let ada = shopper();
    let shown = async || {
        let contents =
            shop.rig.call(&ada, CartContents { of: by(None), lately: false }).await.unwrap();
        contents.lines[0].shown_price.unwrap().minor
    };
    shop.add(&ada, None, "A-1", 1).await.unwrap();
    assert_eq!(shown().await, 1000);
    shop.price("A-1", Some(1200));
    assert_eq!(shown().await, 1000, "a checkout compares with what the shopper saw");
    let cart = shop.cart(&ada, None).await;
    assert_eq!((cart.total, cart.version), (usd(1200), 1), "seeing it is no change");
    assert_eq!(shown().await, 1200);
    shop.price("A-1", Some(1300));
    let call = ChangeItem { of: by(None), sku: sku("A-1"), quantity: count(2) };
    assert_eq!(shop.rig.call(&ada, call).await.unwrap().cart.total, usd(2600));
    assert_eq!(shown().await, 1300);
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_much_is_refused() {
    let shop = Shop::open().await;
    let ada = shopper();
    shop.add(&ada, None, "A-1", Quantity::MAX).await.unwrap();
    let refused = shop.add(&ada, None, "A-1", 1).await.unwrap_err();
    assert!(matches!(refused, CallError::Refused(CartRefused::TooMuch { .. })), "{refused:?}");
    for n in 0..100 {
        shop.price(&format!("N-{n}"), Some(1));
    }
    for n in 0..99 {
        shop.add(&ada, None, &format!("N-{n}"), 1).await.unwrap();
    }
    let refused = shop.add(&ada, None, "N-99", 1).await.unwrap_err();
    assert!(matches!(refused, CallError::Refused(CartRefused::TooMuch { .. })), "{refused:?}");
    let cart = shop.cart(&ada, None).await;
    assert_eq!((cart.items.len(), cart.version), (100, 100));
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_absurd_sum_is_still_shown_and_can_be_taken_out() {
    let shop = Shop::open().await;
    let ada = shopper();
    shop.price("A-1", Some(Money::MAX_MINOR));
    let cart = shop.add(&ada, None, "A-1", 9999).await.unwrap().cart;
    assert_eq!(cart.total.minor, Money::MAX_MINOR);
    let call = RemoveItem { of: by(None), sku: sku("A-1") };
    assert_eq!(shop.rig.call(&ada, call).await.unwrap().cart.total, usd(0));
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_tokens_name_no_cart() {
    let shop = Shop::open().await;
    let long = "A".repeat(100_000);
    for token in ["", " ", "' OR 1=1 --", "\0", "é", "../../etc/passwd", &long] {
        let empty = shop.cart(&Caller::Guest, Some(token)).await;
        assert_eq!((empty.id, empty.total, empty.version), (None, usd(0), 0));
        let added = shop.add(&Caller::Guest, Some(token), "A-1", 1).await.unwrap();
        assert_eq!(lines(&added.cart), [("A-1".into(), 1)]);
        assert_eq!(added.token.unwrap().len(), 43, "a new one, and not what was sent");
    }
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changing_removing_and_clearing_are_safe_to_repeat() {
    let shop = Shop::open().await;
    let ada = shopper();
    let set = |quantity| ChangeItem { of: by(None), sku: sku("A-1"), quantity: count(quantity) };
    let refused = shop.rig.call(&ada, set(1)).await.unwrap_err();
    assert_eq!(refused, CallError::Refused(CartRefused::NotInCart { sku: sku("A-1") }));
    shop.add(&ada, None, "A-1", 5).await.unwrap();
    for _ in 0..2 {
        let cart = shop.rig.call(&ada, set(3)).await.unwrap().cart;
        assert_eq!((lines(&cart), cart.version), (vec![("A-1".into(), 3)], 2));
    }
    for _ in 0..2 {
        let call = RemoveItem { of: by(None), sku: sku("A-1") };
        let cart = shop.rig.call(&ada, call).await.unwrap().cart;
        assert_eq!((cart.items.len(), cart.version), (0, 3));
    }
    shop.add(&ada, None, "A-1", 5).await.unwrap();
    for _ in 0..2 {
        let cart = shop.rig.call(&ada, ClearCart { of: by(None) }).await.unwrap().cart;
        assert_eq!((cart.items.len(), cart.version), (0, 5));
    }
    let nobody = shop.rig.call(&shopper(), ClearCart { of: by(None) }).await.unwrap();
    assert_eq!((nobody.cart.id, nobody.token), (None, None));
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_catalogue_nothing_is_added() {
    let rig = Rig::start(&[Box::new(cart::plug())], Default::default()).await;
    let ada = shopper();
    let call = AddItem { of: by(None), sku: sku("A-1"), quantity: count(1) };
    assert!(matches!(rig.call(&ada, call).await, Err(CallError::NotDone(_))));
    assert_eq!(rig.call(&ada, GetCart { of: by(None) }).await.unwrap().cart.id, None);
    rig.stop().await;
}
