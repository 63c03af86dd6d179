//! A flash sale: many buyers with filled carts and open connections, one SKU, fewer pieces than
//! buyers, and each tries once, all at the same time.
use crate::Trouble;
use crate::audit::Audit;
use crate::client::Connection;
use crate::load::{Client, Crowd, Failure, Tally};
use crate::shop::{Hands, Purse, Queue, Shop, refused};
use crate::store::Store;
use std::cell::Cell;
use std::ops::Range;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// How many connections fill the carts.
const HELPERS: usize = 32;
/// How long the rest of the sale may take: payment, letters.
const PATIENCE: Duration = Duration::from_secs(120);

/// A sale.
pub struct Sale {
    /// What is sold.
    pub sku: String,
    /// How many pieces there are.
    pub pieces: u64,
    /// Who wants one.
    pub buyers: Range<usize>,
    /// How many connections there can be; buyers beyond share them.
    pub connections: usize,
}

/// One who wants a piece: empties the cart and puts one in, or tries to buy.
struct Wanting {
    hands: Hands,
    queue: Rc<Queue>,
    left: Rc<Cell<usize>>,
    sku: Rc<str>,
}

impl Client for Wanting {
    async fn next(&mut self, connection: &mut Connection, _: &mut Tally) -> Result<(), Failure> {
        while self.left.get() > 0 {
            self.left.set(self.left.get() - 1);
            let (buyer, shop) = (self.queue.next(), Rc::clone(&self.hands.shop));
            let token = shop.token(buyer);
            let path = ("DELETE", "/v1/cart");
            let emptied = self.hands.ask(connection, path, token, "").await?;
            if emptied.status != 204 {
                return Err(refused("empty the cart", &emptied));
            }
            let sku = Rc::clone(&self.sku);
            self.hands.add(connection, buyer, &sku, 1).await?;
        }
        Ok(())
    }
}

/// Buyers who share a connection; mostly it is one.
struct Trying {
    hands: Hands,
    buyers: Vec<usize>,
}

impl Client for Trying {
    async fn next(
        &mut self,
        connection: &mut Connection,
        tally: &mut Tally,
    ) -> Result<(), Failure> {
        for buyer in std::mem::take(&mut self.buyers) {
            let began = Instant::now();
            let asked = self.hands.ask_to_check_out(connection, buyer, Purse::Card, "").await;
            let answer = match asked {
                Ok(answer) => answer,
                Err(error) => {
                    tally.count("unanswered", 1);
                    return Err(error);
                }
            };
            tally.part("answered", began.elapsed());
            let no_more = answer.status == 409
                && std::str::from_utf8(answer.body).is_ok_and(|body| body.contains("out_of_stock"));
            match answer.status {
                201 => tally.count("winners", 1),
                _ if no_more => tally.count("losers", 1),
                _ => {
                    if let Failure::Answer(what) = refused("check out", &answer) {
                        tally.fail(what);
                    }
                }
            }
        }
        Ok(())
    }
}

/// What came of a sale.
pub struct Sold {
    /// The answers of all buyers.
    pub tally: Tally,
    /// From the first question to the last answer.
    pub decided: Duration,
    /// What does not hold.
    pub broken: Vec<String>,
}

impl Sale {
    /// Fills the carts, connects the buyers, and lets them go.
    /// # Errors
    /// When it cannot be prepared.
    pub async fn hold(
        &self,
        shop: &Rc<Shop>,
        store: &Store,
        audit: &Audit,
    ) -> Result<Sold, Trouble> {
        audit.set_stock(store, &self.sku, self.pieces).await?;
        let queue = Rc::new(Queue::of(self.buyers.clone()));
        let left = Rc::new(Cell::new(self.buyers.len()));
        let sku: Rc<str> = self.sku.as_str().into();
        let helpers = (0..HELPERS).map(|number| Wanting {
            hands: Hands::new(shop, number),
            queue: Rc::clone(&queue),
            left: Rc::clone(&left),
            sku: Rc::clone(&sku),
        });
        let filled = Crowd::gather(store.address, helpers).await?.once().await;
        if let Some(what) = filled.failures.keys().next() {
            return Err(Trouble::new(format!("carts are not filled: {what}")));
        }
        let mut buyers: Vec<Vec<usize>> =
            vec![Vec::new(); self.connections.clamp(1, self.buyers.len().max(1))];
        let seats = buyers.len();
        for (index, buyer) in self.buyers.clone().enumerate() {
            if let Some(seat) = buyers.get_mut(index % seats) {
                seat.push(buyer);
            }
        }
        let trying = buyers.into_iter().enumerate();
        let trying =
            trying.map(|(number, buyers)| Trying { hands: Hands::new(shop, number), buyers });
        let mut crowd = Crowd::gather(store.address, trying).await?;
        let began = Instant::now();
        let tally = crowd.once().await;
        let decided = began.elapsed();
        drop(crowd);
        let broken = self.broken(&tally, store, audit).await?;
        Ok(Sold { tally, decided, broken })
    }
    async fn broken(
        &self,
        tally: &Tally,
        store: &Store,
        audit: &Audit,
    ) -> Result<Vec<String>, Trouble> {
        let mut broken = Vec::new();
        if let Some(left) = audit.drained(PATIENCE).await? {
            broken.push(format!("after the sale {left}"));
        }
        let winners = tally.counted("winners");
        let wanted = self.pieces.min(self.buyers.len() as u64);
        if winners != wanted {
            broken.push(format!("{winners} buyers won, not {wanted}"));
        }
        let stock = audit.stock_of(store, &self.sku).await?;
        let left = self.pieces.saturating_sub(wanted);
        if (u64::try_from(stock.on_hand), stock.reserved) != (Ok(left), 0) {
            let (on_hand, reserved) = (stock.on_hand, stock.reserved);
            broken.push(format!("{on_hand} pieces are left, {reserved} of them reserved"));
        }
        Ok(broken)
    }
}
