//! Readings of the clock: dates and times in the forms that agents write.

use super::clock::{Day, Reading, days};

/// A reading within a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) reading: Reading,
}

/// The date or time whose first digits begin at `digits`; nothing before `floor` is looked at.
pub(crate) fn read(text: &[u8], digits: usize, floor: usize) -> Option<Found> {
    if digits > floor {
        let before = text[digits - 1];
        let further = if digits - floor >= 2 { text[digits - 2] } else { b' ' };
        if before.is_ascii_alphabetic()
            || before >= 0x80
            || (matches!(before, b'.' | b':' | b',' | b'/') && further.is_ascii_digit())
        {
            return None;
        }
    }
    let mut cursor = Cursor { text, at: digits, shape: 0 };
    let mut start = digits;
    let mut parts = Parts::default();
    match cursor.run() {
        4 => cursor.year_first(&mut parts)?,
        8 => cursor.compact(&mut parts)?,
        10 | 13 | 16 | 19 => return cursor.epoch(digits),
        1 | 2 => {
            if cursor.after_run() == Some(b':') {
                cursor.clock(&mut parts).then_some(())?;
            } else if let Some((at, month)) = month_before(text, digits, floor) {
                start = at;
                cursor.month_first(&mut parts, month)?;
            } else {
                cursor.day_first(&mut parts)?;
            }
        }
        _ => return None,
    }
    if !matches!(parts.day, Day::None)
        && let Some((at, weekday, long)) = weekday_before(text, start, floor)
    {
        start = at;
        parts.weekday = Some(weekday);
        cursor.mark(if long { 30 } else { 31 });
    }
    let next = text.get(cursor.at).copied().unwrap_or(b' ');
    let beyond = text.get(cursor.at + 1).copied().unwrap_or(b' ');
    if next.is_ascii_alphanumeric() || next >= 0x80 || (matches!(next, b':' | b'/') && beyond.is_ascii_alphanumeric()) {
        return None;
    }
    let Parts { day, time, zone, weekday } = parts;
    Some(Found { start, end: cursor.at, reading: Reading { day, time, zone, weekday, shape: cursor.shape } })
}

/// A number that may be seconds, milliseconds, microseconds or nanoseconds since 1970; `scale` zeros follow the digits.
pub(crate) fn number(digits: &[u8], scale: usize) -> Option<Reading> {
    let length = digits.len() + scale;
    if !matches!(length, 10 | 13 | 16 | 19) || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let mut text = digits.to_vec();
    text.resize(length, b'0');
    let cursor = Cursor { text: &text, at: 0, shape: 0 };
    cursor.epoch(0).map(|found| found.reading)
}

struct Parts {
    day: Day,
    time: Option<(i64, i64)>,
    zone: Option<i64>,
    weekday: Option<i64>,
}

impl Default for Parts {
    fn default() -> Self {
        Self { day: Day::None, time: None, zone: None, weekday: None }
    }
}

struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
    shape: u32,
}

impl Cursor<'_> {
    fn mark(&mut self, what: u32) {
        self.shape = self.shape.wrapping_mul(33).wrapping_add(what + 1);
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn rest(&self) -> &[u8] {
        &self.text[self.at.min(self.text.len())..]
    }

    fn run(&self) -> usize {
        self.rest().iter().take(20).take_while(|byte| byte.is_ascii_digit()).count()
    }

    fn after_run(&self) -> Option<u8> {
        self.text.get(self.at + self.run()).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    /// A whole run of digits of one of these lengths.
    fn digits(&mut self, least: usize, most: usize) -> Option<i64> {
        let length = self.run();
        if !(least..=most).contains(&length) {
            return None;
        }
        self.fixed(length)
    }

    /// That many digits, whatever follows.
    fn fixed(&mut self, length: usize) -> Option<i64> {
        let digits = self.text.get(self.at..self.at + length)?;
        let value = std::str::from_utf8(digits).ok().filter(|_| digits.iter().all(u8::is_ascii_digit))?.parse().ok()?;
        self.at += length;
        Some(value)
    }

    fn try_to<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let (at, shape) = (self.at, self.shape);
        let found = read(self);
        if found.is_none() {
            (self.at, self.shape) = (at, shape);
        }
        found
    }

    fn letters(&self) -> &[u8] {
        let rest = self.rest();
        &rest[..rest.iter().take(12).take_while(|byte| byte.is_ascii_alphabetic()).count()]
    }

    /// `2026-11-24`, `2026/11/24`, `2026.11.24`, `2026_11_24`, and a time after it.
    fn year_first(&mut self, parts: &mut Parts) -> Option<()> {
        let year = self.digits(4, 4)?;
        let separator = self.peek().filter(|byte| matches!(byte, b'-' | b'/' | b'.' | b'_'))?;
        self.at += 1;
        let month = self.digits(1, 2)?;
        self.take(separator).then_some(())?;
        let day = self.fixed(self.run().min(2))?;
        parts.day = Day::Date(days(year, month, day)?);
        self.mark(separator.into());
        self.time_after(parts);
        Some(())
    }

    /// `20261124`, and `T083121` or `-083121` after it.
    fn compact(&mut self, parts: &mut Parts) -> Option<()> {
        let (year, month, day) = (self.fixed(4)?, self.fixed(2)?, self.fixed(2)?);
        parts.day = Day::Date(days(year, month, day)?);
        self.mark(1);
        self.time_after(parts);
        Some(())
    }

    fn epoch(mut self, start: usize) -> Option<Found> {
        let length = self.run();
        let value = self.fixed(length)?;
        let (micros, mut grain) = match length {
            10 => (value.checked_mul(1_000_000)?, 1_000_000),
            13 => (value.checked_mul(1_000)?, 1_000),
            16 => (value, 1),
            _ => (value / 1_000, 1),
        };
        self.mark(u32::try_from(length).unwrap_or_default() + 50);
        let mut fraction = 0;
        if length == 10 && self.peek() == Some(b'.') && self.text.get(self.at + 1).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
            let digits = self.run();
            fraction = self.text[self.at..self.at + digits]
                .iter()
                .take(6)
                .fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
            fraction *= 10_i64.pow(u32::try_from(6 - digits.min(6)).unwrap_or_default());
            self.at += digits;
            grain = 1;
        }
        let next = self.peek().unwrap_or(b' ');
        if next.is_ascii_alphanumeric()
            || next >= 0x80
            || !(1_000_000_000..4_102_444_800).contains(&(micros / 1_000_000))
        {
            return None;
        }
        let day = Day::Epoch(micros + fraction, grain);
        Some(Found {
            start,
            end: self.at,
            reading: Reading { day, time: None, zone: None, weekday: None, shape: self.shape },
        })
    }

    /// `24, 2026` or `24 2026` or `24` after the name of a month, with a time before or after the year.
    fn month_first(&mut self, parts: &mut Parts, month: i64) -> Option<()> {
        let day = self.digits_ordinal()?;
        self.mark(2);
        let year = self.try_to(|cursor| {
            let comma = cursor.take(b',');
            cursor.take(b' ').then_some(())?;
            cursor.mark(if comma { 4 } else { 5 });
            cursor.digits(4, 4)
        });
        if let Some(year) = year {
            parts.day = Day::Date(days(year, month, day)?);
            self.time_after(parts);
            return Some(());
        }
        days(2024, month, day)?;
        parts.day = Day::Yearless(month, day);
        self.time_after(parts);
        if parts.time.is_some() {
            let late = self.try_to(|cursor| {
                cursor.take(b' ').then_some(())?;
                let zone = cursor.letters().to_vec();
                if !zone.is_empty() {
                    zone.iter().all(u8::is_ascii_uppercase).then_some(())?;
                    cursor.at += zone.len();
                    cursor.take(b' ').then_some(())?;
                }
                let utc = matches!(zone.as_slice(), b"UTC" | b"GMT");
                Some((cursor.digits(4, 4)?, utc))
            });
            if let Some((year, utc)) = late {
                parts.day = Day::Date(days(year, month, day)?);
                if utc {
                    parts.zone = Some(0);
                }
                self.mark(6);
            }
        }
        Some(())
    }

    fn digits_ordinal(&mut self) -> Option<i64> {
        let day = self.digits(1, 2)?;
        if matches!(self.letters(), b"st" | b"nd" | b"rd" | b"th") {
            self.at += 2;
        }
        Some(day)
    }

    /// `11/24/2026`, `24.11.2026`, `24-11-2026`, `24 November 2026`, `24-Nov-2026`, and a time after it.
    fn day_first(&mut self, parts: &mut Parts) -> Option<()> {
        let first = self.digits_ordinal()?;
        let separator = self.peek().filter(|byte| matches!(byte, b'/' | b'.' | b'-' | b' '))?;
        self.at += 1;
        self.mark(separator.into());
        if let Some((month, _)) = name_in(self.letters(), &MONTHS) {
            self.at += self.letters().len();
            self.mark(7);
            let year = self.try_to(|cursor| {
                cursor.take(b',');
                (cursor.take(separator) || cursor.take(b' ')).then_some(())?;
                cursor.digits(4, 4)
            });
            parts.day = match year {
                Some(year) => Day::Date(days(year, month, first)?),
                None => days(2024, month, first).map(|_| Day::Yearless(month, first))?,
            };
            self.time_after(parts);
            return Some(());
        }
        (separator != b' ').then_some(())?;
        let second = self.digits(1, 2)?;
        self.take(separator).then_some(())?;
        let year = self.digits(4, 4)?;
        let (month_first, day_first) = (days(year, first, second), days(year, second, first));
        (month_first.is_some() || day_first.is_some()).then_some(())?;
        parts.day = Day::Either(month_first, day_first);
        self.time_after(parts);
        Some(())
    }

    /// A time that follows a date.
    fn time_after(&mut self, parts: &mut Parts) {
        let found = self.try_to(|cursor| {
            let mut compact = false;
            if cursor.rest().starts_with(b" at ") {
                cursor.at += 4;
            } else {
                cursor.take(b',');
                let separator = cursor.peek().filter(|byte| matches!(byte, b'T' | b't' | b' ' | b'_' | b'-' | b':'))?;
                cursor.at += 1;
                cursor.mark(separator.into());
                compact = matches!(separator, b'T' | b't' | b'_' | b'-');
            }
            let mut time = Parts::default();
            match cursor.run() {
                1 | 2 if cursor.after_run() == Some(b':') => cursor.clock(&mut time).then_some(time),
                2 if cursor.after_run() == Some(b'-') => {
                    let (hour, _) = (cursor.fixed(2)?, cursor.take(b'-'));
                    let minute = cursor.digits(2, 2)?;
                    cursor.take(b'-').then_some(())?;
                    let second = cursor.digits(2, 2)?;
                    cursor.mark(9);
                    time.time = Some((clock_time(hour, minute, second)?, 1));
                    Some(time)
                }
                length @ (4 | 6) if compact => {
                    let (hour, minute) = (cursor.fixed(2)?, cursor.fixed(2)?);
                    let second = if length == 6 { cursor.fixed(2)? } else { 0 };
                    cursor.mark(10);
                    time.time = Some((clock_time(hour, minute, second)?, if length == 6 { 1 } else { 60 }));
                    cursor.zone(&mut time, true);
                    Some(time)
                }
                _ => None,
            }
        });
        if let Some(time) = found {
            parts.time = time.time;
            parts.zone = time.zone;
        }
    }

    /// `08:31`, `08:31:21`, `08:31:21.123`, `8:31 AM`, and a zone after it.
    fn clock(&mut self, parts: &mut Parts) -> bool {
        self.try_to(|cursor| {
            let hour = cursor.digits(1, 2)?;
            cursor.take(b':').then_some(())?;
            let minute = (cursor.run() == 2).then(|| cursor.fixed(2))??;
            let second = cursor.try_to(|cursor| {
                cursor.take(b':').then_some(())?;
                cursor.digits(2, 2)
            });
            cursor.mark(if second.is_some() { 12 } else { 13 });
            if second.is_some()
                && matches!(cursor.peek(), Some(b'.' | b','))
                && cursor.text.get(cursor.at + 1).is_some_and(u8::is_ascii_digit)
            {
                cursor.at += 1;
                cursor.at += cursor.run();
            }
            let half = cursor.try_to(|cursor| {
                cursor.take(b' ');
                let half = match cursor.letters() {
                    b"AM" | b"am" => 0,
                    b"PM" | b"pm" => 12,
                    _ => return None,
                };
                cursor.at += 2;
                Some(half)
            });
            let hour = match half {
                Some(half) => {
                    cursor.mark(14);
                    (1..=12).contains(&hour).then_some(hour % 12 + half)?
                }
                None => hour,
            };
            parts.time =
                Some((clock_time(hour, minute, second.unwrap_or_default())?, if second.is_some() { 1 } else { 60 }));
            cursor.zone(parts, second.is_some());
            Some(())
        })
        .is_some()
    }

    /// `Z`, `UTC`, `GMT+0100`, `+01:00`, ` +0100`.
    fn zone(&mut self, parts: &mut Parts, signed: bool) {
        let zone = self.try_to(|cursor| {
            if matches!(cursor.letters(), b"Z" | b"z") {
                cursor.at += 1;
                return Some(0);
            }
            let spaced = cursor.take(b' ');
            let named = matches!(cursor.letters(), b"UTC" | b"GMT");
            if named {
                cursor.at += 3;
            }
            let offset = cursor.try_to(|cursor| {
                let sign = match cursor.peek()? {
                    b'+' => 1,
                    b'-' => -1,
                    _ => return None,
                };
                cursor.at += 1;
                let (hours, minutes) = match cursor.run() {
                    4 => (cursor.fixed(2)?, cursor.fixed(2)?),
                    2 if cursor.after_run() == Some(b':') => {
                        let hours = cursor.fixed(2)?;
                        cursor.at += 1;
                        (hours, cursor.digits(2, 2)?)
                    }
                    1 | 2 if named => (cursor.digits(1, 2)?, 0),
                    _ => return None,
                };
                (hours <= 14 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
            });
            match offset {
                Some(offset) if named || signed || spaced => Some(offset),
                _ => named.then_some(0),
            }
        });
        if zone.is_some() {
            parts.zone = zone;
            self.mark(15);
        }
    }
}

fn clock_time(hour: i64, minute: i64, second: i64) -> Option<i64> {
    (hour < 24 && minute < 60 && second < 61).then_some(hour * 3600 + minute * 60 + second)
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// Place of a name in a list, whole or by its first three letters, and whether it was whole.
fn name_in(word: &[u8], names: &[&str]) -> Option<(i64, bool)> {
    if word.len() < 3 || !word[0].is_ascii_uppercase() {
        return None;
    }
    let first = i64::from(names.len() == 12);
    names.iter().zip(first..).find_map(|(name, place)| {
        let name = name.as_bytes();
        let whole = word.eq_ignore_ascii_case(name);
        let short =
            word.eq_ignore_ascii_case(&name[..3]) || (name == b"september" && word.eq_ignore_ascii_case(b"sept"));
        (whole || short).then_some((place, whole))
    })
}

/// The letters that end at `end`, no earlier than `floor`.
fn word_before(text: &[u8], end: usize, floor: usize) -> Option<(usize, &[u8])> {
    let length = text[floor..end].iter().rev().take(10).take_while(|byte| byte.is_ascii_alphabetic()).count();
    let start = end - length;
    let free = start == floor || !(text[start - 1].is_ascii_alphanumeric() || text[start - 1] >= 0x80);
    (length >= 3 && free).then(|| (start, &text[start..end]))
}

fn month_before(text: &[u8], at: usize, floor: usize) -> Option<(usize, i64)> {
    let spaces = text[floor..at].iter().rev().take(2).take_while(|byte| **byte == b' ').count();
    if spaces == 0 {
        return None;
    }
    let end = at - spaces;
    let end = if end > floor && text[end - 1] == b'.' { end - 1 } else { end };
    let (start, word) = word_before(text, end, floor)?;
    let (month, _) = name_in(word, &MONTHS)?;
    Some((start, month))
}

fn weekday_before(text: &[u8], at: usize, floor: usize) -> Option<(usize, i64, bool)> {
    if at == floor || text[at - 1] != b' ' {
        return None;
    }
    let end = at - 1;
    let end = if end > floor && text[end - 1] == b',' { end - 1 } else { end };
    let (start, word) = word_before(text, end, floor)?;
    let (day, long) = name_in(word, &WEEKDAYS)?;
    Some((start, day, long))
}

#[cfg(test)]
mod tests {
    use super::super::clock::{Clock, civil};
    use super::*;

    /// Tuesday, 24 November 2026, 08:31:21 UTC.
    const NOW: i64 = 1_795_509_081;
    /// Half a year later: Thursday, 27 May 2027, 17:02:03 UTC.
    const LATER: i64 = 1_811_437_323;

    fn clock(now: i64) -> Clock {
        Clock { start: now - 30, now }
    }

    fn first(text: &str) -> Option<Found> {
        let digits = text.bytes().position(|byte| byte.is_ascii_digit())?;
        read(text.as_bytes(), digits, 0)
    }

    fn check(recorded: &str, new: &str, expected: bool) {
        let found = |text: &str| first(text).filter(|found| (found.start, found.end) == (0, text.len()));
        let held = match (found(recorded), found(new)) {
            (Some(recorded), Some(new)) => {
                Reading::both_near(&recorded.reading, clock(NOW), &new.reading, clock(LATER))
            }
            _ => false,
        };
        assert_eq!(held, expected, "{recorded} / {new}: {:?} {:?}", first(recorded), first(new));
    }

    #[test]
    fn the_clock_is_read_in_every_written_form() {
        for (recorded, new) in [
            ("2026-11-24", "2027-05-27"),
            ("2026/11/24", "2027/05/27"),
            ("11/24/2026", "5/27/2027"),
            ("24/11/2026", "27/05/2027"),
            ("24.11.2026", "27.5.2027"),
            ("20261124", "20270527"),
            ("2026-11-24T08:31:21Z", "2027-05-27T17:02:03Z"),
            ("2026-11-24T08:31:21.123456+00:00", "2027-05-27T17:02:03.5+00:00"),
            ("2026-11-24T09:31:21+01:00", "2027-05-27T19:02:03+02:00"),
            ("2026-11-24 09:31:21", "2027-05-27 18:02:03"),
            ("2026-11-24 09:31", "2027-05-27 18:02"),
            ("20261124T083121Z", "20270527T170203Z"),
            ("20261124-083121", "20270527-170203"),
            ("2026-11-24_08-31-21", "2027-05-27_17-02-03"),
            ("Tue Nov 24 2026", "Thu May 27 2027"),
            ("Tue Nov 24 08:31:21 2026", "Thu May 27 17:02:03 2027"),
            ("Tue Nov 24 08:31:21 UTC 2026", "Thu May 27 17:02:03 UTC 2027"),
            ("Tue Nov 24 2026 09:31:21 GMT+0100", "Thu May 27 2027 18:02:03 GMT+0100"),
            ("Tuesday, November 24, 2026", "Thursday, May 27, 2027"),
            ("Tuesday, November 24, 2026 at 8:31 AM", "Thursday, May 27, 2027 at 5:02 PM"),
            ("November 24, 2026", "June 1, 2027"),
            ("24 November 2026", "27 January 2027"),
            ("Tue, 24 Nov 2026 08:31:21 +0000", "Thu, 27 May 2027 17:02:03 +0000"),
            ("Tue, 24 Nov 2026 08:31:21 GMT", "Thu, 27 May 2027 17:02:03 GMT"),
            ("Nov 24", "May 27"),
            ("Nov 24 08:31", "May 27 17:02"),
            ("08:31:21", "17:02:03"),
            ("08:31", "17:02"),
            ("8:31 AM", "5:02 PM"),
            ("11/24/2026, 8:31:21 AM", "5/27/2027, 5:02:03 PM"),
            ("1795509081", "1811437323"),
            ("1795509081.25", "1811437323.5"),
            ("1795509081123", "1811437322000"),
            ("1795509081123456789", "1811437322000000000"),
        ] {
            check(recorded, new, !matches!(new, "June 1, 2027" | "27 January 2027"));
        }
    }

    #[test]
    fn what_is_far_from_a_clock_or_written_otherwise_is_none() {
        for (recorded, new) in [
            ("2024-08-06", "2027-05-27"),
            ("2026-11-24", "2024-08-06"),
            ("2026-11-24", "2027/05/27"),
            ("2026-11-24", "2027-05-27T17:02:03Z"),
            ("Mon Nov 24 2026", "Thu May 27 2027"),
            ("2026-11-24T08:29:21Z", "2027-05-27T17:02:03Z"),
            ("2026-11-24 09:31:21", "2027-05-27 19:02:03"),
            ("08:31:21", "17:03:03"),
            ("1795508000", "1811437323"),
            ("2026-02-30", "2027-05-27"),
            ("1.2.3", "1.2.4"),
            ("10:99", "10:98"),
        ] {
            check(recorded, new, false);
        }
    }

    #[test]
    fn a_reading_ends_where_its_words_end() {
        let span = |text: &str| first(text).map(|found| text[found.start..found.end].to_owned());
        assert_eq!(span("Today is Tuesday, November 24, 2026. Be"), Some("Tuesday, November 24, 2026".into()));
        assert_eq!(span("date 2026-11-24, time"), Some("2026-11-24".into()));
        assert_eq!(span("at 08:31:21.5 x"), Some("08:31:21.5".into()));
        assert_eq!(span("gpt-4o"), None);
        assert_eq!(span("00:1a:2b"), None);
        assert_eq!(span("10:20:30:40"), None);
        assert_eq!(span("version 12 November rain"), Some("12 November".into()));
    }

    #[test]
    fn dates_are_counted_right() {
        assert_eq!((days(1970, 1, 1), days(2026, 11, 24), days(2023, 2, 29)), (Some(0), Some(20_781), None));
        assert_eq!(civil(20_781), (2026, 11, 24));
        for day in -800..60_000 {
            let (year, month, date) = civil(day);
            assert!(days(year, month, date).is_none_or(|back| back == day));
        }
        assert_eq!(number(b"1795509081", 0).map(|reading| reading.day), Some(Day::Epoch(NOW * 1_000_000, 1_000_000)));
        assert_eq!(number(b"1795", 6).map(|reading| reading.day), Some(Day::Epoch(1_795_000_000_000_000, 1_000_000)));
    }
}
