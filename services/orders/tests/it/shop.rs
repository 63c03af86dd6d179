//! Orders on the engine under test; cart, catalog, inventory and payments are played here.
use contracts::cart::{CartContents, CartToken, Contents, ContentsLine};
use contracts::catalog::{Priced, PricesOf};
use contracts::identity::{Contact, ContactsOf};
use contracts::inventory::{
    ReleaseStock, ReserveRefused, ReserveStock, Reserved, ShortOf, Shortage, StockLine,
};
use contracts::orders::{
    CancelOrder, CheckedOut, Checkout, CheckoutRefused, GetOrder, Idempotency, Order, OrderRef,
    OrderRefused, OrderStatus, PayOrder, PayWith, ShippingMethod,
};
use contracts::payments::{
    ClosePayment, Closing, ContinuePayment, ContinueRefused, PaymentCaptured, PaymentFailed,
    PaymentMethod, PaymentStatus,
};
use contracts::{
    AccountId, Address, Call, CallError, Caller, CartId, Currency, Money, OrderId, Quantity, Sku,
};
use kit::calls::Answer;
use kit::config::Config;
use kit::plug::Service;
use kit::testing::Rig;
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use tokio::sync::Notify;

/// What goes wrong with the next call of a kind.
#[derive(Clone)]
pub enum Fault {
    /// It is not made.
    NotDone,
    /// It is not made, and nobody knows.
    RequestLost,
    /// It is made, and its answer is lost.
    AnswerLost,
    /// It is made, and answers when it is let go.
    Late(Arc<Notify>),
    /// It is not made, and says so when it is let go.
    LateNotDone(Arc<Notify>),
}

/// The rest of the store.
#[derive(Default)]
pub struct Others {
    pub carts: BTreeMap<String, Contents>,
    pub prices: BTreeMap<Sku, Money>,
    pub available: BTreeMap<Sku, i64>,
    pub holds: BTreeMap<OrderId, Vec<StockLine>>,
    pub released: BTreeSet<OrderId>,
    pub closing: Option<Closing>,
    pub closed: Vec<ClosePayment>,
    pub continued: Vec<ContinuePayment>,
    pub continuing: Option<Result<PaymentStatus, ContinueRefused>>,
    /// In which categories a SKU stands.
    pub categories: BTreeMap<Sku, Vec<String>>,
    /// How often categories were asked for with prices.
    pub asked_for_categories: u32,
    /// The addresses of accounts.
    pub contacts: BTreeMap<AccountId, String>,
    /// What inventory says of itself to be sold out.
    pub known_short: BTreeSet<Sku>,
    /// What was in carts lately, by their names, where cart remembers that.
    pub lately: BTreeMap<String, Contents>,
    faults: BTreeMap<&'static str, VecDeque<Fault>>,
    reached: BTreeMap<&'static str, u32>,
}

impl Others {
    fn reserve(&mut self, call: &ReserveStock) -> Result<Reserved, ReserveRefused> {
        let reserved = Reserved { order: call.order };
        if self.released.contains(&call.order) {
            return Err(ReserveRefused::Released);
        }
        if self.holds.contains_key(&call.order) {
            return Ok(reserved);
        }
        let short: Vec<Shortage> = call
            .lines
            .iter()
            .filter_map(|line| {
                let available = self.available.get(&line.sku).copied().unwrap_or(0);
                let requested = line.quantity.get();
                let too_few = available < i64::from(requested);
                too_few.then(|| Shortage { sku: line.sku.clone(), requested, available })
            })
            .collect();
        if !short.is_empty() {
            return Err(ReserveRefused::OutOfStock { short });
        }
        for line in &call.lines {
            *self.available.get_mut(&line.sku).unwrap() -= i64::from(line.quantity);
        }
        self.holds.insert(call.order, call.lines.clone());
        Ok(reserved)
    }
    /// Nothing goes wrong with calls of the kind `name` any more.
    pub fn heal(&mut self, name: &str) {
        self.faults.remove(name);
    }
    fn release(&mut self, order: OrderId) {
        for line in self.holds.remove(&order).unwrap_or_default() {
            *self.available.get_mut(&line.sku).unwrap() += i64::from(line.quantity);
        }
        self.released.insert(order);
    }
}

pub struct Shop {
    pub rig: Rig,
    pub others: Arc<Mutex<Others>>,
    pub routers: Vec<axum::Router>,
}

pub fn usd(minor: i64) -> Money {
    Money::new(minor, Currency::USD)
}
pub fn sku(text: &str) -> Sku {
    text.parse().unwrap()
}
pub fn pieces(count: u32) -> Quantity {
    Quantity::new(count).unwrap()
}
pub fn address() -> Address {
    serde_json::from_value(serde_json::json!({
        "name": "Ada Lovelace", "line1": "12 St James's Square", "city": "London",
        "postal_code": "SW1Y 4JH", "country": "GB", "phone": "+442079460000"
    }))
    .unwrap()
}
pub fn card() -> PayWith {
    PayWith { method: PaymentMethod::Card, token: Some("tok_visa".into()) }
}
pub fn wallet() -> PayWith {
    PayWith { method: PaymentMethod::Wallet, token: None }
}
pub fn key(text: &str) -> Idempotency {
    Idempotency { key: text.into(), body: [0; 32] }
}
pub fn any_key() -> Idempotency {
    key(&uuid::Uuid::now_v7().to_string())
}
pub fn of(order: OrderId) -> OrderRef {
    OrderRef { order, token: None }
}

/// A checkout of what is in the caller's cart, paid by card.
pub fn checkout(key: Idempotency) -> Checkout {
    Checkout {
        of: CartToken { token: None },
        idempotency: key,
        shipping_address: address(),
        shipping_method: ShippingMethod::Standard,
        payment: card(),
        email: None,
        cart_version: None,
    }
}
/// The same for the guest whose cart is named `token`.
pub fn guest_checkout(token: &str, key: Idempotency) -> Checkout {
    let of = CartToken { token: Some(token.into()) };
    Checkout { of, email: Some("guest@example.com".into()), ..checkout(key) }
}

fn cart_name(caller: &Caller, of: &CartToken) -> String {
    caller.account().map_or_else(|| of.token.clone().unwrap_or_default(), |a| a.to_string())
}

impl Shop {
    pub async fn open() -> Self {
        Self::open_with(Config::default()).await
    }
    pub async fn open_with(config: Config) -> Self {
        let mut rig = Rig::start(&[Box::new(orders::plug())], config).await;
        let routers = rig.nodes.iter_mut().map(|node| {
            let routes = node.services[0].routes.take().unwrap();
            routes.split_for_parts().0
        });
        let routers = routers.collect();
        let shop = Self { others: Arc::default(), routers, rig };
        shop.play();
        shop
    }
    /// Nothing of orders is started: for tests that start it by themselves.
    pub async fn without_orders() -> Self {
        let none: &[Box<dyn Service>] = &[];
        let rig = Rig::start(none, Config::default()).await;
        let shop = Self { others: Arc::default(), routers: Vec::new(), rig };
        shop.play();
        shop
    }
    fn play(&self) {
        for (name, price, available) in
            [("BOOK-1", 500, 100_000), ("BOOK-2", 1999, 100_000), ("LAST", 700, 1)]
        {
            self.sell(name, price, available);
        }
        self.answer("cart", |others, caller, call: CartContents| {
            let nothing = Contents { cart: None, version: 0, lines: Vec::new(), lately: false };
            let name = cart_name(&caller, &call.of);
            let lately = others.lately.get(&name).filter(|_| call.lately);
            Ok(lately.or_else(|| others.carts.get(&name)).cloned().unwrap_or(nothing))
        });
        self.answer("prices", |others, _, call: PricesOf| {
            others.asked_for_categories += u32::from(call.categories);
            let priced = |sku: Sku| {
                let price = *others.prices.get(&sku)?;
                let (slug, title) = (sku.to_string().to_lowercase(), format!("Title of {sku}"));
                let product = uuid::Uuid::nil().into();
                let stands = others.categories.get(&sku).cloned().unwrap_or_default();
                let categories = if call.categories { stands } else { Vec::new() };
                Some(Priced { sku, product, slug, title, image: None, price, categories })
            };
            Ok(call.skus.into_iter().filter_map(priced).collect())
        });
        self.answer("contacts", |others, _, call: ContactsOf| {
            let contact = |account: AccountId| {
                let email = others.contacts.get(&account)?.clone();
                Some(Contact { account, email, name: "Ada".into() })
            };
            Ok(call.accounts.into_iter().filter_map(contact).collect())
        });
        self.answer("reserve", |others, _, call: ReserveStock| {
            others.reserve(&call).map_err(CallError::Refused)
        });
        self.answer("short", |others, _, call: ShortOf| {
            let known = |line: &StockLine| others.known_short.contains(&line.sku);
            let shortage = |line: StockLine| Shortage {
                sku: line.sku,
                requested: line.quantity.get(),
                available: 0,
            };
            Ok(call.lines.into_iter().filter(known).map(shortage).collect())
        });
        self.answer("release", |others, _, call: ReleaseStock| {
            others.release(call.order);
            Ok(())
        });
        self.answer("close", |others, _, call: ClosePayment| {
            others.closed.push(call);
            Ok(others.closing.unwrap_or(Closing::Closed))
        });
        self.answer("continue", |others, _, call: ContinuePayment| {
            others.continued.push(call);
            let answer = others.continuing.clone().unwrap_or(Ok(PaymentStatus::Pending));
            answer.map_err(CallError::Refused)
        });
    }
    fn answer<C: Call>(
        &self,
        name: &'static str,
        answer: impl Fn(&mut Others, Caller, C) -> Answer<C> + Copy + Send + Sync + 'static,
    ) {
        let others = Arc::clone(&self.others);
        self.rig.registry.answer::<C>(move |caller, call| {
            let others = Arc::clone(&others);
            Box::pin(async move {
                let fault = {
                    let mut others = others.lock();
                    *others.reached.entry(name).or_default() += 1;
                    others.faults.get_mut(name).and_then(VecDeque::pop_front)
                };
                let done = |others: &Arc<Mutex<Others>>| answer(&mut others.lock(), caller, call);
                match fault {
                    None => done(&others),
                    Some(Fault::NotDone) => Err(CallError::NotDone("a fault".into())),
                    Some(Fault::RequestLost) => Err(CallError::Unknown("a fault".into())),
                    Some(Fault::AnswerLost) => {
                        let _ = done(&others);
                        Err(CallError::Unknown("a fault".into()))
                    }
                    Some(Fault::Late(go)) => {
                        let answer = done(&others);
                        go.notified().await;
                        answer
                    }
                    Some(Fault::LateNotDone(go)) => {
                        go.notified().await;
                        Err(CallError::NotDone("a fault".into()))
                    }
                }
            })
        });
    }
    /// The next call of the kind `name` fails so.
    pub fn fail(&self, name: &'static str, fault: Fault) {
        self.others.lock().faults.entry(name).or_default().push_back(fault);
    }
    /// Waits until `name` was called `times` times.
    /// How often a call of the kind `name` came so far.
    pub fn times(&self, name: &str) -> u32 {
        self.others.lock().reached.get(name).copied().unwrap_or(0)
    }
    pub async fn reached(&self, name: &'static str, times: u32) {
        while self.times(name) < times {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
    }
    pub fn sell(&self, name: &str, price: i64, available: i64) {
        let mut others = self.others.lock();
        others.prices.insert(sku(name), usd(price));
        others.available.insert(sku(name), available);
    }
    pub fn available(&self, name: &str) -> i64 {
        self.others.lock().available[&sku(name)]
    }
    pub fn held(&self, order: OrderId) -> bool {
        self.others.lock().holds.contains_key(&order)
    }
    pub fn holds(&self) -> usize {
        self.others.lock().holds.len()
    }
    /// Fills the caller's cart (or the one that `token` names) with a new version.
    pub fn fill_named(&self, name: String, lines: &[(&str, u32)]) {
        let mut others = self.others.lock();
        let shown = others.prices.clone();
        let line = |(name, count): &(&str, u32)| ContentsLine {
            sku: sku(name),
            quantity: pieces(*count),
            shown_price: shown.get(&sku(name)).copied(),
        };
        let new = Contents {
            cart: Some(self.rig.id::<CartId>()),
            version: 0,
            lines: Vec::new(),
            lately: false,
        };
        let cart = others.carts.entry(name).or_insert(new);
        cart.version += 1;
        cart.lines = lines.iter().map(line).collect();
    }
    pub fn fill(&self, caller: &Caller, lines: &[(&str, u32)]) {
        self.fill_named(caller.account().unwrap().to_string(), lines);
    }
    pub async fn check_out(
        &self,
        caller: &Caller,
        command: Checkout,
    ) -> Result<Order, CallError<CheckoutRefused>> {
        self.rig.call(caller, command).await.map(|done: CheckedOut| done.order)
    }
    pub async fn refused(&self, caller: &Caller, command: Checkout) -> CheckoutRefused {
        let refused = self.check_out(caller, command).await.unwrap_err();
        refused.refused().expect("the domain refuses it")
    }
    /// Fills the caller's cart and orders it.
    pub async fn order(&self, caller: &Caller) -> Order {
        self.fill(caller, &[("BOOK-1", 2)]);
        self.check_out(caller, checkout(any_key())).await.expect("an order")
    }
    pub async fn paid_order(&self, caller: &Caller) -> Order {
        let order = self.order(caller).await;
        self.capture(&order).await;
        self.get(caller, order.id).await
    }
    pub async fn get(&self, caller: &Caller, order: OrderId) -> Order {
        self.rig.call(caller, GetOrder { of: of(order) }).await.expect("the order")
    }
    pub async fn status(&self, order: OrderId) -> OrderStatus {
        self.get(&Caller::Store, order).await.status
    }
    pub async fn capture(&self, order: &Order) {
        self.rig.tell(captured(order)).await;
    }
    pub async fn cancel(
        &self,
        caller: &Caller,
        order: OrderId,
    ) -> Result<Order, CallError<OrderRefused>> {
        let command = CancelOrder { of: of(order), idempotency: any_key() };
        self.rig.call(caller, command).await
    }
    pub async fn pay(
        &self,
        caller: &Caller,
        order: OrderId,
        key: Idempotency,
        with: Option<PayWith>,
    ) -> Result<Order, CallError<OrderRefused>> {
        self.rig.call(caller, PayOrder { of: of(order), idempotency: key, payment: with }).await
    }
    /// Closes the databases. Services know each other in a ring and are never dropped: without
    /// it the tests of one process would use up the connections of a server.
    pub async fn close(&self) {
        for node in &self.rig.nodes {
            node.halt_relays();
            for running in &node.services {
                running.waves.stop().await;
                running.db.close().await;
            }
        }
    }
    /// Runs SQL by hand, for states that no call brings about yet.
    pub async fn sql(&self, sql: &str) {
        use sea_orm::ConnectionTrait as _;
        self.rig.nodes[0].services[0].db.reader().execute_unprepared(sql).await.expect("sql");
    }
    pub async fn count(&self, table: &str) -> i64 {
        use sea_orm::{ConnectionTrait as _, Statement};
        let db = self.rig.nodes[0].services[0].db.reader();
        let sql = format!("SELECT COUNT(*) FROM {table}");
        let sql = Statement::from_string(db.get_database_backend(), sql);
        db.query_one_raw(sql).await.unwrap().unwrap().try_get_by_index(0).unwrap()
    }
}

pub fn captured(order: &Order) -> PaymentCaptured {
    PaymentCaptured {
        payment: order.payment.id,
        order: order.id,
        amount: order.total,
        receipt: None,
    }
}
pub fn failed(order: &Order) -> PaymentFailed {
    PaymentFailed {
        payment: order.payment.id,
        order: order.id,
        failure_code: "card_declined".into(),
    }
}
