//! Who looks, and what their browser brings along.
use crate::cookies;
use crate::notice::{self, Notice};
use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use contracts::caller::Permission;
use contracts::cart::CartToken;
use contracts::orders::OrderRef;
use contracts::{Caller, OrderId};
use kit::telemetry::REQUEST_ID;
use std::convert::Infallible;

/// Who looks.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// As the gateway knows them.
    pub caller: Caller,
    /// A guest's cart.
    pub cart: CartToken,
    /// What they have just done.
    pub notice: Option<&'static Notice>,
    /// The path and query that they look at.
    pub here: String,
    /// What they use, as their browser says.
    pub device: Option<String>,
    /// The name of the request in the log.
    pub request: Option<String>,
    order_token: Option<String>,
}

impl Visitor {
    /// Reads a request.
    pub fn of(parts: &Parts) -> Self {
        let cookie = |name| cookies::read(&parts.headers, name).map(str::to_owned);
        let here = parts.uri.path_and_query().map_or("/", |here| here.as_str());
        let request = parts.headers.get(REQUEST_ID).and_then(|id| id.to_str().ok());
        Self {
            caller: parts.extensions.get().cloned().unwrap_or(Caller::Guest),
            cart: CartToken { token: cookie(cookies::CART) },
            notice: parts.uri.query().and_then(notice::of_query),
            here: here.to_owned(),
            device: device(parts),
            request: request.map(str::to_owned),
            order_token: cookie(cookies::ORDER),
        }
    }
    /// Whether somebody is logged in.
    pub const fn is_known(&self) -> bool {
        self.caller.account().is_some()
    }
    /// Whether there is anything behind the counter for them.
    pub const fn is_staff(&self) -> bool {
        self.is_known()
            && (self.caller.may(Permission::ManageOrders)
                || self.caller.may(Permission::ManageCatalog))
    }
    /// How they name an order: a guest's cookie is for the pages of one order.
    pub fn order(&self, order: OrderId) -> OrderRef {
        OrderRef { order, token: self.order_token.clone() }
    }
}

/// The `User-Agent`, cut.
fn device(parts: &Parts) -> Option<String> {
    let said = parts.headers.get(header::USER_AGENT)?.to_str().ok()?;
    let said: String = said.trim().chars().take(300).collect();
    Some(said).filter(|said| !said.is_empty())
}

/// As the door has met them.
impl<S: Send + Sync> FromRequestParts<S> for Visitor {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let met = parts.extensions.get().cloned();
        Ok(met.unwrap_or_else(|| Self::of(parts)))
    }
}
