//! What came out, as data: tables, JSON, CSV.
