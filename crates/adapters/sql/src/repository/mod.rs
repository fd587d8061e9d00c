//! The repositories, one module each.

mod client;
