//! What it runs on: engines, memory tiers, links and a catalog of real parts.
