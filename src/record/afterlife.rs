//! What goes on when the agent's own process has ended: answers, output, and processes that it left behind.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::descendants::{self, Process};
use super::leash::Leash;
use super::streams::Tap;
use crate::proxy::Listener;

/// How long answers and output may be quiet before they are given up.
const QUIET_CALLS: Duration = Duration::from_secs(2);
const QUIET_OUTPUT: Duration = Duration::from_millis(300);

/// How long processes that were left behind may make no call: an interpreter starts in less.
const QUIET_WORK: Duration = Duration::from_secs(5);

/// The longest that answers and output may outlive the agent, and that processes may.
const LONGEST: Duration = Duration::from_secs(10);
const LONGEST_WORK: Duration = Duration::from_mins(5);

/// After how long it is said what is waited for.
const TELL: Duration = Duration::from_secs(1);

/// How often processes are looked for.
const LOOK: Duration = Duration::from_millis(100);

/// Waits for what the agent left behind, and not longer than it makes calls. Returns the processes that
/// still live.
pub(super) fn wait(listener: &Listener, tap: &Tap, leash: &Leash, say: &dyn Fn(&str)) -> Vec<Process> {
    let url = listener.nodes_url();
    let (begin, mut last, mut looked) = (Instant::now(), Instant::now(), Instant::now());
    let (mut calls_before, mut output_before) = (listener.events(), tap.passed.load(Ordering::Relaxed));
    let mut alive = descendants::with(&url);
    let mut told = false;
    loop {
        if looked.elapsed() > LOOK {
            alive = descendants::with(&url);
            looked = Instant::now();
        }
        let works = !alive.is_empty() && !leash.is_over();
        let (calls, output) = (listener.open() > 0, tap.open.load(Ordering::SeqCst) > 0);
        if !works && !calls && !output {
            return alive;
        }
        let (calls_now, output_now) = (listener.events(), tap.passed.load(Ordering::Relaxed));
        // What a process prints is no reason to wait for it, and a call that is on its way is one.
        if calls_now != calls_before || (works && calls) || (!works && output_now != output_before) {
            last = Instant::now();
        }
        (calls_before, output_before) = (calls_now, output_now);
        let (quiet, longest) = match (works, calls) {
            (true, _) => (QUIET_WORK, LONGEST_WORK),
            (false, true) => (QUIET_CALLS, LONGEST),
            (false, false) => (QUIET_OUTPUT, LONGEST),
        };
        if last.elapsed() > quiet || begin.elapsed() > longest {
            return alive;
        }
        if works && !told && begin.elapsed() > TELL {
            told = true;
            say(&format!(
                "{} still runs; recording it until it makes no call for {} s",
                named(&alive),
                quiet.as_secs()
            ));
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The first of them by name, and how many more there are.
pub(super) fn named(processes: &[Process]) -> String {
    let first = processes.first().map(Process::to_string).unwrap_or_default();
    match processes.len() {
        0 | 1 => first,
        all => format!("{first} with {} more", all - 1),
    }
}
