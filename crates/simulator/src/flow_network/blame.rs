//! What holds a flow. While solving, a flow belongs to any one link that holds it; of several that are full and slow it
//! down alike, the lowest is to blame, so that the answer does not depend on what happened before.

use super::flow::Holder;
use super::solve::TIE;
use super::{FlowId, FlowNetwork, Held, LinkId};

impl FlowNetwork {
    /// What holds a flow's rate; `None` when the flow has ended, has not been solved, or nothing holds it
    /// (it uses no link and has no cap).
    #[must_use]
    pub fn held_by(&self, flow: FlowId) -> Option<Held> {
        let place = self.flow(flow)?;
        match place.holder {
            Holder::NOTHING => None,
            Holder::CAP => Some(Held::Cap),
            Holder(holder) => {
                let limit = self.rate_of(flow.slot) * TIE;
                let lower = place.uses.all().iter().map(|usage| usage.link).filter(|&link| link < holder);
                let lowest = lower.filter(|&link| self.holds_back(link, limit)).min();
                Some(Held::Link(LinkId(lowest.unwrap_or(holder))))
            }
        }
    }

    /// Whether a link is full and lets nothing go faster than `limit`.
    fn holds_back(&self, link: u32, limit: f64) -> bool {
        let share = &self.shares[link as usize];
        let full = share.load * TIE >= self.links[link as usize].capacity;
        let held_slow = share.level == f64::INFINITY || share.level <= limit;
        // `top` may be out of date on the high side.
        let mut members = self.links[link as usize].members.all().iter();
        full && held_slow && (share.top <= limit || members.all(|member| self.rate_of(member.flow) <= limit))
    }
}
