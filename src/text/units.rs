//! Numbers as people read them: counts, durations, sizes, times.

/// A whole number with commas between thousands: `5,730`.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number and its noun: `1 node`, `6 nodes`, `2 replies`.
#[must_use]
pub fn count(number: usize, noun: &str) -> String {
    format!("{} {}", grouped(number as u64), plural(number, noun))
}

/// The noun in the number that fits.
#[must_use]
pub fn plural(number: usize, noun: &str) -> String {
    if number == 1 {
        return noun.to_owned();
    }
    let consonant_y = noun.strip_suffix('y').filter(|stem| !stem.ends_with(['a', 'e', 'i', 'o', 'u']));
    match consonant_y {
        Some(stem) => format!("{stem}ies"),
        None if noun.ends_with(['s', 'x']) || noun.ends_with("ch") || noun.ends_with("sh") => format!("{noun}es"),
        None => format!("{noun}s"),
    }
}

/// Microseconds as `340ms` below a tenth of a second, `7.9s`, `2m 05s`, `1h 03m`.
#[must_use]
pub fn duration(micros: u64) -> String {
    let tenths = (micros + 50_000) / 100_000;
    let seconds = (micros + 500_000) / 1_000_000;
    match micros {
        0..1_000 => "<1ms".to_owned(),
        1_000..100_000 => format!("{}ms", micros / 1_000),
        _ if tenths < 600 => format!("{}.{}s", tenths / 10, tenths % 10),
        _ if seconds < 3_600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h {:02}m", seconds / 3_600, seconds % 3_600 / 60),
    }
}

/// Bytes as `812 B`, `4.1 KB`, `3.0 MB` (thousands, not 1024s).
#[must_use]
pub fn size(bytes: u64) -> String {
    let mut unit = 1_000;
    for name in ["KB", "MB", "GB", "TB"] {
        let tenths = u128::from(bytes) * 10 / unit;
        if bytes >= 1_000 && tenths < 10_000 {
            return format!("{}.{} {name}", tenths / 10, tenths % 10);
        }
        unit *= 1_000;
    }
    if bytes < 1_000 { format!("{bytes} B") } else { format!("{} TB", u128::from(bytes) / 1_000_000_000_000) }
}

/// How long before `now` something was, both in microseconds since 1970: `just now`, `40 seconds ago`,
/// `yesterday`, `3 days ago`, and the date (UTC) from a month on.
#[must_use]
pub fn ago(now: u64, then: u64) -> String {
    let seconds = now.saturating_sub(then) / 1_000_000;
    let say = |number: u64, noun: &str| format!("{} ago", count(usize::try_from(number).unwrap_or(usize::MAX), noun));
    match seconds {
        0..2 => "just now".to_owned(),
        2..60 => say(seconds, "second"),
        60..3_600 => say(seconds / 60, "minute"),
        3_600..86_400 => say(seconds / 3_600, "hour"),
        86_400..172_800 => "yesterday".to_owned(),
        172_800..2_592_000 => say(seconds / 86_400, "day"),
        _ => timestamp(then).chars().take(10).collect(),
    }
}

/// Microseconds since 1970 as RFC 3339 in UTC: `2026-11-24T08:26:57.250000Z`.
#[must_use]
pub fn timestamp(micros: u64) -> String {
    i64::try_from(micros)
        .ok()
        .and_then(|micros| jiff::Timestamp::from_microsecond(micros).ok())
        .map_or_else(|| format!("{micros}us"), |time| format!("{time:.6}"))
}

/// Microseconds since 1970 of a time in RFC 3339; `None` if it is none, or before.
#[must_use]
pub fn micros(timestamp: &str) -> Option<u64> {
    let time: jiff::Timestamp = timestamp.parse().ok()?;
    u64::try_from(time.as_microsecond()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_nouns_agree() {
        let texts = [0, 999, 1_000, 1_234_567].map(grouped);
        assert_eq!(texts, ["0", "999", "1,000", "1,234,567"]);
        let texts = [count(1, "node"), count(2, "node"), count(0, "reply"), count(2, "match"), count(2, "day")];
        assert_eq!(texts, ["1 node", "2 nodes", "0 replies", "2 matches", "2 days"]);
    }

    #[test]
    fn durations_keep_two_or_three_digits() {
        for (micros, text) in [
            (0, "<1ms"),
            (12_345, "12ms"),
            (99_999, "99ms"),
            (100_000, "0.1s"),
            (7_949_000, "7.9s"),
            (59_960_000, "1m 00s"),
            (125_000_000, "2m 05s"),
            (3_599_600_000, "1h 00m"),
            (3_780_000_000, "1h 03m"),
        ] {
            assert_eq!(duration(micros), text, "{micros}");
        }
    }

    #[test]
    fn sizes_name_their_unit() {
        for (bytes, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.0 KB"),
            (999_999, "999.9 KB"),
            (3_000_000, "3.0 MB"),
            (u64::MAX, "18446744 TB"),
        ] {
            assert_eq!(size(bytes), text, "{bytes}");
        }
    }

    #[test]
    fn times_are_said_from_now() {
        let now = 1_795_508_817_250_000;
        for (seconds, text) in [
            (0, "just now"),
            (40, "40 seconds ago"),
            (60, "1 minute ago"),
            (7_300, "2 hours ago"),
            (90_000, "yesterday"),
            (259_300, "3 days ago"),
            (8_640_000, "2026-08-16"),
        ] {
            assert_eq!(ago(now, now - seconds * 1_000_000), text, "{seconds}");
        }
        assert_eq!(ago(now, now + 5_000_000), "just now");
        assert_eq!(timestamp(now), "2026-11-24T08:26:57.250000Z");
        assert_eq!(timestamp(u64::MAX), "18446744073709551615us");
    }
}
