//! Names that are others in every run, and how answers abbreviate them.

use std::fmt::Write as _;

use super::{Inner, Rng, World};

impl World {
    /// A uuid that is another in every run; answers may say its first seven or eight characters only.
    pub(in crate::replay::torture) fn uuid(&self, label: &str) -> String {
        let mut inner = self.0.borrow_mut();
        let uuid = inner.name(label, |rng| {
            let (high, low) = (rng.next(), rng.next());
            format!(
                "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
                high >> 32,
                high >> 16 & 0xffff,
                high & 0xfff,
                low >> 52,
                low & 0xffff_ffff_ffff
            )
        });
        for length in [8, 7] {
            inner.name(&format!("{label}, {length}"), |_| uuid[..length].to_owned());
        }
        inner.poor |= !uuid[..7].bytes().any(|byte| byte.is_ascii_digit());
        uuid
    }

    /// A temporary directory that is another in every run.
    pub(in crate::replay::torture) fn directory(&self, label: &str) -> String {
        self.0.borrow_mut().name(label, |rng| format!("/tmp/agent-{:016x}", rng.next()))
    }

    /// A temporary directory as `mkdtemp` makes it.
    pub(in crate::replay::torture) fn folder(&self, label: &str) -> String {
        let mut inner = self.0.borrow_mut();
        let folder = inner.name(label, |rng| {
            let prefix = ["/tmp/tmp", "/tmp/agent-", "/tmp/run_"][rng.below(3)];
            format!("{prefix}{}", letters(rng, b"abcdefghijklmnopqrstuvwxyz0123456789_", 8))
        });
        let tail = &folder[folder.len() - 8..];
        inner.poor |=
            !tail.bytes().any(|byte| byte.is_ascii_digit()) || !tail.bytes().any(|byte| byte.is_ascii_lowercase());
        folder
    }

    /// Eight characters of hex.
    pub(in crate::replay::torture) fn short(&self, label: &str) -> String {
        let mut inner = self.0.borrow_mut();
        let short = inner.name(label, |rng| format!("{:08x}", rng.next() >> 32));
        inner.poor |= changes(&short) < 2 || short.bytes().filter(u8::is_ascii_digit).count() < 2;
        inner.poor |= short.bytes().filter(u8::is_ascii_alphabetic).count() < 2;
        short
    }

    /// An id with a prefix and random letters and digits.
    pub(in crate::replay::torture) fn token(&self, label: &str) -> String {
        const ALL: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        let mut inner = self.0.borrow_mut();
        let token = inner.name(label, |rng| format!("sess_{}", letters(rng, ALL, 16)));
        inner.poor |= changes(&token[5..]) < 5 || !token[5..].bytes().any(|byte| byte.is_ascii_digit());
        token
    }

    /// An address on this host; answers may say its port only.
    pub(in crate::replay::torture) fn address(&self, label: &str) -> String {
        let mut inner = self.0.borrow_mut();
        let address = inner.name(label, |rng| format!("127.0.0.1:{}", 20_000 + rng.below(40_000)));
        let port = format!("port {}", &address[10..]);
        inner.name(&format!("{label}, port"), |_| port);
        address
    }
}

impl Inner {
    fn name(&mut self, label: &str, make: impl FnOnce(&mut Rng) -> String) -> String {
        if let Some((_, known)) = self.names.iter().find(|(name, _)| name == label) {
            return known.clone();
        }
        let value = make(&mut self.rng);
        self.names.push((label.to_owned(), value.clone()));
        value
    }
}

fn letters(rng: &mut Rng, of: &[u8], count: usize) -> String {
    (0..count).map(|_| char::from(of[rng.below(of.len())])).collect()
}

/// How often letters and digits, small and capital ones, take turns.
fn changes(word: &str) -> usize {
    let kind = |byte: u8| if byte.is_ascii_digit() { 0 } else { 1 + u8::from(byte.is_ascii_uppercase()) };
    let turn = |pair: &&[u8]| kind(pair[0]) != kind(pair[1]) && (kind(pair[0]), kind(pair[1])) != (2, 1);
    word.as_bytes().windows(2).filter(turn).count()
}

/// How a model abbreviates the uuids and ports that it was told.
pub(in crate::replay::torture) fn in_short(subject: &str) -> String {
    let mut out = String::new();
    let bytes = subject.as_bytes();
    for at in 0..bytes.len().saturating_sub(35) {
        let shaped = bytes[at..at + 36].iter().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
        if shaped {
            let _ = write!(out, ", in short {} or {}…", &subject[at..at + 8], &subject[at..at + 7]);
        }
    }
    for (at, host) in subject.match_indices("127.0.0.1:") {
        let _ = write!(out, ", port {}", &subject[at + host.len()..at + host.len() + 5]);
    }
    out
}
