//! Names: what stands for what between two executions of an agent, and what was read off a clock.

pub(crate) mod borders;
pub(crate) mod clock;
pub(crate) mod fragments;
pub(crate) mod identity;
pub(crate) mod naming;
pub(crate) mod opaque;
pub(crate) mod origin;
pub(crate) mod places;
pub(crate) mod readings;
pub(crate) mod rename;
pub(crate) mod scrambled;
pub(crate) mod split;
pub(crate) mod steady;
pub(crate) mod temporary;
pub(crate) mod words;

pub use steady::Steady;
