//! The loop: reads keys, has effects done, draws; the terminal is given back however it ends.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Once, mpsc};
use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::event::{self, DisableBracketedPaste, EnableBracketedPaste, Event};
use ratatui::crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use ratatui::crossterm::{cursor, execute};
use ratatui::layout::Rect;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::Signal;
use tokio::signal::unix::{SignalKind, signal};

use super::act::{Act, Effect, perform};
use super::app::{App, Message};
use super::{Key, view};

/// How long a key is waited for before signals are looked at.
const WAIT: Duration = Duration::from_millis(100);

/// How long the screen has to end once it was told to.
const GRACE: Duration = Duration::from_secs(3);

/// Whether the terminal is a screen at the moment, and is to be given back.
static ON: AtomicBool = AtomicBool::new(false);

/// Shows the state until the user or a signal ends it; the exit code is that of the signal.
///
/// # Errors
/// The terminal cannot be read or written.
pub fn run(app: &mut App, act: &mut dyn Act) -> io::Result<i32> {
    give_back_on_panic();
    let signals = Signals::listen();
    let mut screen = Screen::open()?;
    app.update(Message::Resized(screen.size()?.0, screen.size()?.1));
    loop {
        screen.draw(app)?;
        let Some(message) = next(&signals, app)? else {
            if let Some(code) = signals.code() {
                return Ok(code);
            }
            screen.suspend(&signals)?;
            app.update(Message::Resized(screen.size()?.0, screen.size()?.1));
            continue;
        };
        let mut effect = app.update(message);
        // Keys that were held down are taken before anything is drawn.
        while effect == Effect::None
            && let Some(event) = event_within(Duration::ZERO)?
        {
            if let Some(message) = meaning(&event) {
                effect = app.update(message);
            }
        }
        while effect != Effect::None {
            effect = match effect {
                Effect::Quit => return Ok(0),
                Effect::Suspend => {
                    screen.suspend(&signals)?;
                    Effect::None
                }
                Effect::Redraw => {
                    screen.forget()?;
                    Effect::None
                }
                Effect::Replay | Effect::Editor { .. } => {
                    screen.close()?;
                    let told = perform(app, &effect, act);
                    if effect == Effect::Replay {
                        wait(&signals, told.as_ref())?;
                    }
                    screen.reopen()?;
                    told.map_or(Effect::None, |told| app.update(told))
                }
                effect => perform(app, &effect, act).map_or(Effect::None, |told| app.update(told)),
            };
            let (columns, rows) = screen.size()?;
            if app.size != (columns, rows) {
                app.update(Message::Resized(columns, rows));
            }
        }
    }
}

/// The next thing that happens; `None` for a signal.
fn next(signals: &Signals, app: &App) -> io::Result<Option<Message>> {
    loop {
        if signals.wants_end() || signals.wants_stop() {
            return Ok(None);
        }
        if let Some(event) = event_within(WAIT)?
            && let Some(message) = meaning(&event)
            && !matches!(message, Message::Resized(columns, rows) if app.size == (columns, rows))
        {
            return Ok(Some(message));
        }
    }
}

/// What the terminal tells within some time. A terminal that is gone is an error: reading on from it would
/// never end.
fn event_within(time: Duration) -> io::Result<Option<Event>> {
    let stdin = io::stdin();
    let mut watched = [PollFd::new(&stdin, PollFlags::IN)];
    let time = Timespec::try_from(time).map_err(io::Error::other)?;
    match rustix::event::poll(&mut watched, Some(&time)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    if watched[0].revents().intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) {
        return Err(io::Error::new(io::ErrorKind::NotConnected, "the terminal is gone"));
    }
    // A change of its size is told without anything to read.
    if event::poll(Duration::ZERO)? { event::read().map(Some) } else { Ok(None) }
}

fn meaning(event: &Event) -> Option<Message> {
    match event {
        Event::Key(key) => Key::of(*key).map(Message::Key),
        Event::Paste(text) => Some(Message::Pasted(text.clone())),
        Event::Resize(columns, rows) => Some(Message::Resized(*columns, *rows)),
        _ => None,
    }
}

/// Lets the user read what was printed.
fn wait(signals: &Signals, told: Option<&Message>) -> io::Result<()> {
    if let Some(Message::Replayed(Err(trouble))) = told {
        let hint = trouble.hint.as_ref().map(|hint| format!("hint: {hint}\n")).unwrap_or_default();
        crate::ui::streams::note(&crate::text::escape::escaped(&format!("error: {}\n{hint}", trouble.what)));
    }
    signals.forget_interrupt();
    enable_raw_mode()?;
    crate::ui::streams::note("\r\npress Enter to go back to the screen");
    let mut waited = Ok(());
    while !signals.wants_end() {
        match event_within(WAIT) {
            Ok(Some(Event::Key(key)))
                if matches!(Key::of(key), Some(Key::Enter | Key::Esc | Key::Ctrl('c') | Key::Char('q' | ' '))) =>
            {
                break;
            }
            Ok(_) => {}
            Err(error) => {
                waited = Err(error);
                break;
            }
        }
    }
    crate::ui::streams::note("\r\n");
    disable_raw_mode()?;
    waited
}

/// The terminal as a screen; given back when dropped.
struct Screen {
    terminal: Terminal<CrosstermBackend<io::Stdout>>,
}

impl Screen {
    fn open() -> io::Result<Self> {
        enter()?;
        match Terminal::new(CrosstermBackend::new(io::stdout())) {
            Ok(terminal) => Ok(Self { terminal }),
            Err(error) => {
                give_back();
                Err(error)
            }
        }
    }

    fn reopen(&mut self) -> io::Result<()> {
        enter()?;
        self.forget()
    }

    /// Everything is drawn anew. (Clearing would ask the terminal where its cursor is, and wait for an answer.)
    fn forget(&mut self) -> io::Result<()> {
        let (columns, rows) = self.size()?;
        self.terminal.resize(Rect::new(0, 0, columns, rows))
    }

    /// Gives the terminal back until it is opened again.
    #[expect(clippy::unused_self, reason = "only who has the screen may close it")]
    fn close(&self) -> io::Result<()> {
        give_back();
        io::stdout().flush()
    }

    fn size(&self) -> io::Result<(u16, u16)> {
        self.terminal.size().map(|size| (size.width, size.height))
    }

    fn draw(&mut self, app: &mut App) -> io::Result<()> {
        self.terminal.autoresize()?;
        let (columns, rows) = self.size()?;
        if app.size != (columns, rows) {
            app.update(Message::Resized(columns, rows));
        }
        self.terminal.draw(|frame| view::draw(frame, app)).map(|_| ())
    }

    /// Back to the shell until it goes on.
    fn suspend(&mut self, signals: &Signals) -> io::Result<()> {
        signals.forget_stop();
        // In the group of the session's leader there is no shell that could go on with it.
        if rustix::process::getsid(None).is_ok_and(|session| session == rustix::process::getpgrp()) {
            return Ok(());
        }
        self.close()?;
        // The whole job stops, as the key would have it.
        let _ = rustix::process::kill_current_process_group(Signal::STOP);
        self.reopen()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

/// Makes the terminal a screen.
fn enter() -> io::Result<()> {
    ON.store(true, Ordering::SeqCst);
    let entered = enable_raw_mode()
        .and_then(|()| execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste, cursor::Hide));
    if entered.is_err() {
        give_back();
    }
    entered
}

/// Gives the terminal back if it is a screen. Where that fails nobody is left to be told.
fn give_back() {
    if ON.swap(false, Ordering::SeqCst) {
        let _ = execute!(io::stdout(), DisableBracketedPaste, LeaveAlternateScreen, cursor::Show);
        let _ = disable_raw_mode();
    }
}

/// What a panic says is to be read on the terminal as it was.
fn give_back_on_panic() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |bug| {
            give_back();
            before(bug);
        }));
    });
}

/// Signals that arrived.
struct Signals(Arc<AtomicU8>);

const TERMINATE: u8 = 1;
const STOP: u8 = 2;
const INTERRUPT: u8 = 4;
const HANG_UP: u8 = 8;

impl Signals {
    /// Listens in a thread of its own; where there can be none, signals do what they do by themselves.
    fn listen() -> Self {
        let arrived = Arc::new(AtomicU8::new(0));
        let told = Arc::clone(&arrived);
        let (ready, listens) = mpsc::channel::<()>();
        let listen = move || {
            let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
            runtime.block_on(async {
                let of = |kind: SignalKind| signal(kind).ok();
                let suspend = SignalKind::from_raw(Signal::TSTP.as_raw());
                let (Some(mut end), Some(mut hangup), Some(mut interrupt), Some(mut stop)) =
                    (of(SignalKind::terminate()), of(SignalKind::hangup()), of(SignalKind::interrupt()), of(suspend))
                else {
                    return;
                };
                drop(ready);
                loop {
                    let which = tokio::select! {
                        _ = end.recv() => TERMINATE,
                        _ = hangup.recv() => HANG_UP,
                        _ = interrupt.recv() => INTERRUPT,
                        _ = stop.recv() => STOP,
                    };
                    told.fetch_or(which, Ordering::SeqCst);
                    if which & (TERMINATE | HANG_UP) != 0 {
                        // Whatever the screen hangs on, it does not outlive its terminal.
                        tokio::time::sleep(GRACE).await;
                        if ON.load(Ordering::SeqCst) {
                            give_back();
                            let _ = rustix::process::kill_process(rustix::process::getpid(), Signal::KILL);
                        }
                    }
                }
            });
        };
        drop(std::thread::Builder::new().name("retake-signals".to_owned()).spawn(listen));
        // From here on no signal finds the terminal as a screen and ends the program at once.
        let _ = listens.recv();
        Self(arrived)
    }

    fn wants_end(&self) -> bool {
        self.code().is_some()
    }

    /// The exit code of the signal that ends the program, as shells have it.
    fn code(&self) -> Option<i32> {
        let arrived = self.0.load(Ordering::SeqCst);
        [(TERMINATE, 143), (HANG_UP, 129), (INTERRUPT, 130)]
            .into_iter()
            .find(|(signal, _)| arrived & signal != 0)
            .map(|(_, code)| code)
    }

    fn wants_stop(&self) -> bool {
        self.0.load(Ordering::SeqCst) & STOP != 0
    }

    fn forget_stop(&self) {
        self.0.fetch_and(!STOP, Ordering::SeqCst);
    }

    /// An interrupt of the agent is none of the screen.
    fn forget_interrupt(&self) {
        self.0.fetch_and(!INTERRUPT, Ordering::SeqCst);
    }
}
