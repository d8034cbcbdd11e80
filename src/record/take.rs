//! A take: one run on its way into a store, from its name to its seal.

use std::sync::Arc;

use super::recorder::{Recorder, Redact, Sink};
use super::{assemble, summarise};
use crate::model::event::Event;
use crate::model::{Run, RunId, State, Summary};
use crate::proxy::Watch;
use crate::redact::Redactor;
use crate::store::{self, Store};

/// How many names are tried before giving up.
const TRIES: u64 = 16;

/// A run that is being recorded.
pub struct Take {
    run: RunId,
    recorder: Arc<Recorder<File>>,
}

/// What became of a take.
#[derive(Debug)]
pub struct Sealed {
    /// The run as it was recorded.
    pub run: Run,
    /// Its line.
    pub summary: Summary,
    /// Why it could not be sealed; it is kept as an interrupted run then.
    pub warning: Option<String>,
}

/// A recording as a [`Sink`].
pub(super) struct File(store::Recorder);

impl Sink for File {
    fn write(&mut self, event: &Event) -> Result<(), String> {
        self.0.write(event).map_err(|error| said(&error))
    }

    fn flush(&mut self) -> Result<(), String> {
        self.0.flush().map_err(|error| said(&error))
    }
}

impl Take {
    /// Begins a recording under a new name. `seed` is where the search for a free name starts; `warn` is
    /// called once if recording stops.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn begin(
        store: &Store,
        redactor: &Arc<Redactor>,
        seed: u64,
        warn: impl Fn(&str) + Send + 'static,
    ) -> Result<Self, store::Error> {
        let mut tried: u64 = 0;
        let file = loop {
            let run = RunId::from_seed(seed.wrapping_add(tried.wrapping_mul(0x9E37_79B9_7F4A_7C15)));
            match store.recorder(&run) {
                Err(store::Error::Exists { .. }) if tried < TRIES => tried += 1,
                made => break made?,
            }
        };
        let run = file.run().clone();
        let recorder =
            Recorder::start(File(file), Arc::clone(redactor) as Arc<dyn Redact>, warn).map_err(store::Error::thread)?;
        Ok(Self { run, recorder: Arc::new(recorder) })
    }

    /// The run's name.
    #[must_use]
    pub fn run(&self) -> &RunId {
        &self.run
    }

    /// Where events go.
    #[must_use]
    pub fn watch(&self) -> Arc<dyn Watch> {
        Arc::clone(&self.recorder) as Arc<dyn Watch>
    }

    /// Writes what is left, seals the recording and reads it back.
    ///
    /// # Errors
    /// The recording cannot be read.
    pub fn seal(self, store: &Store) -> Result<Sealed, store::Error> {
        let finished = self.recorder.finish();
        let recording = store.load(&self.run)?;
        let run = assemble(&self.run, &recording.events);
        let mut summary = summarise(&run, State::Finished);
        let sealed = match finished {
            Some((File(file), true)) => file.seal(&summary, &run.graph).map_err(|error| said(&error)),
            Some((_, false)) => Err("recording had stopped before".to_owned()),
            None => Err("the recorder ended early".to_owned()),
        };
        if sealed.is_err() {
            summary.state = State::Interrupted;
        }
        Ok(Sealed { run, summary, warning: sealed.err() })
    }
}

fn said(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
