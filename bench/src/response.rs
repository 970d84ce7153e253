//! Reads HTTP/1.1 answers incrementally, with no more work than a load driver can afford.
//!
//! Knows `Content-Length` and `chunked`. Everything else (trailers, `Connection: close` bodies) is an error: the
//! driver must not guess what a server meant.

/// Why bytes are not an answer that the driver understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// The head does not begin with `HTTP/1.1 <status>` or is longer than 32 KiB.
    Head,
    /// Neither a length nor `chunked` was announced.
    Length,
    /// A chunk's size line is not hexadecimal or its end is missing.
    Chunk,
    /// Bytes followed behind the end of the answer although nothing was asked for.
    Surplus,
}

/// What the head announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// HTTP status.
    pub status: u16,
    /// Whether the server closes the connection behind this answer.
    pub closes: bool,
}

enum State {
    Head,
    Counted { left: usize },
    ChunkSize,
    ChunkData { left: usize },
    ChunkEnd,
    LastEnd,
    Done,
}

/// One answer as it arrives. Feed it until [`Reader::is_done`].
pub struct Reader {
    state: State,
    held: Vec<u8>,
    head: Option<Head>,
}

impl Default for Reader {
    fn default() -> Self {
        Self { state: State::Head, held: Vec::new(), head: None }
    }
}

impl Reader {
    /// Makes the reader ready for the next answer on the same connection.
    pub fn reset(&mut self) {
        self.state = State::Head;
        self.held.clear();
        self.head = None;
    }

    /// The head, once it has arrived.
    #[must_use]
    pub fn head(&self) -> Option<Head> {
        self.head
    }

    /// Whether the answer has ended.
    #[must_use]
    pub fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// Reads the next bytes and hands each piece of the body to `body`.
    ///
    /// # Errors
    /// [`Broken`] says which part of the answer is not HTTP; the connection is of no further use then.
    pub fn feed(&mut self, mut bytes: &[u8], mut body: impl FnMut(&[u8])) -> Result<(), Broken> {
        while !bytes.is_empty() {
            match self.state {
                State::Head => bytes = self.feed_head(bytes)?,
                State::Counted { left } => {
                    let (piece, rest) = bytes.split_at(left.min(bytes.len()));
                    body(piece);
                    bytes = rest;
                    self.state = counted(left - piece.len());
                }
                State::ChunkData { left } => {
                    let (piece, rest) = bytes.split_at(left.min(bytes.len()));
                    body(piece);
                    bytes = rest;
                    let left = left - piece.len();
                    self.state = if left == 0 { State::ChunkEnd } else { State::ChunkData { left } };
                }
                State::ChunkSize | State::ChunkEnd | State::LastEnd => bytes = self.feed_line(bytes)?,
                State::Done => return Err(Broken::Surplus),
            }
        }
        Ok(())
    }

    fn feed_head<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], Broken> {
        let before = self.held.len();
        self.held.extend_from_slice(bytes);
        let from = before.saturating_sub(3);
        let Some(end) = self.held[from..].windows(4).position(|window| window == b"\r\n\r\n") else {
            return if self.held.len() > 32 * 1024 { Err(Broken::Head) } else { Ok(&[]) };
        };
        let end = from + end + 4;
        let (head, state) = parse_head(&self.held[..end])?;
        self.head = Some(head);
        self.state = state;
        self.held.clear();
        Ok(&bytes[end - before..])
    }

    /// The three lines around a chunk: its size, the empty one behind its data, the empty one behind the last.
    fn feed_line<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], Broken> {
        let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else {
            self.held.extend_from_slice(bytes);
            return if self.held.len() > 64 { Err(Broken::Chunk) } else { Ok(&[]) };
        };
        self.held.extend_from_slice(&bytes[..end]);
        let line = self.held.strip_suffix(b"\r").ok_or(Broken::Chunk)?;
        self.state = match self.state {
            State::ChunkSize => match chunk_size(line)? {
                0 => State::LastEnd,
                left => State::ChunkData { left },
            },
            State::ChunkEnd if line.is_empty() => State::ChunkSize,
            State::LastEnd if line.is_empty() => State::Done,
            _ => return Err(Broken::Chunk),
        };
        self.held.clear();
        Ok(&bytes[end + 1..])
    }
}

fn counted(left: usize) -> State {
    if left == 0 { State::Done } else { State::Counted { left } }
}

fn chunk_size(line: &[u8]) -> Result<usize, Broken> {
    let digits = line.split(|byte| *byte == b';').next().unwrap_or_default();
    let digits = std::str::from_utf8(digits).map_err(|_| Broken::Chunk)?;
    usize::from_str_radix(digits.trim(), 16).map_err(|_| Broken::Chunk)
}

fn parse_head(bytes: &[u8]) -> Result<(Head, State), Broken> {
    let text = std::str::from_utf8(bytes).map_err(|_| Broken::Head)?;
    let mut lines = text.split("\r\n");
    let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 ")).ok_or(Broken::Head)?;
    let status = status.get(..3).and_then(|digits| digits.parse().ok()).ok_or(Broken::Head)?;
    let mut head = Head { status, closes: false };
    let mut state = None;
    for line in lines {
        let Some((name, value)) = line.split_once(':') else { continue };
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") {
            state = Some(counted(value.parse().map_err(|_| Broken::Length)?));
        } else if name.eq_ignore_ascii_case("transfer-encoding") && value.eq_ignore_ascii_case("chunked") {
            state = Some(State::ChunkSize);
        } else if name.eq_ignore_ascii_case("connection") {
            head.closes = value.eq_ignore_ascii_case("close");
        }
    }
    Ok((head, state.ok_or(Broken::Length)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(answer: &[u8], step: usize) -> Result<(Head, Vec<u8>, bool), Broken> {
        let (mut reader, mut body) = (Reader::default(), Vec::new());
        for piece in answer.chunks(step) {
            reader.feed(piece, |bytes| body.extend_from_slice(bytes))?;
        }
        Ok((reader.head().ok_or(Broken::Head)?, body, reader.is_done()))
    }

    #[test]
    fn an_answer_reads_the_same_wherever_the_network_cuts_it() {
        let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\nB;x=1\r\n, wardroom!\r\n0\r\n\r\n";
        let counted = b"HTTP/1.1 429 Too Many Requests\r\nConnection: close\r\nContent-Length: 4\r\n\r\nslow";
        for step in 1..chunked.len() {
            let (head, body, done) = read(chunked, step).unwrap();
            assert_eq!(
                (head.status, head.closes, body.as_slice(), done),
                (200, false, &b"hello, wardroom!"[..], true)
            );
            let (head, body, done) = read(counted, step).unwrap();
            assert_eq!((head.status, head.closes, body.as_slice(), done), (429, true, &b"slow"[..], true));
        }
    }

    #[test]
    fn an_answer_that_stops_half_way_is_not_done() {
        let (_, _, done) =
            read(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", 64).unwrap();
        assert!(!done);
    }

    #[test]
    fn bytes_behind_the_end_are_an_error() {
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK";
        assert_eq!(read(answer, 1024).unwrap_err(), Broken::Surplus);
    }

    #[test]
    fn a_chunk_whose_length_is_wrong_is_an_error() {
        let answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhello\r\n0\r\n\r\n";
        assert_eq!(read(answer, 1024).unwrap_err(), Broken::Chunk);
    }
}
