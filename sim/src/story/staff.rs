//! Staff: confirms transfers, ships, and gives money back.
use super::client::Client;
use super::{Wrong, unless};
use serde_json::{Value, json};
use uuid::Uuid;

/// Someone who runs the shop.
pub struct Staff(Client);

impl Staff {
    /// Logs in.
    pub async fn log_in(client: Client, (email, password): (&str, &str)) -> Result<Self, Wrong> {
        let tokens =
            client.post("/v1/auth/login", &json!({"email": email, "password": password})).await?;
        let token = tokens["access_token"].as_str().unwrap_or_default();
        Ok(Self(client.with("authorization", format!("Bearer {token}"))))
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
        Ok(unless(answer, &["nothing_captured", "too_much"])?.is_some())
    }
    /// Brings an order whose shopper is gone to its end.
    pub async fn see_through(&self, order: &Value) -> Result<(), Wrong> {
        let by_hand = order["payment"]["method"] == "cash_on_delivery";
        match order["status"].as_str() {
            Some("paid") => drop(self.ship(order, false).await?),
            Some("pending") if by_hand => drop(self.ship(order, false).await?),
            Some("fulfilled") => self.end_parcels(order, "delivered").await?,
            // Its payment or its time decides.
            _ => {}
        }
        Ok(())
    }
}

/// An id as it stands in a path.
pub fn text(id: &Value) -> &str {
    id.as_str().unwrap_or_default()
}
