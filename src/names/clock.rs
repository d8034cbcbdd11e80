//! Whether a date or time lies near a clock.
//!
//! A text that looks like a date is a reading only near the clock of its own side; whether it is one
//! is asked for both sides together, under the same zone where none is written.

/// Where a clock stood when a request was made, in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Clock {
    /// When the run began.
    pub(crate) start: i64,
    /// When the request came.
    pub(crate) now: i64,
}

/// Seconds that a reading may lie before the start of its run.
const BEFORE: i64 = 60;
/// Seconds that a reading may lie after its request: clocks are rounded.
const AFTER: i64 = 2;
/// Zone offsets are multiples of this many seconds.
const STEP: i64 = 900;
/// Offsets reach from -14 h to +14 h.
const OFFSETS: i64 = 56;
const DAY: i64 = 86_400;

/// A date or time as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) day: Day,
    /// Seconds since midnight, and how many seconds it covers.
    pub(crate) time: Option<(i64, i64)>,
    /// Written offset from UTC in seconds.
    pub(crate) zone: Option<i64>,
    /// Written day of the week, 0 for Monday.
    pub(crate) weekday: Option<i64>,
    /// How it is written: two readings are compared only if they are written alike.
    pub(crate) shape: u32,
}

/// A day as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Day {
    /// No day is written.
    None,
    /// Days since 1970.
    Date(i64),
    /// Month first or day first: not known which.
    Either(Option<i64>, Option<i64>),
    /// Month and day without a year.
    Yearless(i64, i64),
    /// Microseconds since 1970, and how many it covers.
    Epoch(i64, i64),
}

/// Offsets under which a reading lies near a clock, month first and day first.
type Offsets = [u128; 2];

impl Reading {
    /// Whether both are readings: written alike, each near its own clock, under one zone.
    pub(crate) fn both_near(recorded: &Self, old: Clock, new: &Self, now: Clock) -> bool {
        if recorded.shape != new.shape {
            return false;
        }
        let (left, right) = (recorded.offsets(old), new.offsets(now));
        (left[0] & right[0]) | (left[1] & right[1]) != 0
    }

    fn offsets(&self, clock: Clock) -> Offsets {
        let window = (clock.start.min(clock.now) - BEFORE, clock.now + AFTER);
        let one = |day: Option<Day>| day.map_or(0, |day| self.offsets_of(day, window));
        match self.day {
            Day::Either(month_first, day_first) => [one(month_first.map(Day::Date)), one(day_first.map(Day::Date))],
            Day::Epoch(micros, grain) => {
                let near = micros + grain > window.0 * 1_000_000 && micros <= window.1 * 1_000_000;
                [if near { u128::MAX } else { 0 }, 0]
            }
            day => [one(Some(day)), 0],
        }
    }

    fn offsets_of(&self, day: Day, (from, to): (i64, i64)) -> u128 {
        let near = |offset: i64| {
            let (from, to) = (from + offset, to + offset);
            let (time, grain) = self.time.unwrap_or((0, DAY));
            let within = |days: i64| {
                let begins = days * DAY + time;
                begins <= to
                    && begins + grain > from
                    && self.weekday.is_none_or(|name| (days + 3).rem_euclid(7) == name)
            };
            match day {
                Day::Date(days) => within(days),
                Day::None => within((to - time).div_euclid(DAY)),
                Day::Yearless(month, date) => {
                    let year = civil(to.div_euclid(DAY)).0;
                    [year, year - 1].into_iter().any(|year| days(year, month, date).is_some_and(within))
                }
                Day::Either(..) | Day::Epoch(..) => false,
            }
        };
        if let Some(zone) = self.zone {
            return if near(zone) { u128::MAX } else { 0 };
        }
        (-OFFSETS..=OFFSETS)
            .enumerate()
            .filter(|(_, offset)| near(offset * STEP))
            .fold(0, |found, (place, _)| found | 1 << place)
    }
}

/// Days since 1970 of a date; `None` if there is no such date.
pub(crate) fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        4 | 6 | 9 | 11 => 30,
        2 => 28 + i64::from(leap),
        _ => 31,
    };
    if !(1970..2200).contains(&year) || !(1..=12).contains(&month) || !(1..=length).contains(&day) {
        return None;
    }
    // Days from civil: <https://howardhinnant.github.io/date_algorithms.html>.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year - era * 400;
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

/// Year, month and day, from days since 1970.
pub(crate) fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days - era * 146_097;
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}
