//! Known answers of the flow network.

use memwall_units::Picos;

use super::tests::near;
use super::{FlowError, FlowId, FlowNetwork, FlowSpec, Held, LinkId};

const SECOND: Picos = Picos(1_000_000_000_000);

fn network<const N: usize>(capacities: [f64; N]) -> (FlowNetwork, [LinkId; N]) {
    let mut net = FlowNetwork::new();
    let links = capacities.map(|capacity| net.add_link(capacity).unwrap());
    (net, links)
}

fn plain<'a>(bytes: f64, usage: &'a [(LinkId, f64)]) -> FlowSpec<'a> {
    FlowSpec { bytes, weight: 1.0, cap: None, usage }
}

#[test]
fn a_flow_alone_takes_the_narrowest_link() {
    let (mut net, [wide, narrow]) = network([100.0, 10.0]);
    let flow = net.start(Picos(5), plain(20.0, &[(wide, 1.0), (narrow, 1.0)])).unwrap();
    net.solve(Picos(5));
    assert!(net.is_alone(flow));
    assert_eq!(net.held_by(flow), Some(Held::Link(narrow)));
    assert_eq!(net.next_finish(), Some(Picos(2 * SECOND.0 + 5)));
    assert_eq!(net.pop_finished(Picos(2 * SECOND.0 + 4)), None);
    assert_eq!(net.pop_finished(Picos(2 * SECOND.0 + 5)), Some(flow));
    assert_eq!((net.link_bytes(wide), net.link_bytes(narrow)), (20.0, 20.0));
    assert_eq!((net.active(), net.rate(flow), net.next_finish()), (0, None, None));
}

#[test]
fn a_share_that_misses_loads_the_far_link_by_as_much() {
    // 30 % of the bytes cross DRAM: 30 B/s there feed 100 B/s here.
    let (mut net, [dram, l2]) = network([30.0, 1000.0]);
    let flow = net.start(Picos::ZERO, plain(100.0, &[(dram, 0.3), (l2, 1.0)])).unwrap();
    net.solve(Picos::ZERO);
    assert!(near(net.rate(flow).unwrap(), 100.0, 1e-12));
    assert_eq!(net.held_by(flow), Some(Held::Link(dram)));
    let finish = net.next_finish().unwrap();
    net.pop_finished(finish).unwrap();
    assert_eq!((net.link_bytes(dram), net.link_bytes(l2)), (30.0, 100.0));
}

#[test]
fn the_textbook_example_of_three_links() {
    // Bertsekas and Gallager 6.5.2 in spirit: a long flow, and short ones that take what it leaves.
    let (mut net, [a, b, c]) = network([1.0, 2.0, 3.0]);
    let long = net.start(Picos::ZERO, plain(9.0, &[(a, 1.0), (b, 1.0), (c, 1.0)])).unwrap();
    let on_a = net.start(Picos::ZERO, plain(9.0, &[(a, 1.0)])).unwrap();
    let on_b = net.start(Picos::ZERO, plain(9.0, &[(b, 1.0)])).unwrap();
    let on_c = net.start(Picos::ZERO, plain(9.0, &[(c, 1.0)])).unwrap();
    net.solve(Picos::ZERO);
    let rates = [long, on_a, on_b, on_c].map(|flow| net.rate(flow).unwrap());
    for (rate, expected) in rates.iter().zip([0.5, 0.5, 1.5, 2.5]) {
        assert!(near(*rate, expected, 1e-12), "{rates:?}");
    }
    assert_eq!(net.held_by(long), Some(Held::Link(a)));
    assert_eq!(net.held_by(on_c), Some(Held::Link(c)));
    assert_eq!(net.component_of(on_c), [long, on_a, on_b, on_c]);
    assert!(!net.is_alone(on_c));
}

#[test]
fn a_cap_leaves_the_rest_to_the_others() {
    let (mut net, [link]) = network([10.0]);
    let capped = net.start(Picos::ZERO, FlowSpec { cap: Some(2.0), ..plain(9.0, &[(link, 1.0)]) }).unwrap();
    let free = net.start(Picos::ZERO, plain(9.0, &[(link, 1.0)])).unwrap();
    net.solve(Picos::ZERO);
    assert!(near(net.rate(capped).unwrap(), 2.0, 1e-12) && near(net.rate(free).unwrap(), 8.0, 1e-12));
    assert_eq!((net.held_by(capped), net.held_by(free)), (Some(Held::Cap), Some(Held::Link(link))));
}

#[test]
fn of_links_that_fill_up_together_the_lowest_is_blamed() {
    // Thirds and tenths: equal shares that differ in the last bits.
    let (mut net, [a, b, c]) = network([0.3, 0.1 * 3.0, 0.3]);
    for usage in [[(c, 1.0), (b, 1.0)], [(b, 1.0), (c, 1.0)], [(c, 1.0), (b, 1.0)]] {
        net.start(Picos::ZERO, plain(1.0, &usage)).unwrap();
    }
    let alone = net.start(Picos::ZERO, plain(1.0, &[(a, 1.0)])).unwrap();
    net.solve(Picos::ZERO);
    for flow in net.component_of(FlowId { slot: 0, generation: 0 }) {
        assert_eq!(net.held_by(flow), Some(Held::Link(b)));
    }
    assert_eq!(net.held_by(alone), Some(Held::Link(a)));
}

#[test]
fn flows_that_finish_together_come_out_in_start_order() {
    let (mut net, [a, b]) = network([1.0, 1.0]);
    let ids: Vec<_> = (0..20)
        .map(|number| net.start(Picos::ZERO, plain(1.0, &[([a, b][number % 2], 1.0)])).unwrap())
        .collect();
    net.solve(Picos::ZERO);
    let finish = net.next_finish().unwrap();
    assert_eq!(finish, Picos(10 * SECOND.0));
    let out: Vec<_> = std::iter::from_fn(|| net.pop_finished(finish)).collect();
    assert_eq!(out, ids);
}

#[test]
fn nothing_to_move_is_done_at_once_and_nothing_in_the_way_too() {
    let (mut net, [link]) = network([0.0]);
    let empty = net.start(Picos(7), plain(0.0, &[(link, 1.0)])).unwrap();
    let free = net.start(Picos(7), plain(5.0, &[(link, 0.0)])).unwrap();
    net.solve(Picos(7));
    assert_eq!(net.next_finish(), Some(Picos(7)));
    assert_eq!(net.pop_finished(Picos(7)), Some(empty));
    assert_eq!(net.pop_finished(Picos(7)), Some(free));
    assert_eq!(net.pop_finished(Picos(7)), None);
}

#[test]
fn without_capacity_a_flow_is_stalled_not_hung() {
    let (mut net, [dead, live]) = network([0.0, 1.0]);
    let stuck = net.start(Picos::ZERO, plain(1.0, &[(dead, 1.0), (live, 1.0)])).unwrap();
    let other = net.start(Picos::ZERO, plain(1.0, &[(live, 1.0)])).unwrap();
    let capped = net.start(Picos::ZERO, FlowSpec { cap: Some(0.0), ..plain(1.0, &[]) }).unwrap();
    net.solve(Picos::ZERO);
    assert_eq!(net.stalled_flows(), [stuck, capped]);
    assert_eq!((net.held_by(stuck), net.held_by(capped)), (Some(Held::Link(dead)), Some(Held::Cap)));
    assert_eq!(net.pop_finished(SECOND), Some(other));
    net.solve(SECOND);
    assert_eq!(net.next_finish(), None);
    // Repaired, it goes on.
    net.set_capacity(SECOND, dead, 0.5).unwrap();
    net.solve(SECOND);
    assert_eq!(net.stalled_flows(), [capped]);
    assert_eq!(net.next_finish(), Some(Picos(3 * SECOND.0)));
}

#[test]
fn a_cancelled_flow_leaves_its_share_and_its_count() {
    let (mut net, [link]) = network([10.0]);
    let gone = net.start(Picos::ZERO, plain(100.0, &[(link, 1.0)])).unwrap();
    let stays = net.start(Picos::ZERO, plain(100.0, &[(link, 1.0)])).unwrap();
    net.solve(Picos::ZERO);
    assert!(near(net.cancel(SECOND, gone).unwrap(), 95.0, 1e-12));
    assert_eq!(net.cancel(SECOND, gone), None);
    net.solve(SECOND);
    assert!(near(net.rate(stays).unwrap(), 10.0, 1e-12));
    assert!(near(net.link_bytes(link), 10.0, 1e-12));
    // The slot is reused; the old name is not.
    let next = net.start(SECOND, plain(1.0, &[(link, 1.0)])).unwrap();
    assert_ne!(gone, next);
    assert_eq!(net.rate(gone), None);
}

#[test]
fn nonsense_is_refused() {
    let (mut net, [link]) = network([10.0]);
    assert!(
        net.add_link(f64::NAN).is_err()
            && net.add_link(-1.0).is_err()
            && net.add_link(f64::INFINITY).is_err()
    );
    let bad_usage = [(link, f64::NAN)];
    let specs = [
        plain(-1.0, &[]),
        plain(f64::INFINITY, &[]),
        FlowSpec { weight: f64::NAN, ..plain(1.0, &[]) },
        FlowSpec { cap: Some(-1.0), ..plain(1.0, &[]) },
        plain(1.0, &bad_usage),
    ];
    for spec in specs {
        assert!(matches!(net.start(Picos::ZERO, spec), Err(FlowError::BadFigure { .. })), "{spec:?}");
    }
    let nowhere = LinkId(9);
    assert_eq!(net.start(Picos::ZERO, plain(1.0, &[(nowhere, 1.0)])), Err(FlowError::NoSuchLink(nowhere)));
    assert_eq!(net.set_capacity(Picos::ZERO, nowhere, 1.0), Err(FlowError::NoSuchLink(nowhere)));
    assert_eq!(net.active(), 0);
}
