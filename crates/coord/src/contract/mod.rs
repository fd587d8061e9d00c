//! The suites that every storage adapter must pass. Each runs on a fresh store.
