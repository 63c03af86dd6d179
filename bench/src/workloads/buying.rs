//! Carts and purchases.
use crate::client::Connection;
use crate::load::{Client, Failure, Tally};
use crate::shop::{Hands, Purse, Queue, Shop};
use rand::RngExt as _;
use std::rc::Rc;
use std::time::Instant;

/// How many different SKUs a shopper of [`Filler`] wants: its cart does not grow for ever.
const WANTED: usize = 3;

/// Puts one piece into the cart of whoever's turn it is.
pub struct Filler {
    hands: Hands,
    queue: Rc<Queue>,
}

impl Filler {
    /// The filler of this number.
    pub fn new(shop: &Rc<Shop>, queue: &Rc<Queue>, number: usize) -> Self {
        Self { hands: Hands::new(shop, number), queue: Rc::clone(queue) }
    }
}

impl Client for Filler {
    async fn next(&mut self, connection: &mut Connection, _: &mut Tally) -> Result<(), Failure> {
        let shopper = self.queue.next();
        let shop = Rc::clone(&self.hands.shop);
        let goods = shop.goods();
        let which = shopper * WANTED + self.hands.chance.random_range(0..WANTED);
        let sku = goods.get(which % goods.len().max(1)).map_or("", |good| &good.sku);
        self.hands.add(connection, shopper, sku, 1).await
    }
}

/// A returning shopper: one line of one to three pieces, checked out until it is paid.
pub struct Buyer {
    hands: Hands,
    queue: Rc<Queue>,
    purse: Purse,
}

impl Buyer {
    /// The buyer of this number.
    pub fn new(shop: &Rc<Shop>, queue: &Rc<Queue>, purse: Purse, number: usize) -> Self {
        Self { hands: Hands::new(shop, number), queue: Rc::clone(queue), purse }
    }
}

impl Client for Buyer {
    async fn next(
        &mut self,
        connection: &mut Connection,
        tally: &mut Tally,
    ) -> Result<(), Failure> {
        let (shopper, shop) = (self.queue.next(), Rc::clone(&self.hands.shop));
        let sku = &shop.any_good(&mut self.hands.chance)?.sku;
        let quantity = self.hands.chance.random_range(1..=3);
        let began = Instant::now();
        self.hands.add(connection, shopper, sku, quantity).await?;
        tally.part("add to cart", began.elapsed());
        self.hands.check_out(connection, shopper, self.purse, tally).await.map(drop)
    }
}
