//! The clock and the seed of ids: the only places where time and chance come from.

use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io::Read;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use super::variable;
use crate::model::Micros;

/// Each reading of a test's clock is this much later than the one before.
const TICK: u64 = 1_000;

/// Now. With `RETAKE_TEST_CLOCK` the first reading is that many microseconds, and each further one 1 ms later.
#[must_use]
pub fn now() -> Micros {
    static START: OnceLock<Option<u64>> = OnceLock::new();
    static READINGS: AtomicU64 = AtomicU64::new(0);
    let fixed = *START.get_or_init(|| variable("RETAKE_TEST_CLOCK")?.parse().ok());
    if let Some(start) = fixed {
        return Micros(start.wrapping_add(READINGS.fetch_add(1, Ordering::Relaxed).wrapping_mul(TICK)));
    }
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Micros(u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
}

/// A random number from the system. With `RETAKE_TEST_SEED` the first is that number, and each further one the next.
#[must_use]
pub fn seed() -> u64 {
    static FIXED: OnceLock<Option<u64>> = OnceLock::new();
    static DRAWN: AtomicU64 = AtomicU64::new(0);
    let fixed = *FIXED.get_or_init(|| variable("RETAKE_TEST_SEED")?.parse().ok());
    match fixed {
        Some(seed) => seed.wrapping_add(DRAWN.fetch_add(1, Ordering::Relaxed)),
        None => chance(),
    }
}

fn chance() -> u64 {
    let mut bytes = [0; 8];
    match File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes)) {
        Ok(()) => u64::from_ne_bytes(bytes),
        // Keyed by the system once a thread, so two processes differ here too.
        Err(_) => RandomState::new().hash_one((std::process::id(), now().0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_does_not_repeat() {
        let mut drawn: Vec<u64> = (0..1000).map(|_| chance()).collect();
        drawn.sort_unstable();
        drawn.dedup();
        assert_eq!(drawn.len(), 1000);
    }

    #[test]
    fn the_clock_goes_on() {
        let first = now();
        assert!(now() >= first);
    }
}
