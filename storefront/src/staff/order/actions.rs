//! What staff do with an order: one form, one call each. What is refused is told on the page,
//! with what was typed.
use super::{Asked, page, parse, stopped};
use crate::Shop;
use crate::form::{Faults, Sent};
use crate::staff::{Fields, require, some, typed};
use crate::stop::{OrStop as _, Shown, Stop};
use crate::visitor::Visitor;
use crate::words::{parse_money, sentence};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect};
use contracts::caller::Permission;
use contracts::inventory::StockLine;
use contracts::orders::{
    CancelOrder, CreateShipment, Idempotency, OrderRef, OrderRefused, ShipmentStatus,
    UpdateShipment,
};
use contracts::payments::{
    ConfirmRefund, ConfirmRefused, ConfirmTransfer, RefundPayment, RefundRefused,
};
use contracts::{Money, OrderId, PaymentId, Quantity, RefundId, ShipmentId, Sku};
use std::sync::Arc;

const REUSED: &str = "This form was sent before with something else in it, so nothing was done. \
    Look at how the order stands, and send it again.";
const RUNNING: &str = "The same is being done just now. Look again in a moment.";

/// Why something was not done.
struct No {
    status: StatusCode,
    /// A field of the form, if it is about one, and what is wrong.
    field: String,
    told: String,
}

impl No {
    fn conflict(told: impl Into<String>) -> Self {
        Self { status: StatusCode::CONFLICT, field: String::new(), told: told.into() }
    }
    fn invalid(field: &str, reason: &str) -> Self {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        Self { status, field: field.to_owned(), told: reason.to_owned() }
    }
}

/// A form that came.
struct Came<'a> {
    shop: &'a Shop,
    visitor: &'a Visitor,
    order: OrderId,
    form: String,
    fields: Fields,
}

impl Came<'_> {
    fn typed(&self, name: &str) -> &str {
        typed(&self.fields, name).unwrap_or_default()
    }
    /// The attempt, by all that was typed.
    fn attempt(&self) -> Idempotency {
        let said: Vec<_> =
            self.fields.iter().filter(|(name, _)| name != "idempotency_key").collect();
        self.shop.attempt(self.typed("idempotency_key"), &(&self.form, self.order, said))
    }
    fn payment(&self) -> Result<PaymentId, Stop> {
        self.typed("payment").parse().map_err(|_| Stop::bad("There is no such payment."))
    }
    /// An amount; none where nothing was typed.
    fn amount(&self) -> Result<Option<Money>, Faults> {
        let Some(text) = some(self.typed("amount")) else { return Ok(None) };
        let read = parse_money(&text, self.shop.config.currency);
        read.map(Some).map_err(|reason| self.fault("amount", reason))
    }
    fn fault(&self, field: &str, reason: impl Into<String>) -> Faults {
        Faults::one(format!("{}-{field}", self.form), reason)
    }
    fn done(&self, notice: &str) -> Shown {
        let to = format!("/admin/orders/{}?notice={notice}", self.order);
        Ok(Redirect::to(&to).into_response())
    }
    /// The page again, with what is wrong beside the fields.
    async fn wrong(self, faults: Faults) -> Shown {
        let Self { shop, visitor, order, form, fields } = self;
        let asked = Asked { form, fields, faults, trouble: None };
        page(shop, visitor, order, asked, StatusCode::UNPROCESSABLE_ENTITY).await
    }
    /// The page again, with the refusal beside the field that it is about, or above.
    async fn refused(self, no: No, fields_of_form: &[&str]) -> Shown {
        let No { status, field, told } = no;
        let known = fields_of_form
            .iter()
            .find(|known| field == **known || field.starts_with(&format!("{known}.")));
        let (faults, trouble) = match known {
            Some(known) => (self.fault(known, told), None),
            None => (Faults::default(), Some(sentence(&field, &told))),
        };
        let Self { shop, visitor, order, form, fields } = self;
        page(shop, visitor, order, Asked { form, fields, faults, trouble }, status).await
    }
}

fn order_says(refused: OrderRefused) -> Result<No, Stop> {
    Ok(match refused {
        OrderRefused::WrongState { status } => {
            No::conflict(format!("The order is {status}, so it was not done."))
        }
        OrderRefused::Invalid { field, reason } => No::invalid(&field, &reason),
        OrderRefused::KeyReused => No::conflict(REUSED),
        OrderRefused::InProgress => No::conflict(RUNNING),
        OrderRefused::NotLoggedIn | OrderRefused::NotFound | OrderRefused::NotAllowed => {
            return Err(stopped(&refused));
        }
    })
}

fn confirmation_says(refused: ConfirmRefused) -> Result<No, Stop> {
    Ok(match refused {
        ConfirmRefused::WrongState { status } => {
            let status = crate::words::payment(&status);
            No::conflict(format!(
                "The payment does not wait for that: it is {status}. Money that came all the \
                 same has to be sent back by hand."
            ))
        }
        ConfirmRefused::WrongAmount { asked } => {
            No::invalid("amount", &format!("is another one: {asked} was asked for"))
        }
        ConfirmRefused::NotFound => No::conflict("There is no such payment yet."),
        ConfirmRefused::KeyReused => No::conflict(REUSED),
        ConfirmRefused::InProgress => No::conflict(RUNNING),
        ConfirmRefused::NotAllowed => return Err(Stop::Forbidden),
    })
}

fn refund_says(refused: RefundRefused) -> Result<No, Stop> {
    Ok(match refused {
        RefundRefused::TooMuch { left } => {
            No::invalid("amount", &format!("is too much: {left} is left to give back"))
        }
        RefundRefused::NothingCaptured => No::conflict("There is nothing to give back."),
        RefundRefused::Invalid { field, reason } => No::invalid(&field, &reason),
        RefundRefused::NotFound => No::conflict("There is no such payment yet."),
        RefundRefused::KeyReused => No::conflict(REUSED),
        RefundRefused::InProgress => No::conflict(RUNNING),
        RefundRefused::NotAllowed => return Err(Stop::Forbidden),
    })
}

/// Hands a parcel to the carrier: all that is left, or the quantities that were chosen.
pub async fn send(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Path(id): Path<String>,
    Sent(fields): Sent<Fields>,
) -> Shown {
    require(&visitor, Permission::ManageOrders)?;
    let part = typed(&fields, "what") == Some("part");
    let form = if part { "part" } else { "send" }.to_owned();
    let came = Came { shop: &shop, visitor: &visitor, order: parse(&id)?, form, fields };
    let lines = match part {
        true => match chosen(&came) {
            Ok(lines) => lines,
            Err(faults) => return came.wrong(faults).await,
        },
        false => Vec::new(),
    };
    let call = CreateShipment {
        order: came.order,
        lines: lines.clone(),
        carrier: some(came.typed("carrier")),
        tracking: some(came.typed("tracking")),
        idempotency: came.attempt(),
    };
    match shop.ask(&visitor, call).await.refusal()? {
        Ok(_) => came.done("sent"),
        Err(refused) => {
            let mut no = order_says(refused)?;
            // `lines[0].quantity` is the first that was chosen.
            let at = no.field.strip_prefix("lines[").and_then(|rest| rest.split_once(']'));
            let at = at.and_then(|(at, _)| at.parse::<usize>().ok());
            if let Some(line) = at.and_then(|at| lines.get(at)) {
                no.field = format!("quantity.{}", line.sku);
                let faults = came.fault(&no.field, no.told);
                return came.wrong(faults).await;
            }
            came.refused(no, &["carrier", "tracking"]).await
        }
    }
}

/// The quantities that were chosen, by SKU.
fn chosen(came: &Came<'_>) -> Result<Vec<StockLine>, Faults> {
    let (mut lines, mut faults) = (Vec::new(), Faults::default());
    for (name, value) in &came.fields {
        let Some(sku) = name.strip_prefix("quantity.") else { continue };
        let Ok(sku) = sku.parse::<Sku>() else { continue };
        let value = value.trim();
        let number = if value.is_empty() { Some(0) } else { value.parse::<u32>().ok() };
        match number.map(|number| (number, Quantity::new(number))) {
            Some((0, _)) => {}
            Some((_, Ok(quantity))) => lines.push(StockLine { sku, quantity }),
            _ => faults.add(&format!("part-{name}"), "must be a whole number, at most 9999"),
        }
    }
    if faults.is_empty() && lines.is_empty() {
        faults.add("part-lines", "choose at least one piece");
    }
    if faults.is_empty() { Ok(lines) } else { Err(faults) }
}

/// Says what became of a parcel, or corrects who carries it and its code.
pub async fn update_parcel(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Path((id, parcel)): Path<(String, String)>,
    Sent(fields): Sent<Fields>,
) -> Shown {
    require(&visitor, Permission::ManageOrders)?;
    let shipment: ShipmentId = parcel.parse().map_err(|_| Stop::NotFound)?;
    let form = format!("parcel-{shipment}");
    let came = Came { shop: &shop, visitor: &visitor, order: parse(&id)?, form, fields };
    let status = match came.typed("status") {
        "delivered" => Some(ShipmentStatus::Delivered),
        "returned" => Some(ShipmentStatus::Returned),
        "" => None,
        _ => return Err(Stop::bad("A parcel can only arrive or come back.")),
    };
    let (carrier, tracking) = (some(came.typed("carrier")), some(came.typed("tracking")));
    let call = UpdateShipment { order: came.order, shipment, status, carrier, tracking };
    match shop.ask(&visitor, call).await.refusal()? {
        Ok(_) => came.done("parcel_saved"),
        Err(refused) => came.refused(order_says(refused)?, &["carrier", "tracking"]).await,
    }
}

/// Says that the money of a transfer arrived.
pub async fn confirm(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Path(id): Path<String>,
    Sent(fields): Sent<Fields>,
) -> Shown {
    require(&visitor, Permission::ManagePayments)?;
    let form = "confirm".to_owned();
    let came = Came { shop: &shop, visitor: &visitor, order: parse(&id)?, form, fields };
    let payment = came.payment()?;
    let amount = match came.amount() {
        Ok(amount) => amount,
        Err(faults) => return came.wrong(faults).await,
    };
    let call = ConfirmTransfer { payment, amount, idempotency: came.attempt() };
    match shop.ask(&visitor, call).await.refusal()? {
        Ok(_) => came.done("confirmed"),
        Err(refused) => came.refused(confirmation_says(refused)?, &["amount"]).await,
    }
}

/// Gives a part back, or all that is left.
pub async fn refund(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Path(id): Path<String>,
    Sent(fields): Sent<Fields>,
) -> Shown {
    require(&visitor, Permission::ManagePayments)?;
    let form = "refund".to_owned();
    let came = Came { shop: &shop, visitor: &visitor, order: parse(&id)?, form, fields };
    let payment = came.payment()?;
    let amount = match came.amount() {
        Ok(amount) => amount,
        Err(faults) => return came.wrong(faults).await,
    };
    let reason = came.typed("reason").trim().to_owned();
    if reason.is_empty() {
        let faults = came.fault("reason", "say why, for the books");
        return came.wrong(faults).await;
    }
    let restock = !came.typed("restock").is_empty();
    let call = RefundPayment { payment, amount, reason, restock, idempotency: came.attempt() };
    match shop.ask(&visitor, call).await.refusal()? {
        Ok(_) => came.done("refund_asked"),
        Err(refused) => came.refused(refund_says(refused)?, &["amount", "reason"]).await,
    }
}

/// Says that the money of a refund was given back by hand.
pub async fn refunded(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Path((id, refund)): Path<(String, String)>,
    Sent(fields): Sent<Fields>,
) -> Shown {
    require(&visitor, Permission::ManagePayments)?;
    let refund: RefundId = refund.parse().map_err(|_| Stop::NotFound)?;
    let form = format!("refund-{refund}");
    let came = Came { shop: &shop, visitor: &visitor, order: parse(&id)?, form, fields };
    let call = ConfirmRefund { payment: came.payment()?, refund, idempotency: came.attempt() };
    match shop.ask(&visitor, call).await.refusal()? {
        Ok(_) => came.done("confirmed"),
        Err(refused) => came.refused(confirmation_says(refused)?, &[]).await,
    }
}

/// Ends the order.
pub async fn cancel(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Path(id): Path<String>,
    Sent(fields): Sent<Fields>,
) -> Shown {
    require(&visitor, Permission::ManageOrders)?;
    let form = "cancel".to_owned();
    let came = Came { shop: &shop, visitor: &visitor, order: parse(&id)?, form, fields };
    let of = OrderRef { order: came.order, token: None };
    let call = CancelOrder { of, idempotency: came.attempt() };
    match shop.ask(&visitor, call).await.refusal()? {
        Ok(_) => came.done("cancelled"),
        Err(refused) => came.refused(order_says(refused)?, &[]).await,
    }
}
