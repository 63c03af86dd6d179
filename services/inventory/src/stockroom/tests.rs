use super::*;
use proptest::prelude::*;
use std::collections::HashMap;

fn sku(name: &str) -> Sku {
    name.parse().unwrap()
}
fn order(n: u8) -> OrderId {
    OrderId(uuid::Uuid::from_u128(n.into()))
}
fn lines(of: &[(&str, u32)]) -> Lines {
    let line = |(name, count): &(&str, u32)| StockLine {
        sku: sku(name),
        quantity: Quantity::new(*count).unwrap(),
    };
    Lines::of(&of.iter().map(line).collect::<Vec<_>>())
}
fn room(of: &[(&str, i64)]) -> Stockroom {
    let mut room = Stockroom::default();
    for (name, on_hand) in of {
        let stock = Stock { on_hand: *on_hand, reserved: 0, version: 1 };
        room.put(sku(name), Watched { stock, low_stock_at: None });
    }
    room
}
const LATER: Timestamp = Timestamp::from_micros(60_000_000);

#[test]
fn a_refused_order_holds_nothing_and_names_each_sku_that_is_short() {
    let mut room = room(&[("A", 5), ("B", 1)]);
    let wanted = lines(&[("A", 3), ("B", 2), ("A", 3), ("C", 1)]);
    let Err(ReserveRefused::OutOfStock { short }) = room.reserve(order(1), &wanted, LATER) else {
        panic!("it must be refused");
    };
    let short: Vec<_> = short.iter().map(|s| (s.sku.as_str(), s.requested, s.available)).collect();
    assert_eq!(short, [("A", 6, 5), ("B", 2, 1), ("C", 1, 0)]);
    assert!(room.stock_changes().is_empty());
    assert_eq!(room.hold_changes().count(), 0);
}

#[test]
fn those_who_come_later_in_a_set_see_what_those_before_left() {
    let mut room = room(&[("A", 2)]);
    assert_eq!(room.reserve(order(1), &lines(&[("A", 1)]), LATER), Ok(()));
    assert!(room.reserve(order(2), &lines(&[("A", 2)]), LATER).is_err());
    assert_eq!(room.reserve(order(3), &lines(&[("A", 1)]), LATER), Ok(()));
    assert_eq!(room.reserve(order(1), &lines(&[("A", 1)]), LATER), Ok(()), "a repetition");
    assert!(room.reserve(order(4), &lines(&[("A", 1)]), LATER).is_err());
    let changes = room.stock_changes();
    assert_eq!((changes[0].now.available(), changes[0].crossed()), (0, Some(false)));
}

#[test]
fn what_goes_and_comes_back_within_a_set_crosses_nothing() {
    let mut room = room(&[("A", 1)]);
    room.reserve(order(1), &lines(&[("A", 1)]), LATER).unwrap();
    room.release(order(1)).unwrap();
    let changes = room.stock_changes();
    assert_eq!((changes[0].now.version, changes[0].crossed()), (3, None));
}

#[test]
fn a_paid_order_is_taken_once_and_returned_once() {
    let mut room = room(&[("A", 5), ("B", 5)]);
    let wanted = lines(&[("A", 2), ("B", 1)]);
    room.reserve(order(1), &wanted, LATER).unwrap();
    for _ in 0..2 {
        assert_eq!(room.paid(order(1), &wanted), Ok(vec![]));
    }
    room.release(order(1)).unwrap();
    assert_eq!(room.hold(order(1)).unwrap().state, HoldState::Taken, "an undo comes too late");
    assert_eq!(room.now(&sku("A")), Stock { on_hand: 3, reserved: 0, version: 3 });
    for _ in 0..2 {
        room.cancelled(order(1)).unwrap();
    }
    assert_eq!(room.paid(order(1), &wanted), Ok(vec![]), "a late repetition takes nothing");
    assert_eq!(room.now(&sku("A")), Stock { on_hand: 5, reserved: 0, version: 4 });
    let moves: Vec<_> =
        room.moves().iter().map(|m| (m.sku.as_str(), m.version, m.delta, m.reason)).collect();
    assert_eq!(
        moves,
        [
            ("A", 3, -2, "sold"),
            ("B", 3, -1, "sold"),
            ("A", 4, 2, "returned"),
            ("B", 4, 1, "returned")
        ]
    );
}

#[test]
fn a_paid_order_without_a_hold_takes_what_is_there_or_says_what_is_missing() {
    let mut room = room(&[("A", 5)]);
    room.release(order(1)).unwrap();
    assert_eq!(room.paid(order(1), &lines(&[("A", 3)])), Ok(vec![]));
    let missing = room.paid(order(2), &lines(&[("A", 3), ("B", 2)])).unwrap();
    let missing: Vec<_> = missing.iter().map(|l| (l.sku.as_str(), l.quantity.get())).collect();
    assert_eq!(missing, [("A", 1), ("B", 2)]);
    assert_eq!(room.paid(order(2), &lines(&[("A", 3)])), Ok(vec![]), "told once");
    room.cancelled(order(2)).unwrap();
    assert_eq!(room.hold(order(2)).unwrap().state, HoldState::Missing);
    room.cancelled(order(1)).unwrap();
    assert_eq!(room.now(&sku("A")).on_hand, 5, "what was taken late comes back too");
}

#[test]
fn an_undo_before_its_step_refuses_the_late_step() {
    let mut room = room(&[("A", 5)]);
    room.release(order(1)).unwrap();
    room.cancelled(order(2)).unwrap();
    for n in [1, 2] {
        let late = room.reserve(order(n), &lines(&[("A", 1)]), LATER);
        assert_eq!(late, Err(ReserveRefused::Released));
    }
    assert!(room.stock_changes().is_empty());
}

#[test]
fn a_hold_that_the_stock_does_not_carry_is_our_fault_and_changes_nothing() {
    let held = Hold { state: HoldState::Held, lines: lines(&[("A", 2)]), ask_at: None };
    let mut room = Stockroom::with_holds([(order(1), held)]);
    let stock = Stock { on_hand: 5, reserved: 1, version: 1 };
    room.put(sku("A"), Watched { stock, low_stock_at: None });
    assert!(room.release(order(1)).is_err());
    assert!(room.paid(order(1), &lines(&[("A", 2)])).is_err());
    assert!(room.stock_changes().is_empty());
}

proptest! {
    /// Any messages about a few orders, in any sequence and repeated at will.
    #[test]
    fn whatever_comes_in_whatever_order_the_books_agree(
        steps in prop::collection::vec((0..4_u8, 0..6_u8, 0..3_usize, 1..5_u32), 1..80)
    ) {
        let names = ["A", "B", "C"];
        let mut room = room(&[("A", 7), ("B", 3), ("C", 12)]);
        let received = HashMap::from([("A", 7), ("B", 3), ("C", 12)]);
        for (step, who, which, count) in steps {
            let wanted = lines(&[(names[which], count), (names[(which + 1) % 3], 1)]);
            let who = order(who);
            match step {
                0 => { let _ = room.reserve(who, &wanted, LATER); }
                1 => prop_assert!(room.release(who).is_ok()),
                2 => prop_assert!(room.paid(who, &wanted).is_ok()),
                _ => prop_assert!(room.cancelled(who).is_ok()),
            }
            for name in names {
                let stock = room.now(&sku(name));
                prop_assert!(0 <= stock.reserved && stock.reserved <= stock.on_hand, "{stock:?}");
                let sum = |states: &[HoldState]| -> i64 {
                    let of = room.holds.values().filter(|e| states.contains(&e.hold.state));
                    of.flat_map(|e| e.hold.lines.iter()).filter(|(s, _)| s.as_str() == name)
                        .map(|(_, pieces)| pieces).sum()
                };
                prop_assert_eq!(stock.reserved, sum(&[HoldState::Held]), "holds are what is reserved");
                prop_assert_eq!(stock.on_hand + sum(&[HoldState::Taken]), received[name]);
                let moved: i64 =
                    room.moves.iter().filter(|m| m.sku.as_str() == name).map(|m| m.delta).sum();
                prop_assert_eq!(stock.on_hand, received[name] + moved, "the history adds up");
            }
        }
    }
}
