//! The terminal as screen: `retake step`.
//!
//! [`App`] is all that is known, as plain data; [`App::update`] is the one function that changes it, and says
//! what else is to be done as an [`Effect`]. `view` draws the state; `screen` reads keys and has effects done by
//! what it was given as [`Act`]. A script runs the same commands without a screen.

mod act;
mod app;
mod causes;
mod changes;
mod command;
mod ink;
mod keys;
mod layout;
mod line;
mod moves;
mod opened;
mod outcome;
mod page;
mod pair;
mod screen;
mod search;
pub mod view;

pub use act::{Act, Done, Effect, perform};
pub use app::{App, Message, Mode};
pub use command::{COMMANDS, Command, Entry, parse, split};
pub use keys::{KEYS, Key};
pub use moves::said;
pub use opened::{Kin, Opened};
pub use outcome::{Link, Outcome, Trouble};
pub use screen::run;
