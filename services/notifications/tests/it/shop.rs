//! The store around notifications: its orders and its people, as the test wants them.
use contracts::cart::CartLine;
use contracts::identity::{
    Contact, ContactsOf, LinkAsked, LinkPurpose, LinksFor, SecretLink, StaffContacts,
};
use contracts::notifications::{GetMail, Mail, MailStatus, WholeMail};
use contracts::orders::{
    CancelReason, GetShop, Order, OrderCancelled, OrderForLetter, OrderPaid, OrderPayment,
    OrderPlaced, OrderStatus, OrdersForLetters, ShippingMethod, ShopTerms,
};
use contracts::payments::{PaymentMethod, PaymentStatus};
use contracts::{
    AccountId, Address, CallError, Caller, Currency, LinkId, MailId, Money, OrderId, Quantity,
};
use kit::clock::Clock as _;
use kit::config::Config;
use kit::db::Reader;
use kit::plug::Service;
use kit::testing::{Rig, admin};
use sea_orm::{ConnectionTrait as _, QueryResult, Statement};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

pub const TITLE: &str = "Dune <b>& \"Co\"</b>";

/// What orders and identity know.
#[derive(Clone, Default)]
pub struct Shop(Arc<Mutex<Facts>>);

#[derive(Default)]
pub struct Facts {
    pub orders: BTreeMap<OrderId, OrderForLetter>,
    pub people: BTreeMap<AccountId, Contact>,
    pub links: BTreeMap<LinkId, SecretLink>,
    pub staff: Vec<AccountId>,
    /// While set, this neighbour does not answer.
    pub orders_away: bool,
    pub identity_away: bool,
    /// How many ids each call had.
    pub asked_of_orders: Vec<usize>,
    pub asked_of_identity: Vec<usize>,
    pub asked_for_shop: usize,
    pub asked_for_staff: usize,
}

impl Shop {
    pub async fn open() -> (Rig, Self) {
        Self::posting("outbox:").await
    }
    /// Where the test plays orders itself.
    pub async fn without_orders() -> (Rig, Self) {
        Self::configured("outbox:", false).await
    }
    /// A shop whose letters go to the mail server at `mail`.
    pub async fn posting(mail: &str) -> (Rig, Self) {
        Self::configured(mail, true).await
    }
    async fn configured(mail: &str, with_orders: bool) -> (Rig, Self) {
        let mail_from = "Feria <shop@feria.example>".into();
        let config = Config { mail_from, mail: mail.into(), ..Config::default() };
        let services: [Box<dyn Service>; 1] = [Box::new(notifications::plug())];
        let rig = Rig::start(&services, config).await;
        let shop = Self::default();
        let known = shop.clone();
        rig.play::<ContactsOf>(move |caller, call| known.contacts_of(&caller, &call));
        let known = shop.clone();
        rig.play::<GetShop>(move |_, _| Ok(known.terms()));
        let known = shop.clone();
        rig.play::<LinksFor>(move |caller, call| known.links_for(&caller, &call));
        let known = shop.clone();
        rig.play::<StaffContacts>(move |caller, _| known.staff_contacts(&caller));
        if with_orders {
            let known = shop.clone();
            rig.play::<OrdersForLetters>(move |caller, call| {
                known.orders_for_letters(&caller, &call)
            });
        }
        (rig, shop)
    }
    fn terms(&self) -> contracts::orders::Shop {
        self.change(|facts| facts.asked_for_shop += 1);
        let vat_id = Some("PT999999990".into());
        let terms = ShopTerms { name: "Feria".into(), vat_id, ..ShopTerms::default() };
        contracts::orders::Shop { terms, currency: Currency::USD, version: 0, changed_at: None }
    }
    fn links_for(&self, caller: &Caller, call: &LinksFor) -> kit::calls::Answer<LinksFor> {
        assert_eq!(*caller, Caller::Store);
        self.change(|facts| {
            if facts.identity_away {
                return Err(CallError::NotDone("identity is away".into()));
            }
            Ok(call.links.iter().filter_map(|link| facts.links.get(link)).cloned().collect())
        })
    }
    fn staff_contacts(&self, caller: &Caller) -> kit::calls::Answer<StaffContacts> {
        assert_eq!(*caller, Caller::Store);
        self.change(|facts| {
            facts.asked_for_staff += 1;
            if facts.identity_away {
                return Err(CallError::NotDone("identity is away".into()));
            }
            Ok(facts.staff.iter().map(|one| facts.people[one].clone()).collect())
        })
    }
    /// A new link of `account`, that works for an hour, and the news of it.
    pub fn link(&self, rig: &Rig, account: AccountId, purpose: LinkPurpose) -> LinkAsked {
        let link: LinkId = rig.id();
        let token = format!("s3cret-{}", link.0.simple());
        let expires_at = rig.clock.now().after(Duration::from_secs(3600));
        let secret = SecretLink { link, account, token, expires_at };
        self.change(|facts| facts.links.insert(link, secret));
        LinkAsked { link, account, purpose }
    }
    pub fn change<T>(&self, change: impl FnOnce(&mut Facts) -> T) -> T {
        change(&mut self.0.lock().unwrap())
    }
    pub fn orders_for_letters(
        &self,
        caller: &Caller,
        call: &OrdersForLetters,
    ) -> kit::calls::Answer<OrdersForLetters> {
        assert_eq!(*caller, Caller::Store);
        self.change(|facts| {
            facts.asked_of_orders.push(call.orders.len());
            if facts.orders_away {
                return Err(CallError::NotDone("orders is away".into()));
            }
            Ok(call.orders.iter().filter_map(|order| facts.orders.get(order)).cloned().collect())
        })
    }
    fn contacts_of(&self, caller: &Caller, call: &ContactsOf) -> kit::calls::Answer<ContactsOf> {
        assert_eq!(*caller, Caller::Store);
        self.change(|facts| {
            facts.asked_of_identity.push(call.accounts.len());
            if facts.identity_away {
                return Err(CallError::Unknown("no answer came".into()));
            }
            Ok(call.accounts.iter().filter_map(|one| facts.people.get(one)).cloned().collect())
        })
    }
    pub fn person(&self, rig: &Rig, name: &str) -> AccountId {
        let account: AccountId = rig.id();
        let email = format!("{}@example.com", account.0.simple());
        let contact = Contact { account, email, name: name.into() };
        self.change(|facts| facts.people.insert(account, contact));
        account
    }
    pub fn email_of(&self, account: AccountId) -> String {
        self.change(|facts| facts.people[&account].email.clone())
    }
    /// A new order: an account's, or a guest's with an address.
    pub fn order(&self, rig: &Rig, account: Option<AccountId>, email: Option<&str>) -> Order {
        let order = order(rig);
        let email = email.map(Into::into);
        let receipt = Some("17".into());
        let known = OrderForLetter { account, email, receipt, order: order.clone() };
        self.change(|facts| facts.orders.insert(order.id, known));
        order
    }
}

fn usd(minor: i64) -> Money {
    Money::new(minor, Currency::USD)
}

fn order(rig: &Rig) -> Order {
    let id: OrderId = rig.id();
    let line = |sku: &str, title: &str, quantity, each| CartLine {
        sku: sku.parse().unwrap(),
        title: title.into(),
        slug: "dune".into(),
        image: None,
        quantity: Quantity::new(quantity).unwrap(),
        unit_price: usd(each),
        line_total: usd(each * i64::from(quantity)),
    };
    Order {
        id,
        number: format!("F-{}", &id.0.simple().to_string()[20..]),
        status: OrderStatus::Pending,
        items: vec![line("DUNE-PB", TITLE, 2, 999), line("EMMA-HC", "Emma", 1, 1500)],
        subtotal: usd(3498),
        shipping: usd(499),
        tax: usd(0),
        tax_included: usd(0),
        tax_lines: Vec::new(),
        discount: usd(100),
        total: usd(3897),
        payment: OrderPayment {
            id: rig.id(),
            status: PaymentStatus::Pending,
            method: PaymentMethod::Card,
            failure_code: None,
            reference: None,
            instructions: None,
        },
        shipping_method: ShippingMethod::Standard,
        shipping_address: Address {
            name: "Eve\r\nBcc: mallory@example.com".into(),
            line1: "1 <i>Main</i> Street".into(),
            line2: None,
            city: "Lisboa".into(),
            postal_code: "1000".into(),
            country: "PT".into(),
            phone: None,
        },
        tracking: None,
        shipments: Vec::new(),
        refunded: usd(0),
        cancel_reason: None,
        expires_at: None,
        created_at: rig.clock.now(),
        version: 1,
    }
}

pub fn placed(rig: &Rig, order: &Order, account: Option<AccountId>) -> OrderPlaced {
    OrderPlaced {
        order: order.id,
        account,
        cart: rig.id(),
        lines: Vec::new(),
        total: order.total,
        payment: order.payment.id,
        method: PaymentMethod::Card,
        token: None,
        expires_at: None,
    }
}
pub fn paid(rig: &Rig, order: &Order, account: Option<AccountId>) -> OrderPaid {
    OrderPaid {
        order: order.id,
        account,
        cart: rig.id(),
        lines: Vec::new(),
        total: order.total,
        placed_with: Some(PaymentMethod::Card),
    }
}
pub fn cancelled(
    order: &Order,
    account: Option<AccountId>,
    reason: CancelReason,
    was_paid: bool,
) -> OrderCancelled {
    let payment = order.payment.id;
    OrderCancelled { order: order.id, account, lines: Vec::new(), was_paid, payment, reason }
}

fn reader(rig: &Rig) -> &Reader {
    rig.nodes[0].service("notifications").unwrap().db.reader()
}

pub async fn rows(rig: &Rig, sql: &str) -> Vec<QueryResult> {
    let reader = reader(rig);
    let asked = Statement::from_string(reader.get_database_backend(), sql);
    reader.query_all_raw(asked).await.unwrap()
}
pub async fn count(rig: &Rig, sql: &str) -> i64 {
    rows(rig, &format!("SELECT COUNT(*) FROM {sql}")).await[0].try_get_by_index(0).unwrap()
}

/// A mail as it was kept.
#[derive(Debug)]
pub struct Kept {
    pub kind: String,
    pub to: String,
    pub subject: String,
    pub text: String,
    pub html: String,
    pub status: MailStatus,
}
/// All mails, by kind and address, as staff read them.
pub async fn mails(rig: &Rig) -> Vec<Kept> {
    let mut kept = Vec::new();
    for row in rows(rig, "SELECT id FROM mails ORDER BY kind, recipient").await {
        let mail = GetMail { mail: MailId(row.try_get_by_index(0).unwrap()) };
        let WholeMail { mail, text, html, .. } = rig.call(&admin(), mail).await.unwrap();
        let Mail { kind, to, subject, status, .. } = mail;
        kept.push(Kept { kind, to, subject, text, html, status });
    }
    kept
}
/// Changes rows behind the service's back.
pub async fn change(rig: &Rig, sql: &str) {
    let reader = reader(rig);
    let asked = Statement::from_string(reader.get_database_backend(), sql);
    reader.execute_raw(asked).await.unwrap();
}

/// Waits until `holds`, while workers work.
pub async fn until<F: Future<Output = bool>>(rig: &Rig, what: &str, holds: impl Fn() -> F) {
    let started = Instant::now();
    loop {
        rig.work("notifications", "write_letters").await;
        if holds().await {
            return;
        }
        assert!(started.elapsed() < Duration::from_secs(20), "not within 20 s: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
/// Waits until no letter is due any more.
pub async fn all_written(rig: &Rig) {
    let due = || async { count(rig, "letters WHERE next_at IS NOT NULL").await == 0 };
    until(rig, "no letter is due", due).await;
}
/// Waits until every letter that is due was tried in vain, and none is under a claim: from then
/// on the clock may be moved without changing when they are tried again.
pub async fn all_waiting(rig: &Rig) {
    let waiting = || async {
        // A claim ends in 60 seconds; after its first tries a letter waits for less than 30.
        let now = rig.clock.now().micros();
        let restless = format!("letters WHERE next_at <= {now} OR next_at > {}", now + 30_000_000);
        count(rig, &restless).await == 0
    };
    until(rig, "all letters wait", waiting).await;
}
