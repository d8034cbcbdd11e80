//! Moving through a run, and from one run to another.

use std::sync::Arc;

use super::app::{App, Mode, Search};
use super::page::{Content, raw_text};
use super::pair::Beside;
use super::{Effect, Link, Opened, Outcome, Trouble, causes, search};
use crate::model::{Detail, NodeId};
use crate::replay;
use crate::text::escape::one_line;
use crate::text::json::Path;
use crate::text::units::count;
use crate::ui::graph::ranges;
use crate::ui::raw::Side;
use crate::ui::{diff, kind_word};

const GO_ON: &str = "list the commands with `help`";

impl App {
    /// To a node, remembering where the jump began.
    fn jump(&mut self, id: NodeId) {
        if let Some(at) = self.at
            && at != id
        {
            self.trail.push(at);
        }
        self.stand(id);
    }

    /// To a node.
    fn stand(&mut self, id: NodeId) {
        self.at = Some(id);
        self.content = Content::Node;
        if let Some(pair) = self.beside.as_ref().and_then(|beside| beside.of_left(id)) {
            self.pair = pair;
        }
    }

    /// To a pair of two runs.
    fn stand_at_pair(&mut self, pair: usize) {
        self.pair = pair;
        self.content = Content::Node;
        let left = self.beside.as_ref().and_then(|beside| beside.report.pairs.get(pair)?.left);
        if left.is_some() {
            self.at = left;
        }
        self.outcome = Outcome::Pair(pair);
    }

    pub(super) fn by(&mut self, times: usize, back: bool) {
        if let Some(beside) = &self.beside {
            let last = beside.report.pairs.len().saturating_sub(1);
            let pair = if back { self.pair.saturating_sub(times) } else { self.pair.saturating_add(times).min(last) };
            if pair == self.pair {
                return self.at_the_end(back);
            }
            return self.stand_at_pair(pair);
        }
        let Some(place) = self.at.and_then(|at| self.opened.place(at)) else { return self.no_nodes() };
        let last = self.opened.order.len() - 1;
        let to = if back { place.saturating_sub(times) } else { place.saturating_add(times).min(last) };
        if to == place {
            return self.at_the_end(back);
        }
        self.stand(self.opened.order[to]);
        self.arrived(Vec::new());
    }

    fn at_the_end(&mut self, back: bool) {
        let at = self.at.map(|at| at.to_string()).unwrap_or_default();
        let (end, other) = if back { ("first", "next") } else { ("last", "back") };
        self.fail(format!("node {at} is the {end} one"), format!("the other way goes `{other}`"));
    }

    fn no_nodes(&mut self) {
        let id = &self.opened.run.id;
        let what = format!("run `{id}` has no nodes: no calls were recorded");
        self.fail(what, "look at another one with `run`");
    }

    pub(super) fn end(&mut self, last: bool) {
        if let Some(beside) = &self.beside {
            let pair = if last { beside.report.pairs.len().saturating_sub(1) } else { 0 };
            return self.stand_at_pair(pair);
        }
        let end = if last { self.opened.order.last() } else { self.opened.order.first() };
        let Some(id) = end.copied() else { return self.no_nodes() };
        self.jump(id);
        self.arrived(Vec::new());
    }

    pub(super) fn in_lane(&mut self, times: usize, back: bool) {
        let Some(at) = self.at else { return self.no_nodes() };
        let found = self.opened.in_lane(at, back).take(times).last();
        if let Some(id) = found {
            self.stand(id);
            return self.arrived(Vec::new());
        }
        let (end, other) = if back { ("first", "lane-next") } else { ("last", "lane-back") };
        self.fail(format!("node {at} is the {end} one of its lane"), format!("the other way goes `{other}`"));
    }

    pub(super) fn goto(&mut self, selector: &str) {
        let graph = &self.opened.run.graph;
        let found: Vec<NodeId> = match selector.parse() {
            Ok(number) => graph.node(NodeId(number)).map(|node| node.id).into_iter().collect(),
            Err(_) => graph.nodes().filter(|node| node.name == selector).map(|node| node.id).collect(),
        };
        match found.as_slice() {
            [] if self.opened.order.is_empty() => self.no_nodes(),
            [] => {
                let ids: Vec<NodeId> = graph.nodes().map(|node| node.id).collect();
                let (id, selector) = (self.opened.run.id.to_string(), one_line(selector));
                let there = match ids.as_slice() {
                    [only] => format!("its only node is {only}"),
                    ids => format!("its nodes are {}", ranges(ids)),
                };
                let hint = format!("go to one that is there: `goto {}`", ids.first().map_or(1, |id| id.0));
                self.fail(format!("run `{id}` has no node `{selector}`; {there}"), hint);
            }
            [id] => {
                self.jump(*id);
                self.arrived(Vec::new());
            }
            [first, ..] => {
                let what =
                    format!("{} are named `{}`: {}", count(found.len(), "node"), one_line(selector), ranges(&found));
                self.fail(what, format!("go to one of them: `goto {first}`"));
            }
        }
    }

    fn links(&self, onward: bool) -> Vec<Link> {
        let Some(at) = self.at else { return Vec::new() };
        let graph = &self.opened.run.graph;
        if onward { causes::effects(graph, at) } else { causes::causes(graph, at) }
    }

    pub(super) fn follow(&mut self, wanted: Option<u32>, onward: bool) {
        let Some(at) = self.at else { return self.no_nodes() };
        let mut links = self.links(onward);
        if let Some(wanted) = wanted {
            if let Some(place) = links.iter().position(|link| link.node == NodeId(wanted)) {
                let link = links.remove(place);
                links.insert(0, link);
            } else {
                return self.no_way(at, wanted, &links, onward);
            }
        }
        match links.first() {
            Some(link) => {
                self.jump(link.node);
                self.arrived(links);
            }
            None if onward => self.fail(format!("nothing came from node {at}"), "where it came from goes `up`"),
            None => self.fail(format!("node {at} came from no other node"), "what came from it goes `down`"),
        }
    }

    /// A node that one cannot go to from here.
    fn no_way(&mut self, at: NodeId, wanted: u32, links: &[Link], onward: bool) {
        let (not, did, go) = if onward {
            ("did not flow into", "flowed into", "down")
        } else {
            ("did not come from", "came from", "up")
        };
        let mut ids: Vec<NodeId> = links.iter().map(|link| link.node).collect();
        ids.sort_unstable();
        let hint = match ids.as_slice() {
            [] => GO_ON.to_owned(),
            [first, ..] => format!("it {did} {}: `{go} {first}`", ranges(&ids)),
        };
        self.fail(format!("node {at} {not} node {wanted}"), hint);
    }

    pub(super) fn choose_link(&mut self, onward: bool) {
        let links = self.links(onward);
        if links.is_empty() {
            return self.follow(None, onward);
        }
        if !self.scripted {
            let item = |link: &Link| {
                let node = self.opened.run.graph.node(link.node);
                let name = node.map_or_else(String::new, |node| {
                    if node.name.is_empty() { one_line(kind_word(&node.kind)) } else { one_line(&node.name) }
                });
                let says = format!("{} {name}  {}", link.node, said(link));
                (says, format!("{} {}", if onward { "down" } else { "up" }, link.node))
            };
            let items = links.iter().map(item).collect();
            let at = self.at.unwrap_or(NodeId(0));
            let title = if onward { format!("{at} flowed into") } else { format!("{at} came from") };
            self.mode = Mode::Choosing { title, items, at: 0 };
        }
        self.outcome = Outcome::Links(links);
    }

    pub(super) fn go_back(&mut self) {
        match self.trail.pop() {
            Some(id) => {
                self.stand(id);
                self.arrived(Vec::new());
            }
            None => self.fail("no jump was made", GO_ON),
        }
    }

    pub(super) fn error(&mut self, from_start: bool) {
        if self.opened.order.is_empty() {
            return self.no_nodes();
        }
        let start =
            if from_start { 0 } else { self.at.and_then(|at| self.opened.place(at)).map_or(0, |place| place + 1) };
        let failed =
            |id: &&NodeId| {
                self.opened.run.graph.node(**id).is_some_and(|node| {
                    node.error.is_some() || matches!(&node.detail, Detail::Tool(tool) if tool.is_error)
                })
            };
        match self.opened.order.iter().skip(start).find(failed).copied() {
            Some(id) => {
                self.jump(id);
                self.arrived(Vec::new());
            }
            None if from_start => self.fail("no node failed", "look for a text with `search TEXT`"),
            None => self.fail("no later node failed", "the first one that did goes `first-error`"),
        }
    }

    pub(super) fn search(&mut self, wanted: &str) {
        if self.opened.order.is_empty() {
            return self.no_nodes();
        }
        let hits = search::search(&self.opened.run, &self.opened.order, wanted);
        if hits.is_empty() {
            self.search = None;
            let hint = if wanted.chars().any(char::is_uppercase) {
                "small letters find large ones too: `search TEXT`"
            } else {
                "bytes that nobody understood are in `raw request` and `raw response`"
            };
            return self.fail(format!("`{}` is nowhere in run `{}`", one_line(wanted), self.opened.run.id), hint);
        }
        let place = self.at.and_then(|at| self.opened.place(at)).unwrap_or_default();
        let after = |node: NodeId| self.opened.place(node).is_some_and(|other| other >= place);
        let at = hits.iter().position(|hit| after(hit.node)).unwrap_or_default();
        self.search = Some(Search { wanted: wanted.to_owned(), hits, at });
        self.found();
    }

    pub(super) fn search_on(&mut self, back: bool) {
        let Some(search) = &mut self.search else {
            return self.fail("nothing was looked for", "look for a text with `search TEXT`");
        };
        let number = search.hits.len();
        search.at = (search.at + if back { number - 1 } else { 1 }) % number;
        self.found();
    }

    fn found(&mut self) {
        let Some((hit, at, of)) = self
            .search
            .as_ref()
            .and_then(|search| Some((search.hits.get(search.at)?.clone(), search.at, search.hits.len())))
        else {
            return;
        };
        self.jump(hit.node);
        self.forget_layout();
        self.outcome = Outcome::Found { path: hit.path, around: hit.around, number: at + 1, of };
    }

    pub(super) fn print(&mut self, path: &Path) {
        let Some((opened, at)) = self.here() else { return self.no_nodes() };
        match replay::value(&opened.run, at, path) {
            Ok(text) => {
                let path = path.to_string();
                self.content = Content::Value { path: path.clone(), text: text.clone() };
                self.front = true;
                self.outcome = Outcome::Value { path, text };
            }
            Err(error) => self.fail(error.to_string(), "see what it has with `show`, or its bytes with `raw`"),
        }
    }

    pub(super) fn raw(&mut self, side: Side) {
        let Some((opened, at)) = self.here() else { return self.no_nodes() };
        let outcome = raw_text(opened, at, side);
        if matches!(outcome, Outcome::Value { .. }) {
            // The same key shows the other side, then the node again.
            self.content = match &self.content {
                Content::Raw(Side::Request) if side == Side::Request && !self.scripted => Content::Raw(Side::Response),
                Content::Raw(Side::Response) if side == Side::Request && !self.scripted => Content::Node,
                _ => Content::Raw(side),
            };
            self.front = true;
        }
        self.outcome = if self.scripted || matches!(outcome, Outcome::Failed(_)) { outcome } else { Outcome::Nothing };
    }

    pub(super) fn choose_run(&mut self) {
        if self.kin.len() < 2 {
            return self.fail("there is no other run of this tree", "look at any run with `run RUN`");
        }
        let item = |kin: &super::Kin| (format!("{}{}  {}", kin.branch, kin.id, kin.says), format!("run {}", kin.id));
        let items: Vec<(String, String)> = self.kin.iter().map(item).collect();
        let at = self.kin.iter().position(|kin| kin.id == self.opened.run.id).unwrap_or_default();
        if self.scripted {
            self.outcome = Outcome::Said(items.iter().map(|(says, _)| says.as_str()).collect::<Vec<_>>().join("\n"));
        } else {
            self.mode = Mode::Choosing { title: "runs".to_owned(), items, at };
        }
    }

    pub(super) fn kin(&mut self, back: bool) -> Effect {
        let kin = &self.kin;
        if kin.len() < 2 {
            self.fail("there is no other run of this tree", "look at any run with `run RUN`");
            return Effect::None;
        }
        let at = kin.iter().position(|kin| kin.id == self.opened.run.id).unwrap_or_default();
        let to = (at + if back { kin.len() - 1 } else { 1 }) % kin.len();
        Effect::Open(kin[to].id.to_string())
    }

    pub(super) fn took(&mut self, read: Result<Arc<Opened>, Trouble>) -> Effect {
        match read {
            Ok(opened) => {
                self.look_at(opened);
                self.arrived(Vec::new());
                if let Some(remark) = self.opened.remarks.first() {
                    self.outcome = Outcome::Said(remark.clone());
                }
            }
            Err(trouble) => self.outcome = Outcome::Failed(trouble),
        }
        Effect::None
    }

    /// Another run takes the place of this one; the mark stays at its number where there is one.
    fn look_at(&mut self, opened: Arc<Opened>) {
        let stays = self.at.filter(|at| opened.place(*at).is_some());
        self.at = stays.or_else(|| opened.order.first().copied());
        if opened.run.id != self.opened.run.id {
            self.changes.clear();
        }
        self.kin.clone_from(&opened.kin);
        self.opened = opened;
        self.beside = None;
        self.trail.clear();
        self.search = None;
        self.content = Content::Node;
        self.top = 0;
        self.forget_layout();
    }

    pub(super) fn compare(&mut self, selector: Option<String>) -> Effect {
        if let Some(selector) = selector {
            return Effect::Compare(selector);
        }
        if let Some(parent) = &self.opened.run.started.parent {
            return Effect::Compare(parent.run.to_string());
        }
        // Replays of one run stand in the order of their time; those of replays are longer branches.
        let replay = self.kin.iter().rev().find(|kin| kin.branch.chars().count() == 2);
        if let Some(replay) = replay {
            return Effect::Compare(replay.id.to_string());
        }
        let what = format!("run `{}` has no replay to stand beside it", self.opened.run.id);
        self.fail(what, "make one with `replay`, or name a run: `compare RUN`");
        Effect::None
    }

    pub(super) fn took_beside(&mut self, read: Result<Arc<Opened>, Trouble>) -> Effect {
        match read {
            Ok(other) => {
                // What came first stands on the left.
                let is_parent =
                    self.opened.run.started.parent.as_ref().is_some_and(|parent| parent.run == other.run.id);
                let other = if is_parent {
                    let replay = Arc::clone(&self.opened);
                    self.look_at(other);
                    replay
                } else {
                    if other.kin.iter().any(|kin| kin.id == self.opened.run.id) {
                        self.kin.clone_from(&other.kin);
                    }
                    other
                };
                self.beside = Some(Beside::new(&self.opened, other));
                self.content = Content::Node;
                self.top = 0;
                let first = self.beside.as_ref().and_then(|beside| beside.report.summary.first);
                let here = self.at.and_then(|at| self.beside.as_ref()?.of_left(at));
                self.stand_at_pair(first.or(here).unwrap_or_default());
                self.outcome = Outcome::Beside(first);
            }
            Err(trouble) => self.outcome = Outcome::Failed(trouble),
        }
        Effect::None
    }

    /// To the first difference of two runs.
    pub(super) fn difference(&mut self) {
        let Some(beside) = &self.beside else { return self.alone() };
        if let Some(first) = beside.report.summary.first {
            return self.stand_at_pair(first);
        }
        let total = diff::total(&beside.report);
        self.fail(total, "back to one run goes `close`");
    }

    pub(super) fn difference_on(&mut self, back: bool) {
        let Some(beside) = &self.beside else { return self.alone() };
        match beside.next_difference(self.pair, back) {
            Some(pair) => self.stand_at_pair(pair),
            None if back => self.fail("no difference before this one", "the next one goes `next-difference`"),
            None => self.fail("no difference after this one", "the first one goes `first-difference`"),
        }
    }

    fn alone(&mut self) {
        self.fail("no run stands beside this one", "put one there with `compare RUN`");
    }

    pub(super) fn swap(&mut self) {
        let Some(beside) = self.beside.take() else { return self.alone() };
        let pair = beside.report.pairs.get(self.pair).map_or((None, None), |pair| (pair.left, pair.right));
        let left = std::mem::replace(&mut self.opened, beside.right);
        let beside = Beside::new(&self.opened, left);
        let swapped = |other: &crate::diff::Pair| (other.right, other.left) == pair;
        self.pair = beside.report.pairs.iter().position(swapped).unwrap_or_default();
        self.at = beside.report.pairs.get(self.pair).and_then(|pair| pair.left);
        self.beside = Some(beside);
        self.trail.clear();
        self.changes.clear();
        self.outcome = Outcome::Pair(self.pair);
    }

    pub(super) fn close(&mut self) {
        self.search = self.search.take().filter(|_| self.beside.is_some());
        if self.content != Content::Node {
            self.content = Content::Node;
        } else if self.beside.take().is_some() {
            self.at = self.at.or_else(|| self.opened.order.first().copied());
            self.forget_layout();
        } else if self.front {
            self.front = false;
        }
    }
}

/// A way in words: `data, 33 characters`.
#[must_use]
pub fn said(link: &Link) -> String {
    let edges = link.edges.iter().map(|edge| edge.replace('_', " ")).collect::<Vec<_>>().join(", ");
    let sure = match link.certainty {
        Some(crate::model::Certainty::Derived) => ", derived",
        Some(crate::model::Certainty::Guessed) => ", guessed",
        _ => "",
    };
    if link.characters == 0 { edges } else { format!("{edges}, {}{sure}", count(link.characters, "character")) }
}
