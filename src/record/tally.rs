//! Counts what a run does, on its way to the recorder.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use memchr::memmem;

use super::providers::TABLE;
use crate::model::Micros;
use crate::model::event::{Event, Note, Request};
use crate::proxy::{Boxed, Watch};

/// A [`Watch`] that counts and hands on.
pub(super) struct Tally {
    inner: Arc<dyn Watch>,
    counts: Mutex<Counts>,
}

/// What was counted.
#[derive(Debug, Clone, Default)]
pub(super) struct Counts {
    /// Calls by prefix.
    pub(super) calls: BTreeMap<String, usize>,
    /// Announced nodes.
    pub(super) announced: usize,
    /// Effects of a base URL that show, by their place in the table.
    pub(super) effects: BTreeSet<usize>,
    /// Warnings that were noted.
    pub(super) warnings: Vec<String>,
}

impl Tally {
    pub(super) fn new(inner: Arc<dyn Watch>) -> Self {
        Self { inner, counts: Mutex::default() }
    }

    pub(super) fn counts(&self) -> Counts {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watch for Tally {
    fn saw(&self, event: Event) {
        let too_long = super::fit::warning(&event).map(|text| (event_time(&event), text));
        match &event {
            Event::Request(request) => {
                let mut counts = self.lock();
                *counts.calls.entry(request.provider.clone()).or_default() += 1;
                counts.effects.extend(effects(request));
            }
            Event::Begin(_) => self.lock().announced += 1,
            Event::Note(note) if note.topic == "warning" => {
                let mut counts = self.lock();
                if !counts.warnings.contains(&note.text) {
                    counts.warnings.push(note.text.clone());
                }
            }
            _ => {}
        }
        self.inner.saw(event);
        if let Some((at, text)) = too_long {
            self.saw(Event::Note(Note { at, topic: "warning".to_owned(), text }));
        }
    }

    fn settled(&self) -> Boxed<'_, ()> {
        self.inner.settled()
    }
}

fn event_time(event: &Event) -> Micros {
    match event {
        Event::Request(request) => request.at,
        Event::Frame(frame) => frame.at,
        Event::Begin(begin) => begin.at,
        Event::Finish(finish) => finish.at,
        _ => Micros(0),
    }
}

fn effects(request: &Request) -> impl Iterator<Item = usize> + '_ {
    let agent = request.headers.iter().find(|(name, _)| name == "user-agent").map_or("", |(_, value)| value.as_str());
    let streams_without_usage = || {
        let has = |text: &str| memmem::find(&request.body, text.as_bytes()).is_some();
        request.path.ends_with("/chat/completions")
            && (has("\"stream\":true") || has("\"stream\": true"))
            && !has("\"include_usage\"")
    };
    let shows = move |effect: &super::Effect| {
        effect.provider == request.provider
            && agent.starts_with(&effect.agent)
            && (!effect.without_usage || streams_without_usage())
    };
    TABLE.effects.iter().enumerate().filter(move |(_, effect)| shows(effect)).map(|(place, _)| place)
}
