//! Server-sent events, split as the bytes come in (WHATWG HTML, 9.2.6 "Interpreting an event stream").

use std::borrow::Cow;

use memchr::memchr2;

/// One event. It borrows the bytes it was read from, unless its data has several lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event<'a> {
    /// The data, lines joined by a line feed. Providers send JSON or `[DONE]`.
    pub data: Cow<'a, [u8]>,
    /// The `id` field, if there is one.
    pub id: Option<&'a [u8]>,
    /// The `event` field, if there is one.
    pub event: Option<&'a [u8]>,
}

/// An event that is larger than the splitter keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an event of the provider's stream is larger than {limit} bytes")]
pub struct EventTooLarge {
    /// The most that was allowed, in bytes.
    pub limit: usize,
}

/// Splits a stream into events, however its bytes are cut.
#[derive(Debug)]
pub struct Splitter {
    boundary: Boundary,
    /// The event that has not ended yet.
    pending: Vec<u8>,
    limit: usize,
}

impl Splitter {
    /// A splitter that keeps at most `limit` bytes of an unfinished event.
    pub const fn new(limit: usize) -> Self {
        Self { boundary: Boundary::new(), pending: Vec::new(), limit }
    }

    /// Takes the next bytes and hands over every event that they complete. An event within one chunk is
    /// not copied. After an error the splitter must not be used any more.
    pub fn feed(&mut self, chunk: &[u8], mut take: impl FnMut(Event<'_>)) -> Result<(), EventTooLarge> {
        let mut rest = chunk;
        while let Some(end) = self.boundary.find(rest) {
            let (head, tail) = rest.split_at(end);
            if self.pending.is_empty() {
                self.bounded(head.len())?;
                if let Some(event) = Event::read(head) {
                    take(event);
                }
            } else {
                self.bounded(self.pending.len() + head.len())?;
                self.pending.extend_from_slice(head);
                if let Some(event) = Event::read(&self.pending) {
                    take(event);
                }
                self.pending.clear();
            }
            rest = tail;
        }
        self.bounded(self.pending.len() + rest.len())?;
        self.pending.extend_from_slice(rest);
        Ok(())
    }

    /// Hands over what came after the last blank line. The standard drops it; providers that forget the
    /// last blank line mean it.
    pub fn finish(self, take: impl FnOnce(Event<'_>)) {
        if let Some(event) = Event::read(&self.pending) {
            take(event);
        }
    }

    const fn bounded(&self, size: usize) -> Result<(), EventTooLarge> {
        if size > self.limit { Err(EventTooLarge { limit: self.limit }) } else { Ok(()) }
    }
}

impl<'a> Event<'a> {
    /// Reads the lines of one event; none when it has no data (comments, keep-alives).
    pub(crate) fn read(block: &'a [u8]) -> Option<Self> {
        // A byte order mark may only stand at the begin of a stream; nothing else begins with these bytes.
        let mut rest = block.strip_prefix(b"\xef\xbb\xbf").unwrap_or(block);
        let (mut data, mut id, mut event): (Option<Cow<'a, [u8]>>, _, _) = (None, None, None);
        while !rest.is_empty() {
            let (line, after) = split_line(rest);
            rest = after;
            match field(line) {
                (b"data", value) => match &mut data {
                    None => data = Some(Cow::Borrowed(value)),
                    Some(lines) => {
                        let lines = lines.to_mut();
                        lines.push(b'\n');
                        lines.extend_from_slice(value);
                    }
                },
                (b"event", value) => event = Some(value),
                (b"id", value) if !value.contains(&0) => id = Some(value),
                _ => {}
            }
        }
        data.map(|data| Self { data, id, event })
    }
}

/// The first line without its end, and what follows.
fn split_line(bytes: &[u8]) -> (&[u8], &[u8]) {
    match memchr2(b'\n', b'\r', bytes) {
        None => (bytes, &[]),
        Some(at) if bytes[at..].starts_with(b"\r\n") => (&bytes[..at], &bytes[at + 2..]),
        Some(at) => (&bytes[..at], &bytes[at + 1..]),
    }
}

/// Name and value of a line; one space after the colon is not part of the value.
fn field(line: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memchr(b':', line) {
        None => (line, &[]),
        Some(at) => {
            let value = &line[at + 1..];
            (&line[..at], value.strip_prefix(b" ").unwrap_or(value))
        }
    }
}

/// Finds the blank lines that end events, across chunks.
#[derive(Debug, Clone)]
pub(crate) struct Boundary {
    is_line_empty: bool,
    is_after_carriage_return: bool,
}

impl Boundary {
    pub(crate) const fn new() -> Self {
        Self { is_line_empty: true, is_after_carriage_return: false }
    }

    /// The index after the next blank line. Each byte must be shown once, in order: after `Some(n)` go on
    /// at `n`, after `None` with the next chunk.
    pub(crate) fn find(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        if self.is_after_carriage_return && !bytes.is_empty() {
            self.is_after_carriage_return = false;
            // The second half of a line end whose first half was the last byte of the chunk before.
            at = usize::from(bytes[0] == b'\n');
        }
        while let Some(found) = memchr2(b'\n', b'\r', &bytes[at..]) {
            let is_blank = self.is_line_empty && found == 0;
            at += found;
            let is_carriage_return = bytes[at] == b'\r';
            at += 1;
            if is_carriage_return {
                match bytes.get(at) {
                    Some(b'\n') => at += 1,
                    Some(_) => {}
                    None => self.is_after_carriage_return = true,
                }
            }
            self.is_line_empty = true;
            if is_blank {
                return Some(at);
            }
        }
        if at < bytes.len() {
            self.is_line_empty = false;
        }
        None
    }
}
