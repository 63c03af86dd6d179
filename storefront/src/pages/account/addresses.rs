//! `/account/addresses`: the addresses that an account keeps.
use super::{known, stopped};
use crate::Shop;
use crate::form::{Faults, Sent};
use crate::frame::{Frame, private};
use crate::pages::address::{AddressForm, Countries};
use crate::stop::{OrStop as _, Shown, Stop};
use crate::visitor::Visitor;
use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect};
use contracts::AddressId;
use contracts::identity::{GetMe, ListAddresses, MeRefused, RemoveAddress, SaveAddress};
use serde::Deserialize;
use std::sync::Arc;

/// An address, and which one of those that are kept it is to be.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Form {
    /// Empty for a new one.
    id: String,
    /// Whether it is to be used where none is chosen.
    is_default: String,
    #[serde(flatten)]
    address: AddressForm,
}

#[derive(Template)]
#[template(path = "account/address.html")]
struct AddressPage {
    frame: Frame,
    form: Form,
    countries: Countries,
    faults: Faults,
}

/// The form for a new one.
pub async fn fresh(State(shop): State<Arc<Shop>>, visitor: Visitor) -> Shown {
    let known = known(&visitor)?;
    let me = shop.ask(known, GetMe).await.ok();
    let name = me.map(|me| me.name).unwrap_or_default();
    let address = AddressForm { name, ..AddressForm::default() };
    let form = Form { address, ..Form::default() };
    page(&shop, known, form, Faults::default(), StatusCode::OK).await
}

/// The form with one of those that are kept.
pub async fn edit(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Shown {
    let known = known(&visitor)?;
    let id = parse(&id)?;
    let kept = shop.ask(known, ListAddresses).await.or_stop(|refused| stopped(&refused))?;
    let saved = kept.into_iter().find(|saved| saved.id == id).ok_or(Stop::NotFound)?;
    let form = Form {
        id: id.to_string(),
        is_default: if saved.is_default { "true".to_owned() } else { String::new() },
        address: saved.address.into(),
    };
    page(&shop, known, form, Faults::default(), StatusCode::OK).await
}

/// Keeps a new one, or changes one.
pub async fn save(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Sent(form): Sent<Form>,
) -> Shown {
    let known = known(&visitor)?;
    let id = match form.id.as_str() {
        "" => None,
        id => Some(parse(id)?),
    };
    let (address, faults) = form.address.read();
    let unprocessable = StatusCode::UNPROCESSABLE_ENTITY;
    if !faults.is_empty() {
        return page(&shop, known, form, faults, unprocessable).await;
    }
    let is_default = (!form.is_default.is_empty()).then_some(true);
    let save = SaveAddress { id, address: Some(address), is_default };
    match shop.ask(known, save).await.refusal()? {
        Ok(_) => Ok(Redirect::to("/account?notice=address_saved#addresses").into_response()),
        Err(MeRefused::Invalid { field, reason }) => {
            let field = field.rsplit('.').next().unwrap_or_default().to_owned();
            page(&shop, known, form, Faults::one(field, reason), unprocessable).await
        }
        Err(refused) => Err(stopped(&refused)),
    }
}

/// Makes one the one that is used where none is chosen.
pub async fn make_default(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Shown {
    let known = known(&visitor)?;
    let save = SaveAddress { id: Some(parse(&id)?), address: None, is_default: Some(true) };
    shop.ask(known, save).await.or_stop(|refused| stopped(&refused))?;
    Ok(Redirect::to("/account?notice=address_saved#addresses").into_response())
}

/// Forgets one.
pub async fn remove(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Shown {
    let known = known(&visitor)?;
    match shop.ask(known, RemoveAddress { id: parse(&id)? }).await.refusal()? {
        Ok(()) | Err(MeRefused::NotFound) => {
            Ok(Redirect::to("/account?notice=address_removed#addresses").into_response())
        }
        Err(refused) => Err(stopped(&refused)),
    }
}

fn parse(id: &str) -> Result<AddressId, Stop> {
    id.parse().map_err(|_| Stop::NotFound)
}

async fn page(
    shop: &Shop,
    visitor: &Visitor,
    form: Form,
    faults: Faults,
    status: StatusCode,
) -> Shown {
    let frame = Frame::at_place(shop, visitor, "account").await;
    let countries = Countries::of(&frame.terms, &form.address);
    let form = Form { address: form.address.cut(), ..form };
    private(status, &AddressPage { frame, form, countries, faults })
}

/// Whether a fault stands beside its field.
fn has_field(field: &str) -> bool {
    crate::pages::address::label(field) != field
}
