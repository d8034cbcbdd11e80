//! Connections of the agent and of all that comes from it that do not go through the listener, as far as the
//! system shows them.
//!
//! On Linux `/proc` is looked at every few milliseconds, less often where a look takes long; elsewhere nothing is
//! seen. What is opened and closed between two looks is missed, and so are processes of another user or in a
//! container of their own.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::{descendants, missed};

/// The shortest pauses between looks: while connections come and go, and while none do.
const BUSY: Duration = Duration::from_millis(1);
const CALM: Duration = Duration::from_millis(10);

/// How long it is busy after something new.
const STIR: Duration = Duration::from_secs(3);

/// A pause lasts this many times as long as a look, then and else: some 10 % and 3 % of one processor.
const BUSY_SHARE: u32 = 10;
const CALM_SHARE: u32 = 30;

/// How often processes are looked for that have left the agent's tree; the search reads all of `/proc`.
const STRAYS: Duration = Duration::from_secs(1);

/// In how many looks a socket that is in no table is looked up again: it may not be connected yet.
const TRIES: u32 = 20;

/// Looks at the connections of a process and what it started.
pub(super) struct Lookout {
    stop: Sender<()>,
    thread: Option<JoinHandle<Vec<String>>>,
}

impl Lookout {
    /// Starts to look; connections to `own` are the listener's and do not count. `url` is in the environment
    /// of all that comes from the process.
    pub(super) fn start(process: u32, own: SocketAddr, url: String) -> Self {
        let (stop, stopped) = channel();
        let look = move || {
            let mut looker = Looker::new(process, own, url);
            let (mut stirred, mut searched) = (Instant::now(), Instant::now());
            loop {
                let began = Instant::now();
                if searched.elapsed() > STRAYS {
                    looker.search();
                    searched = Instant::now();
                }
                if looker.look() {
                    stirred = began;
                }
                let (least, share) = if stirred.elapsed() < STIR { (BUSY, BUSY_SHARE) } else { (CALM, CALM_SHARE) };
                let pause = least.max(began.elapsed() * share);
                if stopped.recv_timeout(pause) != Err(RecvTimeoutError::Timeout) {
                    break;
                }
            }
            looker.look();
            looker.hosts()
        };
        let thread = std::thread::Builder::new().name("retake-lookout".to_owned()).spawn(look).ok();
        Self { stop, thread }
    }

    /// The hosts that it was connected to, sorted: `api.mistral.ai`, `10.0.0.1:443`.
    pub(super) fn finish(self) -> Vec<String> {
        drop(self.stop);
        self.thread.and_then(|thread| thread.join().ok()).unwrap_or_default()
    }
}

struct Looker {
    process: u32,
    own: SocketAddr,
    url: String,
    strays: Vec<u32>,
    /// Sockets by number, with how often they were in no table; `TRIES` for those that are known.
    sockets: HashMap<String, u32>,
    seen: BTreeSet<SocketAddr>,
    /// Ports that the agent's own processes listen at.
    listening: BTreeSet<u16>,
    names: Option<JoinHandle<BTreeMap<IpAddr, String>>>,
}

impl Looker {
    fn new(process: u32, own: SocketAddr, url: String) -> Self {
        let (strays, sockets) = (Vec::new(), HashMap::new());
        Self { process, own, url, strays, sockets, seen: BTreeSet::new(), listening: BTreeSet::new(), names: None }
    }

    fn search(&mut self) {
        self.strays = descendants::with(&self.url).into_iter().map(|process| process.id).collect();
    }

    /// Looks once; returns whether there was a socket that is not known.
    fn look(&mut self) -> bool {
        let mut stirred = false;
        let mut processes: Vec<u32> = self.strays.iter().copied().chain([self.process]).collect();
        let mut looked: BTreeSet<u32> = BTreeSet::new();
        while let Some(process) = processes.pop() {
            if !looked.insert(process) {
                continue;
            }
            let open = |socket: &String| self.sockets.get(socket).is_none_or(|tries| *tries < TRIES);
            let fresh: Vec<String> = sockets(process).into_iter().filter(open).collect();
            if !fresh.is_empty() {
                stirred = true;
                self.learn(process, &fresh);
            }
            for task in fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten() {
                let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
                processes.extend(children.split_whitespace().filter_map(|child| child.parse::<u32>().ok()));
            }
        }
        stirred
    }

    fn learn(&mut self, process: u32, fresh: &[String]) {
        let mut found = BTreeSet::new();
        for table in ["tcp", "tcp6", "udp", "udp6"] {
            let text = fs::read_to_string(format!("/proc/{process}/net/{table}")).unwrap_or_default();
            let rows = rows(&text, fresh);
            self.listening.extend(rows.iter().filter(|row| row.listens()).map(|row| row.near.port()));
            for row in rows {
                found.insert(row.socket.to_owned());
                let comes_in = self.listening.contains(&row.near.port());
                if row.is_connected() && !comes_in && row.far != self.own && self.seen.insert(row.far) {
                    self.ask_for_names(row.far.ip());
                }
            }
        }
        for socket in fresh {
            let tries = self.sockets.entry(socket.clone()).or_default();
            *tries = if found.contains(socket) { TRIES } else { *tries + 1 };
        }
    }

    /// Providers' names are looked up while the agent runs, so that nobody waits for them at its end.
    fn ask_for_names(&mut self, host: IpAddr) {
        if self.names.is_none() && !host.is_loopback() {
            let ask = std::thread::Builder::new().name("retake-names".to_owned()).spawn(missed::provider_addresses);
            self.names = ask.ok();
        }
    }

    fn hosts(self) -> Vec<String> {
        let names = self.names.and_then(|names| names.join().ok()).unwrap_or_default();
        // Port 53 is the lookup of a name; what the agent's own processes listen at is the agent's.
        let inside = |far: &SocketAddr| far.ip().is_loopback() && self.listening.contains(&far.port());
        let past = self.seen.iter().filter(|far| far.port() != 53 && !inside(far));
        let hosts: BTreeSet<String> =
            past.map(|far| names.get(&far.ip()).cloned().unwrap_or_else(|| far.to_string())).collect();
        hosts.into_iter().collect()
    }
}

/// Numbers of the sockets that a process has open.
fn sockets(process: u32) -> Vec<String> {
    let files = fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten().flatten();
    let target = |file: fs::DirEntry| fs::read_link(file.path()).ok()?.into_os_string().into_string().ok();
    files
        .filter_map(target)
        .filter_map(|name| Some(name.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
        .collect()
}

/// A line of `/proc/net/tcp`.
struct Row<'a> {
    near: SocketAddr,
    far: SocketAddr,
    state: &'a str,
    socket: &'a str,
}

impl Row<'_> {
    fn listens(&self) -> bool {
        self.state == "0A"
    }

    /// Whether it is established or being so, also on its way down.
    fn is_connected(&self) -> bool {
        matches!(self.state, "01" | "02" | "04" | "05" | "08" | "09") && self.far.port() != 0
    }
}

/// The lines of these sockets.
fn rows<'a>(table: &'a str, sockets: &[String]) -> Vec<Row<'a>> {
    let row = |line: &'a str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let socket = *words.get(9)?;
        sockets.iter().any(|known| known == socket).then_some(())?;
        Some(Row { near: address(words[1])?, far: address(words[2])?, state: words[3], socket })
    };
    table.lines().filter_map(row).collect()
}

/// `0100007F:1F90`: words of four bytes in the machine's order, then the port.
fn address(text: &str) -> Option<SocketAddr> {
    let (host, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| u32::from_str_radix(host.get(at..at + 8)?, 16).ok().map(u32::to_ne_bytes);
    let host = if host.len() == 8 {
        IpAddr::V4(Ipv4Addr::from(word(0)?))
    } else {
        let bytes: Vec<u8> = [word(0)?, word(8)?, word(16)?, word(24)?].concat();
        let address = Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?);
        address.to_ipv4_mapped().map_or(IpAddr::V6(address), IpAddr::V4)
    };
    Some(SocketAddr::new(host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_endian = "little")]
    fn lines_of_the_table() {
        let line = |near: &str, far: &str, state: &str, number: &str| {
            format!(
                "   1: {near} {far} {state} 00000000:00000000 00:00000000 00000000  1000        0 {number} 1 0 20 4\n"
            )
        };
        let table = [
            "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
                .to_owned(),
            line("0100007F:A1B2", "0100007F:1F90", "01", "11"),
            line("0100007F:A1B3", "0100007F:1F91", "01", "99"),
            line("00000000:0BB8", "00000000:0000", "0A", "12"),
        ]
        .concat();
        let sockets = ["11", "12", "13"].map(str::to_owned);
        let said: Vec<String> =
            rows(&table, &sockets).iter().map(|row| format!("{} {} {}", row.socket, row.far, row.listens())).collect();
        assert_eq!(said, ["11 127.0.0.1:8080 false", "12 0.0.0.0:0 true"]);
        assert_eq!(address("0000000000000000FFFF00000100007F:0050"), Some(SocketAddr::from(([127, 0, 0, 1], 80))));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_goes_out_is_seen_and_what_comes_in_is_not() {
        // A listener of another process stands for the provider; this process is the agent.
        let own = SocketAddr::from(([127, 0, 0, 1], 1));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let inside = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        let outside = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        outside.connect("127.0.0.1:4433").unwrap();
        let mut looker = Looker::new(std::process::id(), own, "http://none".to_owned());
        assert!(looker.look());
        let near = inside.local_addr().unwrap();
        assert!(!looker.seen.contains(&near), "it came in");
        let hosts = looker.hosts();
        assert!(hosts.contains(&"127.0.0.1:4433".to_owned()), "{hosts:?}");
        assert!(!hosts.contains(&listener.local_addr().unwrap().to_string()), "{hosts:?}");
        drop((accepted, inside));
    }
}
