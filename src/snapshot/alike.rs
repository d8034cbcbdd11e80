//! Whether a run says what a kept one says, so that keeping it would change nothing but ids and times.

use super::render::render;
use crate::config::Settings;
use crate::model::Run;
use crate::model::event::Action;
use crate::replay::{Live, Options, Plan, Rehearsal};

/// Whether both read the same, and the kept recording would answer each call of the new one. Ids, places, times and
/// what volatile tools return do not count.
#[must_use]
pub fn alike(kept: &Run, new: &Run, settings: &Settings, volatile: &[String]) -> bool {
    let read = |run: &Run| render(run, &settings.names, volatile);
    kept.started.command == new.started.command
        && kept.calls.len() == new.calls.len()
        && read(kept) == read(new)
        && answers(kept, new, settings)
}

/// Whether a replay of one run would answer every call of the other.
fn answers(kept: &Run, new: &Run, settings: &Settings) -> bool {
    let options = Options { live: Live::Never, settings: settings.clone(), ..Options::default() };
    let Ok(plan) = Plan::new(kept.clone(), options) else { return false };
    let mut rehearsal = Rehearsal::new(plan, &new.started);
    new.calls.values().all(|call| {
        let is_served = rehearsal.ask(&call.request).0.action == Action::Serve;
        rehearsal.answered(call);
        is_served
    })
}
