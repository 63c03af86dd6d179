//! What comes in about reviews by HTTP.
use contracts::catalog::ReviewStatus;
use kit::pages::{PageSize, default_size};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

/// What one thinks of a product that one has bought.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"stars": 5, "title": "A classic", "text": "Read it twice.",
    "name": "Ada L."})))]
pub struct NewReview {
    /// 1 to 5.
    #[schema(minimum = 1, maximum = 5)]
    pub stars: u8,
    /// One line.
    #[schema(max_length = 200)]
    pub title: Option<String>,
    /// Plain text.
    #[serde(default)]
    #[schema(max_length = 5_000)]
    pub text: String,
    /// The name that stands beside it.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
}

/// What a review becomes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"status": "published"})))]
pub struct Moderation {
    /// `published` ones are seen and count; `pending` and `rejected` ones do neither.
    pub status: ReviewStatus,
}

/// Which reviews to look through.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ModerationQuery {
    /// In which state.
    #[serde(default = "pending")]
    #[param(inline, default = "pending")]
    pub status: ReviewStatus,
    /// How many reviews at most.
    #[serde(default = "default_size")]
    #[param(value_type = u32, minimum = 1, maximum = 100, default = 20)]
    pub limit: PageSize,
    /// The `next_cursor` of the answer before.
    pub cursor: Option<String>,
}

const fn pending() -> ReviewStatus {
    ReviewStatus::Pending
}
