//! Staff: confirms transfers, ships, and gives money back.
use super::client::{Client, Refused};
use super::{Told, Wrong, text, unless};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use uuid::Uuid;

/// Someone who runs the shop.
pub struct Staff(Client, Told);

impl Staff {
    /// Logs in.
    pub async fn log_in(
        client: Client,
        told: Told,
        (email, password): (&str, &'static str),
    ) -> Result<Self, Refused> {
        Ok(Self(client.log_in(email.to_owned(), password).await?, told))
    }
    fn once(&self) -> Client {
        self.0.with("idempotency-key", Uuid::new_v4().to_string())
    }
    /// The first hundred orders in a state.
    pub async fn orders(&self, status: &str) -> Result<Vec<Value>, Wrong> {
        let found = self.0.get(&format!("/v1/staff/orders?limit=100&status={status}")).await?;
        Ok(found["items"].as_array().cloned().unwrap_or_default())
    }
    /// Says that a transfer arrived; false where the order ended before.
    pub async fn confirm(&self, order: &Value) -> Result<bool, Wrong> {
        let path = format!("/v1/payments/{}/confirm", text(&order["payment"]["id"]));
        let answer = self.once().post(&path, &json!({})).await;
        // The payment begins when payments has heard of the order.
        Ok(unless(answer, &["wrong_state", "not_found"])?.is_some())
    }
    /// Sends all that is left of an order, in one parcel or the first line alone; false where
    /// the order ended before.
    pub async fn ship(&self, order: &Value, first_only: bool) -> Result<bool, Wrong> {
        let path = format!("/v1/orders/{}/shipments", text(&order["id"]));
        let line = &order["items"][0];
        let lines = json!([{"sku": line["sku"], "quantity": line["quantity"]}]);
        let body = match first_only {
            true => json!({"lines": lines, "carrier": "Post", "tracking": "T-1"}),
            false => json!({"carrier": "Post", "tracking": "T-2"}),
        };
        Ok(unless(self.once().post(&path, &body).await, &["wrong_state"])?.is_some())
    }
    /// Says of each parcel on its way what became of it.
    pub async fn end_parcels(&self, order: &Value, status: &str) -> Result<(), Wrong> {
        let path = format!("/v1/orders/{}", text(&order["id"]));
        let order = self.0.get(&path).await?;
        let parcels = order["shipments"].as_array().map(Vec::as_slice).unwrap_or_default();
        for parcel in parcels.iter().filter(|parcel| parcel["status"] == "shipped") {
            let path = format!("{path}/shipments/{}", text(&parcel["id"]));
            let answer = self.0.patch(&path, &json!({"status": status})).await;
            unless(answer, &["wrong_state"])?;
        }
        Ok(())
    }
    /// Gives back `amount` minor units, or all that is left.
    pub async fn refund(
        &self,
        order: &Value,
        amount: Option<i64>,
        restock: bool,
    ) -> Result<bool, Wrong> {
        let path = format!("/v1/payments/{}/refunds", text(&order["payment"]["id"]));
        let mut body = json!({"reason": "story", "restock": restock});
        if let Some(amount) = amount {
            body["amount"] = json!({"amount": amount, "currency": order["total"]["currency"]});
        }
        let answer = self.once().post(&path, &body).await;
        let refund = unless(answer, &["nothing_captured", "too_much"])?;
        if let Some(refund) = &refund {
            self.1.notes.lock().refund(order, refund);
        }
        Ok(refund.is_some())
    }
    /// Brings an order whose shopper is gone to its end.
    pub async fn see_through(&self, order: &Value) -> Result<(), Wrong> {
        let method = order["payment"]["method"].as_str();
        match (order["status"].as_str(), method) {
            (Some("paid"), _) | (Some("pending"), Some("cash_on_delivery")) => {
                self.ship(order, false).await?;
            }
            // In a store that was restored, nobody else knows of it for days.
            (Some("pending"), Some("bank_transfer")) => {
                self.confirm(order).await?;
            }
            (Some("fulfilled"), _) => self.end_parcels(order, "delivered").await?,
            // Its payment or its time decides.
            _ => {}
        }
        Ok(())
    }
    /// Gives back by hand what came by bank transfer or in cash; how much was still to be given
    /// back. `settled` has the payments that are looked at no more.
    pub async fn give_by_hand(&self, settled: &mut BTreeSet<String>) -> Result<usize, Wrong> {
        let mut given = 0;
        for method in ["bank_transfer", "cash_on_delivery"] {
            let mut cursor = String::new();
            loop {
                let path = format!("/v1/staff/orders?limit=100&method={method}{cursor}");
                let page = self.0.get(&path).await?;
                for order in page["items"].as_array().into_iter().flatten() {
                    given += self.give_for(order, settled).await?;
                }
                let Some(next) = page["next_cursor"].as_str() else { break };
                cursor = format!("&cursor={next}");
            }
        }
        Ok(given)
    }
    async fn give_for(
        &self,
        order: &Value,
        settled: &mut BTreeSet<String>,
    ) -> Result<usize, Wrong> {
        let id = text(&order["payment"]["id"]);
        if settled.contains(id) {
            return Ok(0);
        }
        let payment = self.0.get(&format!("/v1/payments/{id}")).await;
        let Some(payment) = unless(payment, &["not_found"])? else { return Ok(0) };
        let mut given = 0;
        for refund in payment["refunds"].as_array().into_iter().flatten() {
            if refund["status"] == "pending" {
                let path = format!("/v1/payments/{id}/refunds/{}/confirm", text(&refund["id"]));
                given += 1;
                self.once().post(&path, &json!({})).await?;
            }
        }
        if ["refunded", "voided", "failed"].iter().any(|end| payment["status"] == *end) {
            settled.insert(id.to_owned());
        }
        Ok(given)
    }
}
