//! Symmetric systems of a few unknowns.

/// A square matrix, row by row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Square {
    size: usize,
    cells: Vec<f64>,
}

impl Square {
    /// All zero.
    pub fn zero(size: usize) -> Self {
        Self { size, cells: vec![0.0; size * size] }
    }

    /// The cell in `row` and `column`; 0 outside.
    pub fn at(&self, row: usize, column: usize) -> f64 {
        if column >= self.size {
            0.0
        } else {
            self.cells.get(row * self.size + column).copied().unwrap_or(0.0)
        }
    }

    /// Changes a cell; one outside is left alone.
    pub fn set(&mut self, row: usize, column: usize, value: f64) {
        if column < self.size
            && let Some(cell) = self.cells.get_mut(row * self.size + column)
        {
            *cell = value;
        }
    }

    /// `JᵀWJ` of columns `J` and weights `W`.
    pub fn normal(columns: &[Vec<f64>], weights: &[f64]) -> Self {
        let mut normal = Self::zero(columns.len());
        for (row, a) in columns.iter().enumerate() {
            for (column, b) in columns.iter().enumerate().take(row + 1) {
                let value = weighted_dot(a, b, weights);
                normal.set(row, column, value);
                normal.set(column, row, value);
            }
        }
        normal
    }

    /// The lower triangle whose product with its transpose this is; `None` unless positive definite.
    fn cholesky(&self) -> Option<Self> {
        let mut lower = Self::zero(self.size);
        for row in 0..self.size {
            for column in 0..=row {
                let done: f64 = (0..column).map(|inner| lower.at(row, inner) * lower.at(column, inner)).sum();
                let left = self.at(row, column) - done;
                if row != column {
                    lower.set(row, column, left / lower.at(column, column));
                } else if left > self.at(row, row) * 1e-13 && left.is_finite() {
                    lower.set(row, row, libm::sqrt(left));
                } else {
                    return None;
                }
            }
        }
        Some(lower)
    }

    /// The `x` for which this times `x` is `right`; `None` unless positive definite.
    pub fn solve(&self, right: &[f64]) -> Option<Vec<f64>> {
        let lower = self.cholesky()?;
        let mut x: Vec<f64> = right.iter().copied().chain(std::iter::repeat(0.0)).take(self.size).collect();
        for row in 0..self.size {
            let done: f64 = x.iter().take(row).enumerate().map(|(inner, x)| lower.at(row, inner) * x).sum();
            if let Some(x) = x.get_mut(row) {
                *x = (*x - done) / lower.at(row, row);
            }
        }
        for row in (0..self.size).rev() {
            let done: f64 =
                x.iter().enumerate().skip(row + 1).map(|(inner, x)| lower.at(inner, row) * x).sum();
            if let Some(x) = x.get_mut(row) {
                *x = (*x - done) / lower.at(row, row);
            }
        }
        Some(x)
    }

    /// The inverse; `None` unless positive definite.
    pub fn inverse(&self) -> Option<Self> {
        let mut inverse = Self::zero(self.size);
        for column in 0..self.size {
            let unit: Vec<f64> = (0..self.size).map(|row| f64::from(u8::from(row == column))).collect();
            for (row, value) in self.solve(&unit)?.into_iter().enumerate() {
                inverse.set(row, column, value);
            }
        }
        Some(inverse)
    }
}

/// The sum of `a b w`.
pub(crate) fn weighted_dot(a: &[f64], b: &[f64], weights: &[f64]) -> f64 {
    a.iter().zip(b).zip(weights).map(|((a, b), weight)| a * b * weight).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_system_is_solved_and_its_inverse_undoes_it(
            columns in prop::collection::vec(prop::collection::vec(-1.0..1.0_f64, 12), 1..7),
            right in prop::collection::vec(-1.0..1.0_f64, 7),
        ) {
            let mut normal = Square::normal(&columns, &[1.0; 12]);
            let size = columns.len();
            for index in 0..size {
                normal.set(index, index, normal.at(index, index) + 0.1);
            }
            let times = |x: &[f64]| -> Vec<f64> {
                (0..size).map(|row| (0..size).map(|column| normal.at(row, column) * x[column]).sum()).collect()
            };
            let x = normal.solve(&right[..size]).unwrap();
            for (back, wanted) in times(&x).into_iter().zip(&right) {
                prop_assert!((back - wanted).abs() < 1e-9, "{back} for {wanted}");
            }
            let inverse = normal.inverse().unwrap();
            for column in 0..size {
                let column_of: Vec<f64> = (0..size).map(|row| inverse.at(row, column)).collect();
                for (row, value) in times(&column_of).into_iter().enumerate() {
                    prop_assert!((value - f64::from(u8::from(row == column))).abs() < 1e-9);
                }
            }
        }
    }

    #[test]
    fn what_has_no_inverse_is_refused() {
        let column = vec![1.0, 2.0, 3.0];
        let twice = vec![2.0, 4.0, 6.0];
        assert_eq!(Square::normal(&[column, twice], &[1.0; 3]).solve(&[1.0, 1.0]), None);
    }
}
