//! How it runs: event engine, flow network, mapping and the stall ledger.
