//! Kinds of agents, each with one way in which calls are told apart, and all of them mixed.

use super::super::talk::Form;
use super::super::world::Rng;
use super::makers::{self, CLOCKS, Maker};
use super::spec::{Branch, Chain, Piece, Start, Work, words};
use super::talk::{Brings, Ids};

/// A kind: its name, and how one is made.
pub(super) type Kind = (&'static str, fn(&mut Rng) -> Work);

/// All kinds.
pub(super) const KINDS: [Kind; 31] = [
    ("records beside a run's id", records),
    ("records in calls of tools", records_in_tools),
    ("records in another order", reordered),
    ("records that answers brought", brought),
    ("references to items", items),
    ("another item than was recorded", other_item),
    ("one of several drafts goes on", drafts),
    ("another draft than was recorded", other_draft),
    ("one of several drafts is quoted", quoted),
    ("two secrets", two_secrets),
    ("two secrets, rotated", rotated),
    ("one secret of two", one_secret),
    ("secrets made up", tokens),
    ("a secret that an answer brought", token_flow),
    ("two providers", providers),
    ("call ids per turn", per_turn),
    ("chains of responses", chains),
    ("no call ids", empty),
    ("call ids by name", by_name),
    ("names of all makers", names),
    ("names that answers shorten", shortened),
    ("names in results of tools", names_in_results),
    ("names as keys and in paths", names_in_paths),
    ("temporary directories", temporary),
    ("names that the user gave", given),
    ("clocks", clocks),
    ("attempts", attempts),
    ("forks", forks),
    ("hand-offs", handoffs),
    ("calls that differ in a fresh name", confusable),
    ("mixed", mixed),
];

fn form(rng: &mut Rng) -> Form {
    [Form::Chat, Form::Messages, Form::Responses][rng.below(3)]
}

fn maker(rng: &mut Rng) -> Maker {
    Maker::ALL[rng.below(Maker::ALL.len())]
}

fn fresh(label: &str, maker: Maker) -> Piece {
    Piece::Fresh(label.to_owned(), maker)
}

/// Questions as agents ask them.
fn question(rng: &mut Rng) -> &'static str {
    ["What is the balance of ", "Has it arrived: ", "Sum up the file of ", "Is a refund due for "][rng.below(4)]
}

/// Each branch on its own, but for some that wait for others.
fn some_wait(rng: &mut Rng, branches: &mut [Branch]) {
    for (place, branch) in branches.iter_mut().enumerate().skip(1) {
        if rng.one_in(4) {
            branch.after.push(rng.below(place));
        }
        branch.stream = rng.one_in(3);
    }
}

/// A branch that reads all the answers before it.
fn join(form: Form, branches: &mut Vec<Branch>) {
    let all: Vec<usize> = (0..branches.len()).collect();
    let user = all.iter().flat_map(|place| [Piece::Answer(*place), words("; ")]).collect();
    branches.push(Branch { after: all, ..Branch::new(form, "Sum up.", user) });
}

fn records(rng: &mut Rng) -> Work {
    let (form, asks) = (form(rng), question(rng));
    let maker = maker(rng);
    let mut branches = Vec::new();
    for _ in 0..2 + rng.below(5) {
        let mut user = vec![words(asks), words(&makers::record(rng)), words("?")];
        if rng.one_in(2) {
            user.splice(0..0, [words("Run "), fresh("run", maker), words(". ")]);
        } else {
            user.extend([words(" (run "), fresh("run", maker), words(")")]);
        }
        branches.push(Branch { turns: rng.below(2), ..Branch::new(form, "You know all customers.", user) });
    }
    // The run's id stands in the same place in all of them.
    let template = branches[0].user.clone();
    for branch in &mut branches {
        let record = branch.user.iter().find_map(|piece| match piece {
            Piece::Words(text) if text.len() > 6 && text != asks && !text.contains(' ') => Some(text.clone()),
            _ => None,
        });
        let is_record = |piece: &Piece| matches!(piece, Piece::Words(text) if text.len() > 6 && text != asks && !text.contains(' '));
        branch.user = template
            .iter()
            .map(|piece| match &record {
                Some(record) if is_record(piece) => words(record),
                _ => piece.clone(),
            })
            .collect();
    }
    some_wait(rng, &mut branches);
    if rng.one_in(2) {
        join(form, &mut branches);
    }
    Work::new(branches)
}

fn records_in_tools(rng: &mut Rng) -> Work {
    let form = form(rng);
    let maker = maker(rng);
    let mut branches = Vec::new();
    for _ in 0..2 + rng.below(3) {
        let record = makers::record(rng);
        let user = vec![words("Look the customer up for "), fresh("run", maker), words(".")];
        branches.push(Branch {
            script: vec![vec![("get_order", vec![words(&record)]), ("get_stock", vec![words("depot 4")])]],
            result: vec![words(" for "), words(&record)],
            start: Start::Own,
            system: vec![words("Desk of "), words(&record)],
            ..Branch::new(form, "", user)
        });
    }
    some_wait(rng, &mut branches);
    Work::new(branches)
}

/// The agent reads its records from a file, which lists others now, or the same in another order.
fn reordered(rng: &mut Rng) -> Work {
    let (form, asks, maker) = (form(rng), question(rng), maker(rng));
    let count = 2 + rng.below(4);
    let mut branches = Vec::new();
    for place in 0..count {
        let user = vec![words("Run "), fresh("run", maker), words(". "), words(asks), Piece::Given(place), words("?")];
        branches.push(Branch::new(form, "You know all customers.", user));
    }
    some_wait(rng, &mut branches);
    let then: Vec<String> = (0..count).map(|_| makers::record(rng)).collect();
    let mut now = then.clone();
    now.rotate_left(rng.below(count));
    let (one, other) = (rng.below(count), rng.below(count));
    now.swap(one, other);
    Work { given: [then, now], told: false, ..Work::new(branches) }
}

fn brought(rng: &mut Rng) -> Work {
    let form = form(rng);
    let maker = maker(rng);
    let brings = [Brings::Commit, Brings::Order, Brings::Uuid][rng.below(3)];
    let mut branches = Vec::new();
    let count = 2 + rng.below(3);
    for place in 0..count {
        let user = vec![words(&format!("Write part {place} of ")), fresh("run", maker)];
        branches.push(Branch { brings, ..Branch::new(form, "You write.", user) });
    }
    for place in 0..count {
        let user = vec![words("Check "), Piece::Brought(place), words(" of run "), fresh("run", maker)];
        branches.push(Branch { after: vec![place], ..Branch::new(form, "You check.", user) });
    }
    Work::new(branches)
}

fn items(rng: &mut Rng) -> Work {
    let mut branches = Vec::new();
    let count = 2 + rng.below(3);
    for place in 0..count {
        let user = vec![words(&format!("Name fruit number {place}"))];
        branches.push(Branch::new(Form::Responses, "You name fruit.", user));
    }
    for place in 0..count {
        let of = if rng.one_in(3) { (0..count).collect() } else { vec![place] };
        let user = vec![words("Spell it.")];
        let start = Start::Item(of);
        branches.push(Branch { after: (0..count).collect(), start, ..Branch::new(Form::Responses, "Spell.", user) });
    }
    Work::new(branches)
}

fn drafts(rng: &mut Rng) -> Work {
    let mut branches = Vec::new();
    let count = 2 + rng.below(3);
    for _ in 0..count {
        branches.push(Branch::new(Form::Responses, "You write.", vec![words("Draft a title.")]));
    }
    let all: Vec<usize> = (0..count).collect();
    let start = if rng.one_in(2) { Start::Draft(all.clone()) } else { Start::Item(all.clone()) };
    let user = vec![words("Finish it.")];
    branches.push(Branch { after: all, start, turns: 1, ..Branch::new(Form::Responses, "You write.", user) });
    Work { draws: true, ..Work::new(branches) }
}

/// The user chooses: which of the answers is gone on from is another one now, in most of them.
fn chosen(rng: &mut Rng, work: Work) -> Work {
    let count = work.branches.iter().filter(|branch| branch.start == Start::Own).count();
    let mut work = work;
    for branch in &mut work.branches {
        branch.choose = (branch.start != Start::Own).then_some(0);
    }
    Work { given: [vec![rng.below(count).to_string()], vec![rng.below(count).to_string()]], ..work }
}

fn other_item(rng: &mut Rng) -> Work {
    let mut branches = Vec::new();
    let count = 2 + rng.below(3);
    for place in 0..count {
        let user = vec![words(&format!("Name fruit number {place}"))];
        branches.push(Branch::new(Form::Responses, "You name fruit.", user));
    }
    let all: Vec<usize> = (0..count).collect();
    let start = Start::Item(all.clone());
    branches.push(Branch { after: all, start, ..Branch::new(Form::Responses, "Spell.", vec![words("Spell it.")]) });
    chosen(rng, Work::new(branches))
}

fn other_draft(rng: &mut Rng) -> Work {
    let work = drafts(rng);
    chosen(rng, work)
}

fn quoted(rng: &mut Rng) -> Work {
    let form = form(rng);
    let mut branches = Vec::new();
    let count = 2 + rng.below(3);
    for _ in 0..count {
        let user = vec![words("Draft a title for "), fresh("run", Maker::Uuid)];
        branches.push(Branch::new(form, "You write.", user));
    }
    let all: Vec<usize> = (0..count).collect();
    let user = vec![words("Finish this: "), Piece::Least(all.clone())];
    branches.push(Branch { after: all, turns: 1, ..Branch::new(form, "You edit.", user) });
    Work { draws: true, ..Work::new(branches) }
}

const VARIABLES: [&str; 2] = ["ALPHA_API_KEY", "BETA_API_KEY"];

fn secrets(rng: &mut Rng) -> Vec<(String, String)> {
    let prefix = ["sk-", "ghp_", "sk-proj-"][rng.below(3)];
    VARIABLES.iter().map(|name| ((*name).to_owned(), makers::secret(rng, prefix))).collect()
}

fn two_secrets(rng: &mut Rng) -> Work {
    let form = form(rng);
    let branch = |secret: &'static str| {
        Branch::new(
            form,
            "You check access.",
            vec![words("Log in with "), Piece::Secret(secret), words(" and say what you see.")],
        )
    };
    let mut branches = vec![branch(VARIABLES[0]), branch(VARIABLES[1])];
    for branch in &mut branches {
        branch.turns = rng.below(2);
    }
    if rng.one_in(2) {
        join(form, &mut branches);
    }
    let secrets = secrets(rng);
    Work { secrets: [secrets.clone(), secrets], ..Work::new(branches) }
}

fn rotated(rng: &mut Rng) -> Work {
    let now = secrets(rng);
    let work = two_secrets(rng);
    let [then, _] = work.secrets;
    Work { secrets: [then, now], ..work }
}

fn one_secret(rng: &mut Rng) -> Work {
    let form = form(rng);
    let mut branches = Vec::new();
    for place in 0..2 {
        let user = vec![words("Log in with "), Piece::Chosen(place), words(" and say what you see.")];
        branches.push(Branch { only_if: Some(place), ..Branch::new(form, "You check access.", user) });
    }
    let given =
        |names: [usize; 2]| names.map(|place| VARIABLES.get(place).copied().unwrap_or_default().to_owned()).to_vec();
    let now = [[1, 0], [2, 1], [0, 2], [1, 2], [2, 0]][rng.below(5)];
    let secrets = secrets(rng);
    Work { secrets: [secrets.clone(), secrets], given: [given([0, 1]), given(now)], ..Work::new(branches) }
}

fn tokens(rng: &mut Rng) -> Work {
    let form = form(rng);
    let mut branches = Vec::new();
    for place in 0..2 + rng.below(2) {
        let user = vec![words("Use "), Piece::Token(format!("token {place}")), words(" once.")];
        let mut branch = Branch::new(form, "You check access.", user);
        if rng.one_in(2) {
            branch.system = vec![words(&format!("You check door {place}."))];
        }
        branches.push(branch);
    }
    Work::new(branches)
}

fn token_flow(rng: &mut Rng) -> Work {
    let form = form(rng);
    let mut branches = Vec::new();
    let count = 1 + rng.below(2);
    for place in 0..count {
        let user = vec![words(&format!("Give me access to door {place}."))];
        branches.push(Branch { brings: Brings::Token, ..Branch::new(form, "You give access.", user) });
    }
    for place in 0..count {
        let user = vec![words("I have "), Piece::Brought(place), words(" and want to enter.")];
        branches.push(Branch { after: vec![place], ..Branch::new(form, "You open.", user) });
    }
    Work::new(branches)
}

fn providers(rng: &mut Rng) -> Work {
    let maker = maker(rng);
    let mut branches = Vec::new();
    for by in ["openai", "groq", "deepseek"].into_iter().take(2 + rng.below(2)) {
        let mut user = vec![words("Which of the two is cheaper?")];
        if rng.one_in(2) {
            user.extend([words(" Run "), fresh("run", maker)]);
        }
        branches.push(Branch { by: Some(by), turns: rng.below(2), ..Branch::new(Form::Chat, "Compare.", user) });
    }
    let user = branches[0].user.clone();
    for branch in &mut branches {
        branch.user.clone_from(&user);
    }
    Work::new(branches)
}

fn with_ids(rng: &mut Rng, ids: Ids) -> Work {
    let form = [Form::Chat, Form::Messages][rng.below(2)];
    let mut branches = Vec::new();
    for place in 0..=rng.below(3) {
        let user = vec![words(&format!("Gather facts, part {place}, for ")), fresh("run", Maker::Uuid)];
        let call = |what: &str| ("search", vec![words(what)]);
        let more = ("read", vec![words("the page")]);
        let mut script = vec![vec![call("alpha"), call("beta")], vec![call("gamma"), more]];
        if rng.one_in(2) {
            script.push(vec![call("delta")]);
        }
        branches.push(Branch {
            ids,
            script,
            result: vec![words(&format!(" in part {place}"))],
            turns: rng.below(2),
            ..Branch::new(form, "Use tools.", user)
        });
    }
    some_wait(rng, &mut branches);
    Work::new(branches)
}

fn per_turn(rng: &mut Rng) -> Work {
    with_ids(rng, Ids::PerTurn)
}

fn chains(rng: &mut Rng) -> Work {
    let mut work = with_ids(rng, Ids::Random);
    for branch in &mut work.branches {
        branch.form = Form::Responses;
        branch.chain = Chain::Previous;
    }
    work
}

fn empty(rng: &mut Rng) -> Work {
    with_ids(rng, Ids::Empty)
}

fn by_name(rng: &mut Rng) -> Work {
    with_ids(rng, Ids::Name)
}

fn names(rng: &mut Rng) -> Work {
    let form = form(rng);
    let mut branches = Vec::new();
    let labels: Vec<(String, Maker)> = (0..=rng.below(3)).map(|place| (format!("name {place}"), maker(rng))).collect();
    for place in 0..2 + rng.below(3) {
        let mut user = vec![words(&format!("Step {place}. Work on"))];
        for (label, maker) in &labels {
            if rng.one_in(2) {
                user.extend([words([" ", " session=", " <", " `"][rng.below(4)]), fresh(label, *maker), words(" now")]);
            }
        }
        branches.push(Branch { turns: rng.below(2), ..Branch::new(form, "You work.", user) });
    }
    some_wait(rng, &mut branches);
    Work::new(branches)
}

fn shortened(rng: &mut Rng) -> Work {
    let form = form(rng);
    let maker = [Maker::Uuid, Maker::UuidHex, Maker::Ulid, Maker::ObjectId][rng.below(4)];
    let user = vec![words("Open the session "), fresh("session", maker), words(".")];
    let mut branches = vec![Branch::new(form, "You open.", user)];
    let user = vec![words("Close "), Piece::Answer(0)];
    branches.push(Branch { after: vec![0], ..Branch::new(form, "You close.", user) });
    Work::new(branches)
}

fn names_in_results(rng: &mut Rng) -> Work {
    let form = form(rng);
    let maker = maker(rng);
    let mut branches = Vec::new();
    for place in 0..=rng.below(3) {
        let user = vec![words(&format!("Make a folder for part {place}."))];
        branches.push(Branch {
            script: vec![vec![("make_folder", vec![words(&format!("part {place}"))]), ("list", vec![words("all")])]],
            result: vec![words(" at "), fresh(&format!("folder {place}"), maker)],
            turns: rng.below(2),
            ..Branch::new(form, "Use tools.", user)
        });
    }
    some_wait(rng, &mut branches);
    Work::new(branches)
}

fn names_in_paths(rng: &mut Rng) -> Work {
    let form = form(rng);
    let mut maker = maker(rng);
    if maker.is_temporary() || maker == Maker::Address {
        maker = Maker::Ulid;
    }
    let around: [(&str, &str); 5] = [
        ("Read /srv/data/", "/notes.md of the run."),
        ("Fetch https://files.example.com/u/", "/report?format=csv now."),
        ("Given {\"", "\": {\"state\": \"open\"}}, what is open?"),
        ("Branch agent/", "-fix is to be merged."),
        ("The archive out_", ".tar.gz is to be opened."),
    ];
    let mut branches = Vec::new();
    for place in 0..2 + rng.below(3) {
        let (before, after) = around[rng.below(5)];
        let user = vec![words(&format!("Step {place}. {before}")), fresh("run", maker), words(after)];
        branches.push(Branch { turns: rng.below(2), ..Branch::new(form, "You read.", user) });
    }
    Work::new(branches)
}

fn temporary(rng: &mut Rng) -> Work {
    let form = form(rng);
    let makers = [Maker::Mkdtemp, Maker::NodeMkdtemp, Maker::GoMkdirTemp, Maker::Mktemp, Maker::Pytest];
    let mut branches = Vec::new();
    let maker = makers[rng.below(5)];
    for place in 0..2 + rng.below(3) {
        let user = vec![words(&format!("Step {place}. See ")), fresh("folder", maker), words("/src/main.py there.")];
        branches.push(Branch { turns: rng.below(2), ..Branch::new(form, "You see.", user) });
    }
    let places = ["/tmp", "/var/folders/zz/zyxvpxvq6csfxvn_n0000000000000/T", "/scratch/ada", "/home/ada/.cache/tmp"];
    let temporary = [places[rng.below(4)], places[rng.below(4)]];
    Work { temporary, ..Work::new(branches) }
}

fn given(rng: &mut Rng) -> Work {
    let form = form(rng);
    let mut branches = Vec::new();
    for place in 0..2 {
        let mut user = vec![words("What is the balance of customer "), Piece::Given(place), words("?")];
        if rng.one_in(2) {
            user.extend([words(" Run "), fresh("run", Maker::UuidHex)]);
        }
        branches.push(Branch::new(form, "You know all customers.", user));
    }
    let (first, second, third) = (makers::record(rng), makers::record(rng), makers::record(rng));
    let now = match rng.below(4) {
        0 => vec![second.clone(), first.clone()],
        1 => vec![third, first.clone()],
        2 => vec![second.clone(), third],
        _ => vec![first.clone(), second.clone()],
    };
    Work { given: [vec![first, second], now], ..Work::new(branches) }
}

fn clocks(rng: &mut Rng) -> Work {
    let form = form(rng);
    let mut branches = Vec::new();
    for place in 0..2 + rng.below(3) {
        let format = CLOCKS[rng.below(CLOCKS.len() - 1)];
        let system = vec![words("You are an assistant. Today is "), Piece::Clock(format), words(". Be brief.")];
        let user = vec![words(&format!("Step {place}: plan the release of 2024-03-01."))];
        branches.push(Branch { system, turns: rng.below(2), ..Branch::new(form, "", user) });
    }
    some_wait(rng, &mut branches);
    Work::new(branches)
}

fn attempts(rng: &mut Rng) -> Work {
    let mut work = if rng.one_in(2) { records(rng) } else { names(rng) };
    let last = work.branches.len() - 1;
    work.branches[last].user.push(words(" Case 1."));
    work.branches[0].user.push(words(" Case 0."));
    work.troubles = vec![("Case 0.".into(), vec![429, 503]), ("Case 1.".into(), vec![529])];
    work
}

fn forks(rng: &mut Rng) -> Work {
    let form = form(rng);
    let maker = maker(rng);
    let mut branches =
        vec![Branch::new(form, "You plan.", vec![words("Plan the trip "), fresh("trip", maker), words(".")])];
    let count = 2 + rng.below(3);
    for place in 0..count {
        let start = Start::Fork(0);
        let user = if rng.one_in(3) { "Another way.".to_owned() } else { format!("Way {place}.") };
        branches.push(Branch {
            after: vec![0],
            start,
            turns: rng.below(2),
            ..Branch::new(form, "", vec![words(&user)])
        });
    }
    for (place, branch) in branches.iter_mut().enumerate().skip(1) {
        // Equal forks are twins with equal answers.
        branch.turns = if place == 1 { 1 } else { branch.turns };
    }
    Work::new(branches)
}

fn handoffs(rng: &mut Rng) -> Work {
    let ids = [Ids::Random, Ids::PerTurn, Ids::Empty, Ids::Name][rng.below(4)];
    let mut work = with_ids(rng, ids);
    let count = work.branches.len();
    for place in 0..count {
        let form = work.branches[place].form;
        let system = format!("You are the desk number {}.", place % 2);
        let user = vec![words("Take over for "), fresh("desk", Maker::Session), words(".")];
        let start = Start::Fork(place);
        let script = vec![vec![("search", vec![words("omega")])]];
        work.branches.push(Branch { after: vec![place], start, script, ..Branch::new(form, &system, user) });
    }
    work
}

fn confusable(rng: &mut Rng) -> Work {
    let form = form(rng);
    let maker = maker(rng);
    let (mut branches, turns) = (Vec::new(), rng.below(3));
    for place in 0..2 + rng.below(3) {
        let user = vec![words("Work in "), fresh(&format!("worker {place}"), maker), words(".")];
        branches.push(Branch { turns, ..Branch::new(form, "You work.", user) });
    }
    Work::new(branches)
}

/// Several of the kinds in one agent.
fn mixed(rng: &mut Rng) -> Work {
    let mut whole = Work::new(Vec::new());
    for part in 0..2 + rng.below(3) {
        let kind = KINDS[rng.below(KINDS.len() - 1)].1;
        let work = kind(rng);
        // Secrets and what the user gave belong to one part.
        let plain = work.given[0].is_empty() && work.secrets[0].is_empty() && work.troubles.is_empty();
        let first = whole.branches.len();
        if !plain || work.draws && first > 0 {
            continue;
        }
        whole.draws |= work.draws;
        if first == 0 {
            whole.temporary = work.temporary;
        }
        for mut branch in work.branches {
            shift(&mut branch, first, part);
            if first > 0 && branch.after.is_empty() && rng.one_in(4) {
                branch.after.push(rng.below(first));
            }
            whole.branches.push(branch);
        }
    }
    if whole.branches.is_empty() { records(rng) } else { whole }
}

/// Moves a branch behind others; each part has its own words.
fn shift(branch: &mut Branch, by: usize, part: usize) {
    for place in &mut branch.after {
        *place += by;
    }
    let pieces = branch.user.iter_mut().chain(&mut branch.system).chain(&mut branch.result);
    for piece in pieces.chain(branch.script.iter_mut().flatten().flat_map(|(_, pieces)| pieces)) {
        match piece {
            Piece::Brought(place) | Piece::Answer(place) => *place += by,
            Piece::Least(places) => places.iter_mut().for_each(|place| *place += by),
            Piece::Fresh(label, _) | Piece::Token(label) => label.push_str(&format!(" of {part}")),
            _ => {}
        }
    }
    match &mut branch.start {
        Start::Fork(place) => *place += by,
        Start::Draft(places) | Start::Item(places) => places.iter_mut().for_each(|place| *place += by),
        Start::Own => {}
    }
    branch.system.insert(0, words(&format!("Part {part}. ")));
    if branch.chain == Chain::Previous {
        branch.form = Form::Responses;
    }
}
