//! Whatever happens, in whatever order: the ledger sums to zero, no wallet is negative, receipts
//! have no gap, and what is kept of an order is kept once.
use crate::*;
use kit::testing::admin;

/// Numbers that a seed decides.
struct Dice(u64);

impl Dice {
    fn below(&mut self, count: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % count
    }
}

impl Shop {
    async fn something_happens(&self, dice: &mut Dice, orders: &mut [OrderPlaced], n: usize) {
        let (staff, name) = (admin(), format!("n{n}"));
        let index = dice.below(orders.len());
        let order = orders[index].clone();
        let kinds = [
            wallet(),
            card("tok_visa"),
            bank(),
            cash(),
            card("tok_threeDSecure"),
            card("tok_timeout"),
        ];
        match dice.below(9) {
            0 => {
                self.rig.tell(order).await;
            }
            1 => drop(self.confirm(&staff, &order, None, &name).await),
            2 if order.method == PaymentMethod::CashOnDelivery => {
                if self.payment(order.payment).await.is_some() {
                    self.deliver(&order).await;
                }
            }
            3 => drop(self.close(&order).await),
            4 if dice.below(3) == 0 => self.cancel(&order).await,
            5 => {
                let part = RefundPayment {
                    payment: order.payment,
                    amount: (dice.below(2) == 0).then_some(usd(40)),
                    reason: String::new(),
                    restock: false,
                    idempotency: key(&name),
                };
                drop(self.rig.call(&staff, part).await);
            }
            6 => self.staff_give_by_hand(&order, &name).await,
            7 => {
                let instead = (dice.below(3) > 0)
                    .then(|| (self.rig.id(), kinds[dice.below(kinds.len())].clone()));
                let go_on = ContinuePayment {
                    order: order.order,
                    account: order.account,
                    payment: order.payment,
                    amount: order.total,
                    instead: instead.clone().map(|(payment, with)| NewPayment { payment, with }),
                };
                let went_on = self.rig.call(&Caller::Store, go_on).await;
                if let (Ok(_), Some((payment, with))) = (went_on, instead) {
                    let (method, token) = (with.method, with.token);
                    orders[index] = OrderPlaced { payment, method, token, ..order };
                }
            }
            _ => self.pass(1).await,
        }
    }
    /// Staff try to give back by hand whatever is to go back of an order's payment.
    async fn staff_give_by_hand(&self, order: &OrderPlaced, name: &str) {
        let (staff, payment) = (admin(), order.payment);
        let Ok(shown) = self.rig.call(&staff, GetPayment { payment }).await else { return };
        for refund in shown.refunds {
            let idempotency = key(&format!("{name} {}", refund.id));
            let booked = ConfirmRefund { payment, refund: refund.id, idempotency };
            // Refused where the provider does it.
            drop(self.rig.call(&staff, booked).await);
        }
    }
    async fn assert_story(&self, payer: &Caller, seed: u64) {
        use payments::store::rows::payment::Entity;
        use sea_orm::entity::prelude::*;
        self.rig.settled().await;
        assert_ledger(self.db()).await;
        let rows = Entity::find().all(self.db().reader()).await.unwrap();
        let sales: i64 = rows.iter().map(|row| row.captured - row.refunded).sum();
        assert_eq!(book_sum(self.db(), "sales").await, sales, "seed {seed}");
        assert!(self.balance(payer).await >= 0, "seed {seed}");
        let mut standing = std::collections::BTreeMap::<Uuid, i64>::new();
        for row in &rows {
            // What was captured after its end is on its way back, and told to nobody.
            let told = self.captured.lock().iter().filter(|told| told.payment.0 == row.id).count();
            assert_eq!(told, usize::from(row.receipt.is_some()), "seed {seed}: {row:?}");
            if row.captured > row.promised {
                *standing.entry(row.order_id).or_default() += 1;
            }
        }
        assert!(standing.values().all(|count| *count == 1), "seed {seed}: paid twice");
    }
}

#[tokio::test]
async fn whatever_happens_no_cent_is_lost_and_no_order_paid_twice() {
    for seed in 1..=6 {
        let shop = Shop::open().await;
        let payer = shop.shopper_with(450).await;
        let mut dice = Dice(seed);
        let kinds = [wallet(), card("tok_visa"), bank(), cash(), card("tok_threeDSecure")];
        let mut orders: Vec<OrderPlaced> = (0..10)
            .map(|n| shop.order(payer.account(), kinds[n % kinds.len()].clone(), 100))
            .collect();
        for order in &orders {
            // Some are closed or confirmed before they are heard of.
            if dice.below(6) > 0 {
                shop.rig.tell(order.clone()).await;
            }
        }
        for n in 0..70 {
            shop.something_happens(&mut dice, &mut orders, n).await;
        }
        shop.pass(5).await;
        shop.assert_story(&payer, seed).await;
        shop.end().await;
    }
}
