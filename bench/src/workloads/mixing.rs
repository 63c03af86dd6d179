//! The three mixes of TPC-W: the same interactions, more and more of them orders.
//!
//! The shares are those of the specification (1.8, table of the web interaction mixes). What the
//! pages of its shop show is asked of the API here: `home` and `best sellers` are the best
//! sellers, a search request is the page of authors, a registration is a look at the own account
//! (these shoppers return), and what its staff does is left out.
use crate::client::Connection;
use crate::load::{Client, Failure, Tally};
use crate::shop::{Hands, Purse, Queue, Shop, refused};
use crate::workloads::reading::{detail, search};
use rand::RngExt as _;
use std::rc::Rc;

/// What a visitor does, and how often in ten thousand, in each mix.
#[derive(Clone, Copy)]
enum Interaction {
    Home,
    NewProducts,
    BestSellers,
    Detail,
    SearchRequest,
    SearchResults,
    Cart,
    Account,
    Quote,
    Buy,
    Orders,
    Order,
}

/// Which mix.
#[derive(Clone, Copy, Debug)]
pub enum Mix {
    /// 95 % of the interactions look.
    Browsing,
    /// 80 %.
    Shopping,
    /// 50 %.
    Ordering,
}

const SHARES: [(Interaction, [u32; 3]); 12] = [
    (Interaction::Home, [2900, 1600, 912]),
    (Interaction::NewProducts, [1100, 500, 46]),
    (Interaction::BestSellers, [1100, 500, 46]),
    (Interaction::Detail, [2100, 1700, 1235]),
    (Interaction::SearchRequest, [1200, 2000, 1454]),
    (Interaction::SearchResults, [1100, 1700, 1308]),
    (Interaction::Cart, [200, 1160, 1353]),
    (Interaction::Account, [82, 300, 1286]),
    (Interaction::Quote, [75, 260, 1273]),
    (Interaction::Buy, [69, 120, 1018]),
    (Interaction::Orders, [30, 75, 25]),
    (Interaction::Order, [25, 66, 22]),
];

/// A cart of so many lines is left behind.
const FULL: u32 = 20;

/// Somebody in the shop: one shopper until that one has bought.
pub struct Visitor {
    hands: Hands,
    queue: Rc<Queue>,
    mix: usize,
    shopper: usize,
    in_cart: u32,
    last_order: Option<String>,
}

impl Visitor {
    /// The visitor of this number.
    pub fn new(shop: &Rc<Shop>, queue: &Rc<Queue>, mix: Mix, number: usize) -> Self {
        Self {
            hands: Hands::new(shop, number),
            queue: Rc::clone(queue),
            mix: mix as usize,
            shopper: queue.next(),
            in_cart: 0,
            last_order: None,
        }
    }
    fn choose(&mut self) -> Interaction {
        let share = |(_, shares): &(Interaction, [u32; 3])| {
            shares.get(self.mix).copied().unwrap_or_default()
        };
        let all: u32 = SHARES.iter().map(share).sum();
        let mut left = self.hands.chance.random_range(0..all);
        for one in &SHARES {
            match left.checked_sub(share(one)) {
                Some(rest) => left = rest,
                None => return one.0,
            }
        }
        Interaction::Home
    }
    async fn look(&mut self, connection: &mut Connection, path: &str) -> Result<(), Failure> {
        self.ask(connection, "GET", path, "").await
    }
    async fn ask(
        &mut self,
        connection: &mut Connection,
        method: &str,
        path: &str,
        body: &str,
    ) -> Result<(), Failure> {
        let shop = Rc::clone(&self.hands.shop);
        let token = shop.token(self.shopper);
        let answer = self.hands.ask(connection, (method, path), token, body).await?;
        if answer.status == 200 {
            return Ok(());
        }
        let route: String = path.split('?').next().unwrap_or_default().chars().take(20).collect();
        Err(refused(&route, &answer))
    }
    async fn fill(&mut self, connection: &mut Connection) -> Result<(), Failure> {
        // Who has bought has left, when the next one comes to buy.
        if self.in_cart >= FULL || self.last_order.is_some() {
            self.come_in();
        }
        let shop = Rc::clone(&self.hands.shop);
        let sku = &shop.any_good(&mut self.hands.chance)?.sku;
        self.hands.add(connection, self.shopper, sku, 1).await?;
        self.in_cart += 1;
        Ok(())
    }
    async fn buy(&mut self, connection: &mut Connection, tally: &mut Tally) -> Result<(), Failure> {
        if self.in_cart == 0 {
            self.fill(connection).await?;
        }
        let bought = self.hands.check_out(connection, self.shopper, Purse::Either, tally).await;
        match bought {
            Ok(bought) => self.last_order = Some(bought.order),
            // Who was refused leaves.
            Err(error) => {
                self.come_in();
                return Err(error);
            }
        }
        self.in_cart = 0;
        Ok(())
    }
    fn come_in(&mut self) {
        (self.shopper, self.in_cart, self.last_order) = (self.queue.next(), 0, None);
    }
    async fn interact(
        &mut self,
        connection: &mut Connection,
        tally: &mut Tally,
    ) -> Result<(), Failure> {
        let shop = Rc::clone(&self.hands.shop);
        match self.choose() {
            Interaction::Home => self.look(connection, "/v1/products/best-sellers?limit=5").await,
            Interaction::NewProducts => {
                self.look(connection, "/v1/products?sort=newest&per_page=20").await
            }
            Interaction::BestSellers => {
                self.look(connection, "/v1/products/best-sellers?limit=20").await
            }
            Interaction::Detail => {
                let path = detail(&shop.any_good(&mut self.hands.chance)?.slug);
                self.look(connection, &path).await
            }
            Interaction::SearchRequest => self.look(connection, "/v1/authors?per_page=20").await,
            Interaction::SearchResults => {
                let path = search(&shop, &mut self.hands.chance);
                self.look(connection, &path).await
            }
            Interaction::Cart => self.fill(connection).await,
            Interaction::Account => self.look(connection, "/v1/me").await,
            Interaction::Quote => {
                if self.in_cart == 0 {
                    self.fill(connection).await?;
                }
                let body = r#"{"country":"GB"}"#;
                self.ask(connection, "POST", "/v1/checkout/quote", body).await
            }
            Interaction::Buy => self.buy(connection, tally).await,
            Interaction::Orders => self.look(connection, "/v1/orders?limit=10").await,
            Interaction::Order => match self.last_order.clone() {
                Some(order) => self.look(connection, &format!("/v1/orders/{order}")).await,
                None => self.look(connection, "/v1/orders?limit=1").await,
            },
        }
    }
}

impl Client for Visitor {
    async fn next(
        &mut self,
        connection: &mut Connection,
        tally: &mut Tally,
    ) -> Result<(), Failure> {
        self.interact(connection, tally).await
    }
}
