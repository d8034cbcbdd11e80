//! What a run is: events, calls, nodes, edges, and the graph they make.

pub mod event;
mod graph;
mod id;
mod message;
mod node;
mod run;

pub use graph::RunGraph;
pub use id::{LaneId, Micros, NodeId, RunId};
pub use message::{Message, Part, Prompt, Reasoning, Reply, Text, ToolCall, ToolDefinition, ToolResult, Usage};
pub use node::{
    Announced, Answer, Block, Call, Certainty, Detail, Document, Edge, Kind, Node, Passage, Source, Tool, ToolState,
};
pub use run::{Run, State, Summary};
