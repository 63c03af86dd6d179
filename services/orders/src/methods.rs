//! What the ways to pay mean to an order: which can be used, how long it waits for the money,
//! and what a bank transfer has to name. Pure.
use contracts::orders::PayWith;
use contracts::payments::PaymentMethod;
use kit::config::Config;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// How long an order waits for money by `method`, from when it was placed with it or switched to
/// it; none where it never ends by itself.
///
/// A switch starts the time anew, be it shorter or longer than what was left: a transfer needs
/// its days, and a card that is tried in the last second its minutes. Nobody holds stock for
/// longer by it than by ordering again would do.
pub fn waits(config: &Config, method: PaymentMethod) -> Option<Duration> {
    match method {
        PaymentMethod::Wallet | PaymentMethod::Card => {
            Some(Duration::from_secs(config.hold_seconds.into()))
        }
        PaymentMethod::BankTransfer => Some(DAY.saturating_mul(config.payments.bank_transfer_days)),
        PaymentMethod::CashOnDelivery => None,
    }
}

/// Where a shopper who pays by `method` transfers to, as the shop has it configured.
pub fn bank_account(config: &Config, method: PaymentMethod) -> Option<String> {
    let account = config.payments.bank_account.trim();
    let shown = method == PaymentMethod::BankTransfer && !account.is_empty();
    shown.then(|| account.to_owned())
}

/// What is wrong with a way to pay, if something is: the field and the reason.
pub fn pay_with_fault(
    config: &Config,
    has_account: bool,
    with: &PayWith,
) -> Option<(String, String)> {
    let fault = |field: &str, reason: &str| Some((format!("payment.{field}"), reason.to_owned()));
    if !config.payments.offered().contains(&with.method) {
        return fault("method", "is not offered by this shop");
    }
    if with.method == PaymentMethod::Wallet && !has_account {
        return fault("method", "is for those who are logged in");
    }
    match (with.method, with.token.as_deref()) {
        (PaymentMethod::Card, None) => fault("token", "is required for a card"),
        (PaymentMethod::Card, Some(token)) => {
            let fits = (1..=200).contains(&token.len())
                && token.bytes().all(|byte| byte.is_ascii_graphic());
            if fits {
                return None;
            }
            fault("token", "must have 1 to 200 visible ASCII characters")
        }
        (_, Some(_)) => fault("token", "is for cards only"),
        (_, None) => None,
    }
}

/// The creditor reference (ISO 11649) of the order with this number: `RF`, two check digits, and
/// the number's letters and digits. Banks refuse one in which a digit or a letter was mistaken for
/// another.
pub fn creditor_reference(number: &str) -> String {
    let letters = number.chars().filter(char::is_ascii_alphanumeric);
    // 21 of them at most, says the standard; a number has ten.
    let text: String = letters.take(21).map(|letter| letter.to_ascii_uppercase()).collect();
    format!("RF{:02}{text}", 98 - remainder(&format!("{text}RF00")))
}

/// The remainder by 97 of the number that `text` is when letters are read as 10 to 35 (ISO 7064).
fn remainder(text: &str) -> u32 {
    text.chars().filter_map(|letter| letter.to_digit(36)).fold(0, |rest, value| {
        let by = if value < 10 { 10 } else { 100 };
        (rest * by + value) % 97
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn is_valid(reference: &str) -> bool {
        remainder(&format!("{}{}", &reference[4..], &reference[..4])) == 1
    }

    #[test]
    fn the_reference_is_that_of_the_standards_example() {
        assert_eq!(creditor_reference("539007547034"), "RF18539007547034");
        assert_eq!(creditor_reference("5390-0754-7034"), "RF18539007547034");
        assert!(is_valid("RF18539007547034"));
    }

    #[test]
    fn a_method_waits_for_as_long_as_its_money_takes() {
        let config = Config::default();
        let hold = Duration::from_secs(config.hold_seconds.into());
        assert_eq!(waits(&config, PaymentMethod::Card), Some(hold));
        assert_eq!(waits(&config, PaymentMethod::Wallet), Some(hold));
        let days = config.payments.bank_transfer_days;
        assert_eq!(waits(&config, PaymentMethod::BankTransfer), Some(DAY * days));
        assert_eq!(waits(&config, PaymentMethod::CashOnDelivery), None);
    }

    #[test]
    fn only_what_is_offered_can_be_used() {
        let mut config = Config::default();
        let cash = PayWith { method: PaymentMethod::CashOnDelivery, token: None };
        assert_eq!(pay_with_fault(&config, false, &cash), None);
        config.payments.methods = "card".to_owned();
        let (field, _) = pay_with_fault(&config, false, &cash).unwrap();
        assert_eq!(field, "payment.method");
        let with_token = PayWith { method: PaymentMethod::Card, token: Some("tok".to_owned()) };
        assert_eq!(pay_with_fault(&config, false, &with_token), None);
    }

    #[test]
    fn a_token_is_for_cards_and_a_wallet_for_accounts() {
        let config = Config::default();
        let fault = |method, token: Option<&str>, has_account| {
            let with = PayWith { method, token: token.map(str::to_owned) };
            pay_with_fault(&config, has_account, &with).map(|(field, _)| field)
        };
        let (token, method) = (Some("payment.token".to_owned()), Some("payment.method".to_owned()));
        for other in
            [PaymentMethod::Wallet, PaymentMethod::BankTransfer, PaymentMethod::CashOnDelivery]
        {
            assert_eq!(fault(other, Some("tok"), true), token);
            assert_eq!(fault(other, None, true), None);
        }
        assert_eq!(fault(PaymentMethod::Wallet, None, false), method);
        assert_eq!(fault(PaymentMethod::Card, None, true), token);
        for bad in ["", "a b", "é", &"x".repeat(201)] {
            assert_eq!(fault(PaymentMethod::Card, Some(bad), true), token);
        }
    }

    proptest! {
        #[test]
        fn every_reference_is_valid_and_a_digit_or_letter_for_another_is_noticed(
            chance in any::<[u8; 7]>(), place in 4_usize..14, other in "[0-9A-Z]",
        ) {
            let reference = creditor_reference(&crate::order::number(chance));
            prop_assert!(is_valid(&reference), "{}", reference);
            prop_assert_eq!(reference.len(), 14);
            let is_digit = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
            prop_assume!(is_digit(&reference[place..=place]) == is_digit(&other));
            let mut wrong = reference.clone();
            wrong.replace_range(place..=place, &other);
            prop_assert_eq!(wrong == reference, is_valid(&wrong));
        }
    }
}
