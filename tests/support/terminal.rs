//! A terminal for the built program: what is typed on it, and what it shows.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags, open};
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

/// How long something is waited for that must come.
const PATIENCE: Duration = Duration::from_secs(30);

/// A terminal with a program on it.
pub(crate) struct Terminal {
    keyboard: Option<File>,
    stop: Arc<AtomicBool>,
    reader: Option<JoinHandle<()>>,
    line: File,
    child: Child,
    pieces: Receiver<Vec<u8>>,
    /// All that was written to it.
    pub(crate) shown: String,
    before: LocalModes,
}

impl Terminal {
    /// Starts a program on a terminal of so many columns and rows.
    pub(crate) fn start(command: &mut Command, columns: u16, rows: u16) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("there are terminals");
        fcntl_setfd(&master, FdFlags::CLOEXEC).expect("it is ours");
        grantpt(&master).expect("it is ours");
        unlockpt(&master).expect("it is ours");
        tcsetwinsize(&master, Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }).expect("a size");
        let name = ptsname(&master, Vec::new()).expect("it has a name");
        let line = File::from(open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).expect("it can be opened"));
        let keyboard = File::from(master);
        let before = tcgetattr(&line).expect("it is a terminal").local_modes;
        let other = || line.try_clone().expect("a file can be shared");
        let child = command
            .env("TERM", "xterm-256color")
            .env_remove("COLUMNS")
            .stdin(other())
            .stdout(other())
            .stderr(other())
            .spawn()
            .expect("the program was built");
        let (sender, pieces) = channel();
        let mut screen = keyboard.try_clone().expect("a file can be shared");
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let reader = std::thread::spawn(move || {
            let mut piece = [0; 8_192];
            let moment = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
            while !stopped.load(Ordering::SeqCst) {
                match poll(&mut [PollFd::new(&screen, PollFlags::IN)], Some(&moment)) {
                    Ok(0) => {}
                    Ok(_) => match screen.read(&mut piece) {
                        Ok(length @ 1..) if sender.send(piece[..length].to_vec()).is_ok() => {}
                        _ => return,
                    },
                    Err(_) => return,
                }
            }
        });
        let (keyboard, reader) = (Some(keyboard), Some(reader));
        Self { keyboard, stop, reader, line, child, pieces, shown: String::new(), before }
    }

    /// Waits until it showed a text after what was waited for before.
    pub(crate) fn wait_for(&mut self, text: &str) -> &mut Self {
        let end = Instant::now() + PATIENCE;
        while !self.shown.contains(text) {
            let left = end.saturating_duration_since(Instant::now());
            let piece = self.pieces.recv_timeout(left);
            let Ok(piece) = piece else { panic!("`{text}` never came:\n{:?}", self.shown) };
            self.shown.push_str(&String::from_utf8_lossy(&piece));
        }
        let at = self.shown.find(text).expect("it was found") + text.len();
        self.shown.drain(..at);
        self
    }

    /// Presses keys.
    pub(crate) fn press(&mut self, keys: &str) -> &mut Self {
        self.keyboard.as_mut().expect("it is there").write_all(keys.as_bytes()).expect("it takes keys");
        self
    }

    /// Sends the program a signal.
    pub(crate) fn signal(&mut self, signal: Signal) -> &mut Self {
        let process = Pid::from_raw(i32::try_from(self.child.id()).expect("a number")).expect("not 0");
        kill_process(process, signal).expect("it lives");
        self
    }

    /// Whether keys are taken one by one, as a screen takes them.
    pub(crate) fn is_raw(&self) -> bool {
        !tcgetattr(&self.line).expect("it is a terminal").local_modes.contains(LocalModes::ICANON)
    }

    /// The terminal goes away; how the program ended.
    pub(crate) fn hang_up(&mut self) -> ExitStatus {
        let end = Instant::now() + PATIENCE;
        self.stop.store(true, Ordering::SeqCst);
        self.reader.take().expect("it was started").join().expect("it reads");
        drop(self.keyboard.take());
        loop {
            if let Some(status) = self.child.try_wait().expect("it was started") {
                return status;
            }
            assert!(Instant::now() < end, "it lives on without a terminal");
            std::thread::yield_now();
        }
    }

    /// Waits for the program's end; the terminal must be as it was.
    pub(crate) fn end(&mut self) -> ExitStatus {
        let end = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("it was started") {
                break status;
            }
            if Instant::now() > end {
                let _ = self.child.kill();
                panic!("it did not end:\n{:?}", self.shown);
            }
            // It may wait for what it writes to be read.
            if let Ok(piece) = self.pieces.recv_timeout(Duration::from_millis(20)) {
                self.shown.push_str(&String::from_utf8_lossy(&piece));
            }
        };
        while let Ok(piece) = self.pieces.recv_timeout(Duration::from_millis(200)) {
            self.shown.push_str(&String::from_utf8_lossy(&piece));
        }
        let now = tcgetattr(&self.line).expect("it is a terminal").local_modes;
        assert_eq!(now, self.before, "the terminal is as it was");
        status
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
