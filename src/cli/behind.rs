//! What `record`, `replay` and `demo` share: surroundings, credentials, where calls go, closing lines.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::replay::asked;
use super::{Error, Globals, Kind, library, origin};
use crate::config::{self, Agreed, Dotenv, Settings};
use crate::format::json;
use crate::model::event::Started;
use crate::proxy::{Clock, EndsStream};
use crate::record::{self, Failure, Leash, Live, Missed, Routes, Sealed, Setup, Take};
use crate::redact::{Redactor, Rules};
use crate::store::Store;
use crate::text::escape::{escaped, one_line};
use crate::ui::{run as run_view, streams};
use crate::wire;

/// Everything around the agent that decides where its calls go and what is a secret.
pub(crate) struct Surroundings {
    pub(crate) directory: PathBuf,
    pub(crate) variables: Vec<(String, String)>,
    pub(crate) dotenv: Option<Dotenv>,
    pub(crate) settings: Settings,
}

impl Surroundings {
    /// Those of this process.
    pub(crate) fn here() -> Result<Self, Error> {
        let directory = std::env::current_dir()
            .map_err(|error| Error::new(Kind::Own, "cannot tell the working directory").cause(&error))?;
        Self::at(directory)
    }

    /// Those of a directory.
    pub(crate) fn at(directory: PathBuf) -> Result<Self, Error> {
        let settings = Settings::load(&directory).map_err(|problem| wrong(&problem))?;
        Ok(Self::with(directory, settings))
    }

    /// Those of this process for an agent that must run whatever `retake.toml` says; and whether it may be
    /// recorded: not if it is unknown what must not be written.
    fn for_recording() -> Result<(Self, bool), Error> {
        let directory = std::env::current_dir()
            .map_err(|error| Error::new(Kind::Own, "cannot tell the working directory").cause(&error))?;
        let (settings, problem, redacts) = Settings::load_leniently(&directory);
        if let Some(problem) = &problem {
            say(&format!("warning: {problem}"));
            let goes_on = "what is wrong there is left out";
            say(if redacts {
                goes_on
            } else {
                "what must not be recorded is not known, so the command is not recorded"
            });
        }
        Ok((Self::with(directory, settings), redacts))
    }

    fn with(directory: PathBuf, settings: Settings) -> Self {
        let dotenv = config::find_dotenv(&directory);
        Self { variables: config::variables(), dotenv, settings, directory }
    }

    /// What takes credentials out; `names` are further headers and fields.
    pub(crate) fn redactor(&self, names: &[String]) -> Result<Arc<Redactor>, Error> {
        let names: Vec<String> = self.settings.redact.names.iter().chain(names).cloned().collect();
        let rules = Rules::new(&self.settings.redact.patterns, &names).map_err(|error| {
            Error::new(Kind::Usage, error.to_string()).hint("correct `[redact] patterns` in `retake.toml`")
        })?;
        Ok(Arc::new(Redactor::new(&config::credentials(&self.directory), &rules)))
    }

    /// Where calls go: `--upstream` before `retake.toml` before the environment.
    pub(crate) fn routes(&self, given: &[String]) -> Result<Routes, Error> {
        let open = self.open_upstreams(given)?;
        let configured = self.settings.upstream.iter().filter(|(provider, url)| {
            !is_named(given, provider) && !open.iter().any(|(open, to)| open.provider == *provider && to == url)
        });
        let configured = configured.map(|(provider, url)| format!("{provider}={url}"));
        self.routes_of(&given.iter().cloned().chain(configured).collect::<Vec<_>>())
    }

    fn routes_of(&self, given: &[String]) -> Result<Routes, Error> {
        Routes::new(record::Surroundings { variables: &self.variables, dotenv: self.dotenv.as_ref(), given }).map_err(
            |error| {
                Error::new(Kind::Usage, error.to_string())
                    .hint("write it as `--upstream openai=http://127.0.0.1:8080/v1`")
            },
        )
    }

    /// Upstreams of the project's `retake.toml`: what is to be agreed to, and the URL.
    pub(crate) fn project_upstreams(&self) -> Vec<(Agreed, String)> {
        let Some(folder) = self.settings.path.as_deref().and_then(Path::parent) else { return Vec::new() };
        let project = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        let wanted = |(provider, url): &(String, String)| {
            let agreed = Agreed { project: project.clone(), provider: provider.clone(), origin: origin_of(url) };
            (agreed, url.clone())
        };
        self.settings.upstream.iter().map(wanted).collect()
    }

    /// Those of them that nobody agreed to, and that lead elsewhere than calls go without them.
    fn open_upstreams(&self, given: &[String]) -> Result<Vec<(Agreed, String)>, Error> {
        let mut wanted = self.project_upstreams();
        wanted.retain(|(wanted, _)| !is_named(given, &wanted.provider) && !config::is_agreed(wanted));
        if !wanted.is_empty() {
            let without = self.routes_of(given)?.list();
            wanted.retain(|(wanted, _)| {
                !without.iter().any(|(name, url)| *name == wanted.provider && origin_of(url) == wanted.origin)
            });
        }
        Ok(wanted)
    }

    /// Asks on a terminal whether the project's upstreams may be used; says which are not.
    pub(crate) fn agree(&self, given: &[String]) -> Result<(), Error> {
        for (wanted, url) in self.open_upstreams(given)? {
            let (provider, url) = (one_line(&wanted.provider), one_line(&url));
            let question =
                format!("`retake.toml` sends the calls of `{provider}`, with your key, to {url}; use it? [y/N] ");
            if !config::in_ci() && asked(&question)? && config::agree(&wanted).is_ok() {
                continue;
            }
            say(&format!(
                "warning: `retake.toml` would send the calls of `{provider}`, with your key, to {url}; nobody agreed to \
                 that, so it is not used"
            ));
            streams::note("hint: look at it, and agree with `retake trust`\n");
        }
        Ok(())
    }

    /// How a command is started now.
    pub(crate) fn started(&self, command: &[OsString]) -> Started {
        record::started(config::now(), &words(command), &self.directory, &self.variables, config::places())
    }
}

fn wrong(problem: &config::Problem) -> Error {
    let error = Error::new(Kind::Usage, problem.to_string());
    match problem {
        config::Problem::Invalid { nearest: Some(nearest), .. } => error.hint(format!("did you mean `{nearest}`?")),
        _ => error,
    }
}

/// Whether a provider is among `PROVIDER=URL`.
fn is_named(given: &[String], provider: &str) -> bool {
    given.iter().any(|given| given.split('=').next() == Some(provider))
}

/// Scheme, host and port of a URL.
fn origin_of(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}").to_ascii_lowercase()
}

/// The words of a command as they are kept: what is no UTF-8 in them is shown as `\u{fffd}`.
pub(crate) fn words(command: &[OsString]) -> Vec<String> {
    command.iter().map(|word| word.to_string_lossy().into_owned()).collect()
}

/// A secret part for a listener's URL.
pub(crate) fn token() -> String {
    format!("{:016x}", config::seed())
}

pub(crate) fn clock() -> Clock {
    Arc::new(config::now)
}

pub(crate) fn ends_stream() -> EndsStream {
    Arc::new(|provider: &str, path: &str, piece: &[u8]| {
        wire::recognise(provider, "POST", path).is_some_and(|dialect| dialect.ends_stream(piece))
    })
}

/// Begins a recording in the store that new runs go to. Without one the agent runs unrecorded.
pub(crate) fn begin(globals: &Globals, redactor: &Arc<Redactor>) -> Result<(Store, Take), Error> {
    let store = library::make(globals)?;
    let quiet = globals.quiet;
    let take = Take::begin(&store, redactor, config::seed(), move |reason: &str| {
        if !quiet {
            say(&format!("warning: stopped recording: {reason}; the agent is not affected"));
        }
    })
    .map_err(|error| library::failed(&error))?;
    Ok((store, take))
}

/// A line that stands among the agent's own.
pub(crate) fn say(line: &str) {
    streams::note(&format!("retake: {}\n", escaped(line)));
}

/// What a recording needs besides its surroundings.
pub(crate) struct Recording<'a> {
    pub(crate) command: &'a [OsString],
    pub(crate) upstream: &'a [String],
    pub(crate) redact: &'a [String],
    pub(crate) tag: Option<&'a str>,
}

/// Records a command; returns its exit code and the run, where it was recorded.
pub(crate) fn record(recording: &Recording<'_>, globals: &Globals) -> Result<(i32, Option<Sealed>), Error> {
    let (mut around, may_record) = Surroundings::for_recording()?;
    let redactor = around.redactor(recording.redact)?;
    around.agree(recording.upstream)?;
    let routes = match around.routes(recording.upstream) {
        Err(error) if !around.settings.upstream.is_empty() => {
            // What the file says must not keep the agent from starting; what the user typed is corrected first.
            around.settings.upstream.clear();
            let routes = around.routes(recording.upstream)?;
            error.print(globals.err_paper());
            say("warning: `[upstream]` in `retake.toml` is left out");
            routes
        }
        routes => routes?,
    };
    let providers: Vec<String> = routes.keys.iter().map(|key| key.provider.clone()).collect();
    let (kept, watch) = match may_record.then(|| begin(globals, &redactor)) {
        Some(Ok((store, take))) => {
            let watch = take.watch();
            (Some((store, take)), watch)
        }
        None => (None, Arc::new(Nobody) as Arc<dyn crate::proxy::Watch>),
        Some(Err(error)) => {
            // The agent runs all the same: what cannot be recorded must not stop it.
            error.print(globals.err_paper());
            say("warning: running the command without recording it");
            (None, Arc::new(Nobody) as Arc<dyn crate::proxy::Watch>)
        }
    };
    let mut started = around.started(recording.command);
    started.upstreams = routes.list();
    if let Some((store, take)) = &kept {
        started.run = Some(take.run().clone());
        origin::mark(store, take.run(), &started, &redactor);
    }
    let done = record::run(Setup {
        command: recording.command.to_vec(),
        directory: around.directory.clone(),
        routes,
        set: Vec::new(),
        unset: Vec::new(),
        input: record::Input::Own,
        mute: false,
        started,
        first: 1,
        token: token(),
        answer: Arc::new(Live),
        watch,
        ends_stream: ends_stream(),
        clock: clock(),
        leash: Leash::default(),
        say: Arc::new(say),
    });
    let outcome = match done {
        Ok(outcome) => outcome,
        Err(failure) => {
            if let Some((store, take)) = kept {
                discard(&store, take);
            }
            return Err(unrun(failure));
        }
    };
    let Some((store, take)) = kept else { return Ok((outcome.code, None)) };
    // The agent has ended as it has ended, whatever became of its record.
    let sealed = match take.seal(&store) {
        Ok(sealed) => sealed,
        Err(error) => {
            library::failed(&error).print(globals.err_paper());
            say("warning: the recording cannot be read back, and is lost; the agent was not affected");
            return Ok((outcome.code, None));
        }
    };
    if let Some(tag) = recording.tag
        && let Err(error) = store.tag(&sealed.run.id, tag, config::now())
    {
        library::failed(&error).print(globals.err_paper());
        say("warning: the run has no tag");
    }
    if globals.json {
        streams::note(&format!("{}\n", json::run(&sealed.summary)));
    } else if !globals.quiet {
        close(&sealed, &outcome, &providers);
    }
    Ok((outcome.code, Some(sealed)))
}

/// Removes a recording of something that never ran.
pub(crate) fn discard(store: &Store, take: Take) {
    let run = take.run().clone();
    // What cannot be removed is listed as a run without nodes.
    if take.seal(store).is_ok() {
        let _ = store.remove(&run, config::now());
    }
}

/// Why nothing was run, with the exit code that shells use.
pub(crate) fn unrun(failure: Failure) -> Error {
    match failure {
        Failure::Program(cannot) => {
            let kind = if cannot.code == 127 { Kind::NoCommand } else { Kind::CannotRun };
            let error = Error::new(kind, cannot.to_string());
            match cannot.similar {
                Some(similar) => error.hint(format!("did you mean `{similar}`?")),
                None => error,
            }
        }
        Failure::Listener(ref cause) => Error::new(Kind::Own, failure.to_string()).cause(cause),
    }
}

fn close(sealed: &Sealed, outcome: &record::Outcome, providers: &[String]) {
    if let Some(warning) = &sealed.warning {
        say(&format!("warning: {warning}; the run is kept as far as it was recorded"));
    }
    let id = &sealed.run.id;
    if outcome.is_empty() {
        let providers: Vec<&str> = providers.iter().map(String::as_str).collect();
        let missed = Missed::new(&outcome.past, &providers);
        let mut lines = missed.lines.iter();
        say(&format!("recorded {id}, but {}", lines.next().map_or("it made no calls", String::as_str)));
        for line in lines {
            say(line);
        }
        for hint in missed.hints {
            streams::note(&format!("hint: {hint}\n"));
        }
    } else {
        say(&format!("recorded {id}: {}", run_view::totals(&sealed.summary)));
        let missed = Missed::partly(&outcome.past);
        missed.lines.iter().for_each(|line| say(line));
        for hint in missed.hints {
            streams::note(&format!("hint: {hint}\n"));
        }
    }
    for remark in &outcome.remarks {
        say(remark);
    }
}

/// Looks away: for a run that cannot be recorded.
struct Nobody;

impl crate::proxy::Watch for Nobody {
    fn saw(&self, _: crate::model::event::Event) {}

    fn settled(&self) -> crate::proxy::Boxed<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// Waits until everything that was seen is with the kernel.
pub(crate) fn settle(watch: &Arc<dyn crate::proxy::Watch>) {
    if let Ok(runtime) = tokio::runtime::Builder::new_current_thread().build() {
        runtime.block_on(watch.settled());
    }
}
