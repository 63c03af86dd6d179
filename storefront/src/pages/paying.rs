//! The ways to pay, as forms offer them.
use crate::Shop;
use crate::form::Faults;
use crate::stop::{OrStop as _, Stop};
use crate::visitor::Visitor;
use crate::words::{self, Price};
use contracts::Money;
use contracts::orders::PayWith;
use contracts::payments::{GetWallet, OfferedMethod, PaymentMethod, PaymentMethods};

/// One way to pay.
pub struct Way {
    /// Its name on the wire.
    pub value: &'static str,
    /// Its name for people.
    pub name: String,
    /// What it means.
    pub hint: String,
    /// What is in the wallet.
    pub balance: Option<Price>,
    /// Whether it is chosen.
    pub chosen: bool,
    /// Whether a card is to be chosen with it.
    pub cards: bool,
}

/// What whoever looks can pay with.
pub struct Ways {
    offered: Vec<OfferedMethod>,
    balance: Option<Money>,
}

impl Ways {
    /// Asks what is offered, and what is in the wallet.
    pub async fn of(shop: &Shop, visitor: &Visitor) -> Result<Self, Stop> {
        let (offered, balance) = tokio::join!(shop.ask(visitor, PaymentMethods), async {
            match visitor.is_known() {
                true => shop.ask(visitor, GetWallet).await.ok().map(|wallet| wallet.balance),
                false => None,
            }
        });
        let mut offered = offered.or_stop(|never| match never {})?;
        offered.retain(|offer| !offer.needs_account || visitor.is_known());
        Ok(Self { offered, balance })
    }
    /// The same without one of them.
    pub fn but(mut self, method: PaymentMethod) -> Self {
        self.offered.retain(|offer| offer.method != method);
        self
    }
    /// What a form offers for `due`: the `wanted` one is chosen, else the wallet where it is
    /// enough, else a card, else the first.
    pub fn choices(self, shop: &Shop, due: Money, wanted: &str) -> Vec<Way> {
        let is_enough = self.balance.is_some_and(|balance| balance.minor >= due.minor);
        let offers = |name: &str| self.offered.iter().any(|offer| offer.method.as_str() == name);
        let preferred = [wanted, if is_enough { "wallet" } else { "" }, "card"];
        let first = self.offered.first().map_or("", |offer| offer.method.as_str());
        let chosen = preferred.into_iter().find(|name| offers(name)).unwrap_or(first).to_owned();
        let days = shop.config.payments.bank_transfer_days;
        let way = |offer: OfferedMethod| Way {
            value: offer.method.as_str(),
            hint: match offer.method {
                PaymentMethod::Wallet if is_enough => "Your balance covers this order".to_owned(),
                PaymentMethod::Wallet => "Your balance may be too small: top up first".to_owned(),
                method => words::explained(method, days),
            },
            balance: self.balance.filter(|_| offer.method == PaymentMethod::Wallet).map(Price),
            chosen: offer.method.as_str() == chosen,
            cards: offer.needs_token,
            name: offer.name,
        };
        self.offered.into_iter().map(way).collect()
    }
}

/// How somebody means to pay, by what a form says of it.
pub fn pay_with(method: &str, card_token: &str) -> Result<PayWith, Faults> {
    let plain = |method| Ok(PayWith { method, token: None });
    match method {
        "wallet" => plain(PaymentMethod::Wallet),
        "bank_transfer" => plain(PaymentMethod::BankTransfer),
        "cash_on_delivery" => plain(PaymentMethod::CashOnDelivery),
        "card" if card_token.is_empty() => Err(Faults::one("card_token", "must be chosen")),
        "card" => Ok(PayWith { method: PaymentMethod::Card, token: Some(card_token.to_owned()) }),
        _ => Err(Faults::one("payment_method", "must be chosen")),
    }
}
