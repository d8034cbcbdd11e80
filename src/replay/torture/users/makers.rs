//! What programs make up when they need a name that nobody else has, and how they write the time.

use super::super::world::Rng;

const DIGITS: &[u8] = b"0123456789";
const HEX: &[u8] = b"0123456789abcdef";
const BASE36: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";
const BASE62: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const BASE64: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-";
const CROCKFORD: &[u8] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const PYTHON: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789_";

/// A way to make a name up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Maker {
    /// `uuid.uuid4()`.
    Uuid,
    /// `uuid.uuid4().hex`.
    UuidHex,
    /// `uuid.uuid4().hex[:8]`.
    UuidEight,
    /// `uuid.uuid4().hex[:12]`.
    UuidTwelve,
    /// `secrets.token_hex(4)` behind a word.
    Suffixed,
    /// `nanoid()`.
    Nanoid,
    /// `nanoid(10)`.
    ShortNanoid,
    /// `Math.random().toString(36).slice(2)`.
    Random36,
    /// `new ObjectId()`.
    ObjectId,
    /// `ulid()`.
    Ulid,
    /// `ksuid.New()`.
    Ksuid,
    /// `sess_` and sixteen letters and digits.
    Session,
    /// `tempfile.mkdtemp()`, below the temporary directory.
    Mkdtemp,
    /// `fs.mkdtemp(os.tmpdir() + "/agent-")`.
    NodeMkdtemp,
    /// `os.MkdirTemp("", "agent")`.
    GoMkdirTemp,
    /// `mktemp -d`.
    Mktemp,
    /// pytest's `tmp_path`.
    Pytest,
    /// An address with a free port.
    Address,
}

impl Maker {
    /// All of them.
    pub(super) const ALL: [Self; 18] = [
        Self::Uuid,
        Self::UuidHex,
        Self::UuidEight,
        Self::UuidTwelve,
        Self::Suffixed,
        Self::Nanoid,
        Self::ShortNanoid,
        Self::Random36,
        Self::ObjectId,
        Self::Ulid,
        Self::Ksuid,
        Self::Session,
        Self::Mkdtemp,
        Self::NodeMkdtemp,
        Self::GoMkdirTemp,
        Self::Mktemp,
        Self::Pytest,
        Self::Address,
    ];

    /// A name, the path before it where it is a temporary one, at this time in microseconds.
    pub(super) fn make(self, rng: &mut Rng, time: u64) -> String {
        match self {
            Self::Uuid => {
                let hex = letters(rng, HEX, 30);
                format!("{}-{}-4{}-a{}-{}", &hex[..8], &hex[8..12], &hex[12..15], &hex[15..18], &hex[18..])
            }
            Self::UuidHex => letters(rng, HEX, 32),
            Self::UuidEight => letters(rng, HEX, 8),
            Self::UuidTwelve => letters(rng, HEX, 12),
            Self::Suffixed => format!("worker-{}", letters(rng, HEX, 8)),
            Self::Nanoid => letters(rng, BASE64, 21),
            Self::ShortNanoid => letters(rng, BASE64, 10),
            Self::Random36 => {
                let length = 10 + rng.below(3);
                letters(rng, BASE36, length)
            }
            Self::ObjectId => format!("{:08x}{}", time / 1_000_000, letters(rng, HEX, 16)),
            Self::Ulid => {
                let mut millis = time / 1_000;
                let mut head = [0; 10];
                for place in head.iter_mut().rev() {
                    *place = CROCKFORD[usize::try_from(millis % 32).unwrap_or_default()];
                    millis /= 32;
                }
                format!("{}{}", String::from_utf8_lossy(&head), letters(rng, CROCKFORD, 16))
            }
            Self::Ksuid => format!("2{}", letters(rng, BASE62, 26)),
            Self::Session => format!("sess_{}", letters(rng, BASE62, 16)),
            Self::Mkdtemp => format!("tmp{}", letters(rng, PYTHON, 8)),
            Self::NodeMkdtemp => format!("agent-{}", letters(rng, BASE62, 6)),
            Self::GoMkdirTemp => format!("agent{}", 100_000_000 + rng.below(3_900_000_000)),
            Self::Mktemp => format!("tmp.{}", letters(rng, BASE62, 10)),
            Self::Pytest => format!("pytest-{}", rng.below(90_000)),
            Self::Address => format!("127.0.0.1:{}", 20_000 + rng.below(40_000)),
        }
    }

    /// Whether it stands below the temporary directory.
    pub(super) fn is_temporary(self) -> bool {
        matches!(self, Self::Mkdtemp | Self::NodeMkdtemp | Self::GoMkdirTemp | Self::Mktemp | Self::Pytest)
    }

    /// The name in the place where programs put it.
    pub(super) fn placed(self, name: &str, temporary: &str) -> String {
        match self {
            Self::Pytest => format!("{temporary}/pytest-of-ada/{name}/test_run0"),
            Self::Address => format!("http://{name}/v1"),
            maker if maker.is_temporary() => format!("{temporary}/{name}"),
            _ => name.to_owned(),
        }
    }

    /// Whether chance made of it a plain number or something shorter than seven characters without a
    /// digit: outside of a temporary directory nothing says that such a word is a name.
    pub(super) fn is_poor(self, name: &str) -> bool {
        let plain = name.bytes().all(|byte| byte.is_ascii_digit());
        let exponent = name.bytes().filter(|byte| !byte.is_ascii_digit()).eq(*b"e");
        !self.is_temporary() && (plain || exponent)
    }
}

fn letters(rng: &mut Rng, of: &[u8], count: usize) -> String {
    (0..count).map(|_| char::from(of[rng.below(of.len())])).collect()
}

/// Ways to write the time.
pub(super) const CLOCKS: [&str; 10] = [
    "%Y-%m-%dT%H:%M:%SZ",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%d",
    "%A, %B %d, %Y",
    "%a %b %d %Y",
    "%d.%m.%Y %H:%M",
    "%m/%d/%Y",
    "%a, %d %b %Y %H:%M:%S GMT",
    "%B %d, %Y",
    "%s",
];

/// A record's id, as databases give them: it stands now where it stood.
pub(super) fn record(rng: &mut Rng) -> String {
    match rng.below(7) {
        0 | 1 => Maker::Uuid.make(rng, 0),
        2 => letters(rng, HEX, 40),
        3 => letters(rng, HEX, 7),
        4 => Maker::Ulid.make(rng, 1_700_000_000_000_000),
        5 => format!("ORD-{}", letters(rng, DIGITS, 6)),
        _ => Maker::ObjectId.make(rng, 1_700_000_000_000_000),
    }
}

/// What looks like a secret under this prefix.
pub(super) fn secret(rng: &mut Rng, prefix: &str) -> String {
    format!("{prefix}{}", letters(rng, BASE62, 36))
}
