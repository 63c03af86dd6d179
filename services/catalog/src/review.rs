//! What a review may say, and what the stars come to. Pure: no database, no clock.
use crate::product::squeezed;
use contracts::catalog::{ReviewRefused, ReviewStatus, WriteReview};

const TITLE_CHARACTERS: usize = 200;
const TEXT_CHARACTERS: usize = 5_000;
const NAME_CHARACTERS: usize = 100;
/// The most that an import may say of one number of stars; five of them are far from what an
/// integer holds.
pub const MOST_STARS: u64 = 1_000_000_000_000;

/// How many gave 1, 2, 3, 4 and 5 stars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stars(pub [i64; 5]);

impl Stars {
    /// These and `other` together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let mut sum = self;
        for (here, there) in sum.0.iter_mut().zip(other.0) {
            *here = here.saturating_add(there);
        }
        sum
    }
    /// With `change` more who gave `stars`.
    #[must_use]
    pub fn with(mut self, stars: u8, change: i64) -> Self {
        let place = usize::from(stars.saturating_sub(1));
        if let Some(count) = self.0.get_mut(place) {
            *count = count.saturating_add(change);
        }
        self
    }
    /// How many gave stars.
    pub fn count(self) -> i64 {
        self.0.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }
    /// Their mean in hundredths, halves rounded up; none where nobody gave any.
    pub fn mean_hundredths(self) -> Option<i64> {
        let count = self.count();
        if count <= 0 {
            return None;
        }
        let sum = (1_i64..).zip(self.0).fold(0_i64, |sum, (stars, n)| sum + stars * n);
        Some((200 * sum + count) / (2 * count))
    }
    /// What an import says, if it can be true.
    pub fn imported(counts: [u64; 5]) -> Option<Self> {
        let mut stars = Self::default();
        for (here, count) in stars.0.iter_mut().zip(counts) {
            *here = i64::try_from(count).ok().filter(|_| count <= MOST_STARS)?;
        }
        Some(stars)
    }
    /// As an export says it; none where nobody gave any.
    pub fn exported(self) -> Option<[u64; 5]> {
        let counts = self.0.map(|count| u64::try_from(count).unwrap_or(0));
        counts.iter().any(|count| *count > 0).then_some(counts)
    }
}

/// What a review says, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// 1 to 5.
    pub stars: u8,
    /// One line, if there is one.
    pub title: Option<String>,
    /// Plain text; may be empty.
    pub text: String,
    /// The name that stands beside it.
    pub name: String,
}

fn invalid(field: &str, reason: impl Into<String>) -> ReviewRefused {
    ReviewRefused::Invalid { field: field.to_owned(), reason: reason.into() }
}

/// Checks a review, and brings it to how it is kept.
/// # Errors
/// The first field that does not hold what it should.
pub fn check(new: &WriteReview) -> Result<Words, ReviewRefused> {
    if !(1..=5).contains(&new.stars) {
        return Err(invalid("stars", "must be from 1 to 5"));
    }
    let title = line("title", new.title.as_deref().unwrap_or_default(), TITLE_CHARACTERS)?;
    let text = new.text.trim();
    if text.contains('\0') {
        return Err(invalid("text", "must not contain a NUL character"));
    }
    if text.chars().nth(TEXT_CHARACTERS).is_some() {
        return Err(invalid("text", format!("must have at most {TEXT_CHARACTERS} characters")));
    }
    let name = line("name", &new.name, NAME_CHARACTERS)?;
    if name.is_empty() {
        return Err(invalid("name", "must not be empty"));
    }
    let title = Some(title).filter(|title| !title.is_empty());
    Ok(Words { stars: new.stars, title, text: text.to_owned(), name })
}

/// A text of one line: no control characters, single spaces.
fn line(field: &str, text: &str, most: usize) -> Result<String, ReviewRefused> {
    let text = squeezed(text);
    if text.chars().any(char::is_control) {
        return Err(invalid(field, "must not contain control characters"));
    }
    if text.chars().nth(most).is_some() {
        return Err(invalid(field, format!("must have at most {most} characters")));
    }
    Ok(text)
}

/// How the number of published reviews changes with the state of one of them.
pub const fn published_change(from: ReviewStatus, to: ReviewStatus) -> i64 {
    match (from, to) {
        (ReviewStatus::Published, ReviewStatus::Published) => 0,
        (ReviewStatus::Published, _) => -1,
        (_, ReviewStatus::Published) => 1,
        _ => 0,
    }
}

/// The name of a state in the database.
pub const fn status_key(status: ReviewStatus) -> &'static str {
    match status {
        ReviewStatus::Pending => "pending",
        ReviewStatus::Published => "published",
        ReviewStatus::Rejected => "rejected",
    }
}

/// The state of this name.
pub fn status_of(key: &str) -> Option<ReviewStatus> {
    [ReviewStatus::Pending, ReviewStatus::Published, ReviewStatus::Rejected]
        .into_iter()
        .find(|status| status_key(*status) == key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_is_exact_in_hundredths_and_halves_go_up() {
        for (stars, mean) in [
            ([0, 0, 0, 0, 0], None),
            ([1, 0, 0, 0, 0], Some(100)),
            ([0, 0, 0, 0, 7], Some(500)),
            ([0, 0, 0, 1, 1], Some(450)),
            // 13 / 3 = 4.333…, 14 / 3 = 4.666…
            ([0, 0, 0, 2, 1], Some(433)),
            ([0, 0, 0, 1, 2], Some(467)),
            // 9 / 8 = 1.125
            ([7, 1, 0, 0, 0], Some(113)),
            // 401 / 200 = 2.005
            ([0, 199, 1, 0, 0], Some(201)),
            // 801 / 400 = 2.0025
            ([0, 399, 1, 0, 0], Some(200)),
        ] {
            assert_eq!(Stars(stars).mean_hundredths(), mean, "{stars:?}");
        }
        let most = Stars::imported([MOST_STARS; 5]).unwrap();
        assert_eq!(most.mean_hundredths(), Some(300));
        assert_eq!(Stars::imported([0, 0, 0, 0, MOST_STARS + 1]), None);
        assert_eq!(Stars::imported([u64::MAX; 5]), None);
    }

    #[test]
    fn stars_are_counted_by_their_number() {
        let stars = Stars::default().with(1, 2).with(5, 3).with(5, -1);
        assert_eq!(stars, Stars([2, 0, 0, 0, 2]));
        assert_eq!(stars.plus(Stars([1, 1, 1, 1, 1])).count(), 9);
        assert_eq!(stars.exported(), Some([2, 0, 0, 0, 2]));
        assert_eq!(Stars::default().exported(), None);
    }

    #[test]
    fn a_review_is_checked_field_by_field_and_kept_trim() {
        let review = |change: fn(&mut WriteReview)| {
            let mut review = WriteReview {
                id_or_slug: "dune".into(),
                stars: 5,
                title: Some("  Sand,  sand ".into()),
                text: " Spice.\n\nMore spice. ".into(),
                name: " Paul  A. ".into(),
            };
            change(&mut review);
            check(&review).map_err(|refused| match refused {
                ReviewRefused::Invalid { field, .. } => field,
                other => other.to_string(),
            })
        };
        let kept = review(|_| {}).unwrap();
        assert_eq!((kept.title.as_deref(), kept.name.as_str()), (Some("Sand, sand"), "Paul A."));
        assert_eq!(kept.text, "Spice.\n\nMore spice.");
        assert_eq!(review(|r| r.title = Some("  ".into())).unwrap().title, None);
        assert_eq!(review(|r| r.text.clear()).unwrap().text, "");
        assert_eq!(review(|r| r.stars = 0).unwrap_err(), "stars");
        assert_eq!(review(|r| r.stars = 6).unwrap_err(), "stars");
        assert_eq!(review(|r| r.title = Some("x".repeat(201))).unwrap_err(), "title");
        assert_eq!(review(|r| r.title = Some("a\u{7}b".into())).unwrap_err(), "title");
        assert_eq!(review(|r| r.text = "x".repeat(5_001)).unwrap_err(), "text");
        assert_eq!(review(|r| r.text = "a\0b".into()).unwrap_err(), "text");
        assert_eq!(review(|r| r.name = " ".into()).unwrap_err(), "name");
        assert_eq!(review(|r| r.name = "x".repeat(101)).unwrap_err(), "name");
    }

    #[test]
    fn only_what_becomes_or_was_published_counts() {
        use ReviewStatus::{Pending, Published, Rejected};
        for from in [Pending, Published, Rejected] {
            assert_eq!(status_of(status_key(from)), Some(from));
            for to in [Pending, Published, Rejected] {
                let count = |status| i64::from(status == Published);
                assert_eq!(published_change(from, to), count(to) - count(from));
            }
        }
    }
}
