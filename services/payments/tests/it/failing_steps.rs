//! Every commit fails in turn, before it and after it, and the story ends the same.
use crate::*;
use kit::bus::Envelope;
use kit::faults::{CallFault, Faults, Point};
use kit::plug::Setup;
use kit::testing::admin;
use kit::wave::NotRun;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Crashes at the commit with a number.
struct CrashAt {
    point: Point,
    number: usize,
    seen: AtomicUsize,
}

impl CrashAt {
    fn new(point: Point, number: usize) -> Arc<Self> {
        Arc::new(Self { point, number, seen: AtomicUsize::new(0) })
    }
}
impl Faults for CrashAt {
    fn crashes(&self, _: &'static str, point: Point) -> bool {
        point == self.point && self.seen.fetch_add(1, Ordering::SeqCst) == self.number
    }
    fn call(&self, _: &'static str, _: &'static str) -> CallFault {
        CallFault::None
    }
}

/// Something of the story was not done.
#[derive(Debug)]
struct Stopped;
impl<E> From<CallError<E>> for Stopped {
    fn from(error: CallError<E>) -> Self {
        match error {
            CallError::Refused(_) => panic!("refused"),
            CallError::NotDone(_) | CallError::Unknown(_) => Self,
        }
    }
}
impl From<NotRun> for Stopped {
    fn from(_: NotRun) -> Self {
        Self
    }
}

/// Who and what a story is about; the same when it is told again.
struct Story {
    payer: Caller,
    staff: Caller,
    by_wallet: OrderPlaced,
    by_card: OrderPlaced,
    confirmed: OrderPlaced,
    late: OrderPlaced,
    by_transfer: OrderPlaced,
    in_cash: OrderPlaced,
}

impl Story {
    fn new(shop: &Shop) -> Self {
        let payer = shopper();
        let account = payer.account();
        Self {
            by_wallet: shop.order(account, wallet(), 600),
            by_card: shop.order(account, card("tok_chargedThenError"), 500),
            confirmed: shop.order(None, card("tok_threeDSecure"), 300),
            late: shop.order(None, card("tok_timeout"), 200),
            by_transfer: shop.order(None, bank(), 400),
            in_cash: shop.order(None, cash(), 100),
            payer,
            staff: admin(),
        }
    }

    /// Answers how closing the late one ended: a crash may give its money the time to come.
    async fn tell(&self, shop: &Shop, node: &Node) -> Result<Closing, Stopped> {
        deliver(shop, UserRegistered { account: self.payer.account().unwrap() }).await?;
        shop.top_up(&self.payer, 1_000, "tok_visa", "k").await?;
        deliver(shop, self.by_wallet.clone()).await?;
        deliver(shop, self.by_card.clone()).await?;
        deliver(shop, self.confirmed.clone()).await?;
        deliver(shop, self.late.clone()).await?;
        turn(node).await?;
        self.tell_of_hands(shop).await?;
        let go_on = ContinuePayment {
            order: self.confirmed.order,
            account: None,
            payment: self.confirmed.payment,
            amount: self.confirmed.total,
            instead: None,
        };
        shop.rig.call(&Caller::Store, go_on).await?;
        turn(node).await?;
        let part = RefundPayment {
            payment: self.by_card.payment,
            amount: Some(usd(200)),
            reason: "torn".to_owned(),
            restock: false,
            idempotency: key("r"),
        };
        shop.rig.call(&self.staff, part).await?;
        turn(node).await?;
        deliver(shop, cancelled(&self.by_card)).await?;
        deliver(shop, cancelled(&self.by_wallet)).await?;
        let close =
            |order: &OrderPlaced| ClosePayment { order: order.order, payment: order.payment };
        let kept = shop.rig.call(&Caller::Store, close(&self.confirmed)).await?;
        assert_eq!(kept, Closing::Captured { amount: usd(300) });
        let closing = shop.rig.call(&Caller::Store, close(&self.late)).await?;
        deliver(shop, cancelled(&self.late)).await?;
        for _ in 0..8 {
            turn(node).await?;
            shop.rig.clock.forward(Duration::from_secs(1));
        }
        Ok(closing)
    }

    /// What is done by hand, and a top-up that its owner confirms.
    async fn tell_of_hands(&self, shop: &Shop) -> Result<(), Stopped> {
        let asks = shop.top_up(&self.payer, 50, "tok_threeDSecure", "asks").await?;
        let confirm = ConfirmTopUp { top_up: asks.id, idempotency: key("c") };
        let done = shop.rig.call(&self.payer, confirm).await?;
        assert_eq!(done.status, PaymentStatus::Captured);
        deliver(shop, self.by_transfer.clone()).await?;
        deliver(shop, self.in_cash.clone()).await?;
        deliver(shop, delivered(&self.in_cash)).await?;
        shop.confirm(&self.staff, &self.by_transfer, Some(400), "t").await?;
        deliver(shop, cancelled(&self.by_transfer)).await?;
        let payment = self.by_transfer.payment;
        let shown = shop.rig.call(&self.staff, GetPayment { payment }).await?;
        assert_eq!(shown.refunds.len(), 1);
        let refund = shown.refunds[0].id;
        let by_hand = ConfirmRefund { payment, refund, idempotency: key("h") };
        shop.rig.call(&self.staff, by_hand).await?;
        Ok(())
    }

    async fn assert_ended(&self, shop: &Shop, node: &Node, late: Closing) {
        let db = &node.service("payments").unwrap().db;
        assert_eq!(shop.balance(&self.payer).await, 1_050);
        for (order, captured, refunded) in [
            (&self.by_wallet, 600, 600),
            (&self.by_card, 500, 500),
            (&self.confirmed, 300, 0),
            (&self.late, 200, 200),
            (&self.by_transfer, 400, 400),
            (&self.in_cash, 100, 0),
        ] {
            let found = reads::payment(db.reader(), order.payment).await.unwrap().unwrap();
            assert_eq!(
                (found.captured, found.refunded),
                (usd(captured), usd(refunded)),
                "{found:?}"
            );
        }
        let book = sandbox_book::all(db.reader()).await.unwrap();
        assert_eq!(book.iter().filter(|row| row.kind == "charge").count(), 5);
        assert_eq!(book.iter().filter(|row| row.kind == "refund").count(), 3);
        // No relay runs here: all news is still in the outbox.
        let mut told: BTreeMap<String, usize> = BTreeMap::new();
        for news in
            kit::outbox::unsent(db.reader(), "payments", None, 1_000).await.unwrap().messages
        {
            *told.entry(news.name.to_string()).or_default() += 1;
        }
        let expected = [
            (PaymentActionRequired::NAME, 1),
            (PaymentCaptured::NAME, if late == Closing::Closed { 5 } else { 6 }),
            (PaymentRefunded::NAME, 5),
            (WalletToppedUp::NAME, 2),
        ];
        assert_eq!(told, expected.map(|(name, count)| (name.to_owned(), count)).into());
        assert_ledger(db).await;
    }
}

/// Delivers an event, under an id that follows from it, so that it is the same the next time.
async fn deliver<E: Event>(shop: &Shop, event: E) -> Result<(), NotRun> {
    let subject: uuid::Uuid = event.subject().parse().unwrap();
    let kind = E::NAME.bytes().fold(0_u128, |sum, byte| sum.wrapping_mul(31) + u128::from(byte));
    let message = Arc::new(Envelope {
        id: uuid::Uuid::from_u128(subject.as_u128() ^ kind).into(),
        name: E::NAME.into(),
        source: "test".into(),
        subject: event.subject(),
        version: 1,
        part: 0,
        time: shop.rig.clock_now(),
        traceparent: None,
        body: serde_json::to_string(&event).unwrap().into(),
        typed: None,
    });
    shop.rig.bus.deliver(message, "payments").await
}

trait Now {
    fn clock_now(&self) -> contracts::Timestamp;
}
impl Now for Rig {
    fn clock_now(&self) -> contracts::Timestamp {
        kit::clock::Clock::now(&self.clock)
    }
}

async fn turn(node: &Node) -> Result<(), Stopped> {
    let turn = &node.service("payments").unwrap().workers["provider"];
    while turn().await.map_err(|_| Stopped)? == kit::worker::Worked::More {}
    Ok(())
}

async fn node(shop: &Shop, faults: Option<Arc<dyn Faults>>) -> Node {
    let setup = Setup { tasks: false, faults, stop: Default::default(), ..shop.rig.setup.clone() };
    let node = Node::start(&services(), &setup).await.unwrap();
    node.services[0].waves.spawn();
    node
}

async fn start(node: &Node) -> Result<(), Stopped> {
    node.services[0].take_start().unwrap().await.map_err(|_| Stopped)
}

/// Tells the story with a crash, and again after a restart; answers how many commits it saw.
async fn tell_with(crash: Arc<CrashAt>) -> usize {
    let shop = Shop::around(Rig::start(&[], Config::default()).await);
    let story = Story::new(&shop);
    let first = node(&shop, Some(Arc::clone(&crash) as Arc<dyn Faults>)).await;
    let told = match start(&first).await {
        Ok(()) => story.tell(&shop, &first).await,
        Err(stopped) => Err(stopped),
    };
    let commits = crash.seen.load(Ordering::SeqCst);
    if let Ok(late) = told {
        assert_eq!(late, Closing::Closed);
        story.assert_ended(&shop, &first, late).await;
        first.stop().await;
        return commits;
    }
    first.stop().await;
    shop.rig.bus.forget("payments");
    shop.rig.registry.forget("payments");
    let second = node(&shop, None).await;
    start(&second).await.unwrap();
    // Beside other replicas leases have to end.
    shop.rig.clock.forward(Duration::from_secs(31));
    let late = story.tell(&shop, &second).await.unwrap();
    story.assert_ended(&shop, &second, late).await;
    second.stop().await;
    commits
}

#[tokio::test]
async fn a_crash_at_any_commit_changes_nothing_in_the_end() {
    let commits = tell_with(CrashAt::new(Point::AfterCommit, usize::MAX)).await;
    assert!(commits > 30, "{commits}");
    for number in 0..commits {
        for point in [Point::BeforeCommit, Point::AfterCommit] {
            let crash = CrashAt::new(point, number);
            tell_with(crash).await;
        }
    }
}
