//! The program as its users run it: a process of its own, spoken to over sockets, signals, files and standard streams.
//!
//! Every child gets an empty environment but for what its test sets, a working directory of its own and a free port.
#![expect(clippy::expect_used, reason = "a failure here is a failed test")]
#![expect(clippy::print_stderr, reason = "measured times and what was left out are for whoever runs the tests")]

mod analysis;
mod api;
mod backup;
mod binding;
mod commands;
mod crash;
mod deployment;
mod examples;
mod first_start;
mod logging;
mod netbox;
mod program;
mod replicas;
mod slow_client;
mod starting;
mod stop;
mod together;
mod transfer;
mod vault;
