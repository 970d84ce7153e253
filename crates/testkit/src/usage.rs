//! The ledger's rows, as a test asks for them.

/// What the ledger says about one request.
#[derive(Debug, Clone, PartialEq)]
pub struct Usage {
    /// The request's id, as in `x-request-id`.
    pub request: String,
    /// `ok`, `failed`, `disconnected` or `refused`.
    pub status: String,
    /// The status code of our answer; 499 for a client that went away.
    pub http_status: u16,
    /// The endpoint, e.g. `chat.completions`.
    pub endpoint: String,
    /// The model as it was asked for.
    pub model: String,
    /// The virtual key that paid.
    pub key: Option<String>,
    /// Tokens of the prompt.
    pub prompt_tokens: u64,
    /// Tokens of the answer.
    pub completion_tokens: u64,
    /// Whether the tokens are our guess.
    pub is_estimated: bool,
    /// Billionths of a dollar; none when the price is not known.
    pub nanos: Option<i64>,
    /// Whether a stream was asked for.
    pub is_stream: bool,
    /// The code of what went wrong.
    pub error: Option<String>,
}

/// Reads all rows, oldest first.
pub(crate) const ALL: &str = "SELECT request_id, outcome, status, endpoint, model, key_id, prompt_tokens, completion_tokens, \
     is_estimated, cost, is_stream, error FROM usage_record ORDER BY at, id";

impl Usage {
    pub(crate) fn of(row: Vec<String>) -> Self {
        let mut fields = row.into_iter();
        let mut next = || fields.next().expect("the statement above names twelve columns");
        Self {
            request: next(),
            status: next(),
            http_status: number(&next()),
            endpoint: next(),
            model: next(),
            key: some(next()),
            prompt_tokens: number(&next()),
            completion_tokens: number(&next()),
            is_estimated: next() == "1",
            nanos: some(next()).map(|text| number(&text)),
            is_stream: next() == "1",
            error: some(next()),
        }
    }
}

fn some(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

fn number<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("a number of the database is a number")
}
