//! Which tax is due, and how much of it: exact integers, rounded half up once for each rate. Pure.
use contracts::money::MoneyError;
use contracts::orders::{ShopTerms, TaxLine};
use contracts::{Currency, Money};
use std::collections::BTreeMap;

/// All of something, in basis points.
const WHOLE: i128 = 10_000;

/// The rates that matter to what goes to one country.
#[derive(Debug)]
pub struct Rates<'a> {
    own: Of<'a>,
    others: Of<'a>,
}

/// Rates of one country, or of all that have none of their own.
#[derive(Debug, Default)]
struct Of<'a> {
    by_category: BTreeMap<&'a str, u32>,
    plain: Option<u32>,
}

impl Of<'_> {
    /// The lowest rate of those categories that have one.
    fn lowest(&self, categories: &[String]) -> Option<u32> {
        categories.iter().filter_map(|slug| self.by_category.get(slug.as_str()).copied()).min()
    }
}

impl<'a> Rates<'a> {
    /// Of what goes to `country` under `terms`.
    pub fn to(terms: &'a ShopTerms, country: &str) -> Self {
        let (mut own, mut others) = (Of::default(), Of::default());
        for rate in &terms.tax {
            let of = match rate.country.as_deref() {
                Some(named) if named == country => &mut own,
                Some(_) => continue,
                None => &mut others,
            };
            match rate.category.as_deref() {
                Some(category) => {
                    of.by_category.insert(category, rate.basis_points);
                }
                None => of.plain = Some(rate.basis_points),
            }
        }
        Self { own, others }
    }
    /// What is due on what stands in `categories`, in basis points: the country's rate for one of
    /// them, else its plain one, else the same of all other countries, else nothing. Where several
    /// match, the lowest.
    pub fn of(&self, categories: &[String]) -> u32 {
        let (own, others) = (&self.own, &self.others);
        own.lowest(categories)
            .or(own.plain)
            .or_else(|| others.lowest(categories))
            .or(others.plain)
            .unwrap_or(0)
    }
}

/// The tax of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taxes {
    /// What is added to the prices.
    pub added: Money,
    /// What the prices include.
    pub included: Money,
    /// By rate, the highest first; rates of nothing are left out.
    pub lines: Vec<TaxLine>,
}

impl Taxes {
    /// No tax is due.
    pub const fn none(currency: Currency) -> Self {
        Self { added: Money::zero(currency), included: Money::zero(currency), lines: Vec::new() }
    }
    /// The tax on `shares`: amounts, none of them negative, each with its rate. They `include` it,
    /// or it is added.
    /// # Errors
    /// When currencies differ, or a sum is beyond [`Money::MAX_MINOR`].
    pub fn on(
        shares: impl IntoIterator<Item = (u32, Money)>,
        include: bool,
        currency: Currency,
    ) -> Result<Self, MoneyError> {
        let mut by_rate: BTreeMap<u32, Money> = BTreeMap::new();
        for (rate, amount) in shares {
            if rate > 0 && !amount.is_zero() {
                let sum = by_rate.entry(rate).or_insert(Money::zero(currency));
                *sum = sum.plus(amount)?;
            }
        }
        let lines: Result<Vec<TaxLine>, MoneyError> =
            by_rate.into_iter().rev().map(|(rate, sum)| line(rate, sum, include)).collect();
        let lines = lines?;
        let sum = lines.iter().try_fold(Money::zero(currency), |sum, line| sum.plus(line.tax))?;
        let nothing = Money::zero(currency);
        let (added, included) = if include { (nothing, sum) } else { (sum, nothing) };
        Ok(Self { added, included, lines })
    }
}

fn line(rate: u32, sum: Money, includes: bool) -> Result<TaxLine, MoneyError> {
    let basis = i128::from(rate);
    // What a whole of the sum consists of: the price alone, or the price and its tax.
    let whole = if includes { WHOLE + basis } else { WHOLE };
    let tax = Money::new(half_up(i128::from(sum.minor) * basis, whole)?, sum.currency);
    let base = if includes { sum.minus(tax)? } else { sum };
    Ok(TaxLine { basis_points: rate, base, tax })
}

/// `amount / by`, a half and more rounded up; `amount` is not negative.
fn half_up(amount: i128, by: i128) -> Result<i64, MoneyError> {
    i64::try_from((2 * amount + by) / (2 * by)).map_err(|_| MoneyError::Overflow)
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::orders::TaxRate;
    use proptest::prelude::*;

    fn usd(minor: i64) -> Money {
        Money::new(minor, Currency::USD)
    }
    fn rate(country: Option<&str>, category: Option<&str>, basis_points: u32) -> TaxRate {
        TaxRate {
            country: country.map(Into::into),
            category: category.map(Into::into),
            basis_points,
        }
    }
    fn on(shares: &[(u32, i64)], include: bool) -> Taxes {
        let shares = shares.iter().map(|(rate, minor)| (*rate, usd(*minor)));
        Taxes::on(shares, include, Currency::USD).unwrap()
    }

    #[test]
    fn the_most_specific_rate_wins_and_the_lowest_of_equals() {
        let terms = ShopTerms {
            tax: vec![
                rate(None, None, 500),
                rate(None, Some("books"), 100),
                rate(Some("DE"), None, 1900),
                rate(Some("DE"), Some("books"), 700),
                rate(Some("DE"), Some("maps"), 300),
                rate(Some("FR"), Some("books"), 550),
            ],
            ..ShopTerms::default()
        };
        let of = |country: &str, categories: &[&str]| {
            let categories: Vec<String> = categories.iter().map(|slug| (*slug).into()).collect();
            Rates::to(&terms, country).of(&categories)
        };
        assert_eq!(of("DE", &["toys"]), 1900);
        assert_eq!(of("DE", &["toys", "books"]), 700);
        assert_eq!(of("DE", &["books", "maps"]), 300, "the lowest of those that match");
        assert_eq!(of("DE", &[]), 1900, "shipping");
        assert_eq!(of("FR", &["books"]), 550);
        assert_eq!(of("FR", &["toys"]), 500, "it has no plain rate of its own");
        assert_eq!(of("GB", &["books"]), 100);
        assert_eq!(of("GB", &["toys"]), 500);
        assert_eq!(Rates::to(&ShopTerms::default(), "DE").of(&["books".into()]), 0);
    }

    #[test]
    fn a_country_without_categories_outweighs_a_category_without_a_country() {
        let terms = ShopTerms {
            tax: vec![rate(None, Some("books"), 100), rate(Some("DE"), None, 1900)],
            ..ShopTerms::default()
        };
        assert_eq!(Rates::to(&terms, "DE").of(&["books".into()]), 1900);
    }

    #[test]
    fn a_half_is_rounded_up_once_for_each_rate() {
        // 3 × 0.5 = 1.5, not 3 × 1.
        assert_eq!(on(&[(500, 10), (500, 10), (500, 10)], false).added, usd(2));
        assert_eq!(on(&[(500, 9)], false).added, usd(0));
        assert_eq!(on(&[(1900, 1999)], false).added, usd(380));
        let taxes = on(&[(1900, 1190), (700, 107), (0, 50)], true);
        assert_eq!((taxes.included, taxes.added), (usd(197), usd(0)));
        let lines: Vec<_> =
            taxes.lines.iter().map(|l| (l.basis_points, l.base.minor, l.tax.minor)).collect();
        assert_eq!(lines, [(1900, 1000, 190), (700, 100, 7)], "the highest first, none of nothing");
    }

    #[test]
    fn what_cannot_be_reckoned_is_refused() {
        let eur = Money::new(1, Currency::EUR);
        assert!(Taxes::on([(100, eur)], false, Currency::USD).is_err());
        let most = usd(Money::MAX_MINOR);
        assert!(Taxes::on([(100, most), (100, usd(1))], false, Currency::USD).is_err());
        // The largest amount at the highest rate does not overflow on the way.
        assert_eq!(on(&[(10_000, Money::MAX_MINOR)], false).added, most);
        assert_eq!(on(&[(10_000, Money::MAX_MINOR)], true).included.minor, Money::MAX_MINOR / 2);
    }

    proptest! {
        #[test]
        fn the_lines_add_up_to_the_tax_and_the_bases_to_what_was_taxed(
            shares in proptest::collection::vec((0_u32..=10_000, 0_i64..1_000_000_000), 0..20),
            include: bool,
        ) {
            let taxes = on(&shares, include);
            let tax: i64 = taxes.lines.iter().map(|line| line.tax.minor).sum();
            let base: i64 = taxes.lines.iter().map(|line| line.base.minor).sum();
            let taxed: i64 = shares.iter().filter(|(rate, _)| *rate > 0).map(|(_, minor)| minor).sum();
            prop_assert_eq!(taxes.added.minor + taxes.included.minor, tax);
            prop_assert_eq!(if include { base + tax } else { base }, taxed);
            prop_assert!(taxes.added.is_zero() || taxes.included.is_zero());
        }

        #[test]
        fn no_line_is_more_than_half_a_unit_off(
            rate in 1_u32..=10_000, minor in 1_i64..=Money::MAX_MINOR, include: bool,
        ) {
            let taxes = on(&[(rate, minor)], include);
            let (tax, rate) = (i128::from(taxes.lines[0].tax.minor), i128::from(rate));
            let whole = if include { WHOLE + rate } else { WHOLE };
            let off = tax * whole - i128::from(minor) * rate;
            prop_assert!(-whole < 2 * off && 2 * off <= whole, "{off} of {whole}");
        }

        #[test]
        fn more_is_never_taxed_less(
            shares in proptest::collection::vec((0_u32..=10_000, 0_i64..1_000_000_000), 1..10),
            place: proptest::sample::Index, more in 0_i64..1_000_000, include: bool,
        ) {
            let mut dearer = shares.clone();
            dearer[place.index(shares.len())].1 += more;
            let (before, after) = (on(&shares, include), on(&dearer, include));
            prop_assert!(after.added.minor >= before.added.minor);
            prop_assert!(after.included.minor >= before.included.minor);
        }
    }
}
