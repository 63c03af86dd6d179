//! Answers that keys keep, also those that the first release wrote.
use kit::idempotency::Known;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};

/// An answer with an order in it. Keys are kept for a day: after an update of the store there are
/// answers whose orders lack what orders show now. What they lack, they had nothing of.
#[derive(Clone, Debug)]
pub struct Kept<A>(A);

impl<'de, A: DeserializeOwned> Deserialize<'de> for Kept<A> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut answer = Value::deserialize(deserializer)?;
        if let Some(Value::Object(order)) = answer.get_mut("Ok") {
            complete(order);
        }
        serde_json::from_value(answer).map(Self).map_err(D::Error::custom)
    }
}

fn complete(order: &mut Map<String, Value>) {
    let currency = order.get("total").and_then(|total| total.get("currency")).cloned();
    let nothing = json!({"amount": 0, "currency": currency});
    let none = Value::Array(Vec::new());
    for (field, lacking) in [
        ("tax_included", &nothing),
        ("refunded", &nothing),
        ("tax_lines", &none),
        ("shipments", &none),
    ] {
        order.entry(field).or_insert_with(|| lacking.clone());
    }
}

/// What is known of a request, with its answer as it is shown.
pub fn opened<A>(known: Known<Kept<A>>) -> Known<A> {
    match known {
        Known::Go { resource, taken_over } => Known::Go { resource, taken_over },
        Known::Answered(Kept(answer)) => Known::Answered(answer),
        Known::Reused => Known::Reused,
        Known::Running => Known::Running,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::requests::OrderAnswer;
    use contracts::orders::{CheckedOut, CheckoutRefused, OrderRefused};

    /// As the first release wrote it.
    const OLD: &str = r#"{"Ok": {
        "id": "01938f5e-8d7a-7000-8000-000000000001", "number": "F7K3-9QX2-M4", "status": "paid",
        "items": [], "subtotal": {"amount": 1000, "currency": "EUR"},
        "shipping": {"amount": 499, "currency": "EUR"}, "tax": {"amount": 0, "currency": "EUR"},
        "discount": {"amount": 0, "currency": "EUR"}, "total": {"amount": 1499, "currency": "EUR"},
        "payment": {"id": "01938f5e-8d7a-7000-8000-000000000002", "status": "captured",
            "method": "card", "failure_code": null},
        "shipping_method": "standard",
        "shipping_address": {"name": "Ada", "line1": "1 Street", "city": "London",
            "postal_code": "SW1", "country": "GB"},
        "tracking": null, "cancel_reason": null, "expires_at": null,
        "created_at": "2026-01-01T00:00:00.000000Z", "version": 2
    }}"#;

    #[test]
    fn an_answer_of_the_first_release_is_still_read() {
        let Kept(answer): Kept<OrderAnswer> = serde_json::from_str(OLD).unwrap();
        let order = answer.unwrap();
        assert_eq!((order.tax_included.minor, order.refunded.minor), (0, 0));
        assert_eq!(order.tax_included.currency, order.total.currency);
        assert!(order.tax_lines.is_empty() && order.shipments.is_empty());
        let Kept(placed): Kept<Result<CheckedOut, CheckoutRefused>> =
            serde_json::from_str(OLD).unwrap();
        assert_eq!(placed.unwrap().order, order);
    }

    #[test]
    fn what_an_answer_has_stays_as_it_is() {
        let Kept(answer): Kept<OrderAnswer> = serde_json::from_str(OLD).unwrap();
        let mut order = answer.unwrap();
        order.refunded.minor = 7;
        let text = serde_json::to_string(&OrderAnswer::Ok(order.clone())).unwrap();
        let Kept(again): Kept<OrderAnswer> = serde_json::from_str(&text).unwrap();
        assert_eq!(again.unwrap(), order);
        let refused: OrderAnswer = Err(OrderRefused::NotFound);
        let text = serde_json::to_string(&refused).unwrap();
        let Kept(again): Kept<OrderAnswer> = serde_json::from_str(&text).unwrap();
        assert_eq!(again, refused);
    }
}
