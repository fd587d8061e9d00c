//! What equipment clients have, and what was learnt about it.
//!
//! Two halves: the inventory (sites, assets, services, networks, firewall rules, tenants, incidents) and experience (commands that
//! were run, why they failed, the patterns and insights that follow from it).
#![warn(missing_docs)]

pub mod failure;
pub mod inventory;
pub mod netbox;
pub mod ports;
