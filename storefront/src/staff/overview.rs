//! `/admin`: what waits to be done.
use super::{Tab, tabs};
use crate::Shop;
use crate::frame::{Frame, private};
use crate::stop::Shown;
use crate::visitor::Visitor;
use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use contracts::Call;
use contracts::caller::Permission;
use contracts::catalog::{ReviewStatus, ReviewsToModerate};
use contracts::inventory::ListStock;
use contracts::notifications::{ListMails, MailStatus};
use contracts::orders::{ListOrders, OrderStatus};
use contracts::payments::PaymentMethod;
use std::fmt::Display;
use std::sync::Arc;

/// So many are counted; what is more is told as more.
const COUNTED: u32 = 100;

struct Count {
    to: &'static str,
    words: &'static str,
    /// `12`, `100+`, or a dash where the service did not answer.
    number: String,
    /// Whether nothing waits.
    is_none: bool,
}

#[derive(Template)]
#[template(path = "staff/overview.html")]
struct OverviewPage {
    frame: Frame,
    tabs: Vec<Tab>,
    counts: Vec<Count>,
}

/// The counts that whoever looks may see.
pub async fn show(State(shop): State<Arc<Shop>>, visitor: Visitor) -> Shown {
    let of = (&*shop, &visitor);
    let reviews = ReviewsToModerate { status: ReviewStatus::Pending, limit: COUNTED, cursor: None };
    let mails =
        ListMails { limit: COUNTED, cursor: None, to: None, status: Some(MailStatus::Failed) };
    let stock = ListStock { low: true, limit: COUNTED, cursor: None };
    let paid = listed(OrderStatus::Paid, None);
    let cash = listed(OrderStatus::Pending, Some(PaymentMethod::CashOnDelivery));
    let transfers = listed(OrderStatus::Pending, Some(PaymentMethod::BankTransfer));
    let orders = |page: contracts::orders::OrderPage| (page.items.len(), page.next_cursor);
    let (frame, paid, cash, transfers, reviews, stock, mails) = tokio::join!(
        Frame::at_place(&shop, &visitor, "staff"),
        count(of, Permission::ManageOrders, paid, orders),
        count(of, Permission::ManageOrders, cash, orders),
        count(of, Permission::ManagePayments, transfers, orders),
        count(of, Permission::ModerateReviews, reviews, |page| (
            page.items.len(),
            page.next_cursor
        )),
        count(of, Permission::ManageStock, stock, |page| (page.items.len(), page.next_cursor)),
        count(of, Permission::ManageMessages, mails, |page| (page.items.len(), page.next_cursor)),
    );
    let card = |to, words, number: Option<String>| {
        number.map(|number| Count { to, words, is_none: number == "0", number })
    };
    let counts = [
        card("/admin/orders?status=paid", "paid orders to send", paid),
        card(
            "/admin/orders?status=pending&method=cash_on_delivery",
            "orders to send, paid on delivery",
            cash,
        ),
        card(
            "/admin/orders?status=pending&method=bank_transfer",
            "transfers to look for at the bank",
            transfers,
        ),
        card("/admin/reviews", "reviews to read", reviews),
        card("/admin/stock?low=true", "SKUs that run out", stock),
        card("/admin/mails?status=failed", "letters that failed", mails),
    ];
    let counts = counts.into_iter().flatten().collect();
    private(StatusCode::OK, &OverviewPage { frame, tabs: tabs(&visitor, "/admin"), counts })
}

fn listed(status: OrderStatus, method: Option<PaymentMethod>) -> ListOrders {
    ListOrders {
        limit: COUNTED,
        cursor: None,
        status: Some(status),
        everybody: true,
        q: None,
        from: None,
        to: None,
        method,
    }
}

/// How many there are; none for whoever may not see them. What one service does not tell leaves
/// the others' counts on the page.
async fn count<C: Call>(
    (shop, visitor): (&Shop, &Visitor),
    permission: Permission,
    list: C,
    counted: impl Fn(C::Reply) -> (usize, Option<String>),
) -> Option<String>
where
    C::Error: Display,
{
    if !visitor.caller.may(permission) {
        return None;
    }
    match shop.ask(visitor, list).await {
        Ok(page) => {
            let (number, next) = counted(page);
            Some(if next.is_some() { format!("{number}+") } else { number.to_string() })
        }
        Err(error) => {
            tracing::warn!(%error, "something was not counted");
            Some("–".to_owned())
        }
    }
}
