//! The receipt as a page to print. Askama escapes whatever shoppers and staff wrote.
use askama::Template;
use axum::response::{IntoResponse as _, Response};
use contracts::Money;
use contracts::orders::{Order, OrderStatus, Receipt, Seller, ShippingMethod, TaxLine};
use contracts::payments::PaymentMethod;
use http::{HeaderMap, header};
use kit::Unexpected;
use kit::problem::HttpResult;

#[derive(Template)]
#[template(path = "receipt.html")]
struct Page<'a> {
    number: &'a str,
    seller: &'a Seller,
    order: &'a Order,
    refunded: Money,
    paid_on: String,
    shipping_method: &'static str,
    method: &'static str,
    stamp: Option<&'static str>,
}

impl Page<'_> {
    /// A rate as people write it: `19 %`, `5.5 %`.
    #[expect(clippy::unused_self, reason = "the template calls it")]
    fn rate(&self, line: &TaxLine) -> String {
        percent(line.basis_points)
    }
    /// Whether the prices include the tax.
    fn included(&self) -> bool {
        self.order.tax.is_zero()
    }
}

/// Hundredths of a per cent, as people write them: `19 %`, `5.5 %`.
fn percent(basis_points: u32) -> String {
    let (whole, hundredths) = (basis_points / 100, basis_points % 100);
    let decimals = format!("{hundredths:02}");
    match decimals.trim_end_matches('0') {
        "" => format!("{whole} %"),
        decimals => format!("{whole}.{decimals} %"),
    }
}

/// Whether the client would rather have a page than JSON: what it names first.
pub(super) fn wants_page(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut kinds = accepted
        .flat_map(|value| value.split(','))
        .map(|kind| kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
    let named = kinds.find(|kind| {
        ["text/html", "application/xhtml+xml", "application/json", "*/*"].contains(&kind.as_str())
    });
    named.is_some_and(|kind| kind.ends_with("html") || kind.ends_with("xhtml+xml"))
}

pub(super) fn page(receipt: &Receipt) -> HttpResult<Response> {
    let order = &receipt.order;
    let page = Page {
        number: &receipt.number,
        seller: &receipt.seller,
        order,
        refunded: receipt.refunded,
        paid_on: receipt.paid_at.date(),
        shipping_method: match order.shipping_method {
            ShippingMethod::Standard => "standard",
            ShippingMethod::Express => "express",
            ShippingMethod::Pickup => "pickup",
        },
        method: match order.payment.method {
            PaymentMethod::Wallet => "Wallet",
            PaymentMethod::Card => "Card",
            PaymentMethod::BankTransfer => "Bank transfer",
            PaymentMethod::CashOnDelivery => "Cash on delivery",
        },
        stamp: match order.status {
            OrderStatus::Cancelled => Some("Cancelled"),
            OrderStatus::Refunded => Some("Refunded"),
            _ => None,
        },
    };
    let html = page.render().map_err(Unexpected::from_error)?;
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'"),
        (header::CACHE_CONTROL, "private, no-store"),
    ];
    Ok((headers, html).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_written_without_needless_zeros() {
        for (basis_points, written) in
            [(1900, "19 %"), (550, "5.5 %"), (525, "5.25 %"), (5, "0.05 %"), (10_000, "100 %")]
        {
            assert_eq!(percent(basis_points), written);
        }
    }

    #[test]
    fn a_browser_gets_a_page_and_a_program_json() {
        let wants = |accept: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, accept.parse().unwrap());
            wants_page(&headers)
        };
        assert!(wants("text/html"));
        assert!(wants("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"));
        assert!(!wants("application/json"));
        assert!(!wants("application/json, text/html"));
        assert!(!wants("*/*"));
        assert!(!wants("image/png"));
        assert!(!wants_page(&HeaderMap::new()));
    }
}
