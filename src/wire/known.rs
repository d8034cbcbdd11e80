//! Messages that were read before: a conversation is sent again with every call.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use bytes::Bytes;

use crate::model::Message;
use crate::text::json::Ref;

/// Messages of one dialect, by their place in the request and the bytes they were written in.
#[derive(Debug, Default)]
pub struct Known {
    /// By place: the one that was read last.
    last: HashMap<usize, Read>,
    others: HashMap<u64, Vec<(usize, Read)>>,
}

#[derive(Debug, Clone)]
struct Read {
    raw: Bytes,
    message: Arc<Message>,
}

impl Known {
    /// The place of system text that stands beside the messages.
    pub(super) const SYSTEM: usize = usize::MAX;

    /// The message that was made of the same bytes in the same place, else a new one.
    pub(super) fn message(&mut self, place: usize, item: Ref<'_>, make: impl FnOnce() -> Message) -> Arc<Message> {
        if let Some(last) = self.last.get(&place)
            && last.raw == item.raw()
        {
            return Arc::clone(&last.message);
        }
        let mut hasher = DefaultHasher::new();
        (place, item.raw()).hash(&mut hasher);
        let alike = self.others.entry(hasher.finish()).or_default();
        let same = alike.iter().find(|(other, read)| *other == place && read.raw == item.raw());
        let read = if let Some((_, read)) = same {
            read.clone()
        } else {
            let read = Read { raw: item.doc().bytes().slice(item.span()), message: Arc::new(make()) };
            alike.push((place, read.clone()));
            read
        };
        let message = Arc::clone(&read.message);
        self.last.insert(place, read);
        message
    }
}
