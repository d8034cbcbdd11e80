//! The torture set: agents that are hard to replay, an oracle that knows the right answers, and faults
//! that it must notice.
//!
//! [`world`] runs an agent once against an upstream whose answers name what was asked, and again behind
//! a matcher, with other names, another time and another order of things. [`traps`] are small agents,
//! each for one way in which replays go wrong; [`random`] makes agents by chance.

mod order;
mod random;
mod talk;
mod traps;
mod world;
