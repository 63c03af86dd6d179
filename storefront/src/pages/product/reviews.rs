//! What buyers say of a product, and the form in which they say it: `POST /p/{slug}/reviews`.
use super::{Asked, find, page};
use crate::Shop;
use crate::form::{Faults, Sent};
use crate::stop::{OrStop as _, Shown, Stop};
use crate::visitor::Visitor;
use crate::words::{Day, Stars, encoded, stars};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect};
use contracts::catalog::{ListReviews, Product, Review, ReviewRefused, ReviewStatus, WriteReview};
use contracts::identity::GetMe;
use serde::Deserialize;
use std::sync::Arc;

const LIMIT: u32 = 10;

/// What is typed.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct ReviewForm {
    pub stars: String,
    pub title: String,
    pub text: String,
    pub name: String,
}

/// How many stars there are to give, the best first, with words for them.
pub const STARS: [(&str, &str); 5] = [
    ("5", "5, a favourite"),
    ("4", "4, very good"),
    ("3", "3, all right"),
    ("2", "2, not for me"),
    ("1", "1, poor"),
];

/// One review.
pub struct Said {
    pub stars: Stars,
    pub title: Option<String>,
    pub text: String,
    pub by: String,
    pub day: Day,
}

/// The reviews of a product.
pub struct Reviews {
    /// None where the catalogue does not tell.
    pub said: Option<Vec<Said>>,
    pub next: Option<String>,
    /// Whether this is a later page of them.
    pub later: bool,
    pub form: ReviewForm,
    pub faults: Faults,
    pub trouble: Option<&'static str>,
}

impl Reviews {
    /// One page of them. A product without its reviews is still a page.
    pub async fn of(
        shop: &Shop,
        visitor: &Visitor,
        product: &Product,
        cursor: Option<String>,
        mut form: ReviewForm,
    ) -> Self {
        let later = cursor.is_some();
        let id_or_slug = product.id.to_string();
        let list = ListReviews { id_or_slug, limit: LIMIT, cursor };
        let (listed, me) = tokio::join!(shop.ask(visitor, list), async {
            match visitor.is_known() && form.name.is_empty() {
                true => shop.ask(visitor, GetMe).await.ok(),
                false => None,
            }
        });
        if let Some(me) = me {
            form.name = me.name;
        }
        let listed = listed.inspect_err(|error| {
            tracing::warn!(%error, "reviews were not listed");
        });
        let (said, next) = listed
            .map(|page| (page.items.into_iter().map(said).collect(), page.next_cursor))
            .ok()
            .unzip();
        let (faults, trouble) = (Faults::default(), None);
        Self { said, next: next.flatten(), later, form, faults, trouble }
    }
}

fn said(review: Review) -> Said {
    Said {
        stars: stars(&review.stars),
        title: review.title.filter(|title| !title.trim().is_empty()),
        text: review.text,
        by: review.name.unwrap_or_else(|| "Somebody who has left".to_owned()),
        day: Day(review.created_at),
    }
}

/// Writes a review.
pub async fn review(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Path(slug): Path<String>,
    Sent(form): Sent<ReviewForm>,
) -> Shown {
    let product = find(&shop, &visitor, slug).await?;
    let here = format!("/p/{}", encoded(&product.slug));
    if !visitor.is_known() {
        return Err(Stop::LogIn(here));
    }
    let write = match form.read(&product) {
        Ok(write) => write,
        Err(faults) => return again(&shop, &visitor, product, form, Ok(faults)).await,
    };
    match shop.ask(&visitor, write).await.refusal()? {
        Ok(review) => {
            let notice = match review.status {
                ReviewStatus::Published => "review_published",
                ReviewStatus::Pending | ReviewStatus::Rejected => "reviewed",
            };
            Ok(Redirect::to(&format!("{here}?notice={notice}#reviews")).into_response())
        }
        Err(ReviewRefused::NotLoggedIn) => Err(Stop::LogIn(here)),
        Err(ReviewRefused::NotFound | ReviewRefused::Cursor) => Err(Stop::NotFound),
        Err(ReviewRefused::NotBought | ReviewRefused::NotAllowed) => {
            let why = "Reviews here come from people who bought the thing, and we find no paid \
                       order of yours with it. Come back once you have it.";
            again(&shop, &visitor, product, form, Err(why)).await
        }
        Err(ReviewRefused::AlreadyReviewed) => {
            let why = "You have reviewed this already, and one review each is the rule here.";
            again(&shop, &visitor, product, form, Err(why)).await
        }
        Err(ReviewRefused::Invalid { field, reason }) => {
            let field = if field == "id_or_slug" { "text".to_owned() } else { field };
            again(&shop, &visitor, product, form, Ok(Faults::one(field_id(&field), reason))).await
        }
    }
}

/// What the form calls a field: other forms of the page have names, too.
fn field_id(field: &str) -> String {
    format!("review-{field}")
}

impl ReviewForm {
    fn read(&self, product: &Product) -> Result<WriteReview, Faults> {
        let mut faults = Faults::default();
        let stars = self.stars.parse::<u8>().ok().filter(|stars| (1..=5).contains(stars));
        if stars.is_none() {
            faults.add("review-stars", "must be chosen");
        }
        if self.name.trim().is_empty() {
            faults.add("review-name", "must be filled in");
        }
        let title = Some(self.title.trim().to_owned()).filter(|title| !title.is_empty());
        match stars {
            Some(stars) if faults.is_empty() => Ok(WriteReview {
                id_or_slug: product.id.to_string(),
                stars,
                title,
                text: self.text.trim().replace("\r\n", "\n"),
                name: self.name.trim().to_owned(),
            }),
            _ => Err(faults),
        }
    }
}

/// The page again, with what was typed.
async fn again(
    shop: &Shop,
    visitor: &Visitor,
    product: Product,
    mut form: ReviewForm,
    why: Result<Faults, &'static str>,
) -> Shown {
    let short = |text: &String, most| text.chars().take(most).collect::<String>();
    form.title = short(&form.title, 300);
    form.name = short(&form.name, 300);
    form.text = short(&form.text, 10_000);
    let (review_faults, trouble, status) = match why {
        Ok(faults) => (faults, None, StatusCode::UNPROCESSABLE_ENTITY),
        Err(trouble) => (Faults::default(), Some(trouble), StatusCode::CONFLICT),
    };
    let asked = Asked { review: form, review_faults, trouble, status, ..Asked::default() };
    page(shop, visitor, product, asked).await
}
