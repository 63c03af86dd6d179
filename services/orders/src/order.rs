//! The order: its states, who may open it, and what each fact does to it. Pure.
//!
//! `pending` becomes `paid` or `cancelled`, and `paid` becomes `cancelled`; what parcels make of
//! it stands in [`crate::parcels`]. An order that is paid on delivery is sent while `pending`,
//! and its money comes last: then it is paid for the books, and its state stays. Every fact may
//! come twice or too late, and a fact that the state has left behind changes nothing.
use crate::methods::creditor_reference;
use crate::quote::Quote;
use contracts::cart::CartLine;
use contracts::inventory::StockLine;
use contracts::orders::{
    CancelReason, OrderCancelled, OrderDelivered, OrderFulfilled, OrderPaid, OrderPayment,
    OrderPlaced, OrderRefunded, OrderStatus, PayWith, Shipment, ShipmentDelivered, ShipmentSent,
    ShippingMethod, TrackingStep,
};
use contracts::payments::{PaymentMethod, PaymentStatus};
use contracts::{AccountId, Address, CartId, Money, OrderId, PaymentId, Timestamp};

/// An order, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The order.
    pub id: OrderId,
    /// What people call it.
    pub number: String,
    /// Whose; none for a guest.
    pub account: Option<AccountId>,
    /// Where to write to a guest.
    pub email: Option<String>,
    /// From which cart.
    pub cart: CartId,
    /// From which version of it.
    pub cart_version: i64,
    /// Where it stands.
    pub status: OrderStatus,
    /// What was ordered: one line a SKU.
    pub items: Vec<CartLine>,
    /// What it costs.
    pub quote: Quote,
    /// Its present payment.
    pub payment: OrderPayment,
    /// The payment that is to take the place of the present one, once payments confirms it.
    pub next: Option<NextPayment>,
    /// What went back to whoever paid.
    pub refunded: Money,
    /// How it travels.
    pub shipping_method: ShippingMethod,
    /// Where it goes.
    pub shipping_address: Address,
    /// The carrier's code.
    pub tracking: Option<String>,
    /// The parcels, oldest first.
    pub shipments: Vec<Shipment>,
    /// The method that it was placed with, where that was written down.
    pub placed_with: Option<PaymentMethod>,
    /// When its money was ours: of an order that is paid on delivery no step says so.
    pub paid_at: Option<Timestamp>,
    /// The number of its receipt, once payments has told it.
    pub receipt: Option<i64>,
    /// The account that the shopper was told to transfer to.
    pub bank_account: Option<String>,
    /// Whether its payment is being closed, while it is pending: its end is not known until that
    /// is done, so that nothing is sent and no other payment begun.
    pub closing: bool,
    /// Why it was cancelled.
    pub cancel_reason: Option<CancelReason>,
    /// When it ends by itself; none once decided.
    pub expires_at: Option<Timestamp>,
    /// What it became, and when.
    pub steps: Vec<TrackingStep>,
    /// Rises with every change.
    pub version: i64,
}

/// A payment that was asked for instead of the present one. It takes its place when payments
/// says so, by an answer or by an event: until then money may still come by either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NextPayment {
    /// The payment.
    pub id: PaymentId,
    /// By which method.
    pub method: PaymentMethod,
    /// When the order ends by itself once this is its payment.
    pub expires_at: Option<Timestamp>,
}

/// What a new order is made of.
#[derive(Clone, Debug)]
pub struct Placing {
    /// Its id, chosen when the checkout began.
    pub id: OrderId,
    /// What people will call it.
    pub number: String,
    /// Whose; none for a guest.
    pub account: Option<AccountId>,
    /// Where to write to a guest.
    pub email: Option<String>,
    /// From which cart.
    pub cart: CartId,
    /// From which version of it.
    pub cart_version: i64,
    /// What is ordered: one line a SKU.
    pub items: Vec<CartLine>,
    /// What it costs.
    pub quote: Quote,
    /// How it travels.
    pub shipping_method: ShippingMethod,
    /// Where it goes.
    pub shipping_address: Address,
    /// The id of the payment to ask for.
    pub payment: PaymentId,
    /// How it is paid.
    pub with: PayWith,
    /// The account to transfer to, where it is paid so.
    pub bank_account: Option<String>,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// Now.
    pub now: Timestamp,
}

/// What others are told when an order changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// It was paid.
    Paid(OrderPaid),
    /// It ended without delivery.
    Cancelled(OrderCancelled),
    /// A parcel was handed to the carrier.
    Sent(ShipmentSent),
    /// A parcel arrived.
    Arrived(ShipmentDelivered),
    /// Nothing is left to send.
    Fulfilled(OrderFulfilled),
    /// All of it arrived.
    Delivered(OrderDelivered),
    /// It was given back whole.
    Refunded(OrderRefunded),
}

/// All of the money went back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Whole {
    /// Whether staff put the goods on the shelf again.
    pub restock: bool,
}

/// The order's state does not allow it; with what it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the order is {0}")]
pub struct WrongState(pub String);

/// Another amount was captured than the order costs: a fault of the store, for its staff.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("order {order}: {captured} captured where {total} was asked for")]
pub struct WrongAmount {
    /// Of which order.
    pub order: OrderId,
    /// What came.
    pub captured: Money,
    /// What was asked for.
    pub total: Money,
}

impl Order {
    /// A new order, pending, with the news of it.
    pub fn place(new: Placing) -> (Self, OrderPlaced) {
        let refunded = Money::zero(new.quote.total.currency);
        let order = Self {
            id: new.id,
            number: new.number,
            account: new.account,
            email: new.email,
            cart: new.cart,
            cart_version: new.cart_version,
            status: OrderStatus::Pending,
            items: new.items,
            quote: new.quote,
            payment: OrderPayment {
                id: new.payment,
                status: PaymentStatus::Pending,
                method: new.with.method,
                failure_code: None,
                reference: None,
                instructions: None,
            },
            next: None,
            refunded,
            shipping_method: new.shipping_method,
            shipping_address: new.shipping_address,
            tracking: None,
            shipments: Vec::new(),
            placed_with: Some(new.with.method),
            paid_at: None,
            receipt: None,
            bank_account: new.bank_account,
            closing: false,
            cancel_reason: None,
            expires_at: new.expires_at,
            steps: vec![TrackingStep { status: OrderStatus::Pending, at: new.now }],
            version: 1,
        };
        let placed = OrderPlaced {
            order: order.id,
            account: order.account,
            cart: order.cart,
            lines: order.lines(),
            total: order.quote.total,
            payment: order.payment.id,
            method: order.payment.method,
            token: new.with.token,
            expires_at: order.expires_at,
        };
        (order, placed)
    }
    /// What is held for it: one line a SKU.
    pub fn lines(&self) -> Vec<StockLine> {
        stock_lines(&self.items)
    }
    /// When it became `status`.
    pub fn since(&self, status: OrderStatus) -> Option<Timestamp> {
        self.steps.iter().find(|step| step.status == status).map(|step| step.at)
    }
    /// When it was placed.
    pub fn created_at(&self) -> Timestamp {
        self.since(OrderStatus::Pending).unwrap_or(Timestamp::from_micros(0))
    }
    /// Whether a guest placed it, whose ever it is now.
    pub fn was_guests(&self) -> bool {
        self.email.is_some()
    }
    /// Whether its money is ours, or was.
    pub fn is_paid(&self) -> bool {
        self.paid_at.is_some()
    }
    /// What it is, for whoever wants something that this does not allow.
    pub fn wrong_state(&self) -> WrongState {
        let why = match self.status {
            OrderStatus::Pending | OrderStatus::Paid if !self.shipments.is_empty() => {
                ", and partly on its way"
            }
            OrderStatus::Pending if self.closing => ", and being cancelled",
            OrderStatus::Pending if self.next.is_some() => ", and its payment is being changed",
            _ => "",
        };
        WrongState(format!("{}{why}", status_name(self.status)))
    }
    /// The payment that payments was asked for last.
    pub fn latest_payment(&self) -> PaymentId {
        self.next.map_or(self.payment.id, |next| next.id)
    }

    /// `payment` was captured. A pending order is paid by its present payment or by the one that
    /// was asked for instead: nothing comes from payments for the second unless it began, and
    /// nothing stays captured by the first once the second did. Any other payment was voided
    /// before, and one for an order that is decided is given back by payments itself: neither
    /// changes anything here. Should an order ever have lost sight of the payment that pays it
    /// (two others were asked for, and both outcomes are unknown), closing finds the money.
    ///
    /// One that was sent unpaid is paid by it for the books: what it became stays. `receipt` is
    /// kept whenever it comes, for closing and continuing find money without its number.
    /// # Errors
    /// When it is not the order's total.
    pub fn captured(
        &mut self,
        payment: PaymentId,
        amount: Money,
        receipt: Option<i64>,
        now: Timestamp,
    ) -> Result<Option<News>, WrongAmount> {
        if !self.recognises(payment) {
            return Ok(None);
        }
        let news = if self.waits_for_money() { Some(self.paid(amount, now)?) } else { None };
        if self.is_paid() && self.receipt.is_none() && receipt.is_some() {
            self.receipt = receipt;
            self.version += i64::from(news.is_none());
        }
        Ok(news)
    }
    /// A second capture finds it paid, or ended.
    fn waits_for_money(&self) -> bool {
        let sent = matches!(self.status, OrderStatus::Fulfilled | OrderStatus::Delivered);
        self.status == OrderStatus::Pending || sent && !self.is_paid()
    }
    /// The money is ours, by whichever payment: closing says so without naming one.
    /// # Errors
    /// When it is not the order's total.
    pub fn captured_at_closing(
        &mut self,
        amount: Money,
        now: Timestamp,
    ) -> Result<Option<News>, WrongAmount> {
        if self.status == OrderStatus::Pending {
            self.paid(amount, now).map(Some)
        } else {
            Ok(None)
        }
    }
    fn paid(&mut self, captured: Money, now: Timestamp) -> Result<News, WrongAmount> {
        let total = self.quote.total;
        if captured != total {
            return Err(WrongAmount { order: self.id, captured, total });
        }
        self.payment.status = PaymentStatus::Captured;
        self.payment.failure_code = None;
        self.paid_at = Some(now);
        match self.status {
            OrderStatus::Pending => self.become_now(OrderStatus::Paid, now),
            _ => self.version += 1,
        }
        Ok(News::Paid(OrderPaid {
            order: self.id,
            account: self.account,
            cart: self.cart,
            lines: self.lines(),
            total,
            placed_with: self.placed_with,
        }))
    }
    /// `payment` was refused. A pending order ends with its present payment, unless another was
    /// asked for instead: then that one decides.
    pub fn payment_failed(
        &mut self,
        payment: PaymentId,
        failure_code: &str,
        now: Timestamp,
    ) -> Option<News> {
        if !self.recognises(payment) || self.status != OrderStatus::Pending {
            return None;
        }
        self.payment.status = PaymentStatus::Failed;
        self.payment.failure_code = Some(failure_code.to_owned());
        self.version += 1;
        match self.next {
            Some(_) => None,
            None => self.cancel(CancelReason::PaymentFailed, now).ok().flatten(),
        }
    }
    /// `payment` waits for the shopper.
    pub fn action_required(&mut self, payment: PaymentId) {
        if self.recognises(payment) {
            self.payment_is(PaymentStatus::RequiresAction);
        }
    }
    /// Payments says where the present payment stands. Where money moved or was refused, an
    /// event tells more; an order that is decided shows what decided it.
    pub fn payment_is(&mut self, status: PaymentStatus) {
        let shown = matches!(
            status,
            PaymentStatus::Pending | PaymentStatus::RequiresAction | PaymentStatus::Authorized
        );
        if shown && self.status == OrderStatus::Pending && self.payment.status != status {
            self.payment.status = status;
            self.version += 1;
        }
    }
    /// `refunded` of `payment` went back, over all refunds. A part is only shown; all of it ends
    /// the order ([`Self::given_back`]), if nothing ended it before.
    pub fn refunded(
        &mut self,
        payment: PaymentId,
        refunded: Money,
        whole: Option<Whole>,
        now: Timestamp,
    ) -> Option<News> {
        let fits = refunded.currency == self.refunded.currency
            && (self.refunded.minor..=self.quote.total.minor).contains(&refunded.minor);
        if !self.recognises(payment) || !fits {
            return None;
        }
        let status = match whole {
            Some(_) => PaymentStatus::Refunded,
            None => PaymentStatus::PartiallyRefunded,
        };
        if (self.refunded, self.payment.status) != (refunded, status) {
            (self.refunded, self.payment.status) = (refunded, status);
            self.version += 1;
        }
        whole.and_then(|whole| self.given_back(whole.restock, now))
    }
    /// It was paid, and the stock is gone.
    pub fn stock_missing(&mut self, now: Timestamp) -> Option<News> {
        if self.status != OrderStatus::Paid {
            return None;
        }
        self.cancel(CancelReason::StockMissing, now).ok().flatten()
    }
    /// Ends it without delivery. Cancelling again changes nothing.
    /// # Errors
    /// From the first parcel on.
    pub fn cancel(
        &mut self,
        reason: CancelReason,
        now: Timestamp,
    ) -> Result<Option<News>, WrongState> {
        match self.status {
            OrderStatus::Cancelled => Ok(None),
            OrderStatus::Pending | OrderStatus::Paid if self.shipments.is_empty() => {
                Ok(Some(self.end(reason, now)))
            }
            _ => Err(self.wrong_state()),
        }
    }
    pub(crate) fn end(&mut self, reason: CancelReason, now: Timestamp) -> News {
        let was_paid = self.is_paid();
        if !was_paid && self.payment.status != PaymentStatus::Failed {
            self.payment.status = PaymentStatus::Voided;
        }
        self.cancel_reason = Some(reason);
        self.become_now(OrderStatus::Cancelled, now);
        News::Cancelled(OrderCancelled {
            order: self.id,
            account: self.account,
            lines: self.lines(),
            was_paid,
            payment: self.payment.id,
            reason,
        })
    }

    /// Asks for `next` instead of the present payment; to `bank_account`, where it is a transfer.
    /// A try that is repeated changes nothing, its time neither.
    /// # Errors
    /// When the order is decided, is being cancelled, or is on its way to be paid on delivery.
    pub fn switch_to(
        &mut self,
        next: NextPayment,
        bank_account: Option<String>,
    ) -> Result<(), WrongState> {
        let open = self.status == OrderStatus::Pending && !self.closing;
        if !open || !self.shipments.is_empty() {
            return Err(self.wrong_state());
        }
        if self.payment.id != next.id && self.next.is_none_or(|known| known.id != next.id) {
            self.next = Some(next);
            // Until it is known which of the two pays, nothing is sent. One that would wait for
            // ever ends with the other's time then: nobody may ever ask again.
            self.expires_at = self.expires_at.or(next.expires_at);
            self.bank_account = bank_account.or_else(|| self.bank_account.take());
            self.version += 1;
        }
        Ok(())
    }
    /// Whether it is to be paid by `method` as it stands, whenever that may be.
    pub fn is_to_be_paid_by(&self, method: PaymentMethod) -> bool {
        let open = self.status == OrderStatus::Pending && !self.closing && self.next.is_none();
        open && self.expires_at.is_none() && self.payment.method == method
    }
    /// Payments has begun `next`: it is the present payment from now on.
    pub fn switched(&mut self, next: PaymentId) {
        self.recognises(next);
    }
    /// Payments refused to begin `next`: the present payment decides alone again, and has if it
    /// was refused meanwhile.
    pub fn not_switched(&mut self, next: PaymentId, now: Timestamp) -> Option<News> {
        if self.next.is_none_or(|known| known.id != next) {
            return None;
        }
        self.next = None;
        if self.payment.method == PaymentMethod::CashOnDelivery && !self.closing {
            self.expires_at = None;
        }
        self.version += 1;
        let decided =
            self.status == OrderStatus::Pending && self.payment.status == PaymentStatus::Failed;
        if decided { self.cancel(CancelReason::PaymentFailed, now).ok().flatten() } else { None }
    }
    /// Whether `payment` is the present one; the one that was asked for instead becomes it, as
    /// payments knows it.
    fn recognises(&mut self, payment: PaymentId) -> bool {
        if let Some(next) = self.next.filter(|next| next.id == payment) {
            let decided = self.status != OrderStatus::Pending;
            let status = if decided { self.payment.status } else { PaymentStatus::Pending };
            let failure_code = self.payment.failure_code.take().filter(|_| decided);
            self.payment = OrderPayment {
                id: next.id,
                status,
                method: next.method,
                failure_code,
                reference: None,
                instructions: None,
            };
            // Somebody wants an order that is being closed to end: it keeps the time that ends it.
            if !decided && !self.closing {
                self.expires_at = next.expires_at;
            }
            self.next = None;
            self.version += 1;
        }
        self.payment.id == payment
    }

    /// Every step goes through here.
    pub(crate) fn become_now(&mut self, status: OrderStatus, now: Timestamp) {
        self.status = status;
        self.expires_at = None;
        self.steps.push(TrackingStep { status, at: now });
        self.version += 1;
    }

    /// The payment, with what a transfer has to name.
    fn payment_view(&self) -> OrderPayment {
        let mut payment = self.payment.clone();
        if payment.method == PaymentMethod::BankTransfer {
            payment.reference = Some(creditor_reference(&self.number));
            payment.instructions.clone_from(&self.bank_account);
        }
        payment
    }
    /// As its owner and staff see it.
    pub fn view(&self) -> contracts::orders::Order {
        contracts::orders::Order {
            id: self.id,
            number: self.number.clone(),
            status: self.status,
            items: self.items.clone(),
            subtotal: self.quote.subtotal,
            shipping: self.quote.shipping,
            tax: self.quote.tax,
            tax_included: self.quote.tax_included,
            tax_lines: self.quote.tax_lines.clone(),
            discount: self.quote.discount,
            total: self.quote.total,
            payment: self.payment_view(),
            shipping_method: self.shipping_method,
            shipping_address: self.shipping_address.clone(),
            tracking: self.tracking.clone(),
            shipments: self.shipments.clone(),
            refunded: self.refunded,
            cancel_reason: self.cancel_reason,
            expires_at: self.expires_at,
            created_at: self.created_at(),
            version: self.version,
        }
    }
}

/// The lines as inventory counts them.
pub fn stock_lines(items: &[CartLine]) -> Vec<StockLine> {
    let line = |item: &CartLine| StockLine { sku: item.sku.clone(), quantity: item.quantity };
    items.iter().map(line).collect()
}

/// The name of a state on the wire and in the database.
pub const fn status_name(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::Pending => "pending",
        OrderStatus::Paid => "paid",
        OrderStatus::Fulfilled => "fulfilled",
        OrderStatus::Delivered => "delivered",
        OrderStatus::Cancelled => "cancelled",
        OrderStatus::Refunded => "refunded",
    }
}

const NUMBER_LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// What people call an order: 50 bits of chance in Crockford's base 32, such as `F7K3-9QX2-M4`.
/// No letter of it is mistaken for a digit.
pub fn number(chance: [u8; 7]) -> String {
    let mut bits = chance.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
    let mut text = String::with_capacity(12);
    for place in 0..10 {
        if place == 4 || place == 8 {
            text.push('-');
        }
        text.push(char::from(NUMBER_LETTERS[(bits & 31) as usize]));
        bits >>= 5;
    }
    text
}

/// How numbers that start like `text` are spelled, in whatever spelling it comes; none where no
/// number does.
pub fn number_start(text: &str) -> Option<String> {
    let letters = text.chars().filter(|letter| !letter.is_whitespace() && *letter != '-');
    let mut start = String::with_capacity(12);
    for (place, letter) in letters.enumerate() {
        let letter = u8::try_from(letter.to_ascii_uppercase()).ok()?;
        if place == 10 || !NUMBER_LETTERS.contains(&letter) {
            return None;
        }
        if place == 4 || place == 8 {
            start.push('-');
        }
        start.push(char::from(letter));
    }
    Some(start).filter(|start| !start.is_empty())
}

#[cfg(test)]
#[path = "order_tests.rs"]
pub(crate) mod tests;
