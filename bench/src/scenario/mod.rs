//! The scenarios. Each is a module whose `run` measures and returns a [`Report`](crate::report::Report).

pub(crate) mod check;
pub(crate) mod create;
pub(crate) mod events;
pub(crate) mod fastapi;
pub(crate) mod growth;
pub(crate) mod imported;
pub(crate) mod list_depth;
pub(crate) mod locks;
pub(crate) mod login;
pub(crate) mod memory;
pub(crate) mod mixed;
pub(crate) mod reads;
pub(crate) mod start;
pub(crate) mod storm;
pub(crate) mod vault;
