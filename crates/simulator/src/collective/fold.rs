//! Folding flows that cannot be told apart.
//!
//! Flows and links are coloured: links by what they can carry, flows by their bytes, their cap and the links they
//! cross. Then each is told apart further by the colours of what it touches, until nothing new comes out (colour
//! refinement, Weisfeiler and Leman 1968). Links of one colour then carry as many flows of each colour as each other,
//! so all flows of one colour get the same rate, and one flow with a weight stands for them. Whether the colours, which
//! are hashes, really say that is [checked](Folded::is_exact).

/// A flow over links by index, with the bytes that cross each for each byte of the flow.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FlowShape {
    pub bytes: f64,
    pub cap: f64,
    /// From here to the start of the next flow's, in [`Shapes::usage`].
    pub first: u32,
    pub count: u32,
}

/// Flows and links of one moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Shapes {
    pub capacities: Vec<f64>,
    pub flows: Vec<FlowShape>,
    /// `(link, coefficient)` of all flows, one after the other.
    pub usage: Vec<(u32, f64)>,
}

/// The classes of the flows and links.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Folded {
    pub flow_class: Vec<u32>,
    pub link_class: Vec<u32>,
    pub flows_in_class: Vec<u64>,
    pub links_in_class: Vec<u64>,
    /// A flow of each class.
    pub example: Vec<u32>,
}

/// A link, the class of a flow that crosses it, and its coefficient there.
type Load = (u32, u32, f64);

impl Shapes {
    pub fn uses(&self, flow: usize) -> &[(u32, f64)] {
        let shape = &self.flows[flow];
        &self.usage[shape.first as usize..(shape.first + shape.count) as usize]
    }

    /// Adds a flow; `usage` may name a link more than once.
    pub fn push(&mut self, bytes: f64, cap: f64, usage: impl Iterator<Item = (u32, f64)>) {
        let first = self.usage.len() as u32;
        self.usage.extend(usage);
        let count = self.usage.len() as u32 - first;
        self.flows.push(FlowShape { bytes, cap, first, count });
    }
}

/// Folds what cannot be told apart.
pub(crate) fn fold(shapes: &Shapes) -> Folded {
    let mut links: Vec<u128> = shapes.capacities.iter().map(|capacity| mix(1, capacity.to_bits())).collect();
    let mut flows: Vec<u128> =
        shapes.flows.iter().map(|flow| mix(mix(2, flow.bytes.to_bits()), flow.cap.to_bits())).collect();
    let mut classes = (0, 0);
    loop {
        for (flow, colour) in flows.iter_mut().enumerate() {
            // A sum does not depend on the order.
            let touched = shapes
                .uses(flow)
                .iter()
                .map(|&(link, coefficient)| mix(links[link as usize], coefficient.to_bits()));
            *colour = combine(*colour, touched.fold(0, u128::wrapping_add));
        }
        let mut touched = vec![0_u128; links.len()];
        for (flow, colour) in flows.iter().enumerate() {
            for &(link, coefficient) in shapes.uses(flow) {
                let sum = &mut touched[link as usize];
                *sum = sum.wrapping_add(mix(*colour, coefficient.to_bits()));
            }
        }
        for (colour, touched) in links.iter_mut().zip(touched) {
            *colour = combine(*colour, touched);
        }
        let now = (distinct(&flows), distinct(&links));
        if now == classes {
            break;
        }
        classes = now;
    }
    let (flow_class, flows_in_class) = number(&flows);
    let (link_class, links_in_class) = number(&links);
    let mut example = vec![u32::MAX; flows_in_class.len()];
    for (flow, &class) in flow_class.iter().enumerate().rev() {
        example[class as usize] = flow as u32;
    }
    Folded { flow_class, link_class, flows_in_class, links_in_class, example }
}

impl Folded {
    /// Every flow and link a class of its own.
    pub fn nothing(shapes: &Shapes) -> Self {
        let (flows, links) = (shapes.flows.len(), shapes.capacities.len());
        Self {
            flow_class: (0..flows as u32).collect(),
            link_class: (0..links as u32).collect(),
            flows_in_class: vec![1; flows],
            links_in_class: vec![1; links],
            example: (0..flows as u32).collect(),
        }
    }

    /// Whether all flows of a class have the same bytes and cap, all links of a class the same capacity, and every
    /// link of a class carries the same load of every class of flows: then the fold is exact.
    pub fn is_exact(&self, shapes: &Shapes) -> bool {
        let flows = shapes.flows.iter().zip(&self.flow_class);
        let alike = flows.clone().all(|(flow, &class)| {
            let example = &shapes.flows[self.example[class as usize] as usize];
            flow.bytes == example.bytes && flow.cap == example.cap
        });
        let mut capacity = vec![f64::NAN; self.links_in_class.len()];
        let same_capacity = shapes.capacities.iter().zip(&self.link_class).all(|(&own, &class)| {
            let first = &mut capacity[class as usize];
            if first.is_nan() {
                *first = own;
            }
            *first == own
        });
        alike && same_capacity && self.same_loads(shapes)
    }

    fn same_loads(&self, shapes: &Shapes) -> bool {
        // Sorted, so that each link's lie together.
        let mut loads: Vec<Load> = Vec::with_capacity(shapes.usage.len());
        for (flow, &class) in self.flow_class.iter().enumerate() {
            loads.extend(shapes.uses(flow).iter().map(|&(link, coefficient)| (link, class, coefficient)));
        }
        loads.sort_unstable_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)).then(a.2.total_cmp(&b.2)));
        let mut first: Vec<Option<&[Load]>> = vec![None; self.links_in_class.len()];
        loads.chunk_by(|a, b| a.0 == b.0).all(|of_link| {
            let class = self.link_class[of_link[0].0 as usize] as usize;
            let known = *first[class].get_or_insert(of_link);
            known.len() == of_link.len() && known.iter().zip(of_link).all(|(a, b)| a.1 == b.1 && a.2 == b.2)
        })
    }
}

fn distinct(colours: &[u128]) -> usize {
    let mut sorted = colours.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    sorted.len()
}

/// Classes numbered in the order in which they first appear, and how many are in each.
fn number(colours: &[u128]) -> (Vec<u32>, Vec<u64>) {
    let mut order: Vec<(u128, u32)> = colours.iter().copied().zip(0..).collect();
    order.sort_unstable();
    let mut leader = vec![0_u32; colours.len()];
    for alike in order.chunk_by(|a, b| a.0 == b.0) {
        for (_, member) in alike {
            leader[*member as usize] = alike[0].1;
        }
    }
    let (mut class, mut counts) = (vec![0_u32; colours.len()], Vec::new());
    for member in 0..colours.len() {
        let first = leader[member] as usize;
        if first == member {
            class[member] = counts.len() as u32;
            counts.push(0);
        } else {
            class[member] = class[first];
        }
        counts[class[member] as usize] += 1;
    }
    (class, counts)
}

fn combine(colour: u128, touched: u128) -> u128 {
    mix(mix(colour, touched as u64), (touched >> 64) as u64)
}

/// Two lanes of a 64-bit finaliser (Steele, Lea and Flood 2014), kept apart by their constants.
fn mix(state: u128, word: u64) -> u128 {
    let low = scramble(state as u64 ^ word.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let high =
        scramble((state >> 64) as u64 ^ word.wrapping_mul(0xC2B2_AE3D_27D4_EB4F) ^ low.rotate_left(32));
    u128::from(high) << 64 | u128::from(low)
}

const fn scramble(word: u64) -> u64 {
    let word = word.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    word ^ (word >> 31)
}
