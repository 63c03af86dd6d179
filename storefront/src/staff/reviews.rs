//! `/admin/reviews`: what buyers say, to be read before others do.
use super::{Tab, link, no_such_page, require, tabs};
use crate::Shop;
use crate::form::Sent;
use crate::frame::{Frame, private};
use crate::stop::{OrStop as _, Shown, Stop};
use crate::visitor::Visitor;
use crate::words::{Day, Stars, sentence, stars};
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect};
use contracts::caller::Permission;
use contracts::catalog::{
    GetProduct, ModerateReview, Review, ReviewRefused, ReviewStatus, ReviewsToModerate,
};
use contracts::{ProductId, ReviewId};
use futures_util::future::join_all;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const LIMIT: u32 = 20;

/// The states: on the wire, and in words.
const STATES: [(ReviewStatus, &str, &str); 3] = [
    (ReviewStatus::Pending, "pending", "To be read"),
    (ReviewStatus::Published, "published", "Published"),
    (ReviewStatus::Rejected, "rejected", "Rejected"),
];

/// Which reviews.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Which {
    status: String,
    cursor: String,
}

/// What a review becomes, and the list that it was on.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Verdict {
    verdict: String,
    status: String,
}

struct Said {
    id: ReviewId,
    stars: Stars,
    title: Option<String>,
    text: String,
    by: String,
    day: Day,
    /// None where the catalogue has it no more.
    product: Option<(String, String)>,
    may_publish: bool,
    may_reject: bool,
}

#[derive(Template)]
#[template(path = "staff/reviews.html")]
struct ReviewsPage {
    frame: Frame,
    tabs: Vec<Tab>,
    status: &'static str,
    reviews: Vec<Said>,
    trouble: Option<String>,
    next: Option<String>,
}

/// The list.
pub async fn show(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Query(which): Query<Which>,
) -> Shown {
    require(&visitor, Permission::ModerateReviews)?;
    page(&shop, &visitor, &which, None, StatusCode::OK).await
}

/// Publishes or rejects one.
pub async fn moderate(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Path(id): Path<String>,
    Sent(verdict): Sent<Verdict>,
) -> Shown {
    require(&visitor, Permission::ModerateReviews)?;
    let review: ReviewId = id.parse().map_err(|_| Stop::NotFound)?;
    let (status, notice) = match verdict.verdict.as_str() {
        "published" => (ReviewStatus::Published, "review_seen"),
        "rejected" => (ReviewStatus::Rejected, "review_hidden"),
        _ => return Err(Stop::bad("A review is published or rejected.")),
    };
    let which = Which { status: verdict.status, cursor: String::new() };
    let trouble = match shop.ask(&visitor, ModerateReview { review, status }).await.refusal()? {
        Ok(_) => {
            let (_, name, _) = state(&which.status);
            let to = link("/admin/reviews", &[("status", name), ("notice", notice)]);
            return Ok(Redirect::to(&to).into_response());
        }
        Err(ReviewRefused::NotFound) => "The review is gone.".to_owned(),
        Err(ReviewRefused::NotAllowed | ReviewRefused::NotLoggedIn) => return Err(Stop::Forbidden),
        Err(refused) => sentence("", &format!("{refused}.")),
    };
    page(&shop, &visitor, &which, Some(trouble), StatusCode::CONFLICT).await
}

/// The state that is called so, else the first.
fn state(name: &str) -> (ReviewStatus, &'static str, &'static str) {
    let [first, ..] = STATES;
    STATES.into_iter().find(|(_, known, _)| *known == name).unwrap_or(first)
}

async fn page(
    shop: &Shop,
    visitor: &Visitor,
    which: &Which,
    trouble: Option<String>,
    code: StatusCode,
) -> Shown {
    let (state, name, _) = state(&which.status);
    let cursor = Some(which.cursor.clone()).filter(|cursor| !cursor.is_empty());
    let list = ReviewsToModerate { status: state, limit: LIMIT, cursor };
    let (frame, listed) =
        tokio::join!(Frame::at_place(shop, visitor, "staff"), shop.ask(visitor, list));
    let listed = listed.or_stop(|refused| match refused {
        ReviewRefused::Cursor => no_such_page(),
        _ => Stop::Forbidden,
    })?;
    let products = products(shop, visitor, &listed.items).await;
    let said = |review: Review| Said {
        id: review.id,
        stars: stars(&review.stars),
        title: review.title.filter(|title| !title.trim().is_empty()),
        text: review.text,
        by: review.name.unwrap_or_else(|| "somebody who left".to_owned()),
        day: Day(review.created_at),
        product: products.get(&review.product).cloned(),
        may_publish: review.status != ReviewStatus::Published,
        may_reject: review.status != ReviewStatus::Rejected,
    };
    let reviews = listed.items.into_iter().map(said).collect();
    let next = listed
        .next_cursor
        .map(|cursor| link("/admin/reviews", &[("status", name), ("cursor", &cursor)]));
    let tabs = tabs(visitor, "/admin/reviews");
    private(code, &ReviewsPage { frame, tabs, status: name, reviews, trouble, next })
}

/// Slug and title of what is reviewed.
async fn products(
    shop: &Shop,
    visitor: &Visitor,
    reviews: &[Review],
) -> BTreeMap<ProductId, (String, String)> {
    let ids: BTreeSet<ProductId> = reviews.iter().map(|review| review.product).collect();
    let asked = ids.into_iter().map(async |id| {
        let product = shop.ask(visitor, GetProduct { id_or_slug: id.to_string() }).await.ok()?;
        Some((id, (product.slug, product.title)))
    });
    join_all(asked).await.into_iter().flatten().collect()
}
