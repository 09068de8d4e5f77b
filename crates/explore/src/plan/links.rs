//! The least time that sending takes: what must leave each group of devices, over all of its links at once.

use memwall_hardware::{Fabric, FabricLevel, Topology};
use memwall_model_graph::CollectiveKind;

/// Ranks of one collective: that many, equally far apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ranks {
    /// How many.
    pub count: u64,
    /// Devices from one to the next.
    pub stride: u64,
}

/// Seconds that a collective over `bytes` (as [`memwall_model_graph::Collective::bytes`] counts them) takes at least,
/// with every device doing the same in a group of its own. Latency is not counted, nor that real transfers are slower
/// than their links.
pub fn least_seconds(fabric: &Fabric, kind: CollectiveKind, bytes: f64, ranks: Ranks) -> f64 {
    if ranks.count <= 1 || bytes <= 0.0 {
        return 0.0;
    }
    if matches!(kind, CollectiveKind::Send | CollectiveKind::Recv) {
        return message_seconds(fabric, bytes, ranks.stride);
    }
    let seconds = fabric.levels().iter().map(|level| {
        let member = u64::from(level.devices / level.count.max(1)).max(1);
        let inside = |devices: u64| (devices / ranks.stride).clamp(1, ranks.count) as f64;
        let (of_member, of_group) = (inside(member), inside(u64::from(level.devices)));
        let members = of_group / of_member;
        if members <= 1.0 {
            return 0.0;
        }
        let leaves = match kind {
            CollectiveKind::AllReduce if level.in_network_reduction => bytes,
            CollectiveKind::AllReduce => 2.0 * bytes * (members - 1.0) / members,
            // Each rank sends each other one its part.
            CollectiveKind::AllToAll => of_member * bytes * (of_group - of_member) / ranks.count as f64,
            _ => bytes * (members - 1.0) / members,
        };
        leaves / (port_rate(level, members) * ports(level, of_member, member))
    });
    seconds.fold(0.0, f64::max)
}

/// Whether ranks so far apart are all joined by the innermost level.
pub fn stays_inside(fabric: &Fabric, ranks: Ranks) -> bool {
    let inner = fabric.levels().first().map_or(1, |level| u64::from(level.devices));
    ranks.count.saturating_mul(ranks.stride) <= inner
}

fn message_seconds(fabric: &Fabric, bytes: f64, stride: u64) -> f64 {
    let to = u32::try_from(stride).unwrap_or(u32::MAX).min(fabric.devices().saturating_sub(1));
    let level = &fabric.levels()[fabric.joining_level(0, to)];
    let member = u64::from(level.devices / level.count.max(1)).max(1);
    bytes / (port_rate(level, 2.0) * ports(level, 1.0, member).max(f64::MIN_POSITIVE))
}

/// Ports of a level that `ranks` of the devices of a member have for themselves.
fn ports(level: &FabricLevel, ranks: f64, member: u64) -> f64 {
    f64::from(level.ports) * ranks / member as f64
}

/// Bytes a second that one port sends to `members` in all directions.
fn port_rate(level: &FabricLevel, members: f64) -> f64 {
    let links = match &level.kind {
        Topology::FullyConnected => members - 1.0,
        Topology::Ring => 2.0,
        Topology::Torus { dims, .. } | Topology::Mesh { dims } => 2.0 * dims.len() as f64,
        _ => 1.0,
    };
    level.bandwidth.value.0 * links
}

#[cfg(test)]
mod tests {
    use memwall_hardware::catalog;

    use super::*;

    #[test]
    fn a_node_gathers_over_its_own_links_and_nodes_over_all_their_ports() {
        let system = catalog::system("hgx-h100-ib").unwrap();
        let fabric = system.fabric();
        let [inner, outer] = [0, 1].map(|level| fabric.levels()[level].bandwidth.value.0);
        let seconds =
            |count, stride| least_seconds(fabric, CollectiveKind::AllGather, 8e9, Ranks { count, stride });
        assert_eq!(seconds(1, 1), 0.0);
        assert_eq!(seconds(8, 1), 8e9 * 7.0 / 8.0 / inner);
        // Two nodes, eight ports between them.
        assert_eq!(seconds(16, 1), (8e9 / 2.0 / (8.0 * outer)).max(8e9 * 7.0 / 8.0 / inner));
        // One device of each of two nodes has one port.
        assert_eq!(seconds(2, 8), 8e9 / 2.0 / outer);
    }
}
