//! Shoppers who buy, change their minds, ask twice and give up; and what they were told.
use contracts::cart::{AddItem, CartToken, ClearCart};
use contracts::orders::{
    CancelOrder, CheckedOut, Checkout, GetOrder, Idempotency, Order, OrderRef, PayOrder, PayWith,
    ShippingMethod,
};
use contracts::payments::{PaymentMethod, PaymentStatus, TopUp};
use contracts::{
    AccountId, Address, Call, CallError, Caller, Currency, Money, OrderId, Quantity, Role,
    SessionId, Sku,
};
use kit::calls::{Answer, Calls};
use parking_lot::Mutex;
use rand::{Rng as _, RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::Poll;
use uuid::Uuid;

use crate::executor::Spawned;
use crate::world::GOODS;

/// What shoppers were told, and so can hold the store to.
#[derive(Default)]
pub struct Told {
    /// Orders that a checkout answered, by idempotency key.
    pub orders: BTreeMap<String, OrderId>,
    /// Two answers to one key that differ.
    pub contradictions: Vec<String>,
    /// Money that was said to be in a wallet, by account.
    pub topped_up: BTreeMap<AccountId, i64>,
    /// How much of what staff asked for was done.
    pub staff_did: usize,
    /// One line for each answer, for the trace.
    pub lines: Vec<String>,
}

/// One shopper.
#[derive(Clone)]
pub struct Shopper {
    name: usize,
    calls: Calls,
    told: Arc<Mutex<Told>>,
    spawned: Spawned,
    caller: Caller,
    account: AccountId,
}

/// Lets the scheduler choose what comes next.
pub async fn pause() {
    let mut paused = false;
    kit::faults::at_scheduler(std::future::poll_fn(|context| {
        if paused {
            return Poll::Ready(());
        }
        paused = true;
        context.waker().wake_by_ref();
        Poll::Pending
    }))
    .await;
}

impl Shopper {
    /// Number `name`, with an account of its own.
    pub fn new(name: usize, calls: Calls, told: Arc<Mutex<Told>>, spawned: Spawned) -> Self {
        let (account, caller) = somebody(name);
        Self { name, calls, told, spawned, caller, account }
    }
    /// Shops for account number `account`, which others may share.
    #[must_use]
    pub fn of(self, account: usize) -> Self {
        let (account, caller) = somebody(account);
        Self { account, caller, ..self }
    }
    /// Whose account.
    pub fn account(&self) -> AccountId {
        self.account
    }
    /// Shops for a while, as `seed` decides.
    pub async fn shop(self, seed: u64, errands: u32) {
        let mut chance = ChaCha8Rng::seed_from_u64(seed);
        let mut last = None;
        for errand in 0..errands {
            pause().await;
            match chance.random_range(0..10) {
                0 => self.top_up(&mut chance).await,
                1..=6 => last = self.buy(&mut chance, errand).await,
                7 => self.cancel(last, chance.random_range(1..4)).await,
                8 => self.pay(last, &mut chance).await,
                _ => self.empty().await,
            }
        }
    }

    async fn top_up(&self, chance: &mut ChaCha8Rng) {
        let cents = i64::from(chance.random_range(1..50_u32)) * 100;
        let with = PayWith { method: PaymentMethod::Card, token: Some(card(chance).to_owned()) };
        let idempotency = key(chance);
        let amount = Money::new(cents, Currency::USD);
        let call = TopUp { amount, with, idempotency };
        let answered = self.insist(call, 3).await;
        self.note(format!("top-up of {cents}: {answered:?}"));
        if answered.is_ok_and(|done| done.status == PaymentStatus::Captured) {
            *self.told.lock().topped_up.entry(self.account).or_default() += cents;
        }
    }
    async fn buy(&self, chance: &mut ChaCha8Rng, errand: u32) -> Option<OrderId> {
        for _ in 0..chance.random_range(1..4) {
            let (sku, _) = GOODS[chance.random_range(0..GOODS.len())];
            let sku: Sku = sku.parse().ok()?;
            let quantity = Quantity::new(chance.random_range(1..4)).ok()?;
            let call = AddItem { of: CartToken::default(), sku, quantity };
            // An item may be added twice when an answer is lost: that is the shopper's doing.
            let added = self.insist(call, 2).await;
            self.note(format!("add: {}", outcome(&added)));
        }
        let payment = match chance.random_range(0..6) {
            0 | 1 => PayWith { method: PaymentMethod::Wallet, token: None },
            2 => PayWith { method: later(chance), token: None },
            _ => PayWith { method: PaymentMethod::Card, token: Some(card(chance).to_owned()) },
        };
        let checkout = Checkout {
            of: CartToken::default(),
            idempotency: key(chance),
            shipping_address: address(),
            shipping_method: ShippingMethod::Standard,
            payment,
            email: None,
            cart_version: None,
        };
        if chance.random_range(0..4) == 0 {
            let (twin, mut again) = (self.clone(), checkout.clone());
            if chance.random_range(0..3) == 0 {
                // From another tab, which knows nothing of the first: one of them places the order.
                again.idempotency = key(chance);
            }
            let work = Box::pin(async move {
                twin.check_out(again).await;
            });
            self.spawned.lock().push(("shopper", format!("{} twin", self.name), work));
        }
        let order = self.check_out(checkout).await;
        if errand.is_multiple_of(3) {
            self.cancel(order, 1).await;
        }
        order
    }
    async fn check_out(&self, checkout: Checkout) -> Option<OrderId> {
        let key = checkout.idempotency.key.clone();
        let answered = self.insist(checkout, 6).await;
        self.note(format!("checkout {}: {}", &key[..8], outcome(&answered)));
        let CheckedOut { order, .. } = answered.ok()?;
        let mut told = self.told.lock();
        let before = told.orders.insert(key.clone(), order.id);
        if before.is_some_and(|before| before != order.id) {
            told.contradictions.push(format!("key {key} placed {before:?} and {}", order.id));
        }
        Some(order.id)
    }
    async fn cancel(&self, order: Option<OrderId>, times: u32) {
        let Some(order) = order else { return };
        for time in 0..times {
            let idempotency = Idempotency { key: format!("{order}-{time}"), body: [0; 32] };
            let call = CancelOrder { of: OrderRef { order, token: None }, idempotency };
            let answered = self.insist(call, 3).await;
            self.note(format!("cancel: {}", status(&answered)));
        }
    }
    async fn pay(&self, order: Option<OrderId>, chance: &mut ChaCha8Rng) {
        let Some(order) = order else { return };
        let of = OrderRef { order, token: None };
        let seen = self.insist(GetOrder { of: of.clone() }, 2).await;
        let payment = match chance.random_range(0..4) {
            0 => Some(PayWith { method: PaymentMethod::Wallet, token: None }),
            3 => Some(PayWith { method: later(chance), token: None }),
            1 => {
                let token = Some(card(chance).to_owned());
                Some(PayWith { method: PaymentMethod::Card, token })
            }
            _ => None,
        };
        let answered = self.insist(PayOrder { of, idempotency: key(chance), payment }, 3).await;
        self.note(format!("pay after {}: {}", status(&seen), status(&answered)));
    }
    async fn empty(&self) {
        let emptied = self.insist(ClearCart { of: CartToken::default() }, 2).await;
        self.note(format!("empty: {}", outcome(&emptied)));
    }

    /// Asks again, the same way, until it is answered or `times` have passed.
    async fn insist<C: Call>(&self, call: C, times: u32) -> Answer<C> {
        let mut answered = self.calls.call(&self.caller, call.clone()).await;
        for _ in 1..times {
            if !matches!(answered, Err(CallError::NotDone(_) | CallError::Unknown(_))) {
                break;
            }
            pause().await;
            answered = self.calls.call(&self.caller, call.clone()).await;
        }
        answered
    }
    fn note(&self, line: String) {
        self.told.lock().lines.push(format!("shopper {} {line}", self.name));
    }
}

fn somebody(number: usize) -> (AccountId, Caller) {
    let account = AccountId(Uuid::from_u128(0xACC0_0000 + number as u128));
    let session = SessionId(Uuid::from_u128(0x5E55_0000 + number as u128));
    (account, Caller::Account { account, session, role: Role::Customer })
}

fn outcome<T, E: std::fmt::Debug>(answered: &Result<T, CallError<E>>) -> String {
    match answered {
        Ok(_) => "done".to_owned(),
        Err(error) => format!("{error:?}"),
    }
}

fn status<E: std::fmt::Debug>(answered: &Result<Order, CallError<E>>) -> String {
    match answered {
        Ok(order) => format!("{:?} {:?}", order.status, order.payment.status),
        Err(error) => format!("{error:?}"),
    }
}

fn later(chance: &mut ChaCha8Rng) -> PaymentMethod {
    match chance.random_range(0..2) {
        0 => PaymentMethod::BankTransfer,
        _ => PaymentMethod::CashOnDelivery,
    }
}

/// A key that nobody has used.
pub fn key(chance: &mut ChaCha8Rng) -> Idempotency {
    let mut body = [0; 32];
    chance.fill_bytes(&mut body);
    let id = Uuid::from_u64_pair(chance.next_u64(), chance.next_u64());
    Idempotency { key: id.to_string(), body }
}

fn card(chance: &mut ChaCha8Rng) -> &'static str {
    const CARDS: [&str; 7] = [
        "tok_visa",
        "tok_visa",
        "tok_visa",
        "tok_chargeDeclined",
        "tok_threeDSecure",
        "tok_timeout",
        "tok_chargedThenError",
    ];
    CARDS[chance.random_range(0..CARDS.len())]
}

fn address() -> Address {
    Address {
        name: "Sim".to_owned(),
        line1: "1 Main Street".to_owned(),
        line2: None,
        city: "Sim City".to_owned(),
        postal_code: "12345".to_owned(),
        country: "US".to_owned(),
        phone: None,
    }
}
