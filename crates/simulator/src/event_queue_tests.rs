//! Order, ties, cancelling and memory of the event queue.

use std::collections::BTreeMap;

use memwall_units::Picos;
use proptest::prelude::*;

use super::{EventQueue, MAX_SEQUENCE};

#[test]
fn events_fire_in_time_order() {
    let mut queue = EventQueue::new();
    for at in [50, 10, 40, 20, 30] {
        queue.schedule(Picos(at), at);
    }
    assert_eq!(queue.peek_time(), Some(Picos(10)));
    let fired: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();
    assert_eq!(fired, [10, 20, 30, 40, 50].map(|at| (Picos(at), at)));
    assert!(queue.is_empty());
}

#[test]
fn equal_times_fire_in_the_order_scheduled() {
    let mut queue = EventQueue::new();
    // Odd ones later, so that slots are reused in an order unlike the sequence.
    for number in 0..1000 {
        queue.schedule(Picos(number % 2), number);
    }
    let fired: Vec<_> = std::iter::from_fn(|| queue.pop()).map(|(_, number)| number).collect();
    let expected: Vec<_> = (0..1000).step_by(2).chain((1..1000).step_by(2)).collect();
    assert_eq!(fired, expected);
}

#[test]
fn ties_stay_in_order_when_sequence_numbers_run_out() {
    let mut queue = EventQueue::new();
    queue.sequence = MAX_SEQUENCE - 3;
    let keys: Vec<_> = (0..8).map(|number| queue.schedule(Picos(7), number)).collect();
    assert!(queue.sequence < 16, "numbered afresh");
    assert_eq!(queue.cancel(keys[1]), Some(1), "keys survive the renumbering");
    let fired: Vec<_> = std::iter::from_fn(|| queue.pop()).map(|(_, number)| number).collect();
    assert_eq!(fired, [0, 2, 3, 4, 5, 6, 7]);
}

#[test]
fn a_key_works_once() {
    let mut queue = EventQueue::new();
    let first = queue.schedule(Picos(1), 'a');
    assert_eq!(queue.cancel(first), Some('a'));
    assert_eq!(queue.cancel(first), None);
    let second = queue.schedule(Picos(1), 'b');
    assert_eq!(queue.cancel(first), None, "the slot is reused, the key is not");
    assert_eq!(queue.pop(), Some((Picos(1), 'b')));
    assert_eq!(queue.cancel(second), None, "it has fired");
    assert_eq!(queue.reschedule(second, Picos(9)), None);
}

#[test]
fn a_rescheduled_event_goes_behind_its_new_time() {
    let mut queue = EventQueue::new();
    let moved = queue.schedule(Picos(1), 'a');
    queue.schedule(Picos(5), 'b');
    let moved = queue.reschedule(moved, Picos(5)).and_then(|key| queue.reschedule(key, Picos(5)));
    assert!(moved.is_some());
    assert_eq!(queue.len(), 2);
    assert_eq!(queue.pop(), Some((Picos(5), 'b')));
    assert_eq!(queue.pop(), Some((Picos(5), 'a')));
}

#[test]
fn cancelled_events_do_not_pile_up() {
    let mut queue = EventQueue::new();
    let keep: Vec<_> = (0..10).map(|number| queue.schedule(Picos(1), number)).collect();
    for number in 0..100_000 {
        // Always behind the ten that stay, so that only a rebuild can remove it.
        let key = queue.schedule(Picos(1_000_000 - number), 0);
        queue.cancel(key);
    }
    assert_eq!(queue.len(), keep.len());
    assert!(queue.heap.len() < 100 && queue.slots.len() < 100, "{} entries", queue.heap.len());
}

#[test]
fn payloads_are_dropped_exactly_once() {
    let shared = std::rc::Rc::new(());
    let mut queue = EventQueue::new();
    let keys: Vec<_> = (0..100).map(|at| queue.schedule(Picos(at), shared.clone())).collect();
    for key in keys.iter().step_by(3) {
        queue.cancel(*key);
    }
    for _ in 0..20 {
        queue.pop();
    }
    assert_eq!(std::rc::Rc::strong_count(&shared), 1 + queue.len());
    drop(queue);
    assert_eq!(std::rc::Rc::strong_count(&shared), 1);
}

#[derive(Debug, Clone)]
enum Step {
    Schedule(u64),
    Pop,
    Cancel(usize),
    Reschedule(usize, u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (0u64..20).prop_map(Step::Schedule),
        2 => Just(Step::Pop),
        2 => any::<prop::sample::Index>().prop_map(|index| Step::Cancel(index.index(64))),
        1 => (any::<prop::sample::Index>(), 0u64..20)
            .prop_map(|(index, at)| Step::Reschedule(index.index(64), at)),
    ];
    prop::collection::vec(step, 1..500)
}

proptest! {
    /// Any history of calls gives what a `BTreeMap` ordered by (time, sequence number) gives.
    #[test]
    fn agrees_with_a_sorted_map(steps in steps()) {
        let mut queue = EventQueue::new();
        let mut model: BTreeMap<(u64, u64), u64> = BTreeMap::new();
        // Every key ever given out, with the model's key; most are stale, which is the point.
        let mut keys = Vec::new();
        let mut sequence = 0;
        for step in steps {
            match step {
                Step::Schedule(at) => {
                    keys.push((queue.schedule(Picos(at), sequence), (at, sequence)));
                    model.insert((at, sequence), sequence);
                    sequence += 1;
                }
                Step::Pop => {
                    let expected = model.pop_first().map(|((at, _), payload)| (Picos(at), payload));
                    prop_assert_eq!(queue.pop(), expected);
                }
                Step::Cancel(index) if !keys.is_empty() => {
                    let (key, entry) = keys[index % keys.len()];
                    prop_assert_eq!(queue.cancel(key), model.remove(&entry));
                }
                Step::Reschedule(index, at) if !keys.is_empty() => {
                    let (key, entry) = keys[index % keys.len()];
                    let moved = queue.reschedule(key, Picos(at));
                    let payload = model.remove(&entry);
                    prop_assert_eq!(moved.is_some(), payload.is_some());
                    if let (Some(key), Some(payload)) = (moved, payload) {
                        model.insert((at, sequence), payload);
                        keys.push((key, (at, sequence)));
                        sequence += 1;
                    }
                }
                Step::Cancel(_) | Step::Reschedule(..) => {}
            }
            prop_assert_eq!(queue.len(), model.len());
            prop_assert_eq!(queue.peek_time(), model.keys().next().map(|&(at, _)| Picos(at)));
        }
    }
}
