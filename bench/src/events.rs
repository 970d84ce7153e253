//! Counts the events of a stream as its bytes pass, however the network cuts them.

/// What a stream has brought so far.
#[derive(Default)]
pub struct Events {
    line: Vec<u8>,
    /// Chunks that carry content: data lines other than the usage chunk (`"choices":[]`) and the end mark.
    pub content: u32,
    /// Whether `data: [DONE]` was seen.
    pub ended: bool,
}

impl Events {
    /// Makes the counter ready for the next stream.
    pub fn reset(&mut self) {
        self.line.clear();
        self.content = 0;
        self.ended = false;
    }

    /// Reads the next bytes of the stream.
    pub fn feed(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            if self.line.is_empty() && piece.ends_with(b"\n") {
                count(piece, &mut self.content, &mut self.ended);
                continue;
            }
            self.line.extend_from_slice(piece);
            if self.line.ends_with(b"\n") {
                count(&self.line, &mut self.content, &mut self.ended);
                self.line.clear();
            }
        }
    }
}

fn count(line: &[u8], content: &mut u32, ended: &mut bool) {
    let Some(data) = line.strip_prefix(b"data: ") else { return };
    if data.starts_with(b"[DONE]") {
        *ended = true;
    } else if !data.windows(12).any(|window| window == b"\"choices\":[]") {
        *content += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_counted_the_same_wherever_they_are_cut() {
        let stream = b"data: {\"choices\":[{\"delta\":{}}]}\n\n: comment\n\ndata: {\"choices\":[{}]}\r\n\r\ndata: {\"choices\":[],\"usage\":{}}\n\ndata: [DONE]\n\n";
        for step in 1..=stream.len() {
            let mut events = Events::default();
            for piece in stream.chunks(step) {
                events.feed(piece);
            }
            assert_eq!((events.content, events.ended), (2, true), "cut every {step} bytes");
        }
    }
}
