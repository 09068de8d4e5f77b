//! The ways a library can run a schedule, each with what it adds: launch, start, steps, caps, overhead on the wire.

use memwall_hardware::{DirectProtocol, FlagProtocol, LinkProtocols};
use memwall_units::Picos;

use super::{Algorithm, Protocol};

/// One way to run a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Way {
    pub algorithm: Algorithm,
    pub protocol: Protocol,
}

/// Every way the library has for an algorithm.
pub(super) fn ways(algorithm: Algorithm) -> impl Iterator<Item = Way> {
    let protocols: &[Protocol] = match algorithm {
        // Long or short messages; there is no line of flags between the two.
        Algorithm::Direct => &[Protocol::Ll, Protocol::Simple],
        Algorithm::InNetwork => &[Protocol::Simple],
        _ => &Protocol::ALL,
    };
    protocols.iter().map(move |&protocol| Way { algorithm, protocol })
}

impl Way {
    /// Why links of this generation cannot be used so; `None` where they can.
    pub fn obstacle(self, links: &LinkProtocols, ranks: usize) -> Option<&'static str> {
        match (self.algorithm, self.protocol) {
            (Algorithm::InNetwork, _) => match &links.in_network {
                None => Some("its links have no reduction in the network"),
                Some(network) if ranks < network.least_ranks as usize => {
                    Some("the library reduces in the network from more ranks on")
                }
                Some(_) => None,
            },
            (Algorithm::Direct, _) | (_, Protocol::Simple) => None,
            (_, Protocol::Ll) if links.ll.is_none() => Some("the library has no LL over its links"),
            (_, Protocol::Ll128) if links.ll128.is_none() => Some("the library has no LL128 over its links"),
            (_, Protocol::Ll | Protocol::Ll128) => None,
        }
    }

    /// What it takes once over links of this generation, to `peers` other ranks each.
    pub fn once(self, links: &LinkProtocols, peers: usize) -> Picos {
        let time = match (self.algorithm, self.protocol) {
            (Algorithm::InNetwork, _) => {
                return links.in_network.as_ref().map_or(links.launch.value, |network| network.launch.value);
            }
            (Algorithm::Direct, protocol) => {
                let DirectProtocol { launch, peer, start, .. } = &links.direct;
                let peers = Picos(peer.value.0.saturating_mul(peers as u64));
                let start = if protocol == Protocol::Simple { start.value } else { Picos::ZERO };
                return launch.value.saturating_add(peers).saturating_add(start);
            }
            (_, Protocol::Simple) => links.simple.start.value,
            (..) => self
                .flags(links)
                .and_then(|flags| flags.start.as_ref())
                .map_or(Picos::ZERO, |start| start.value),
        };
        links.launch.value.saturating_add(time)
    }

    /// What a step takes beside the latency of its path.
    pub fn step(self, links: &LinkProtocols) -> Picos {
        match (self.algorithm, self.protocol) {
            (Algorithm::InNetwork | Algorithm::Direct, _) => Picos::ZERO,
            (_, Protocol::Simple) => links.simple.step.value,
            (..) => self.flags(links).map_or(Picos::ZERO, |flags| flags.step.value),
        }
    }

    /// Bytes that cross a link of this generation, or keep it from carrying others, for each byte of data.
    pub fn on_the_wire(self, links: &LinkProtocols) -> f64 {
        match (self.algorithm, self.protocol) {
            (Algorithm::InNetwork, _) => {
                links.in_network.as_ref().map_or(1.0, |network| 1.0 / network.efficiency.value)
            }
            (Algorithm::Direct, Protocol::Simple) => 1.0 / links.direct.efficiency.value,
            (_, Protocol::Simple) => 1.0 / links.simple.efficiency.value,
            (_, protocol) => protocol.wire(),
        }
    }

    /// Seconds a rank's cores need at least for a phase that works through `processed` bytes, in messages of up to
    /// `message` bytes.
    pub fn cores_take(self, links: &LinkProtocols, processed: f64, message: f64) -> f64 {
        match (self.algorithm, self.protocol) {
            (Algorithm::InNetwork, _) => 0.0,
            (Algorithm::Direct, Protocol::Simple) => processed / links.direct.copy_rate.value.0,
            (Algorithm::Direct, _) => message / links.direct.short_rate.value.0,
            (_, Protocol::Simple) => 0.0,
            (..) => self.flags(links).map_or(0.0, |flags| processed / flags.rate.value.0),
        }
    }

    /// Seconds a rank copies its own part, before or after the transfers.
    pub fn copies(self, links: &LinkProtocols, own: f64) -> f64 {
        match (self.algorithm, self.protocol) {
            (Algorithm::Direct | Algorithm::InNetwork, _) | (_, Protocol::Ll | Protocol::Ll128) => 0.0,
            (_, Protocol::Simple) => own / links.simple.copy_rate.value.0,
        }
    }

    fn flags(self, links: &LinkProtocols) -> Option<&FlagProtocol> {
        match self.protocol {
            Protocol::Ll => links.ll.as_ref(),
            Protocol::Ll128 => links.ll128.as_ref(),
            Protocol::Simple => None,
        }
    }
}
