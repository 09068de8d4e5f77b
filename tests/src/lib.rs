//! End-to-end tests: behaviour, laws, accuracy, what a user sees.
