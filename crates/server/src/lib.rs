//! The claudetools server: configuration, keys, TLS, log lines, sub-commands.
//!
//! It wires the layers together and holds no logic of its own. It is a library as well as a program so that tests can
//! start the very server that ships.

pub mod administration;
pub mod assembly;
pub mod cli;
pub mod commands;
pub mod config;
mod connection;
pub mod credential_commands;
pub mod health;
pub mod import_commands;
pub mod key_file;
pub mod keys;
pub mod master_keys;
pub mod secret;
pub mod serve;
pub mod telemetry;
pub mod tls;
pub mod upkeep;
pub mod vault;
pub mod vault_commands;
