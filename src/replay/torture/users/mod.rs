//! A second world, built from what the agents of users do and from what the contract promises them.
//!
//! An agent runs behind the real tape and the real redactor. Its requests are kept as the agent means them:
//! with the call that each id, tool call and draft came from, which text is a name of this run alone, and
//! which is a record's. The oracle compares meanings, never bytes, so it shares no reading with the matcher.

mod changes;
mod draws;
mod frozen;
mod kinds;
mod makers;
mod oracle;
mod spec;
mod talk;
mod world;
