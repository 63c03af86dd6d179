//! What shoppers ask of the store, and what they make of its answers.
use crate::Trouble;
use crate::client::{self, Answer, Connection};
use crate::load::{Failure, Tally};
use crate::town::{Good, Town};
use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};
use std::cell::Cell;
use std::fmt::Write as _;
use std::io::Write as _;
use std::ops::Range;
use std::rc::Rc;
use std::time::Instant;
use uuid::Uuid;

/// Where everything goes.
const ADDRESS: &str = r#"{"name":"Ada Lovelace","line1":"12 St James's Square","city":"London","postal_code":"SW1Y 4JH","country":"GB","phone":"+442079460000"}"#;

/// How a shopper pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purse {
    /// With a card that pays.
    Card,
    /// With the wallet.
    Wallet,
    /// With the wallet whoever has one, the others with a card.
    Either,
}

/// The shoppers of one workload, who come in turn.
pub struct Queue {
    numbers: Range<usize>,
    step: usize,
    next: Cell<usize>,
}

/// Everybody and everything that clients share.
pub struct Shop {
    /// Goods and shoppers.
    pub town: Town,
    tokens: Vec<String>,
    /// What an idempotency key of this run begins with.
    run: String,
    keys: Cell<u64>,
}

impl Shop {
    /// Mints the tokens of all shoppers.
    /// # Errors
    /// When they cannot be signed, or there is nothing to sell.
    pub fn open(town: Town) -> Result<Self, Trouble> {
        if town.goods.len() < 2 || town.shoppers < 20 {
            return Err(Trouble::new("a town needs two products and twenty shoppers at least"));
        }
        let tokens = town.tokens()?;
        let run: Uuid = feria::sources::real().id();
        Ok(Self { town, tokens, run: run.simple().to_string(), keys: Cell::new(0) })
    }
    /// The shoppers from `from` to `to` percent, for one workload alone: no two meet in a cart.
    pub fn queue(&self, from: usize, to: usize, purse: Purse) -> Queue {
        let of = |percent| self.town.shoppers * percent / 100;
        // Those with an even number have a wallet.
        let step = if purse == Purse::Wallet { 2 } else { 1 };
        let first = of(from).next_multiple_of(2);
        Queue { numbers: first..of(to), step, next: Cell::new(first) }
    }
    /// All goods but the last, which is for flash sales.
    pub fn goods(&self) -> &[Good] {
        self.town.goods.split_last().map_or(&[], |(_, rest)| rest)
    }
    /// What flash sales sell.
    pub fn rarity(&self) -> Option<&Good> {
        self.town.goods.last()
    }
    /// One of the goods.
    pub fn any_good(&self, chance: &mut SmallRng) -> Result<&Good, Failure> {
        let goods = self.goods();
        goods
            .get(chance.random_range(0..goods.len().max(1)))
            .ok_or_else(|| Failure::Answer("there is nothing to buy".to_owned()))
    }
    /// The access token of a shopper.
    pub fn token(&self, shopper: usize) -> Option<&str> {
        self.tokens.get(shopper).map(String::as_str)
    }
    /// A new idempotency key.
    fn key(&self, into: &mut String) {
        self.keys.set(self.keys.get() + 1);
        // Writing to a string cannot fail.
        let _ = write!(into, "{}-{}", self.run, self.keys.get());
    }
}

impl Queue {
    /// Of these shoppers.
    pub const fn of(numbers: Range<usize>) -> Self {
        let first = numbers.start;
        Self { numbers, step: 1, next: Cell::new(first) }
    }
    /// Whose turn it is.
    pub fn next(&self) -> usize {
        let number = self.next.get();
        let after = number + self.step;
        self.next.set(if self.numbers.contains(&after) { after } else { self.numbers.start });
        number
    }
    /// How many they are.
    pub fn len(&self) -> usize {
        self.numbers.len() / self.step
    }
    /// Whether there is nobody.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// One shopper's hands: what requests are written with.
pub struct Hands {
    /// The shop.
    pub shop: Rc<Shop>,
    /// Chance, the same in every run.
    pub chance: SmallRng,
    request: Vec<u8>,
    body: Vec<u8>,
    extra: String,
}

/// What was bought.
#[derive(Clone, Debug)]
pub struct Bought {
    /// The order.
    pub order: String,
    /// How many pieces.
    pub pieces: u64,
}

impl Hands {
    /// Of the client of this number.
    pub fn new(shop: &Rc<Shop>, number: usize) -> Self {
        Self {
            shop: Rc::clone(shop),
            chance: SmallRng::seed_from_u64(number as u64),
            request: Vec::with_capacity(2048),
            body: Vec::with_capacity(512),
            extra: String::with_capacity(128),
        }
    }
    /// Puts pieces of a SKU into a shopper's cart.
    /// # Errors
    /// When that is refused.
    pub async fn add(
        &mut self,
        connection: &mut Connection,
        shopper: usize,
        sku: &str,
        quantity: u32,
    ) -> Result<(), Failure> {
        self.body.clear();
        write!(self.body, r#"{{"sku":"{sku}","quantity":{quantity}}}"#)?;
        let token = self.shop.token(shopper);
        client::send(&mut self.request, ("POST", "/v1/cart/items"), token, "", &self.body);
        let answer = connection.ask(&self.request).await?;
        match answer.status {
            200 | 201 => Ok(()),
            _ => Err(refused("add to cart", &answer)),
        }
    }
    /// Checks the shopper's cart out, and waits until the order is paid.
    /// # Errors
    /// When it is refused, or not paid within ten seconds.
    pub async fn check_out(
        &mut self,
        connection: &mut Connection,
        shopper: usize,
        purse: Purse,
        tally: &mut Tally,
    ) -> Result<Bought, Failure> {
        let began = Instant::now();
        let answer =
            self.ask_to_check_out(connection, shopper, purse, "Prefer: wait=10\r\n").await?;
        let bought = paid(&answer)?;
        tally.part("post to paid", began.elapsed());
        tally.count("orders", 1);
        tally.count("pieces", bought.pieces);
        Ok(bought)
    }
    /// Asks for a checkout, and answers what the store says at once.
    /// # Errors
    /// When the connection breaks.
    pub async fn ask_to_check_out<'a>(
        &mut self,
        connection: &'a mut Connection,
        shopper: usize,
        purse: Purse,
        prefer: &str,
    ) -> Result<Answer<'a>, Failure> {
        self.write_checkout(shopper, purse, prefer)?;
        Ok(connection.ask(&self.request).await?)
    }
    /// Writes the request of a checkout.
    fn write_checkout(
        &mut self,
        shopper: usize,
        purse: Purse,
        prefer: &str,
    ) -> Result<(), Failure> {
        let by_wallet = match purse {
            Purse::Card => false,
            Purse::Wallet => true,
            Purse::Either => crate::town::has_wallet(shopper),
        };
        let payment = match by_wallet {
            true => r#"{"method":"wallet"}"#,
            false => r#"{"method":"card","token":"tok_visa"}"#,
        };
        self.body.clear();
        write!(
            self.body,
            r#"{{"shipping_address":{ADDRESS},"shipping_method":"standard","payment":{payment}}}"#
        )?;
        self.extra.clear();
        self.extra.push_str("Idempotency-Key: ");
        self.shop.key(&mut self.extra);
        self.extra.push_str("\r\n");
        self.extra.push_str(prefer);
        let token = self.shop.token(shopper);
        client::send(&mut self.request, ("POST", "/v1/checkout"), token, &self.extra, &self.body);
        Ok(())
    }
    /// Asks for what the shopper may see.
    /// # Errors
    /// When the connection breaks.
    pub async fn ask<'a>(
        &mut self,
        connection: &'a mut Connection,
        (method, path): (&str, &str),
        token: Option<&str>,
        body: &str,
    ) -> Result<Answer<'a>, Failure> {
        client::send(&mut self.request, (method, path), token, "", body.as_bytes());
        Ok(connection.ask(&self.request).await?)
    }
}

/// An answer that was not hoped for, by its status and code.
pub fn refused(what: &str, answer: &Answer<'_>) -> Failure {
    let code = field(answer.body, r#""code":""#).unwrap_or("no code");
    Failure::Answer(format!("{what}: {} {code}", answer.status))
}

/// What stands behind `before`, up to the next quotation mark.
fn field<'a>(body: &'a [u8], before: &str) -> Option<&'a str> {
    let text = std::str::from_utf8(body).ok()?;
    text.split_once(before)?.1.split_once('"').map(|(field, _)| field)
}

/// What a checkout bought, if its answer says that it is paid.
fn paid(answer: &Answer<'_>) -> Result<Bought, Failure> {
    if answer.status != 201 {
        return Err(refused("check out", answer));
    }
    let text = std::str::from_utf8(answer.body).unwrap_or_default();
    if !text.contains(r#""status":"paid""#) {
        let status = field(answer.body, r#""status":""#).unwrap_or("nothing");
        return Err(Failure::Answer(format!("check out: the order stayed {status}")));
    }
    let order = field(answer.body, r#""id":""#).unwrap_or_default().to_owned();
    Ok(Bought { order, pieces: pieces(text) })
}

/// How many pieces the lines of an order have.
pub fn pieces(order: &str) -> u64 {
    let digits = |rest: &str| -> u64 {
        let end = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
        rest.get(..end).and_then(|digits| digits.parse().ok()).unwrap_or_default()
    };
    order.split(r#""quantity":"#).skip(1).map(digits).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_understood_without_reading_all_of_it() {
        let body =
            br#"{"id":"x-1","status":"paid","items":[{"sku":"A","quantity":2},{"quantity":13}]}"#;
        let answer = |status| Answer { status, head: b"", body };
        let bought = paid(&answer(201)).unwrap();
        assert_eq!((bought.order.as_str(), bought.pieces), ("x-1", 15));
        assert!(paid(&answer(409)).is_err());
        let pending = Answer { status: 201, head: b"", body: br#"{"id":"x","status":"pending"}"# };
        let Err(Failure::Answer(why)) = paid(&pending) else { panic!("it is not paid") };
        assert_eq!(why, "check out: the order stayed pending");
        let problem = Answer { status: 409, head: b"", body: br#"{"code":"out_of_stock"}"# };
        let Failure::Answer(why) = refused("check out", &problem) else {
            panic!("it was answered")
        };
        assert_eq!(why, "check out: 409 out_of_stock");
    }
}
