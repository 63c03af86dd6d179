//! `/admin/shop`: what the shop is called and the terms on which it sells. One form; a row more
//! is a button of it, which saves nothing.
mod form;

use self::form::{Form, Places};
use super::{Fields, Tab, require, tabs, typed};
use crate::Shop;
use crate::form::{Faults, Sent};
use crate::frame::{Frame, private};
use crate::stop::{OrStop as _, Shown, Stop};
use crate::visitor::Visitor;
use crate::words::sentence;
use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect};
use contracts::Currency;
use contracts::caller::Permission;
use contracts::catalog::ShelfEntry;
use contracts::orders::{GetShop, ShopRefused, UpdateShop};
use std::sync::Arc;

#[derive(Template)]
#[template(path = "staff/shop.html")]
struct ShopPage {
    frame: Frame,
    tabs: Vec<Tab>,
    form: Form,
    faults: Faults,
    trouble: Option<String>,
    currency: Currency,
    categories: Arc<Vec<ShelfEntry>>,
}

/// The name of a row.
fn at(kind: &str, index: &usize) -> String {
    format!("{kind}[{index}]")
}

/// The name of a row's field.
fn of(row: &str, field: &str) -> String {
    format!("{row}.{field}")
}

/// The form, with the terms as they are.
pub async fn show(State(shop): State<Arc<Shop>>, visitor: Visitor) -> Shown {
    require(&visitor, Permission::ManageShop)?;
    let now = shop.ask(&visitor, GetShop).await.or_stop(|never| match never {})?;
    let form = Form::of(now, shop.config.currency);
    page(&shop, &visitor, form, Faults::default(), None, StatusCode::OK).await
}

/// Saves the terms, or shows the form with one more row.
pub async fn save(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Sent(fields): Sent<Fields>,
) -> Shown {
    require(&visitor, Permission::ManageShop)?;
    let mut form = Form::typed(&fields);
    if let Some(more) = typed(&fields, "more") {
        form.add_row(more);
        return page(&shop, &visitor, form, Faults::default(), None, StatusCode::OK).await;
    }
    let unprocessable = StatusCode::UNPROCESSABLE_ENTITY;
    let (terms, places) = match form.read(shop.config.currency) {
        Ok(read) => read,
        Err(faults) => {
            let trouble = Some("Nothing was saved yet: look at the fields that are marked.");
            let trouble = trouble.map(str::to_owned);
            return page(&shop, &visitor, form, faults, trouble, unprocessable).await;
        }
    };
    let update = UpdateShop { terms, version: form.version.parse().ok() };
    let (faults, trouble, status) = match shop.ask(&visitor, update).await.refusal()? {
        Ok(_) => return Ok(Redirect::to("/admin/shop?notice=shop_saved").into_response()),
        Err(ShopRefused::NotAllowed) => return Err(Stop::Forbidden),
        Err(ShopRefused::ShopChanged { version }) => {
            form.version = version.to_string();
            let told = "Somebody else has changed the terms meanwhile, so nothing was saved. Look \
                at theirs in another window; what you save here now replaces them.";
            (Faults::default(), told.to_owned(), StatusCode::CONFLICT)
        }
        Err(ShopRefused::Invalid { field, reason }) => faulty(&places, &field, &reason),
    };
    page(&shop, &visitor, form, faults, Some(trouble), status).await
}

/// Where the form says what is wrong with what the service calls `field`.
fn faulty(places: &Places, field: &str, reason: &str) -> (Faults, String, StatusCode) {
    let (faults, trouble) = match places.field_of(field) {
        Some(known) => {
            let told = "Nothing was saved yet: look at the field that is marked.";
            (Faults::one(known, reason), told.to_owned())
        }
        None => (Faults::default(), sentence(field, reason)),
    };
    (faults, trouble, StatusCode::UNPROCESSABLE_ENTITY)
}

async fn page(
    shop: &Shop,
    visitor: &Visitor,
    form: Form,
    faults: Faults,
    trouble: Option<String>,
    status: StatusCode,
) -> Shown {
    let (frame, categories) = tokio::join!(Frame::at_place(shop, visitor, "staff"), shop.tree());
    let (tabs, currency) = (tabs(visitor, "/admin/shop"), shop.config.currency);
    private(status, &ShopPage { frame, tabs, form, faults, trouble, currency, categories })
}
