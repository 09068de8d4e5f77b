//! How much longer than its bound a design takes, from those that were simulated near it.
//!
//! A bound knows nothing of padding, launches or latency: it prefers designs whose simulation is many times slower. What
//! a few simulations tell of the ratio tells it of their neighbours too.

use std::collections::BTreeMap;

/// Times over bounds of designs of one choice, by where they stand in their space.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Ratios {
    known: BTreeMap<u64, (Vec<f64>, f64)>,
}

impl Ratios {
    /// Notes that the design at `place` (each axis from 0 to 1) takes `ratio` times its bound.
    pub fn add(&mut self, design: u64, place: Vec<f64>, ratio: f64) {
        self.known.insert(design, (place, ratio));
    }

    /// The ratio to expect at `place`: what is known, the near ones counting much more than the far ones (Shepard 1968,
    /// inverse distances to the fourth power); 1 where nothing is.
    pub fn at(&self, design: u64, place: impl Fn(&mut [f64])) -> f64 {
        if let Some((_, ratio)) = self.known.get(&design) {
            return *ratio;
        }
        let Some((_, (first, _))) = self.known.first_key_value() else { return 1.0 };
        // Spaces of more axes exist, but hardly.
        let mut here = [0.0; 16];
        let axes = first.len().min(here.len());
        place(&mut here[..axes]);
        let (mut sum, mut weights) = (0.0, 0.0);
        for (there, ratio) in self.known.values() {
            let squares = here.iter().zip(there).map(|(here, there)| (here - there) * (here - there));
            let distance: f64 = squares.sum::<f64>().max(1e-12);
            let weight = 1.0 / (distance * distance);
            sum += weight * ratio;
            weights += weight;
        }
        sum / weights
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_stays_and_what_is_near_is_alike() {
        let mut ratios = Ratios::default();
        assert_eq!(ratios.at(5, |_| ()), 1.0);
        ratios.add(0, vec![0.0], 1.5);
        ratios.add(10, vec![1.0], 3.5);
        let at = |place: f64| ratios.at(5, |here| here[0] = place);
        assert_eq!(ratios.at(10, |_| ()), 3.5);
        assert!((at(0.5) - 2.5).abs() < 1e-9);
        assert!(at(0.1) < 1.51 && at(0.9) > 3.49);
        assert!((0..=10).map(|tenth| at(f64::from(tenth) / 10.0)).all(|ratio| (1.5..=3.5).contains(&ratio)));
    }
}
