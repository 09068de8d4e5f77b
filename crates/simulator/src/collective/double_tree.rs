//! Two binary trees over the same nodes in which hardly any node is inside both: what one tree leaves idle, the other
//! uses (Sanders, Speck and Traeff 2009).

/// A tree by each node's parent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tree {
    /// `None` for the root.
    pub parent: Vec<Option<usize>>,
    /// A node farthest from the root.
    pub deepest: usize,
}

/// The two trees over `nodes` nodes: one in which the even nodes are leaves, and the same with every node moved one on,
/// so that there the odd ones are.
pub(super) fn parents(nodes: usize) -> [Tree; 2] {
    let first = in_order(nodes);
    let moved = |node: usize| (node + 1) % nodes.max(1);
    let mut parent = vec![None; nodes];
    for (node, above) in first.parent.iter().enumerate() {
        parent[moved(node)] = above.map(moved);
    }
    let second = Tree { parent, deepest: moved(first.deepest) };
    [first, second]
}

/// The search tree over `0..nodes`. Each range is cut after the largest power of two that fits, less one: an odd place,
/// so that what is left over, the leaves, are the even ones.
fn in_order(nodes: usize) -> Tree {
    let mut tree = Tree { parent: vec![None; nodes], deepest: 0 };
    let mut ranges = vec![(0, nodes, None, 0_u32)];
    let mut most = 0;
    while let Some((from, to, above, depth)) = ranges.pop() {
        if from >= to {
            continue;
        }
        let power = 1_usize << (to - from).ilog2();
        let middle = from + power - 1;
        tree.parent[middle] = above;
        if depth > most {
            (most, tree.deepest) = (depth, middle);
        }
        ranges.push((from, middle, Some(middle), depth + 1));
        ranges.push((middle + 1, to, Some(middle), depth + 1));
    }
    tree
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_node_hangs_below_the_root_at_logarithmic_depth() {
        for nodes in 1..200 {
            for tree in parents(nodes) {
                assert_eq!(tree.parent.iter().filter(|parent| parent.is_none()).count(), 1, "one root");
                for start in 0..nodes {
                    let (mut node, mut depth) = (start, 0);
                    while let Some(above) = tree.parent[node] {
                        node = above;
                        depth += 1;
                    }
                    assert!(depth <= 2 * (nodes.ilog2() + 1), "{nodes} nodes: {start} is {depth} deep");
                }
            }
        }
    }

    #[test]
    fn no_node_has_more_than_two_children_and_few_are_inside_both_trees() {
        for nodes in 2..200 {
            let trees = parents(nodes);
            let children =
                |tree: &Tree, node: usize| tree.parent.iter().filter(|parent| **parent == Some(node)).count();
            let inside = |node: usize| trees.iter().filter(|tree| children(tree, node) > 0).count();
            assert!((0..nodes).all(|node| trees.iter().all(|tree| children(tree, node) <= 2)));
            assert!((0..nodes).filter(|&node| inside(node) == 2).count() <= 1, "{nodes} nodes");
        }
    }
}
