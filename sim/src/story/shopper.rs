//! A shopper: fills a cart, checks out, pays or does not, and sometimes changes their mind.
use super::client::Client;
use super::staff::Staff;
use super::{Told, Wrong, text, unless};
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use std::sync::Arc;
use uuid::Uuid;

/// Someone who buys.
pub struct Shopper {
    client: Client,
    staff: Arc<Staff>,
    told: Told,
    titles: Arc<Vec<String>>,
    chance: ChaCha8Rng,
    guest: bool,
}

/// How an order is to be paid, and what becomes of it.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// Paid at once, by card or from the wallet.
    Card(&'static str),
    Wallet,
    /// Staff confirms it, or the shopper gives up.
    Transfer,
    Delivery,
}

impl Shopper {
    /// Registers with money in the wallet; every fifth one stays a guest.
    pub async fn enter(
        client: Client,
        staff: Arc<Staff>,
        told: Told,
        titles: Arc<Vec<String>>,
        number: u32,
        chance: ChaCha8Rng,
    ) -> Result<Self, Wrong> {
        let guest = number % 5 == 4;
        let mut shopper = Self { client, staff, told, titles, chance, guest };
        if !guest {
            let email = format!("shopper-{}@example.com", Uuid::new_v4());
            shopper.client = shopper.client.register(email, "correct-horse").await?;
            let body = json!({
                "amount": {"amount": 100_000, "currency": "USD"},
                "payment": {"method": "card", "token": "tok_visa"},
            });
            let top_up = shopper.once().post("/v1/wallet/top-ups", &body).await?;
            shopper.told.notes.lock().top_up(&top_up);
        }
        Ok(shopper)
    }
    fn once(&self) -> Client {
        self.client.with("idempotency-key", Uuid::new_v4().to_string())
    }

    /// One order, from an empty cart to wherever it ends.
    pub async fn errand(&mut self) -> Result<(), Wrong> {
        self.fill_cart().await?;
        let way = self.way();
        let Some(order) = self.check_out(way).await? else { return Ok(()) };
        match (way, order["status"].as_str().unwrap_or_default()) {
            (Way::Transfer, "pending") => self.transfer(&order).await,
            (Way::Delivery, "pending") => self.delivery(&order).await,
            (Way::Card("tok_threeDSecure"), "pending") => self.confirm(&order).await,
            (_, "paid") => self.paid(&order).await,
            // Refused, or undecided: then its time ends it.
            (_, status) => {
                self.told.count(format!("left {status}"));
                if status == "cancelled" { self.empty_cart().await } else { Ok(()) }
            }
        }
    }

    fn way(&mut self) -> Way {
        match self.chance.random_range(0..20) {
            0..=5 => Way::Card("tok_visa"),
            6..=9 if !self.guest => Way::Wallet,
            6..=9 => Way::Card("tok_visa"),
            10 => Way::Card("tok_chargeDeclined"),
            11 => Way::Card("tok_insufficientFunds"),
            12 => Way::Card("tok_timeout"),
            13 => Way::Card("tok_chargedThenError"),
            14 | 15 => Way::Card("tok_threeDSecure"),
            16 | 17 => Way::Transfer,
            _ => Way::Delivery,
        }
    }
    async fn fill_cart(&mut self) -> Result<(), Wrong> {
        for _ in 0..self.chance.random_range(1..=5) {
            let sku = &self.titles[self.chance.random_range(0..self.titles.len())];
            let body = json!({"sku": sku, "quantity": self.chance.random_range(1..=2)});
            let added = self.client.post_for("/v1/cart/items", &body, "cart-token").await?;
            if let (true, Some(token)) = (self.guest, added.1) {
                self.client = self.client.with("cart-token", token);
            }
        }
        Ok(())
    }
    async fn empty_cart(&self) -> Result<(), Wrong> {
        let cart = self.client.get("/v1/cart").await?;
        for item in cart["items"].as_array().map(Vec::as_slice).unwrap_or_default() {
            let sku = text(&item["sku"]).replace('/', "%2F");
            // Gone already: the answer that said so did not come.
            let gone = self.client.delete(&format!("/v1/cart/items/{sku}")).await;
            unless(gone, &["not_found", "not_in_cart"])?;
        }
        Ok(())
    }
    async fn check_out(&mut self, way: Way) -> Result<Option<Value>, Wrong> {
        let payment = match way {
            Way::Card(token) => json!({"method": "card", "token": token}),
            Way::Wallet => json!({"method": "wallet"}),
            Way::Transfer => json!({"method": "bank_transfer"}),
            Way::Delivery => json!({"method": "cash_on_delivery"}),
        };
        let mut body = json!({
            "shipping_address": {
                "name": "Ada Lovelace", "line1": "12 St James's Square", "city": "London",
                "postal_code": "SW1Y 4JH", "country": "GB",
            },
            "shipping_method": "standard",
            "payment": payment,
        });
        if self.guest {
            body["email"] = json!("guest@example.com");
        }
        let once = self.once().with("prefer", "wait=5");
        let placed = once.post("/v1/checkout", &body).await;
        let Some(order) = unless(placed, &["out_of_stock"])? else {
            self.told.count("out of stock");
            self.empty_cart().await?;
            return Ok(None);
        };
        // The same request again gets the same answer, and no second order.
        let again = once.post("/v1/checkout", &body).await?;
        if again["id"] != order["id"] {
            return Err(Wrong(format!("two orders for one key: {order} and {again}")));
        }
        self.told.notes.lock().order(once, body, order.clone());
        if let Some(token) = order["order_token"].as_str() {
            self.client = self.client.with("order-token", token);
        }
        self.told.count(format!("{way:?}: {}", text(&order["status"])));
        let order = self.client.get(&format!("/v1/orders/{}", text(&order["id"]))).await?;
        Ok(Some(order))
    }

    async fn transfer(&mut self, order: &Value) -> Result<(), Wrong> {
        if order["payment"]["reference"].as_str().is_none() {
            return Err(Wrong(format!("a transfer without a reference: {order}")));
        }
        if self.chance.random_range(0..4) == 0 {
            return self.cancel(order, "transfer").await;
        }
        for _ in 0..100 {
            if self.staff.confirm(order).await? {
                self.told.count("transfer confirmed");
                return self.wait_and_go_on(order).await;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        Err(Wrong(format!("a transfer that cannot be confirmed: {order}")))
    }
    async fn delivery(&mut self, order: &Value) -> Result<(), Wrong> {
        match self.chance.random_range(0..6) {
            0 => self.cancel(order, "delivery").await,
            1 => {
                self.told.count("nobody took the parcels");
                self.staff.ship(order, false).await?;
                self.staff.end_parcels(order, "returned").await
            }
            _ => {
                self.told.count("delivered for cash");
                self.staff.ship(order, false).await?;
                self.staff.end_parcels(order, "delivered").await
            }
        }
    }
    async fn confirm(&mut self, order: &Value) -> Result<(), Wrong> {
        if self.chance.random_range(0..3) == 0 {
            self.told.count("never confirmed");
            return self.empty_cart().await;
        }
        let path = format!("/v1/orders/{}/pay", text(&order["id"]));
        let answer = self.once().with("prefer", "wait=5").post(&path, &json!({})).await;
        let Some(order) = unless(answer, &["wrong_state"])? else { return Ok(()) };
        self.wait_and_go_on(&order).await
    }
    /// Goes on once the order is paid.
    async fn wait_and_go_on(&mut self, order: &Value) -> Result<(), Wrong> {
        for _ in 0..100 {
            let order = self.client.get(&format!("/v1/orders/{}", text(&order["id"]))).await?;
            match order["status"].as_str() {
                Some("paid") => return self.paid(&order).await,
                Some("pending") => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
                _ => return Ok(()),
            }
        }
        Ok(())
    }
    async fn cancel(&self, order: &Value, which: &str) -> Result<(), Wrong> {
        let path = format!("/v1/orders/{}/cancel", text(&order["id"]));
        let once = self.once();
        let cancelled = unless(once.post(&path, &json!({})).await, &["wrong_state"])?;
        let again = unless(once.post(&path, &json!({})).await, &["wrong_state"])?;
        if cancelled.is_some() != again.is_some() {
            return Err(Wrong(format!("cancelling twice answers otherwise: {order}")));
        }
        if cancelled.is_some() {
            self.told.notes.lock().cancel(order);
        }
        self.told.count(format!("cancelled: {which}"));
        Ok(())
    }
    /// What becomes of an order that is paid.
    async fn paid(&mut self, order: &Value) -> Result<(), Wrong> {
        let several = order["items"].as_array().is_some_and(|items| items.len() > 1);
        match self.chance.random_range(0..10) {
            0 | 1 => return self.cancel(order, "paid").await,
            2 => {
                self.told.count("given back before it was sent");
                return self.staff.refund(order, None, false).await.map(drop);
            }
            3 | 4 if several => {
                self.told.count("two parcels");
                self.staff.ship(order, true).await?;
                self.staff.ship(order, false).await?;
            }
            _ => drop(self.staff.ship(order, false).await?),
        }
        self.staff.end_parcels(order, "delivered").await?;
        let restock = self.chance.random_range(0..2) == 0;
        match self.chance.random_range(0..8) {
            0 => {
                self.told.count("a part given back");
                self.staff.refund(order, Some(100), false).await?;
            }
            1 => {
                self.told.count(format!("given back, restock: {restock}"));
                self.staff.refund(order, Some(50), false).await?;
                self.staff.refund(order, None, restock).await?;
            }
            _ => self.told.count("delivered"),
        }
        Ok(())
    }
}
