//! What buyers say of a product.
use crate::message::call;
use crate::{AccountId, ProductId, ReviewId, Timestamp};
use serde::{Deserialize, Serialize};

/// Say what one thinks of a product that one has bought: once an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriteReview {
    /// Of which product, by id or slug.
    pub id_or_slug: String,
    /// 1 to 5.
    pub stars: u8,
    /// At most 200 characters.
    pub title: Option<String>,
    /// At most 5,000 characters; may be empty.
    pub text: String,
    /// The name that stands beside it: 1 to 100 characters.
    pub name: String,
}
call!(WriteReview, "catalog.write_review.v1", Review, ReviewRefused);

/// What one buyer says of a product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Review {
    /// The review.
    pub id: ReviewId,
    /// Of which product.
    pub product: ProductId,
    /// 1 to 5.
    pub stars: u8,
    /// One line.
    pub title: Option<String>,
    /// Plain text.
    pub text: String,
    /// The name that the buyer gave; null once the account is erased.
    pub name: Option<String>,
    /// Only published ones are seen by shoppers, and count.
    pub status: ReviewStatus,
    /// When it was written.
    pub created_at: Timestamp,
}

/// Whether a review is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ReviewStatus {
    /// Nobody of the staff has looked at it.
    Pending,
    /// Seen by all.
    Published,
    /// Not seen.
    Rejected,
}

/// Why a review was not written, shown or changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "code")]
pub enum ReviewRefused {
    /// Nobody is logged in.
    #[error("nobody is logged in")]
    NotLoggedIn,
    /// The caller lacks the right.
    #[error("only staff may see and change what is not published")]
    NotAllowed,
    /// No such product or review.
    #[error("there is no such product or review")]
    NotFound,
    /// The account has no paid order with the product.
    #[error("only who bought a product may review it")]
    NotBought,
    /// The account has reviewed it.
    #[error("you have reviewed this product")]
    AlreadyReviewed,
    /// The cursor is none of ours.
    #[error("the cursor is not one that this list gave")]
    Cursor,
    /// A field does not hold what it should.
    #[error("{field} {reason}")]
    Invalid {
        /// Which field.
        field: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// The reviews of a product that are published, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListReviews {
    /// Of which product, by id or slug.
    pub id_or_slug: String,
    /// 1 to 100.
    pub limit: u32,
    /// Where the last page ended.
    pub cursor: Option<String>,
}
call!(ListReviews, "catalog.list_reviews.v1", ReviewPage, ReviewRefused);

/// Reviews of all products in one state, oldest first, for staff.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewsToModerate {
    /// In which state.
    pub status: ReviewStatus,
    /// 1 to 100.
    pub limit: u32,
    /// Where the last page ended.
    pub cursor: Option<String>,
}
call!(ReviewsToModerate, "catalog.reviews_to_moderate.v1", ReviewPage, ReviewRefused);

/// One page of reviews.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ReviewPage {
    /// At most `limit`.
    pub items: Vec<Review>,
    /// Null on the last page.
    pub next_cursor: Option<String>,
}

/// Let a review be seen, or not. Repeating it changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModerateReview {
    /// Which one.
    pub review: ReviewId,
    /// What it becomes.
    pub status: ReviewStatus,
}
call!(ModerateReview, "catalog.moderate_review.v1", Review, ReviewRefused);

/// The account behind a review, for what an account keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewsBy {
    /// Whose; only the account itself and the store may ask.
    pub account: AccountId,
}
call!(ReviewsBy, "catalog.reviews_by.v1", Vec<Review>, ReviewRefused);
