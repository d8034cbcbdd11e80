//! Recordings as they are after kills, full disks and flipped bits.

use std::io::{self, Cursor, Write};
use std::ops::ControlFlow;

use proptest::prelude::*;

use super::super::codec::Packed;
use super::super::{Damage, sample};
use super::reader::{Scan, Unread, scan, seal};
use super::writer::{Stop, Writer};
use super::{FOOTER, HEADER, MARKER, call_of};
use crate::model::RunId;
use crate::model::event::Event;

/// Input of a frame in these tests.
const FRAME: usize = 700;

fn run() -> RunId {
    sample::id("kkllmmnn")
}

fn events() -> Vec<Event> {
    let mut events = sample::one_of_each(&run());
    events.extend(sample::conversation(&run(), 2_000_000, 6..=13, 12));
    events
}

fn read(bytes: &[u8]) -> Result<(Vec<Event>, Scan), Unread> {
    let mut events = Vec::new();
    let scan = scan(&mut Cursor::new(bytes), &mut |event| {
        events.push(event);
        ControlFlow::Continue(())
    })?;
    Ok((events, scan))
}

/// Writes events, and notes after each flush how long the file is and how many events it holds.
fn written(events: &[Event], sealed: bool) -> (Vec<u8>, Vec<(usize, usize)>) {
    let mut bytes = Vec::new();
    let mut flushes = Vec::new();
    let mut writer = Writer::new(&run(), &mut bytes).unwrap();
    writer.set_frame(FRAME);
    for (count, event) in (1..).zip(events) {
        writer.write(event).unwrap();
        if matches!(event, Event::End(_) | Event::Finish(_)) {
            writer.flush().unwrap();
            flushes.push((usize::try_from(writer.flushed()).unwrap(), count));
        }
    }
    writer.flush().unwrap();
    flushes.push((usize::try_from(writer.flushed()).unwrap(), events.len()));
    if sealed {
        let (summary, graph) = sample::finished(&run(), events);
        writer.seal(&summary, &Packed::new(&graph)).unwrap();
    }
    (bytes, flushes)
}

fn places(bytes: &[u8]) -> Vec<usize> {
    let seal = seal(&mut Cursor::new(bytes)).unwrap().unwrap();
    let places = seal.table.unwrap().places;
    places.iter().map(|place| usize::try_from(place.offset).unwrap()).collect()
}

#[test]
fn a_sealed_recording_is_read_whole_and_its_seal_alone() {
    let events = events();
    let (bytes, _) = written(&events, true);
    let (found, scan) = read(&bytes).unwrap();
    assert_eq!(found, events);
    assert!(scan.sealed && scan.damage.is_empty(), "{:?}", scan.damage);
    assert_eq!((scan.run, scan.records), (Some(run()), events.len() as u64));
    assert!(scan.frames > 3, "only {} frames", scan.frames);
    let seal = seal(&mut Cursor::new(&bytes)).unwrap().unwrap();
    let (summary, graph) = sample::finished(&run(), &events);
    assert_eq!((seal.summary, seal.graph), (Some(summary), Some(Packed::new(&graph))));
    assert_eq!(seal.table.unwrap().places.len() as u64, scan.frames);
}

#[test]
fn all_behind_the_header_is_a_zstd_stream() {
    let (bytes, _) = written(&events(), true);
    let plain = zstd::stream::decode_all(&bytes[HEADER..]).unwrap();
    assert!(memchr::memmem::find(&plain, b"response.create").is_some());
}

#[test]
fn a_killed_recording_has_all_that_was_flushed() {
    let events = events();
    let (bytes, flushes) = written(&events, false);
    for (length, count) in flushes {
        let (found, scan) = read(&bytes[..length]).unwrap();
        assert_eq!(found, events[..count], "after {length} bytes");
        assert!(scan.damage.is_empty() && !scan.sealed, "after {length} bytes: {:?}", scan.damage);
    }
}

#[test]
fn a_file_cut_at_any_byte_is_read_to_its_last_flush() {
    let events = events();
    let (bytes, flushes) = written(&events, true);
    for length in 0..bytes.len() {
        let (found, scan) = read(&bytes[..length]).unwrap();
        let whole = flushes.iter().rev().find(|(flushed, _)| *flushed <= length).map_or(0, |(_, count)| *count);
        assert!(found.len() >= whole, "cut at {length}: {} of {whole}", found.len());
        assert!(events.starts_with(&found), "cut at {length}");
        let torn = |damage: &Damage| matches!(damage, Damage::Torn { .. } | Damage::Empty);
        assert!(scan.damage.len() <= 1 && scan.damage.iter().all(torn), "cut at {length}: {:?}", scan.damage);
        assert!(!scan.sealed || length >= bytes.len() - FOOTER, "cut at {length}");
    }
}

#[test]
fn any_flipped_bit_costs_its_frame_at_most_and_is_reported() {
    let events = events();
    let (bytes, _) = written(&events, true);
    let mut borders = places(&bytes);
    let first = borders[0];
    let frames: Vec<usize> = {
        // Events of each frame, by reading the file cut before the next.
        borders.push(bytes.len());
        borders.iter().map(|border| read(&bytes[..*border]).unwrap().0.len()).collect()
    };
    for place in 0..bytes.len() {
        let mut bytes = bytes.clone();
        bytes[place] ^= 1 << (place % 8);
        let (found, scan) = match read(&bytes) {
            Ok(read) => read,
            Err(error) => panic!("byte {place}: {error}"),
        };
        assert!(sample::is_part_of(&found, &events), "byte {place}");
        let frame = borders.iter().rposition(|border| place >= *border);
        if let Some(frame) = frame {
            let around = frames[frame] + events.len() - frames.get(frame + 1).copied().unwrap_or(events.len());
            assert!(found.len() >= around, "byte {place} of frame {frame}: {} of {around}", found.len());
        }
        if found != events {
            let lost = (events.len() - found.len()) as u64;
            let told: u64 = scan
                .damage
                .iter()
                .filter_map(|damage| match damage {
                    Damage::Frame { records, .. } => *records,
                    _ => None,
                })
                .sum();
            assert_eq!(told, lost, "byte {place}: {:?}", scan.damage);
        } else if place < first {
            assert!(!scan.damage.is_empty(), "byte {place} of the header");
        }
    }
}

#[test]
fn damage_names_the_calls_that_are_affected() {
    let events = events();
    let (bytes, _) = written(&events, true);
    let places = places(&bytes);
    let mut damaged = bytes.clone();
    damaged[places[3] + MARKER + 120] ^= 0x10;
    let (_, scan) = read(&damaged).unwrap();
    let [Damage::Frame { frame: 3, records: Some(1..), calls, .. }] = scan.damage.as_slice() else {
        panic!("{:?}", scan.damage)
    };
    let around = [&bytes[..places[3]], &bytes[places[4]..]].concat();
    let (left, _) = read(&around).unwrap();
    let missing: Vec<_> = events.iter().filter(|event| !left.contains(event)).filter_map(call_of).collect();
    assert!(!calls.is_empty() && calls.iter().all(|call| missing.contains(call)), "{calls:?} of {missing:?}");
    // A frame that is gone altogether.
    let without = [&bytes[..places[2]], &bytes[places[3]..]].concat();
    let (found, scan) = read(&without).unwrap();
    assert!(sample::is_part_of(&found, &events) && scan.damage.iter().any(Damage::loses));
}

#[test]
fn damage_is_said_in_words() {
    let frame = |records, calls: &[u64]| Damage::Frame {
        frame: 3,
        offset: 2288,
        records,
        calls: calls.to_vec(),
        reason: "its checksum is wrong".to_owned(),
    };
    let all = [
        frame(Some(1), &[9]),
        frame(Some(12), &[3, 5, 6, 7, 9]),
        frame(None, &[]),
        Damage::Torn { offset: 70 },
        Damage::Trailing { offset: 70, bytes: 4096 },
        Damage::Unknown { kind: 99, record: 7 },
    ];
    insta::assert_snapshot!(all.map(|damage| damage.to_string()).join("\n"), @r"
    frame 3 at byte 2288: 1 record is lost (call 9): its checksum is wrong
    frame 3 at byte 2288: 12 records are lost (calls 3, 5-7, 9): its checksum is wrong
    frame 3 at byte 2288: all records after the damage are lost: its checksum is wrong
    the file breaks off after byte 70
    after byte 70 there are 4096 bytes that do not belong to it
    record 7 has a type that this retake does not know (99) and was skipped
    ");
}

#[test]
fn what_stands_behind_the_end_is_told() {
    for sealed in [true, false] {
        let events = events();
        let (bytes, _) = written(&events, sealed);
        for garbage in [vec![0; 30], vec![0; 10_000], b"garbage".repeat(50), bytes.clone()] {
            let (found, scan) = read(&[bytes.as_slice(), &garbage].concat()).unwrap();
            let end = &garbage[..3];
            assert_eq!((found.len(), scan.sealed), (events.len(), sealed), "{end:?}: {:?}", scan.damage);
            assert!(found == events);
            let seal = |damage: &Damage| matches!(damage, Damage::Seal);
            assert!(!scan.damage.is_empty() && !scan.damage.iter().any(seal), "{} {:?}", garbage.len(), scan.damage);
        }
    }
}

#[test]
fn other_files_are_no_recordings() {
    for bytes in [b"{}".as_slice(), b"\x89PNG\r\n", b"RETAKE", &[0; 100]] {
        assert!(matches!(read(bytes), Err(Unread::Foreign)), "{bytes:?}");
    }
    let (mut bytes, _) = written(&events(), true);
    bytes[8] = 9;
    let checksum = crc32fast::hash(&bytes[..HEADER - 4]).to_le_bytes();
    bytes[HEADER - 4..HEADER].copy_from_slice(&checksum);
    assert!(matches!(read(&bytes), Err(Unread::Newer(9))));
}

#[test]
fn recorded_bytes_are_never_taken_for_a_frame() {
    // The bytes of one recording as a body in another, which is then damaged before it.
    let (inner, _) = written(&events(), false);
    let mut events = sample::conversation(&run(), 1, 1..=2, 5);
    events.insert(2, sample::request(7, crate::model::Micros(5), inner.into()));
    let (bytes, _) = written(&events, false);
    for place in HEADER + MARKER..HEADER + MARKER + 200 {
        let mut bytes = bytes.clone();
        bytes[place] ^= 8;
        let (found, _) = read(&bytes).unwrap();
        assert!(sample::is_part_of(&found, &events), "byte {place}");
    }
}

/// Takes so many bytes, then fails as a full disk does.
struct Full {
    bytes: Vec<u8>,
    room: usize,
}

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(self.room - self.bytes.len());
        if taken == 0 {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        self.bytes.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_costs_what_was_not_flushed() {
    let events = events();
    let (all, _) = written(&events, false);
    for room in (HEADER..all.len()).step_by(23) {
        let mut writer = Writer::new(&run(), Full { bytes: Vec::new(), room }).unwrap();
        writer.set_frame(FRAME);
        let mut flushed = 0;
        let failed = (1..).zip(&events).find_map(|(count, event)| {
            let error = writer.write(event).and_then(|()| writer.flush()).err();
            flushed = if error.is_none() { count } else { flushed };
            error
        });
        assert!(matches!(failed, Some(Stop::Io(_))), "room {room}: {failed:?}");
        assert!(matches!(writer.write(&events[1]), Err(Stop::Earlier)));
        assert!(matches!(writer.flush(), Err(Stop::Earlier)));
        let (found, _) = read(&writer.out().bytes).unwrap();
        assert!(found.len() >= flushed && events.starts_with(&found), "room {room}");
        let good = usize::try_from(writer.flushed()).unwrap();
        let (found, scan) = read(&writer.out().bytes[..good]).unwrap();
        assert_eq!((found.len(), scan.damage), (flushed, Vec::new()), "room {room}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_damage_makes_up_events(
        flips in prop::collection::vec((any::<prop::sample::Index>(), 1u8..), 1..12),
        cut in prop::option::of(any::<prop::sample::Index>()),
        gap in prop::option::of((any::<prop::sample::Index>(), 1usize..200)),
    ) {
        let events = events();
        let (mut bytes, _) = written(&events, true);
        if let Some((place, length)) = gap {
            let start = place.index(bytes.len());
            let end = (start + length).min(bytes.len());
            bytes.drain(start..end);
        }
        for (place, bits) in flips {
            let place = place.index(bytes.len());
            bytes[place] ^= bits;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        match read(&bytes) {
            Ok((found, _)) => prop_assert!(sample::is_part_of(&found, &events)),
            Err(error) => prop_assert!(matches!(error, Unread::Foreign)),
        }
    }
}
