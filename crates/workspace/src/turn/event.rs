//! What can happen in a turn.

use kernel::{Provenance, TurnError};
use llm::FinishReason;

/// One thing that happened. [`TurnEvent::End`] is always the last.
#[derive(Debug, Clone, PartialEq)]
pub enum TurnEvent {
    /// The next thoughts.
    Reasoning(String),
    /// The next text.
    Delta(String),
    /// A piece of a tool call; the first piece of a call has its id and name.
    ToolCall {
        /// Which of the calls of this answer, from 0.
        index: usize,
        /// The provider's id of the call, or empty.
        id: String,
        /// The function, or empty.
        name: String,
        /// The next characters of the arguments.
        arguments: String,
    },
    /// The chat got a title.
    Title(String),
    /// Something went wrong; the end follows.
    Error(TurnError),
    /// It is over.
    End {
        /// Why.
        reason: EndReason,
        /// What it took; none when no provider was called.
        provenance: Option<Provenance>,
    },
}

/// Why a turn ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndReason {
    /// The model was done.
    Stop,
    /// The limit of tokens.
    Length,
    /// The model waits for tools.
    ToolCalls,
    /// The provider's filter.
    ContentFilter,
    /// Somebody pressed stop.
    Stopped,
    /// The server went down.
    Interrupted,
    /// It failed.
    Error,
}

impl EndReason {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ToolCalls => "tool_calls",
            Self::ContentFilter => "content_filter",
            Self::Stopped => "stopped",
            Self::Interrupted => "interrupted",
            Self::Error => "error",
        }
    }
}

impl From<FinishReason> for EndReason {
    fn from(reason: FinishReason) -> Self {
        match reason {
            FinishReason::Stop => Self::Stop,
            FinishReason::Length => Self::Length,
            FinishReason::ToolCalls => Self::ToolCalls,
            FinishReason::ContentFilter => Self::ContentFilter,
            FinishReason::Error => Self::Error,
        }
    }
}
