//! Lists in pages: numbered ones for the catalogue, cursors for what grows while it is read.
use crate::problem::{HttpResult, Problem};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, de, de::DeserializeOwned};
use std::fmt;
use utoipa::{IntoParams, ToSchema};

/// A number from `LEAST` to `MOST`, from a query string or JSON, also where serde has to buffer
/// it as text (`#[serde(flatten)]`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bounded<const LEAST: u32, const MOST: u32>(u32);

impl<const LEAST: u32, const MOST: u32> Bounded<LEAST, MOST> {
    /// `number`, if it is within the bounds.
    pub const fn new(number: u32) -> Option<Self> {
        if LEAST <= number && number <= MOST { Some(Self(number)) } else { None }
    }
    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }
    /// `number`, moved into the bounds.
    const fn nearest(number: u32) -> Self {
        match number {
            low if low < LEAST => Self(LEAST),
            high if high > MOST => Self(MOST),
            fits => Self(fits),
        }
    }
}

impl<'de, const LEAST: u32, const MOST: u32> Deserialize<'de> for Bounded<LEAST, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Number;
        impl de::Visitor<'_> for Number {
            type Value = Option<u32>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number")
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Option<u32>, E> {
                Ok(u32::try_from(number).ok())
            }
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Option<u32>, E> {
                Ok(u32::try_from(number).ok())
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Option<u32>, E> {
                Ok(text.parse().ok())
            }
        }
        deserializer.deserialize_any(Number)?.and_then(Self::new).ok_or_else(|| {
            de::Error::custom(format_args!("must be a whole number from {LEAST} to {MOST}"))
        })
    }
}

/// The number of a page, from 1. It ends at 100,000, so that no offset overflows.
pub type PageNumber = Bounded<1, 100_000>;
/// How many items a page or a list has: 1 to 100.
pub type PageSize = Bounded<1, 100>;

/// Which page of a numbered list. A route with filters of its own repeats the two fields, for
/// serde cannot refuse unknown fields beside a flattened struct.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
pub struct PageQuery {
    /// Which page, from 1.
    #[param(value_type = u32, minimum = 1, maximum = 100_000, default = 1)]
    pub page: PageNumber,
    /// How many items to a page.
    #[param(value_type = u32, minimum = 1, maximum = 100, default = 20)]
    pub per_page: PageSize,
}

impl Default for PageQuery {
    fn default() -> Self {
        Self { page: default_page(), per_page: default_size() }
    }
}

impl PageQuery {
    /// How many items come before the page.
    pub const fn offset(self) -> u32 {
        (self.page.get() - 1) * self.per_page.get()
    }
    /// How many items to read.
    pub const fn limit(self) -> u32 {
        self.per_page.get()
    }
}

/// Page 1, for `#[serde(default = "kit::pages::default_page")]`.
pub const fn default_page() -> PageNumber {
    Bounded::nearest(1)
}
/// 20 items, for `#[serde(default = "kit::pages::default_size")]`.
pub const fn default_size() -> PageSize {
    Bounded::nearest(20)
}

/// Where to go on in a list that grows while it is read.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
pub struct CursorQuery {
    /// How many items at most.
    #[param(value_type = u32, minimum = 1, maximum = 100, default = 20)]
    pub limit: PageSize,
    /// The `next_cursor` of the answer before.
    pub cursor: Option<String>,
}

impl Default for CursorQuery {
    fn default() -> Self {
        Self { limit: default_size(), cursor: None }
    }
}

impl CursorQuery {
    /// How many items to answer. Read one more, for [`Listed::cut`].
    pub const fn limit(&self) -> u32 {
        self.limit.get()
    }
    /// The key of the last item that was seen; none at the start of the list.
    /// # Errors
    /// 400 `invalid_input` naming `cursor`, where it is no cursor of such a list.
    pub fn after<K: DeserializeOwned>(&self) -> HttpResult<Option<K>> {
        self.cursor.as_deref().map(decode_cursor).transpose()
    }
}

/// Keys that encode to more than this were not made here.
const CURSOR_CHARACTERS: usize = 512;

fn decode_cursor<K: DeserializeOwned>(cursor: &str) -> HttpResult<K> {
    Some(cursor)
        .filter(|cursor| cursor.len() <= CURSOR_CHARACTERS)
        .and_then(|cursor| URL_SAFE_NO_PAD.decode(cursor).ok())
        .and_then(|json| serde_json::from_slice(&json).ok())
        .ok_or_else(|| Problem::invalid_field("cursor", "is none that this list gave"))
}

/// An opaque cursor that stands behind the item with `key` (JSON in base64url). It is not
/// secret and not signed: what it says is checked like any other input.
pub fn encode_cursor<K: Serialize>(key: &K) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(key).unwrap_or_default())
}

/// A page of a numbered list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Paged<T> {
    /// The items of this page.
    pub items: Vec<T>,
    /// Which page, from 1.
    pub page: u32,
    /// How many items to a page.
    pub per_page: u32,
    /// How many items there are in all pages.
    pub total: u64,
}

impl<T> Paged<T> {
    /// The page that `query` asked for.
    pub fn new(query: PageQuery, items: Vec<T>, total: u64) -> Self {
        Self { items, page: query.page.get(), per_page: query.per_page.get(), total }
    }
    /// The same page of other items.
    pub fn map<U>(self, other: impl FnMut(T) -> U) -> Paged<U> {
        let items = self.items.into_iter().map(other).collect();
        Paged { items, page: self.page, per_page: self.per_page, total: self.total }
    }
}

/// A part of a list that is read by cursor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Listed<T> {
    /// The items of this part.
    pub items: Vec<T>,
    /// The `cursor` of the next part; null in the last one.
    #[schema(required = true)]
    pub next_cursor: Option<String>,
}

impl<T> Listed<T> {
    /// The first `limit` of `items`. Should there be more of them, the cursor stands behind the
    /// last that is kept, by its `key`.
    pub fn cut<K: Serialize>(mut items: Vec<T>, limit: u32, key: impl FnOnce(&T) -> K) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = items.len() > limit;
        items.truncate(limit);
        let last = items.last().filter(|_| more);
        let next_cursor = last.map(|last| encode_cursor(&key(last)));
        Self { items, next_cursor }
    }
    /// The same part of other items.
    pub fn map<U>(self, other: impl FnMut(T) -> U) -> Listed<U> {
        let items = self.items.into_iter().map(other).collect();
        Listed { items, next_cursor: self.next_cursor }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::{Query, parse_json};
    use axum::extract::FromRequestParts as _;
    use utoipa::PartialSchema as _;

    async fn asked<T: DeserializeOwned>(query: &str) -> HttpResult<T> {
        let request = http::Request::get(format!("/?{query}")).body(()).unwrap();
        Query::from_request_parts(&mut request.into_parts().0, &()).await.map(|Query(value)| value)
    }

    #[tokio::test]
    async fn pages_start_at_one_and_have_twenty_items() {
        let page: PageQuery = asked("").await.unwrap();
        assert_eq!(page, PageQuery::default());
        assert_eq!((page.offset(), page.limit()), (0, 20));
        let page: PageQuery = asked("page=3&per_page=100").await.unwrap();
        assert_eq!((page.offset(), page.limit()), (200, 100));
        let last: PageQuery = asked("page=100000&per_page=100").await.unwrap();
        assert_eq!(last.offset(), 9_999_900);
    }

    #[tokio::test]
    async fn pages_out_of_bounds_are_refused_by_name() {
        for (query, field) in [
            ("page=0", "page"),
            ("page=100001", "page"),
            ("page=-1", "page"),
            ("page=1.5", "page"),
            ("page=", "page"),
            ("page=99999999999999999999", "page"),
            ("per_page=0", "per_page"),
            ("per_page=101", "per_page"),
            ("pages=1", "pages"),
        ] {
            let problem = asked::<PageQuery>(query).await.unwrap_err();
            assert_eq!(
                (problem.status.as_u16(), &*problem.errors[0].field),
                (400, field),
                "{query}"
            );
        }
        let problem = asked::<CursorQuery>("limit=101").await.unwrap_err();
        assert_eq!(problem.detail, "limit must be a whole number from 1 to 100");
        assert_eq!(parse_json::<PageSize>(b"7").unwrap().get(), 7);
        assert!(parse_json::<PageSize>(b"7.0").is_err());
    }

    #[tokio::test]
    async fn a_cursor_comes_back_and_a_forged_one_is_refused() {
        let key = (17_i64, "0190".to_owned());
        let query = format!("cursor={}", encode_cursor(&key));
        let query: CursorQuery = asked(&query).await.unwrap();
        assert_eq!(query.after().unwrap(), Some(key));
        assert!(query.after::<Vec<u8>>().is_err());
        assert_eq!(CursorQuery::default().after::<i64>().unwrap(), None);
        for forged in ["", "!", "e30", &"A".repeat(600)] {
            let query: CursorQuery = asked(&format!("cursor={forged}")).await.unwrap();
            let problem = query.after::<(i64, String)>().unwrap_err();
            assert_eq!((problem.status.as_u16(), &*problem.errors[0].field), (400, "cursor"));
        }
    }

    #[test]
    fn the_last_part_of_a_list_has_no_cursor() {
        let part = Listed::cut(vec![1, 2, 3], 2, |last| *last);
        assert_eq!((part.items.len(), part.next_cursor), (2, Some(encode_cursor(&2))));
        let last = Listed::cut(vec![1, 2], 2, |last| *last).map(|number| number.to_string());
        assert_eq!(
            serde_json::to_value(last).unwrap(),
            serde_json::json!({"items": ["1", "2"], "next_cursor": null})
        );
        let page = Paged::new(PageQuery::default(), vec![1], 1).map(|number| number + 1);
        assert_eq!(
            serde_json::to_value(page).unwrap(),
            serde_json::json!({"items": [2], "page": 1, "per_page": 20, "total": 1})
        );
        let required =
            serde_json::to_value(Listed::<i32>::schema()).unwrap()["required"].to_string();
        assert!(required.contains("next_cursor"), "{required}");
    }
}
