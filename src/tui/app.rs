//! All that the screen knows, and the one function that changes it.

use std::sync::Arc;

use super::act::Done;
use super::layout::{self, Areas};
use super::line::Line;
use super::page::{Content, Page};
use super::pair::Beside;
use super::search::Hit;
use super::{Command, Effect, Key, Kin, Link, Opened, Outcome, Trouble, command};
use crate::model::NodeId;
use crate::replay::{Scope, Wanted};
use crate::ui::graph::Table;

/// Something that happened.
#[derive(Debug)]
pub enum Message {
    /// A key was pressed.
    Key(Key),
    /// Text was pasted.
    Pasted(String),
    /// A command was given.
    Run(Command),
    /// The screen has so many columns and rows.
    Resized(u16, u16),
    /// A run was read to be looked at.
    Opened(Result<Arc<Opened>, Trouble>),
    /// A run was read to stand beside.
    Beside(Result<Arc<Opened>, Trouble>),
    /// The plan was laid out.
    Planned(Result<Vec<String>, Trouble>),
    /// A node was edited.
    Edited(Result<Vec<Wanted>, Trouble>),
    /// It was replayed.
    Replayed(Result<Done, Trouble>),
}

/// What keys are for at the moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Mode {
    /// Commands.
    #[default]
    Look,
    /// Typing a command.
    Typing(Line),
    /// Choosing.
    Choosing {
        /// What is chosen.
        title: String,
        /// What there is, with the command that takes each.
        items: Vec<(String, String)>,
        /// Which one is marked.
        at: usize,
    },
    /// Typing a new value.
    Editing {
        /// Its field.
        path: String,
        /// The value.
        line: Line,
    },
    /// Reading a plan, to agree or not.
    Planning {
        /// Its lines.
        lines: Vec<String>,
        /// Lines that are scrolled past.
        past: usize,
    },
    /// Reading the commands.
    Helping {
        /// Lines that are scrolled past.
        past: usize,
    },
}

/// Places of a text that was looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    /// The text.
    pub wanted: String,
    /// Its places.
    pub hits: Vec<Hit>,
    /// Which of them was found last.
    pub at: usize,
}

/// All that is known.
#[derive(Debug)]
pub struct App {
    /// The run that is looked at.
    pub opened: Arc<Opened>,
    /// The tree of runs that it belongs to.
    pub kin: Vec<Kin>,
    /// The run beside it.
    pub beside: Option<Beside>,
    /// Pair of both that is marked.
    pub pair: usize,
    /// The node that is marked.
    pub at: Option<NodeId>,
    /// Nodes where jumps began.
    pub trail: Vec<NodeId>,
    /// What is shown of the node.
    pub content: Content,
    /// Whether all of its texts are shown.
    pub whole: bool,
    /// Whether a narrow screen shows the node rather than the graph.
    pub front: bool,
    /// The text that was looked for last.
    pub search: Option<Search>,
    /// Changes that were taken on.
    pub changes: Vec<Wanted>,
    /// How far those to inputs reach.
    pub scope: Scope,
    /// What keys are for.
    pub mode: Mode,
    /// What the last command came to.
    pub outcome: Outcome,
    /// The last command, as it would be typed.
    pub said: String,
    /// Columns and rows of the screen.
    pub size: (u16, u16),
    /// Whether there is colour.
    pub colour: bool,
    /// Whether commands come from a script, with nobody to ask.
    pub scripted: bool,
    /// Rows of the graph that are scrolled past.
    pub top: usize,
    /// Rows of the page that are scrolled past.
    pub past: usize,
    /// What the pane of the node shows.
    pub page: Page,
    /// Widths of the graph's columns, and of those of the run beside.
    pub tables: [Table; 2],
    laid: Option<Laid>,
}

/// What the page and the table were laid out for.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Laid {
    run: *const Opened,
    beside: Option<usize>,
    at: Option<NodeId>,
    content: Content,
    whole: bool,
    widths: (u16, u16),
}

impl App {
    /// Looks at a run, its first node marked.
    #[must_use]
    pub fn new(opened: Arc<Opened>) -> Self {
        let mut app = Self {
            at: opened.order.first().copied(),
            kin: opened.kin.clone(),
            opened,
            beside: None,
            pair: 0,
            trail: Vec::new(),
            content: Content::Node,
            whole: false,
            front: false,
            search: None,
            changes: Vec::new(),
            scope: Scope::default(),
            mode: Mode::Look,
            outcome: Outcome::Nothing,
            said: String::new(),
            size: (80, 24),
            colour: false,
            scripted: false,
            top: 0,
            past: 0,
            page: Page::default(),
            tables: <[Table; 2]>::default(),
            laid: None,
        };
        if let Some(remark) = app.opened.remarks.first() {
            app.outcome = Outcome::Said(remark.clone());
        }
        app.settle();
        app
    }

    /// Takes what happened; returns what else is to be done.
    pub fn update(&mut self, message: Message) -> Effect {
        let effect = match message {
            Message::Key(key) => self.key(key),
            Message::Pasted(text) => {
                self.pasted(&text);
                Effect::None
            }
            Message::Run(command) => self.run(command),
            Message::Resized(columns, rows) => {
                self.size = (columns, rows);
                Effect::None
            }
            Message::Opened(read) => self.took(read),
            Message::Beside(read) => self.took_beside(read),
            Message::Planned(laid) => self.planned(laid),
            Message::Edited(edited) => self.edited(edited),
            Message::Replayed(done) => self.replayed(done),
        };
        self.settle();
        effect
    }

    /// Where on the screen what stands.
    #[must_use]
    pub fn areas(&self) -> Areas {
        layout::areas(self)
    }

    /// The run and the node that commands are about.
    #[must_use]
    pub fn here(&self) -> Option<(&Opened, NodeId)> {
        if let Some(beside) = &self.beside
            && let Some(pair) = beside.report.pairs.get(self.pair)
        {
            return match (pair.left, pair.right) {
                (Some(left), _) => Some((&*self.opened, left)),
                (None, Some(right)) => Some((&*beside.right, right)),
                (None, None) => None,
            };
        }
        Some((&*self.opened, self.at?))
    }

    /// Does a command.
    pub(super) fn run(&mut self, command: Command) -> Effect {
        self.outcome = Outcome::Nothing;
        match command {
            Command::Next(times) => self.by(times, false),
            Command::Back(times) => self.by(times, true),
            Command::First => self.end(false),
            Command::Last => self.end(true),
            Command::LaneNext(times) => self.in_lane(times, false),
            Command::LaneBack(times) => self.in_lane(times, true),
            Command::Goto(node) => self.goto(&node),
            Command::Up(node) => self.follow(node, false),
            Command::Down(node) => self.follow(node, true),
            Command::Causes => self.choose_link(false),
            Command::Effects => self.choose_link(true),
            Command::Return => self.go_back(),
            Command::FirstError => self.error(true),
            Command::NextError => self.error(false),
            Command::Search(text) => self.search(&text),
            Command::SearchNext => self.search_on(false),
            Command::SearchBack => self.search_on(true),
            Command::Show => {
                self.content = Content::Node;
                self.front = !self.front || self.scripted;
                self.arrived(Vec::new());
            }
            Command::Print(path) => self.print(&path),
            Command::Raw(side) => self.raw(side),
            Command::Whole => self.whole = !self.whole,
            Command::ScrollDown(rows) => {
                let rows = rows.unwrap_or_else(|| self.page_rows());
                self.past = self.past.saturating_add(rows);
            }
            Command::ScrollUp(rows) => self.past = self.past.saturating_sub(rows.unwrap_or_else(|| self.page_rows())),
            Command::Run(Some(selector)) => return Effect::Open(selector),
            Command::Run(None) => self.choose_run(),
            Command::RunNext => return self.kin(false),
            Command::RunBack => return self.kin(true),
            Command::Reload => return Effect::Open(self.opened.run.id.to_string()),
            Command::Compare(selector) => return self.compare(selector),
            Command::FirstDifference => self.difference(),
            Command::NextDifference => self.difference_on(false),
            Command::BackDifference => self.difference_on(true),
            Command::Swap => self.swap(),
            Command::Close => self.close(),
            Command::Edit { path, value } => return self.edit(path, value),
            Command::Editor => return self.editor(None),
            Command::Scope(scope) => {
                self.scope = scope;
                self.outcome = Outcome::Changed(self.typed());
            }
            Command::Discard => {
                self.changes.clear();
                self.outcome = Outcome::Said("all changes are dropped".to_owned());
            }
            Command::Plan => return Effect::Plan,
            // On a screen the plan is read first.
            Command::Replay if !self.scripted => return Effect::Plan,
            Command::Replay => return Effect::Replay,
            Command::Help => {
                if !self.scripted {
                    self.mode = Mode::Helping { past: 0 };
                }
                self.outcome = Outcome::Help;
            }
            Command::Redraw => return Effect::Redraw,
            Command::Suspend => return Effect::Suspend,
            Command::Quit => return Effect::Quit,
        }
        Effect::None
    }

    fn page_rows(&self) -> usize {
        usize::from(self.areas().node.height).saturating_sub(2).max(1)
    }

    pub(super) fn fail(&mut self, what: impl Into<String>, hint: impl Into<String>) {
        self.outcome = Outcome::Failed(Trouble::new(what).hint(hint));
    }

    /// Takes a command as it was typed or stands for a key.
    fn typed_in(&mut self, text: &str) -> Effect {
        text.clone_into(&mut self.said);
        match command::parse(text) {
            Ok(command) => self.run(command),
            Err(trouble) => {
                self.outcome = Outcome::Failed(trouble);
                Effect::None
            }
        }
    }

    fn key(&mut self, key: Key) -> Effect {
        if key == Key::Ctrl('c') {
            return Effect::Quit;
        }
        if key == Key::Ctrl('z') {
            return Effect::Suspend;
        }
        match std::mem::take(&mut self.mode) {
            Mode::Look => match key {
                Key::Char(':') => self.type_in(""),
                Key::Char('/') => self.type_in("search "),
                Key::Char(digit) if digit.is_ascii_digit() => self.type_in(&format!("goto {digit}")),
                key => match key.command() {
                    Some(command) => return self.typed_in(command),
                    None => self.fail(format!("`{key}` is no key here"), "`?` shows all keys"),
                },
            },
            Mode::Typing(mut line) => match key {
                Key::Enter => {
                    let text = line.text.trim().to_owned();
                    if !text.is_empty() {
                        return self.typed_in(&text);
                    }
                }
                Key::Esc => {}
                Key::Backspace if line.text.is_empty() => {}
                Key::Up => {
                    let said = self.said.clone();
                    self.type_in(&said);
                }
                Key::Tab => {
                    line = Line::new(&command::completed(&line.text));
                    self.mode = Mode::Typing(line);
                }
                key => {
                    line.take(key);
                    self.mode = Mode::Typing(line);
                }
            },
            Mode::Choosing { title, mut items, at } => {
                let last = items.len().saturating_sub(1);
                let at = match key {
                    Key::Char('j') | Key::Down | Key::Tab => (at + 1).min(last),
                    Key::Char('k') | Key::Up | Key::BackTab => at.saturating_sub(1),
                    Key::Char('g') | Key::Home => 0,
                    Key::Char('G') | Key::End => last,
                    Key::Enter if at < items.len() => {
                        let (_, command) = items.swap_remove(at);
                        return self.typed_in(&command);
                    }
                    Key::Esc | Key::Enter | Key::Char('q') => return Effect::None,
                    _ => at,
                };
                self.mode = Mode::Choosing { title, items, at };
            }
            Mode::Editing { path, mut line } => match key {
                Key::Enter => {
                    self.said = format!("edit {path}={}", line.text);
                    return self.change(&path, line.text);
                }
                Key::Esc => self.outcome = Outcome::Said("nothing was changed".to_owned()),
                key => {
                    line.take(key);
                    self.mode = Mode::Editing { path, line };
                }
            },
            Mode::Planning { lines, past } => match key {
                Key::Char('y' | 'Y') => {
                    "replay".clone_into(&mut self.said);
                    return Effect::Replay;
                }
                Key::Char('n' | 'N' | 'q') | Key::Esc => {
                    self.outcome = Outcome::Said(match self.changes.len() {
                        0 => "nothing was run".to_owned(),
                        _ => "the changes are kept: `plan` shows them again, `discard` drops them".to_owned(),
                    });
                }
                Key::Char('e') => return self.edit(None, None),
                key => {
                    let past = scrolled(past, key, lines.len());
                    self.mode = Mode::Planning { lines, past };
                }
            },
            Mode::Helping { past } => match key {
                Key::Esc | Key::Enter | Key::Char('q' | '?') => self.outcome = Outcome::Nothing,
                key => self.mode = Mode::Helping { past: scrolled(past, key, usize::MAX) },
            },
        }
        Effect::None
    }

    fn pasted(&mut self, text: &str) {
        if let Mode::Typing(line) | Mode::Editing { line, .. } = &mut self.mode {
            for letter in text.chars() {
                line.take(Key::Char(if letter == '\n' { ' ' } else { letter }));
            }
        }
    }

    fn type_in(&mut self, text: &str) {
        self.mode = Mode::Typing(Line::new(text));
    }

    /// The cursor came to a node by one of these ways.
    pub(super) fn arrived(&mut self, links: Vec<Link>) {
        self.outcome = Outcome::At(links);
    }

    /// What is shown is laid out anew, and scrolled to where it begins.
    pub(super) fn forget_layout(&mut self) {
        self.laid = None;
    }

    /// Brings what is laid out in line with what is to be shown.
    fn settle(&mut self) {
        let areas = self.areas();
        let (shown, at) = match self.here() {
            Some((opened, at)) => (std::ptr::from_ref(opened), Some(at)),
            None => (Arc::as_ptr(&self.opened), None),
        };
        let laid = Laid {
            run: shown,
            beside: self.beside.as_ref().map(|_| self.pair),
            at,
            content: self.content.clone(),
            whole: self.whole,
            widths: (areas.graph.width, areas.node.width),
        };
        if self.laid.as_ref() != Some(&laid) {
            self.lay(&laid, areas);
            self.laid = Some(laid);
        }
        let shown = usize::from(areas.node.height).saturating_sub(Page::pinned(areas.node.height)).max(1);
        let fits = self.page.rows.len() <= usize::from(areas.node.height);
        self.past = if fits { 0 } else { self.past.min(self.page.rows.len().saturating_sub(shown)) };
        self.keep_in_view(usize::from(areas.graph.height));
    }

    fn lay(&mut self, laid: &Laid, areas: Areas) {
        let before = self.laid.take();
        let anew = before.as_ref().is_none_or(|before| {
            (before.run, before.at, before.beside, &before.content) != (laid.run, laid.at, laid.beside, &laid.content)
        });
        let width = usize::from(areas.node.width).max(1);
        if let (Some(beside), Content::Node) = (&self.beside, &self.content) {
            self.page = beside.page(&self.opened, self.pair, width);
        } else if let Some((opened, at)) = self.here() {
            self.page = Page::of(opened, at, &self.content, self.whole, width);
        } else {
            self.page = Page::default();
        }
        if anew {
            self.past = 0;
            if self.content == Content::Node && self.page.rows.len() > usize::from(areas.node.height) {
                self.past = Some(self.page.first_new()).filter(|row| *row > 4).unwrap_or_default();
            }
            self.show_hit(width);
        }
        let width = usize::from(areas.graph.width).saturating_sub(3);
        let resized = before.as_ref().is_none_or(|before| {
            (before.widths.0, before.run, before.beside.is_some()) != (laid.widths.0, laid.run, laid.beside.is_some())
        });
        match &self.beside {
            Some(beside) if resized => {
                let half = width.saturating_sub(2) / 2;
                self.tables = [&self.opened, &beside.right].map(|run| run.natural.fit(1, half));
            }
            None if resized => {
                let table = self.opened.natural.fit(self.opened.margin, width);
                self.tables = [table, Table::default()];
            }
            _ => {}
        }
    }

    /// Scrolls to the text that was found, if it is why the cursor stands here.
    fn show_hit(&mut self, width: usize) {
        let (Outcome::Found { path, .. }, Some(search)) = (&self.outcome, &self.search) else { return };
        let mut row = self.page.find(path, &search.wanted);
        if row.is_none() && !self.whole && self.beside.is_none() {
            let all = self.here().map(|(opened, at)| Page::of(opened, at, &self.content, true, width));
            if let Some(all) = all.filter(|all| all.find(path, &search.wanted).is_some()) {
                row = all.find(path, &search.wanted);
                self.page = all;
                self.whole = true;
            }
        }
        if let Some(row) = row {
            self.past = row.saturating_sub(3);
        }
    }

    /// Scrolls the graph as little as is needed to show the marked row and one on either side.
    fn keep_in_view(&mut self, height: usize) {
        let (row, rows) = match &self.beside {
            Some(beside) => (self.pair, beside.report.pairs.len()),
            None => (self.at.and_then(|at| self.opened.row(at)).unwrap_or_default(), self.opened.drawing.rows.len()),
        };
        let height = height.saturating_sub(usize::from(self.beside.is_some())).max(1);
        let margin = usize::from(height > 4);
        if row < self.top + margin {
            self.top = row.saturating_sub(margin);
        } else if row + margin >= self.top + height {
            self.top = (row + margin + 1).saturating_sub(height);
        }
        self.top = self.top.min(rows.saturating_sub(height));
    }
}

/// Lines that are scrolled past after a key.
fn scrolled(past: usize, key: Key, lines: usize) -> usize {
    let past = match key {
        Key::Char('j') | Key::Down => past.saturating_add(1),
        Key::Char('k') | Key::Up => past.saturating_sub(1),
        Key::Char(' ') | Key::PageDown => past.saturating_add(10),
        Key::PageUp => past.saturating_sub(10),
        Key::Char('g') | Key::Home => 0,
        _ => past,
    };
    past.min(lines.saturating_sub(1)).min(10_000)
}
