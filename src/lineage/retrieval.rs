//! Retrievals that a run shows by itself: a query is embedded, then a prompt carries what was embedded before.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::fields::fields;
use super::spans::Spans;
use crate::model::{Detail, Document, Edge, Kind, Node, NodeId, RunGraph};
use crate::text::shingle::{Index, fold};

/// Folded bytes of a passage that shows a long document though less than half of it is carried.
const LONG: usize = 200;

/// A retrieval that nobody recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct Retrieval {
    /// The embedding of the query: one text.
    pub query: NodeId,
    /// The call whose prompt carries the documents.
    pub call: NodeId,
    /// The embedded texts that it carries, in order of the prompt.
    pub documents: Vec<Document>,
    /// For each document the embedding that held it, and its place among the texts there.
    pub embedded: Vec<(NodeId, usize)>,
}

/// Finds the retrievals that a run shows by itself; where one was announced, there is none to infer.
#[must_use]
pub fn inferred_retrievals(graph: &RunGraph) -> Vec<Retrieval> {
    let mut embeddings: Vec<&Node> = graph.nodes().filter(|node| !texts(node).is_empty()).collect();
    embeddings.sort_by_key(|node| (node.ended, node.id));
    let (mut folded, mut places) = (Vec::new(), Vec::new());
    let mut known: HashSet<Vec<u8>> = HashSet::new();
    for node in &embeddings {
        for (place, text) in texts(node).iter().enumerate() {
            let text = fold(text);
            if known.insert(text.clone()) {
                folded.push(text);
                places.push((*node, place));
            }
        }
    }
    let search = Search { index: Index::new(folded), places };
    let announced: Vec<&Node> =
        graph.nodes().filter(|node| node.kind == Kind::Retrieval && matches!(node.detail, Detail::Block(_))).collect();
    let mut calls: Vec<&Node> = graph.nodes().filter(|node| node.kind == Kind::Llm).collect();
    calls.sort_by_key(|node| (node.started, node.id));
    let mut used = BTreeSet::new();
    let mut found = Vec::new();
    for call in calls {
        let Some(retrieval) = search.retrieval(graph, call, &embeddings, &used) else { continue };
        let began = graph.node(retrieval.query).map(|query| query.started);
        let is_announced = announced.iter().any(|node| {
            node.ended.is_some_and(|ended| ended <= call.started && began.is_some_and(|began| ended >= began))
        });
        used.insert(retrieval.query);
        if !is_announced {
            found.push(retrieval);
        }
    }
    found
}

struct Search<'g> {
    index: Index,
    places: Vec<(&'g Node, usize)>,
}

impl Search<'_> {
    fn retrieval(
        &self,
        graph: &RunGraph,
        call: &Node,
        embeddings: &[&Node],
        used: &BTreeSet<NodeId>,
    ) -> Option<Retrieval> {
        let before = embeddings.partition_point(|node| node.ended.is_none_or(|ended| ended <= call.started));
        let queries = embeddings[..before].iter().rev().filter(|node| node.ended.is_some() && texts(node).len() == 1);
        let mut unused = queries.filter(|node| !used.contains(&node.id)).peekable();
        unused.peek()?;
        let new = new_inputs(graph, call);
        let carried = self.carried(&new);
        // The query that the prompt repeats, else the last one: documents are embedded before it.
        let earliest = carried.iter().map(|text| self.places[*text].0.started).min()?;
        let queries: Vec<&&Node> = unused.take_while(|node| node.started >= earliest).collect();
        let repeats = |node: &&&&Node| {
            let query = fold(&texts(node)[0]);
            !query.is_empty() && new.iter().any(|text| memchr::memmem::find(text, &query).is_some())
        };
        let is_alone = |node: &&Node| !self.documents(&carried, node).is_empty();
        let query = queries
            .iter()
            .filter(|node| is_alone(node))
            .take(8)
            .find(repeats)
            .or_else(|| queries.iter().find(|node| is_alone(node)))?;
        let chosen = self.documents(&carried, query);
        let document = |text: &usize| {
            let (node, place) = self.places[*text];
            Document { text: texts(node)[place].clone(), ..Document::default() }
        };
        Some(Retrieval {
            query: query.id,
            call: call.id,
            documents: chosen.iter().map(document).collect(),
            embedded: chosen.iter().map(|text| (self.places[*text].0.id, self.places[*text].1)).collect(),
        })
    }

    /// Of the carried texts those that were embedded before the query.
    fn documents(&self, carried: &[usize], query: &Node) -> Vec<usize> {
        let own = &texts(query)[0];
        let is_earlier = |text: &&usize| {
            let (node, place) = self.places[**text];
            node.id != query.id && node.ended.is_some_and(|ended| ended <= query.started) && texts(node)[place] != *own
        };
        carried.iter().filter(is_earlier).copied().collect()
    }

    /// Indexed texts that stand in these folded ones, wholly or for the most part, in order.
    fn carried(&self, inputs: &[Vec<u8>]) -> Vec<usize> {
        let mut out = Vec::new();
        for input in inputs {
            let mut matches = self.index.find(input, |_, _| {});
            matches.sort_by_key(|found| (std::cmp::Reverse(found.len), found.to, found.text));
            let mut covered = Spans::default();
            let mut lengths: BTreeMap<usize, (usize, usize)> = BTreeMap::new();
            for found in matches {
                for piece in covered.free(found.to..found.to + found.len) {
                    let entry = lengths.entry(found.text).or_insert((piece.start, 0));
                    entry.0 = entry.0.min(piece.start);
                    entry.1 += piece.len();
                    covered.add(piece);
                }
            }
            let mut here: Vec<(usize, usize)> = lengths
                .into_iter()
                .filter(|(text, (_, len))| *len >= LONG || len * 2 >= self.index.text(*text).len())
                .map(|(text, (start, _))| (start, text))
                .collect();
            here.sort_unstable();
            out.extend(here.into_iter().map(|(_, text)| text));
        }
        let mut seen = BTreeSet::new();
        out.retain(|text| seen.insert(*text));
        out
    }
}

/// Texts of an embedding call; none of any other node.
fn texts(node: &Node) -> &[String] {
    match &node.detail {
        Detail::Call { prompt, .. } if node.kind == Kind::Embedding => &prompt.texts,
        _ => &[],
    }
}

/// Inputs of a call that the call before it in the lane did not carry, folded.
fn new_inputs(graph: &RunGraph, call: &Node) -> Vec<Vec<u8>> {
    let carried =
        graph.into_node(call.id).filter(|(_, edge)| matches!(edge, Edge::Then | Edge::Handoff | Edge::Compacted));
    let before = carried.filter_map(|(id, _)| graph.node(id)).find(|node| node.kind == Kind::Llm);
    let known = before.map(|node| fields(node).inputs).unwrap_or_default();
    let known: BTreeSet<&str> = known.iter().map(|field| field.text.as_ref()).collect();
    fields(call)
        .inputs
        .iter()
        .filter(|field| !known.contains(field.text.as_ref()))
        .map(|field| fold(&field.text))
        .collect()
}
