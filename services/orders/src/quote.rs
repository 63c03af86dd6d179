//! What an order costs. Pure, and the only place where totals are made.
use contracts::money::MoneyError;
use contracts::{Money, Quantity};

/// What an order costs, in one currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quote {
    /// Sum of the lines.
    pub subtotal: Money,
    /// Shipping.
    pub shipping: Money,
    /// Tax that is added.
    pub tax: Money,
    /// What is taken off.
    pub discount: Money,
    /// `subtotal + shipping + tax - discount`.
    pub total: Money,
}

/// Why there is no total.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuoteError {
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

/// The total of `lines` (price of a piece, and how many), `shipping` and `tax`, less `discount`.
/// # Errors
/// When a part is negative, currencies differ, or a sum is beyond [`Money::MAX_MINOR`].
pub fn quote(
    lines: &[(Money, Quantity)],
    shipping: Money,
    tax: Money,
    discount: Money,
) -> Result<Quote, QuoteError> {
    for (part, amount) in [("shipping", shipping), ("tax", tax), ("discount", discount)] {
        not_negative(part, amount)?;
    }
    let mut subtotal = Money::zero(shipping.currency);
    for (unit_price, quantity) in lines {
        not_negative("a price", *unit_price)?;
        subtotal = subtotal.plus(unit_price.times(quantity.get())?)?;
    }
    let gross = subtotal.plus(shipping)?.plus(tax)?;
    let total = gross.minus(discount)?;
    if total.minor < 0 {
        return Err(QuoteError::Discount);
    }
    Ok(Quote { subtotal, shipping, tax, discount, total })
}

fn not_negative(part: &'static str, amount: Money) -> Result<(), QuoteError> {
    if amount.minor < 0 { Err(QuoteError::Negative(part)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::Currency;
    use proptest::prelude::*;

    fn usd(minor: i64) -> Money {
        Money::new(minor, Currency::USD)
    }
    fn line(minor: i64, count: u32) -> (Money, Quantity) {
        (usd(minor), Quantity::new(count).unwrap())
    }

    #[test]
    fn the_total_of_five_lines_is_their_sum_with_shipping_and_tax_less_the_discount() {
        let lines = [line(1999, 1), line(250, 4), line(5, 9999), line(0, 3), line(100_000, 2)];
        let quoted = quote(&lines, usd(499), usd(101), usd(600)).unwrap();
        assert_eq!(quoted.subtotal, usd(1999 + 1000 + 49_995 + 200_000));
        assert_eq!(quoted.total, quoted.subtotal);
    }

    #[test]
    fn what_cannot_be_reckoned_is_refused() {
        let zero = usd(0);
        let eur = Money::new(5, Currency::EUR);
        assert_eq!(
            quote(&[(eur, Quantity::ONE)], zero, zero, zero),
            Err(MoneyError::Currencies(Currency::USD, Currency::EUR).into())
        );
        assert!(matches!(quote(&[], zero, eur, zero), Err(QuoteError::Money(_))));
        assert_eq!(quote(&[line(-1, 1)], zero, zero, zero), Err(QuoteError::Negative("a price")));
        assert_eq!(quote(&[], usd(-1), zero, zero), Err(QuoteError::Negative("shipping")));
        assert_eq!(quote(&[line(5, 1)], zero, zero, usd(6)), Err(QuoteError::Discount));
        for lines in [
            vec![line(i64::MAX, 9999)],
            vec![line(Money::MAX_MINOR, 1), line(1, 1)],
            vec![line(Money::MAX_MINOR / 2 + 1, 2)],
        ] {
            assert_eq!(quote(&lines, zero, zero, zero), Err(MoneyError::Overflow.into()));
        }
    }

    proptest! {
        #[test]
        fn a_total_is_the_exact_sum_whatever_the_number_of_lines(
            lines in proptest::collection::vec((0_i64..=Money::MAX_MINOR, 1_u32..=9999), 0..12),
            shipping in 0_i64..100_000, tax in 0_i64..100_000, discount in 0_i64..100_000,
        ) {
            let exact: i128 = lines.iter().map(|(p, n)| i128::from(*p) * i128::from(*n)).sum();
            let total = exact + i128::from(shipping) + i128::from(tax) - i128::from(discount);
            let lines: Vec<_> = lines.iter().map(|(p, n)| line(*p, *n)).collect();
            match quote(&lines, usd(shipping), usd(tax), usd(discount)) {
                Ok(quoted) => {
                    prop_assert_eq!(i128::from(quoted.subtotal.minor), exact);
                    prop_assert_eq!(i128::from(quoted.total.minor), total);
                }
                Err(QuoteError::Discount) => prop_assert!(total < 0),
                Err(error) => {
                    prop_assert_eq!(error, MoneyError::Overflow.into());
                    prop_assert!(total + i128::from(discount) > i128::from(Money::MAX_MINOR));
                }
            }
        }

        #[test]
        fn small_orders_are_never_refused(
            lines in proptest::collection::vec((0_i64..1_000_000, 1_u32..=9999), 3..40),
        ) {
            let exact: i64 = lines.iter().map(|(p, n)| p * i64::from(*n)).sum();
            let lines: Vec<_> = lines.iter().map(|(p, n)| line(*p, *n)).collect();
            let quoted = quote(&lines, usd(499), usd(0), usd(0)).unwrap();
            prop_assert_eq!(quoted.total.minor, exact + 499);
        }
    }
}
