//! Laws of collectives: what they move, what bounds them, and that folding and pipelining change nothing they should not.

mod closed_forms;
mod machines;
mod random;
mod refusals;
mod side_by_side;
