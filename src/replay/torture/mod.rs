//! The torture set: agents that are hard to replay, an oracle that knows the right answers, and faults
//! that it must notice.
//!
//! [`world`] runs an agent once against an upstream whose answers name what was asked, and again behind
//! a matcher, with other names, another time and another order of things. [`traps`] are small agents,
//! each for one way in which replays go wrong; [`random`] makes agents by chance.
//! [`users`] is a second world, built from what agents of users do: real ids beside fresh ones, references,
//! drafts, secrets, changes.

mod order;
mod random;
mod talk;
mod traps;
mod users;
mod world;
