//! The state under keys and commands, and the screens it makes.
