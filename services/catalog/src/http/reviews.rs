//! Reviews by HTTP: read by everybody, written by buyers, looked through by staff.
mod wire;

use crate::{Catalog, reviews, write_review};
use axum::extract::State;
use contracts::ReviewId;
use contracts::caller::Permission;
use contracts::catalog::{
    ListReviews, ModerateReview, Review, ReviewPage, ReviewRefused, ReviewsToModerate, WriteReview,
};
use http::StatusCode;
use kit::auth::{Asker, LoggedIn, require};
use kit::input::{Body, Json, Path, Query};
use kit::pages::CursorQuery;
use kit::problem::{HttpResult, OrProblem as _, Problem};
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wire::{Moderation, ModerationQuery, NewReview};

pub(super) fn routes() -> OpenApiRouter<Arc<Catalog>> {
    OpenApiRouter::new()
        .routes(routes!(list_reviews, write_review))
        .routes(routes!(reviews_to_moderate))
        .routes(routes!(moderate_review))
}

/// List the reviews of a product, newest first.
///
/// Only those that staff have published.
#[utoipa::path(
    get,
    path = "/v1/products/{product}/reviews",
    tag = "catalog",
    params(("product" = String, Path, description = "The product's id or slug."), CursorQuery),
    responses(
        (status = 200, description = "One page.", body = ReviewPage, example = json!({
            "items": [{"id": "01936f2e-7c1a-7000-8000-00000000000a",
                "product": "01936f2e-7c1a-7000-8000-5f6d3c2b1a09", "stars": 5,
                "title": "A classic", "text": "Read it twice.", "name": "Ada L.",
                "status": "published", "created_at": "2026-01-31T12:00:00.000000Z"}],
            "next_cursor": null})),
        (status = 400, description = "`invalid_input`, with the field named.", body = Problem,
            content_type = "application/problem+json"),
        (status = 404, description = "There is no such product, or no longer.", body = Problem,
            content_type = "application/problem+json"),
    ),
)]
async fn list_reviews(
    State(catalog): State<Arc<Catalog>>,
    Path(id_or_slug): Path<String>,
    query: HttpResult<Query<CursorQuery>>,
) -> HttpResult<Json<ReviewPage>> {
    let Query(query) = query?;
    let call = ListReviews { id_or_slug, limit: query.limit(), cursor: query.cursor };
    reviews::list(&catalog, call).await.or_problem(problem).map(Json)
}

/// Review a product that one has bought.
///
/// Once an account and product. It is seen once staff have published it.
#[utoipa::path(
    post,
    path = "/v1/products/{product}/reviews",
    tag = "catalog",
    params(("product" = String, Path, description = "The product's id or slug.")),
    request_body = NewReview,
    responses(
        (status = 201, description = "Kept; staff will look at it.", body = Review,
            example = json!({"id": "01936f2e-7c1a-7000-8000-00000000000a",
                "product": "01936f2e-7c1a-7000-8000-5f6d3c2b1a09", "stars": 5,
                "title": "A classic", "text": "Read it twice.", "name": "Ada L.",
                "status": "pending", "created_at": "2026-01-31T12:00:00.000000Z"})),
        (status = 400, description = "`invalid_input`, with the field named.", body = Problem,
            content_type = "application/problem+json"),
        (status = 401, description = "Nobody is logged in.", body = Problem,
            content_type = "application/problem+json"),
        (status = 403, description = "`not_bought`: the account has no paid order with it.",
            body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is no such product, or no longer.", body = Problem,
            content_type = "application/problem+json"),
        (status = 409, description = "`already_reviewed`: the account has reviewed it.",
            body = Problem, content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
async fn write_review(
    login: LoggedIn,
    State(catalog): State<Arc<Catalog>>,
    Path(id_or_slug): Path<String>,
    body: Body<NewReview>,
) -> HttpResult<(StatusCode, Json<Review>)> {
    let NewReview { stars, title, text, name } = body.parse()?;
    let call = WriteReview { id_or_slug, stars, title, text, name };
    let review = write_review::answer(&catalog, &login.caller(), call).await;
    Ok((StatusCode::CREATED, Json(review.or_problem(problem)?)))
}

/// List the reviews of all products in one state, oldest first (staff).
#[utoipa::path(
    get,
    path = "/v1/staff/reviews",
    tag = "catalog",
    params(ModerationQuery),
    responses(
        (status = 200, description = "One page.", body = ReviewPage, example = json!({
            "items": [{"id": "01936f2e-7c1a-7000-8000-00000000000a",
                "product": "01936f2e-7c1a-7000-8000-5f6d3c2b1a09", "stars": 1,
                "title": null, "text": "Buy at example.com", "name": "Eve",
                "status": "pending", "created_at": "2026-01-31T12:00:00.000000Z"}],
            "next_cursor": null})),
        (status = 400, description = "`invalid_input`, with the field named.", body = Problem,
            content_type = "application/problem+json"),
        (status = 401, description = "Nobody is logged in.", body = Problem,
            content_type = "application/problem+json"),
        (status = 403, description = "Only staff may.", body = Problem,
            content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
async fn reviews_to_moderate(
    State(catalog): State<Arc<Catalog>>,
    Asker(caller): Asker,
    query: HttpResult<Query<ModerationQuery>>,
) -> HttpResult<Json<ReviewPage>> {
    require(&caller, Permission::ModerateReviews)?;
    let Query(ModerationQuery { status, limit, cursor }) = query?;
    let call = ReviewsToModerate { status, limit: limit.get(), cursor };
    reviews::to_moderate(&catalog, &caller, call).await.or_problem(problem).map(Json)
}

/// Publish a review, or take it back (staff).
///
/// The product's rating follows at once. Repeating it changes nothing.
#[utoipa::path(
    patch,
    path = "/v1/reviews/{review}",
    tag = "catalog",
    params(("review" = String, Path, description = "The review's id.")),
    request_body = Moderation,
    responses(
        (status = 200, description = "The review as it is now.", body = Review,
            example = json!({"id": "01936f2e-7c1a-7000-8000-00000000000a",
                "product": "01936f2e-7c1a-7000-8000-5f6d3c2b1a09", "stars": 5,
                "title": "A classic", "text": "Read it twice.", "name": "Ada L.",
                "status": "published", "created_at": "2026-01-31T12:00:00.000000Z"})),
        (status = 400, description = "`invalid_input`, with the field named.", body = Problem,
            content_type = "application/problem+json"),
        (status = 401, description = "Nobody is logged in.", body = Problem,
            content_type = "application/problem+json"),
        (status = 403, description = "Only staff may.", body = Problem,
            content_type = "application/problem+json"),
        (status = 404, description = "There is no such review.", body = Problem,
            content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
async fn moderate_review(
    State(catalog): State<Arc<Catalog>>,
    Asker(caller): Asker,
    review: HttpResult<Path<ReviewId>>,
    body: Body<Moderation>,
) -> HttpResult<Json<Review>> {
    require(&caller, Permission::ModerateReviews)?;
    let Path(review) = review?;
    let call = ModerateReview { review, status: body.parse()?.status };
    catalog.moderate(&caller, call).await.or_problem(problem).map(Json)
}

fn problem(refused: ReviewRefused) -> Problem {
    let detail = refused.to_string();
    match refused {
        ReviewRefused::NotLoggedIn => Problem::unauthorized(),
        ReviewRefused::NotAllowed => Problem::forbidden(),
        ReviewRefused::NotFound => Problem::not_found(),
        ReviewRefused::NotBought => Problem::new(StatusCode::FORBIDDEN, "not_bought", detail),
        ReviewRefused::AlreadyReviewed => Problem::conflict("already_reviewed", detail),
        ReviewRefused::Cursor => Problem::invalid_field("cursor", "is none that this list gave"),
        ReviewRefused::Invalid { field, reason } => Problem::invalid_field(field, reason),
    }
}
