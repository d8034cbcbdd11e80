//! Summaries and tables of frames, version 1.

use serde::{Deserialize, Serialize};

use super::{EndedV1, Invalid, StartedV1, run, size};
use crate::model::event::{Ended, Started};
use crate::model::{State, Summary};
use crate::store::recording::{Place, Table};

/// Without tags: those are in the ledger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in super::super) struct SummaryV1 {
    id: String,
    state: StateV1,
    started: StartedV1,
    ended: Option<EndedV1>,
    nodes: u64,
    model_calls: u64,
    tokens: Option<u64>,
    duration: Option<u64>,
    grade: Option<String>,
    models: Vec<String>,
    tools: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
enum StateV1 {
    Running,
    Interrupted,
    Finished,
}

impl From<&Summary> for SummaryV1 {
    fn from(summary: &Summary) -> Self {
        let Summary { id, state, started, ended, nodes, model_calls, tokens, duration, grade, tags: _, models, tools } =
            summary;
        Self {
            id: id.to_string(),
            state: match state {
                State::Running => StateV1::Running,
                State::Interrupted => StateV1::Interrupted,
                State::Finished => StateV1::Finished,
            },
            started: started.into(),
            ended: ended.as_ref().map(EndedV1::from),
            nodes: *nodes as u64,
            model_calls: *model_calls as u64,
            tokens: *tokens,
            duration: *duration,
            grade: grade.clone(),
            models: models.clone(),
            tools: tools.clone(),
        }
    }
}

impl TryFrom<SummaryV1> for Summary {
    type Error = Invalid;

    fn try_from(stored: SummaryV1) -> Result<Self, Invalid> {
        Ok(Self {
            id: run(&stored.id)?,
            state: match stored.state {
                StateV1::Running => State::Running,
                StateV1::Interrupted => State::Interrupted,
                StateV1::Finished => State::Finished,
            },
            started: Started::try_from(stored.started)?,
            ended: stored.ended.map(Ended::from),
            nodes: size(stored.nodes)?,
            model_calls: size(stored.model_calls)?,
            tokens: stored.tokens,
            duration: stored.duration,
            grade: stored.grade,
            tags: Vec::new(),
            models: stored.models,
            tools: stored.tools,
        })
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in super::super) struct TableV1 {
    places: Vec<PlaceV1>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct PlaceV1 {
    offset: u64,
    records: u64,
    calls: Option<(u64, u64)>,
}

impl From<&Table> for TableV1 {
    fn from(table: &Table) -> Self {
        let place = |Place { offset, records, calls }: &Place| PlaceV1 {
            offset: *offset,
            records: *records,
            calls: calls.map(|calls| (calls.first, calls.last)),
        };
        Self { places: table.places.iter().map(place).collect() }
    }
}

impl From<TableV1> for Table {
    fn from(stored: TableV1) -> Self {
        let place = |PlaceV1 { offset, records, calls }: PlaceV1| Place {
            offset,
            records,
            calls: calls.map(|(first, last)| crate::store::Calls { first, last }),
        };
        Self { places: stored.places.into_iter().map(place).collect() }
    }
}
