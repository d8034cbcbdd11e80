//! Connections of the agent that do not go through the listener, as far as the system shows them.
//!
//! On Linux `/proc` is looked at a few times a second; elsewhere nothing is seen.

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// How often it is looked, at first and once nothing new is expected.
const OFTEN: Duration = Duration::from_millis(50);
const SELDOM: Duration = Duration::from_millis(300);

/// How many looks are taken often.
const LOOKS: usize = 200;

/// Looks at the connections of a process and what it started.
pub(super) struct Lookout {
    stop: Sender<()>,
    thread: Option<JoinHandle<BTreeSet<SocketAddr>>>,
}

impl Lookout {
    /// Starts to look; connections to `own` are the listener's and do not count.
    pub(super) fn start(process: u32, own: SocketAddr) -> Self {
        let (stop, stopped) = channel();
        let look = move || {
            let mut seen = BTreeSet::new();
            for round in 0.. {
                let pause = if round < LOOKS { OFTEN } else { SELDOM };
                if stopped.recv_timeout(pause) != Err(RecvTimeoutError::Timeout) {
                    break;
                }
                seen.extend(connections(process).into_iter().filter(|address| *address != own));
            }
            seen
        };
        let thread = std::thread::Builder::new().name("retake-lookout".to_owned()).spawn(look).ok();
        Self { stop, thread }
    }

    /// The far ends of all connections that were seen.
    pub(super) fn finish(self) -> BTreeSet<SocketAddr> {
        drop(self.stop);
        self.thread.and_then(|thread| thread.join().ok()).unwrap_or_default()
    }
}

fn connections(process: u32) -> Vec<SocketAddr> {
    let mut found = Vec::new();
    let mut processes = vec![process];
    while let Some(process) = processes.pop() {
        let sockets = sockets(process);
        for table in ["tcp", "tcp6"] {
            if !sockets.is_empty() {
                let text = fs::read_to_string(format!("/proc/{process}/net/{table}")).unwrap_or_default();
                found.extend(far_ends(&text, &sockets));
            }
        }
        for task in fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten() {
            let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
            processes.extend(children.split_whitespace().filter_map(|child| child.parse::<u32>().ok()));
        }
    }
    found
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

/// The far ends of the connections in a `/proc/net/tcp` that are one of these sockets and established or
/// being so, without those that came in at a port that is listened to.
fn far_ends(table: &str, sockets: &[String]) -> Vec<SocketAddr> {
    let rows: Vec<(SocketAddr, SocketAddr, &str)> = table
        .lines()
        .filter_map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let own = sockets.iter().any(|socket| Some(&socket.as_str()) == words.get(9));
            own.then_some(())?;
            Some((address(words[1])?, address(words[2])?, words[3]))
        })
        .collect();
    let listens = |port| rows.iter().any(|(near, _, state)| *state == "0A" && near.port() == port);
    let going_out = rows.iter().filter(|(near, _, state)| matches!(*state, "01" | "02") && !listens(near.port()));
    going_out.map(|(_, far, _)| *far).collect()
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
            line("0100007F:0BB8", "0100007F:C000", "01", "13"),
        ]
        .concat();
        let sockets = ["11", "12", "13"].map(str::to_owned);
        assert_eq!(far_ends(&table, &sockets), [SocketAddr::from(([127, 0, 0, 1], 8080))]);
        assert_eq!(address("0000000000000000FFFF00000100007F:0050"), Some(SocketAddr::from(([127, 0, 0, 1], 80))));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_connection_of_this_process_is_seen() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let stream = std::net::TcpStream::connect(address).unwrap();
        assert!(connections(std::process::id()).contains(&address));
        drop(stream);
    }
}
