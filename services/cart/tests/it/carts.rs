use crate::{sku, start, usd};
use contracts::cart::{
    AddItem, Cart, CartAnswer, CartContents, CartRefused, CartToken, ChangeItem, ClearCart,
    Contents, GetCart, RemoveItem,
};
use contracts::identity::AccountErased;
use contracts::inventory::StockLine;
use contracts::orders::OrderPaid;
use contracts::{CallError, Caller, CartId, Quantity};
use kit::db::Engine;
use kit::testing::{Rig, shopper};
use std::sync::Arc;
use std::sync::atomic::Ordering;

fn some(count: u32) -> Quantity {
    Quantity::new(count).unwrap()
}
fn of(token: Option<&String>) -> CartToken {
    CartToken { token: token.cloned() }
}
async fn add(
    rig: &Rig,
    who: &Caller,
    token: Option<&String>,
    name: &str,
    count: u32,
) -> CartAnswer {
    let call = AddItem { of: of(token), sku: sku(name), quantity: some(count) };
    rig.call(who, call).await.unwrap()
}
async fn get(rig: &Rig, who: &Caller, token: Option<&String>) -> Cart {
    rig.call(who, GetCart { of: of(token) }).await.unwrap().cart
}
fn lines(cart: &Cart) -> Vec<(&str, u32)> {
    cart.items.iter().map(|line| (line.sku.as_str(), line.quantity.get())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guests_cart_follows_into_the_account_once() {
    let (rig, _) = start().await;
    let token = add(&rig, &Caller::Guest, None, "A", 2).await.token.unwrap();
    assert!(add(&rig, &Caller::Guest, Some(&token), "B", 1).await.token.is_none(), "known");
    let ada = shopper();
    add(&rig, &ada, None, "B", 4).await;
    let merged = get(&rig, &ada, Some(&token)).await;
    assert_eq!(lines(&merged), [("B", 5), ("A", 2)]);
    // Sent once more, by anybody, the token is void.
    assert_eq!(lines(&get(&rig, &ada, Some(&token)).await), [("B", 5), ("A", 2)]);
    assert!(get(&rig, &Caller::Guest, Some(&token)).await.items.is_empty());
    assert!(get(&rig, &shopper(), Some(&token)).await.items.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn parallel_changes_to_one_cart_lose_nothing() {
    let (rig, _) = start().await;
    let ada = shopper();
    let tasks = (0..100).map(|i| {
        let (rig, ada) = (Arc::clone(&rig), ada.clone());
        tokio::spawn(async move { add(&rig, &ada, None, &format!("S-{}", i % 5), 1).await })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    let cart = get(&rig, &ada, None).await;
    assert_eq!(cart.items.iter().map(|line| line.quantity.get()).sum::<u32>(), 100);
    assert_eq!((cart.items.len(), cart.version), (5, 100), "one line a SKU, one version a change");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_total_of_three_lines_is_right_and_prices_are_those_of_now() {
    let (rig, price) = start().await;
    let ada = shopper();
    for (name, count) in [("A", 1), ("B", 2), ("C", 3)] {
        add(&rig, &ada, None, name, count).await;
    }
    let cart = get(&rig, &ada, None).await;
    assert_eq!((cart.subtotal, cart.total), (usd(6 * 250), usd(6 * 250)));
    let shown = || async {
        let contents = rig.call(&ada, CartContents { of: of(None), lately: false }).await.unwrap();
        (contents.version, contents.lines[0].shown_price.unwrap())
    };
    price.store(300, Ordering::Release);
    assert_eq!(shown().await, (3, usd(250)), "the shopper has not seen the new price yet");
    assert_eq!(get(&rig, &ada, None).await.subtotal, usd(6 * 300));
    assert_eq!(shown().await, (3, usd(300)), "seen now, and no change of the cart");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_changed_lately_is_what_is_there() {
    let (rig, _) = start().await;
    let ada = shopper();
    let token = add(&rig, &Caller::Guest, None, "A", 2).await.token.unwrap();
    let both = async |who: &Caller, token: Option<&String>| {
        let ask = async |lately| {
            let asked = CartContents { of: of(token), lately };
            rig.call(who, asked).await.unwrap()
        };
        (ask(true).await, ask(false).await)
    };
    let same = async |who: &Caller, token: Option<&String>, count: u32| {
        let (lately, now) = both(who, token).await;
        assert!(!now.lately);
        assert_eq!((lately.cart, lately.version), (now.cart, now.version));
        let pieces = |all: &Contents| all.lines.iter().map(|line| line.quantity.get()).sum();
        assert_eq!((pieces(&lately), pieces(&now)), (count, count));
        lately.lately
    };
    let alone = rig.nodes[0].service("cart").unwrap().db.engine() == Engine::Sqlite;
    assert_eq!(same(&Caller::Guest, Some(&token), 2).await, alone, "one writer remembers");
    add(&rig, &ada, None, "B", 1).await;
    assert_eq!(same(&ada, None, 1).await, alone);
    // It is merged first, and leaves the guest nothing.
    let cart = get(&rig, &ada, Some(&token)).await;
    same(&ada, Some(&token), 3).await;
    same(&ada, None, 3).await;
    assert!(!same(&Caller::Guest, Some(&token), 0).await);
    let paid = OrderPaid {
        order: rig.id(),
        account: ada.account(),
        cart: cart.id.unwrap(),
        lines: vec![StockLine { sku: sku("A"), quantity: some(1) }],
        total: usd(250),
        placed_with: None,
    };
    rig.tell(paid).await;
    assert_eq!(same(&ada, None, 2).await, alone);
    rig.call(&ada, ClearCart { of: of(None) }).await.unwrap();
    same(&ada, None, 0).await;
    rig.tell(AccountErased { account: ada.account().unwrap() }).await;
    assert!(!same(&ada, None, 0).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paid_order_takes_out_what_was_ordered_and_once() {
    let (rig, _) = start().await;
    let ada = shopper();
    let cart = add(&rig, &ada, None, "A", 2).await.cart;
    add(&rig, &ada, None, "B", 1).await;
    let paid = OrderPaid {
        order: rig.id(),
        account: ada.account(),
        cart: cart.id.unwrap(),
        lines: vec![
            StockLine { sku: sku("A"), quantity: some(2) },
            StockLine { sku: sku("B"), quantity: some(1) },
        ],
        total: usd(750),
        placed_with: None,
    };
    // Meanwhile more was added.
    add(&rig, &ada, None, "A", 5).await;
    let id = rig.tell(paid.clone()).await;
    assert_eq!(lines(&get(&rig, &ada, None).await), [("A", 5)]);
    rig.tell_again(id, paid.clone()).await;
    assert_eq!(lines(&get(&rig, &ada, None).await), [("A", 5)], "a message that comes again");
    rig.tell(OrderPaid { order: rig.id(), cart: CartId(uuid::Uuid::now_v7()), ..paid }).await;
    assert_eq!(lines(&get(&rig, &ada, None).await), [("A", 5)], "another cart's order");
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_are_changed_taken_out_and_cleared() {
    let (rig, _) = start().await;
    let ada = shopper();
    for name in ["A", "B", "C"] {
        add(&rig, &ada, None, name, 1).await;
    }
    let change = ChangeItem { of: of(None), sku: sku("B"), quantity: some(7) };
    rig.call(&ada, change).await.unwrap();
    for _ in 0..2 {
        rig.call(&ada, RemoveItem { of: of(None), sku: sku("A") }).await.unwrap();
    }
    assert_eq!(lines(&get(&rig, &ada, None).await), [("B", 7), ("C", 1)]);
    let missing = ChangeItem { of: of(None), sku: sku("A"), quantity: some(7) };
    assert_eq!(
        rig.call(&ada, missing).await,
        Err(CallError::Refused(CartRefused::NotInCart { sku: sku("A") }))
    );
    rig.call(&ada, ClearCart { of: of(None) }).await.unwrap();
    assert!(get(&rig, &ada, None).await.items.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_sold_or_too_much_is_refused() {
    let (rig, _) = start().await;
    let ada = shopper();
    let gone = AddItem { of: of(None), sku: sku("GONE"), quantity: some(1) };
    assert_eq!(
        rig.call(&ada, gone).await,
        Err(CallError::Refused(CartRefused::NotSold { sku: sku("GONE") }))
    );
    add(&rig, &ada, None, "A", Quantity::MAX).await;
    let more = AddItem { of: of(None), sku: sku("A"), quantity: some(1) };
    let refused = rig.call(&ada, more).await;
    assert!(matches!(refused, Err(CallError::Refused(CartRefused::TooMuch { .. }))), "{refused:?}");
    assert_eq!(lines(&get(&rig, &ada, None).await), [("A", Quantity::MAX)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_token_reads_an_empty_cart_and_never_becomes_one() {
    let (rig, _) = start().await;
    let forged = "' OR 1=1 --".to_owned();
    assert!(get(&rig, &Caller::Guest, Some(&forged)).await.items.is_empty());
    let token = add(&rig, &Caller::Guest, Some(&forged), "A", 1).await.token.unwrap();
    assert_ne!(token, forged);
    assert!(get(&rig, &Caller::Guest, Some(&forged)).await.items.is_empty());
    assert_eq!(lines(&get(&rig, &Caller::Guest, Some(&token)).await), [("A", 1)]);
}
