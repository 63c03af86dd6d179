//! Refusals as problems: the code of the refusal, a sentence, and what it names.
use contracts::orders::{
    CheckoutRefused, ListOrdersRefused, OrderRefused, QuoteRefused, ShopRefused,
};
use http::StatusCode;
use kit::problem::Problem;
use serde::Serialize;
use serde_json::Value;
use std::fmt::Display;

pub(super) fn checkout_refused(refused: CheckoutRefused) -> Problem {
    match &refused {
        CheckoutRefused::Invalid { field, reason } => Problem::invalid_field(field, reason),
        CheckoutRefused::KeyReused => key_reused(),
        CheckoutRefused::InProgress => in_progress(),
        CheckoutRefused::OutOfStock { short } => {
            let skus: Vec<_> = short.iter().map(|shortage| &shortage.sku).collect();
            conflict(&refused).with("skus", skus)
        }
        CheckoutRefused::CartEmpty
        | CheckoutRefused::CartChanged { .. }
        | CheckoutRefused::CartAlreadyOrdered { .. }
        | CheckoutRefused::PriceChanged { .. }
        | CheckoutRefused::NotSold { .. }
        | CheckoutRefused::NotDelivered { .. }
        | CheckoutRefused::Total { .. } => conflict(&refused),
    }
}

pub(super) fn order_refused(refused: OrderRefused) -> Problem {
    match &refused {
        OrderRefused::NotLoggedIn => Problem::unauthorized(),
        OrderRefused::NotFound => Problem::not_found(),
        OrderRefused::NotAllowed => Problem::forbidden(),
        OrderRefused::Invalid { field, reason } => Problem::invalid_field(field, reason),
        OrderRefused::KeyReused => key_reused(),
        OrderRefused::InProgress => in_progress(),
        // The member `status` of a problem is its HTTP status.
        OrderRefused::WrongState { status } => conflict(&refused).with("order_status", status),
    }
}

pub(super) fn list_refused(refused: ListOrdersRefused) -> Problem {
    match refused {
        ListOrdersRefused::NotLoggedIn => Problem::unauthorized(),
        ListOrdersRefused::NotAllowed => Problem::forbidden(),
        ListOrdersRefused::Cursor => {
            Problem::invalid_field("cursor", "is none that this list gave")
        }
    }
}

pub(super) fn shop_refused(refused: ShopRefused) -> Problem {
    match &refused {
        ShopRefused::NotAllowed => Problem::forbidden(),
        ShopRefused::Invalid { field, reason } => Problem::invalid_field(field, reason),
        ShopRefused::ShopChanged { .. } => conflict(&refused),
    }
}

pub(super) fn quote_refused(refused: QuoteRefused) -> Problem {
    match &refused {
        QuoteRefused::Invalid { field, reason } => Problem::invalid_field(field, reason),
        QuoteRefused::CartEmpty
        | QuoteRefused::NotDelivered { .. }
        | QuoteRefused::NotSold { .. }
        | QuoteRefused::Total { .. } => conflict(&refused),
    }
}

/// 409, with the code of the refusal and whatever it names as members.
fn conflict(refused: &(impl Serialize + Display)) -> Problem {
    let Ok(Value::Object(mut members)) = serde_json::to_value(refused) else {
        return Problem::internal();
    };
    let code = match members.remove("code") {
        Some(Value::String(code)) => code,
        _ => return Problem::internal(),
    };
    let problem = Problem::conflict(code, sentence(&refused.to_string()));
    members.into_iter().fold(problem, |problem, (name, value)| problem.with(name, value))
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}

fn key_reused() -> Problem {
    let detail = "This Idempotency-Key was used with another body; take a new one.";
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused", detail)
}

fn in_progress() -> Problem {
    let detail = "The same request is still running; repeat it for its answer.";
    Problem::conflict("idempotency_in_progress", detail).retry_after(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::inventory::Shortage;

    #[test]
    fn a_refusal_names_its_code_and_what_it_is_about() {
        let short = Shortage { sku: "A".parse().unwrap(), requested: 3, available: 1 };
        let problem = checkout_refused(CheckoutRefused::OutOfStock { short: vec![short] });
        assert_eq!((problem.status.as_u16(), &*problem.code), (409, "out_of_stock"));
        assert_eq!(problem.detail, "Too little stock.");
        assert_eq!(problem.member("skus"), Some(&serde_json::json!(["A"])));
        assert_eq!(
            problem.member("short"),
            Some(&serde_json::json!([{"sku": "A", "requested": 3, "available": 1}]))
        );
        let problem = order_refused(OrderRefused::WrongState { status: "fulfilled".into() });
        assert_eq!((problem.status.as_u16(), &*problem.code), (409, "wrong_state"));
        assert_eq!(problem.detail, "The order is fulfilled.");
        assert_eq!(checkout_refused(CheckoutRefused::KeyReused).status.as_u16(), 422);
        assert_eq!(checkout_refused(CheckoutRefused::InProgress).retry_after, Some(1));
        assert_eq!(order_refused(OrderRefused::NotLoggedIn).status.as_u16(), 401);
        assert_eq!(list_refused(ListOrdersRefused::Cursor).errors[0].field, "cursor");
    }
}
