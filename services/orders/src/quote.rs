//! What an order costs under the shop's terms. Pure, and the only place where totals are made.
use crate::tax::{Rates, Taxes};
use crate::terms;
use contracts::money::MoneyError;
use contracts::orders::{Offer, ShippingMethod, ShopTerms, TaxLine};
use contracts::{Currency, Money, Quantity};

/// What an order costs, in one currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// Sum of the lines.
    pub subtotal: Money,
    /// Shipping.
    pub shipping: Money,
    /// Tax that is added.
    pub tax: Money,
    /// Tax that the prices include.
    pub tax_included: Money,
    /// The tax by rate, added or included.
    pub tax_lines: Vec<TaxLine>,
    /// What is taken off.
    pub discount: Money,
    /// `subtotal + shipping + tax - discount`.
    pub total: Money,
}

impl Quote {
    /// As it is offered to a shopper.
    pub const fn offer(&self, method: ShippingMethod) -> Offer {
        Offer {
            method,
            subtotal: self.subtotal,
            shipping: self.shipping,
            tax: self.tax,
            tax_included: self.tax_included,
            discount: self.discount,
            total: self.total,
        }
    }
}

/// Some pieces that are to be paid for.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// What one costs.
    pub unit_price: Money,
    /// How many.
    pub quantity: Quantity,
    /// In which categories they stand, as far as the terms name any.
    pub categories: &'a [String],
}

/// Where an order goes, and how.
#[derive(Clone, Copy, Debug)]
pub struct Way<'a> {
    /// To which country.
    pub country: &'a str,
    /// How it travels.
    pub method: ShippingMethod,
}

/// Why there is no total.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuoteError {
    /// The terms do not offer this way to this country.
    #[error("it is not delivered in this way")]
    NotDelivered,
    /// Too large, or of different currencies.
    #[error(transparent)]
    Money(#[from] MoneyError),
    /// A part is below nothing.
    #[error("{0} is negative")]
    Negative(&'static str),
    /// More would be taken off than there is.
    #[error("the discount is more than the order costs")]
    Discount,
}

/// What `lines` cost, delivered by `way` under `terms`. Nothing is taken off yet.
/// # Errors
/// When it is not delivered so, or as [`totals`].
pub fn quote(
    terms: &ShopTerms,
    way: Way<'_>,
    lines: &[Line<'_>],
    currency: Currency,
) -> Result<Quote, QuoteError> {
    let rates = Rates::to(terms, way.country);
    let (mut subtotal, mut shares) = (Money::zero(currency), Vec::with_capacity(lines.len() + 1));
    for line in lines {
        not_negative("a price", line.unit_price)?;
        let amount = line.unit_price.times(line.quantity.get())?;
        subtotal = subtotal.plus(amount)?;
        shares.push((rates.of(line.categories), amount));
    }
    let shipping = terms::shipping_price(terms, way.method, way.country, subtotal.minor)
        .ok_or(QuoteError::NotDelivered)?;
    let shipping = Money::new(shipping, currency);
    not_negative("shipping", shipping)?;
    shares.push((rates.of(&[]), shipping));
    let taxes = Taxes::on(shares, terms.prices_include_tax, currency)?;
    totals(subtotal, shipping, taxes, Money::zero(currency))
}

/// The total of a subtotal, shipping and tax, less `discount`.
/// # Errors
/// When a part is negative, currencies differ, or a sum is beyond [`Money::MAX_MINOR`].
pub fn totals(
    subtotal: Money,
    shipping: Money,
    taxes: Taxes,
    discount: Money,
) -> Result<Quote, QuoteError> {
    let Taxes { added: tax, included: tax_included, lines: tax_lines } = taxes;
    let parts =
        [("the subtotal", subtotal), ("shipping", shipping), ("tax", tax), ("discount", discount)];
    for (part, amount) in parts {
        not_negative(part, amount)?;
    }
    let total = subtotal.plus(shipping)?.plus(tax)?.minus(discount)?;
    if total.minor < 0 {
        return Err(QuoteError::Discount);
    }
    Ok(Quote { subtotal, shipping, tax, tax_included, tax_lines, discount, total })
}

fn not_negative(part: &'static str, amount: Money) -> Result<(), QuoteError> {
    if amount.minor < 0 { Err(QuoteError::Negative(part)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::orders::{ShippingRate, TaxRate};
    use proptest::prelude::*;

    fn usd(minor: i64) -> Money {
        Money::new(minor, Currency::USD)
    }
    fn line(minor: i64, count: u32) -> Line<'static> {
        Line { unit_price: usd(minor), quantity: Quantity::new(count).unwrap(), categories: &[] }
    }
    fn terms(price: i64, basis_points: u32, prices_include_tax: bool) -> ShopTerms {
        let method = ShippingMethod::Standard;
        ShopTerms {
            shipping: vec![ShippingRate { method, country: None, price, free_above: None }],
            tax: vec![TaxRate { country: None, category: None, basis_points }],
            prices_include_tax,
            ..ShopTerms::default()
        }
    }
    const BY_POST: Way<'_> = Way { country: "GB", method: ShippingMethod::Standard };

    fn quoted(terms: &ShopTerms, lines: &[Line<'_>]) -> Result<Quote, QuoteError> {
        quote(terms, BY_POST, lines, Currency::USD)
    }

    #[test]
    fn the_total_of_five_lines_is_their_sum_with_shipping_and_tax() {
        let lines = [line(1999, 1), line(250, 4), line(5, 9999), line(0, 3), line(100_000, 2)];
        let subtotal = 1999 + 1000 + 49_995 + 200_000;
        let added = quoted(&terms(499, 1000, false), &lines).unwrap();
        assert_eq!((added.subtotal, added.shipping), (usd(subtotal), usd(499)));
        // A tenth of 253,493 is 25,349.3.
        assert_eq!((added.tax, added.total), (usd(25_349), usd(subtotal + 499 + 25_349)));
        let included = quoted(&terms(499, 1000, true), &lines).unwrap();
        assert_eq!((included.tax, included.total), (usd(0), usd(subtotal + 499)));
        // An eleventh of 253,493 is 23,044.8.
        assert_eq!(included.tax_included, usd(23_045));
        assert_eq!(included.tax_lines[0].base, usd(253_493 - 23_045));
    }

    #[test]
    fn goods_are_taxed_by_their_categories_and_shipping_by_the_plain_rate() {
        let mut terms = terms(500, 2000, false);
        let books = TaxRate { country: None, category: Some("books".into()), basis_points: 700 };
        terms.tax.push(books);
        let in_books = ["novels".to_owned(), "books".to_owned()];
        let lines = [Line { categories: &in_books, ..line(1000, 2) }, line(300, 1)];
        let quoted = quoted(&terms, &lines).unwrap();
        let by_rate: Vec<_> = quoted
            .tax_lines
            .iter()
            .map(|line| (line.basis_points, line.base.minor, line.tax.minor))
            .collect();
        assert_eq!(by_rate, [(2000, 800, 160), (700, 2000, 140)]);
        assert_eq!(quoted.total, usd(2300 + 500 + 300));
    }

    #[test]
    fn what_cannot_be_reckoned_is_refused() {
        let free = terms(0, 0, false);
        let eur = Line { unit_price: Money::new(5, Currency::EUR), ..line(0, 1) };
        assert_eq!(
            quoted(&free, &[eur]),
            Err(MoneyError::Currencies(Currency::USD, Currency::EUR).into())
        );
        assert_eq!(quoted(&free, &[line(-1, 1)]), Err(QuoteError::Negative("a price")));
        assert_eq!(quoted(&terms(-1, 0, false), &[]), Err(QuoteError::Negative("shipping")));
        assert_eq!(quoted(&ShopTerms::default(), &[line(1, 1)]), Err(QuoteError::NotDelivered));
        let none = Taxes::none(Currency::USD);
        let discounted = totals(usd(5), usd(0), none.clone(), usd(6));
        assert_eq!(discounted, Err(QuoteError::Discount));
        assert_eq!(totals(usd(5), usd(0), none.clone(), usd(5)).unwrap().total, usd(0));
        let negative = Taxes { added: usd(-1), ..none };
        assert_eq!(totals(usd(5), usd(0), negative, usd(0)), Err(QuoteError::Negative("tax")));
        for lines in [
            vec![line(i64::MAX, 9999)],
            vec![line(Money::MAX_MINOR, 1), line(1, 1)],
            vec![line(Money::MAX_MINOR / 2 + 1, 2)],
        ] {
            assert_eq!(quoted(&free, &lines), Err(MoneyError::Overflow.into()));
        }
        let taxed = quoted(&terms(0, 100, false), &[line(Money::MAX_MINOR, 1)]);
        assert_eq!(taxed, Err(MoneyError::Overflow.into()), "with its tax it is too large");
    }

    proptest! {
        #[test]
        fn a_total_is_the_exact_sum_of_its_parts(
            lines in proptest::collection::vec((0_i64..=Money::MAX_MINOR, 1_u32..=9999), 0..12),
            shipping in 0_i64..100_000, rate in 0_u32..=10_000, include: bool,
        ) {
            let exact: i128 = lines.iter().map(|(p, n)| i128::from(*p) * i128::from(*n)).sum();
            let lines: Vec<_> = lines.iter().map(|(p, n)| line(*p, *n)).collect();
            match quoted(&terms(shipping, rate, include), &lines) {
                Ok(quote) => {
                    prop_assert_eq!(i128::from(quote.subtotal.minor), exact);
                    let parts = quote.subtotal.minor + quote.shipping.minor + quote.tax.minor;
                    prop_assert_eq!(quote.total.minor, parts - quote.discount.minor);
                    let by_rate: i64 = quote.tax_lines.iter().map(|line| line.tax.minor).sum();
                    prop_assert_eq!(by_rate, quote.tax.minor + quote.tax_included.minor);
                }
                Err(error) => {
                    prop_assert_eq!(error, MoneyError::Overflow.into());
                    prop_assert!(2 * (exact + i128::from(shipping)) > i128::from(Money::MAX_MINOR));
                }
            }
        }

        #[test]
        fn included_tax_never_changes_a_total_and_added_tax_never_lowers_it(
            lines in proptest::collection::vec((0_i64..1_000_000, 1_u32..=9999), 1..40),
            shipping in 0_i64..100_000, rate in 0_u32..=10_000,
        ) {
            let lines: Vec<_> = lines.iter().map(|(p, n)| line(*p, *n)).collect();
            let bare = quoted(&terms(shipping, 0, false), &lines).unwrap();
            let included = quoted(&terms(shipping, rate, true), &lines).unwrap();
            let added = quoted(&terms(shipping, rate, false), &lines).unwrap();
            prop_assert_eq!(included.total, bare.total);
            prop_assert_eq!(added.total.minor, bare.total.minor + added.tax.minor);
            prop_assert!(included.tax_included.minor <= added.tax.minor);
        }

        #[test]
        fn one_more_piece_never_costs_less(
            lines in proptest::collection::vec((0_i64..1_000_000, 1_u32..9999), 1..20),
            place: proptest::sample::Index, rate in 0_u32..=10_000, include: bool,
        ) {
            let terms = terms(499, rate, include);
            let total = |lines: &[(i64, u32)]| {
                let lines: Vec<_> = lines.iter().map(|(p, n)| line(*p, *n)).collect();
                quoted(&terms, &lines).unwrap().total.minor
            };
            let mut more = lines.clone();
            more[place.index(lines.len())].1 += 1;
            prop_assert!(total(&more) >= total(&lines));
        }
    }
}
