//! The body of a demo answer: pieces of text, each after its pause.

use std::{
    collections::VecDeque,
    convert::Infallible,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::ready;
use http_body::{Body, Frame};
use tokio::time::Sleep;

/// Pieces of text, each after its pause.
#[derive(Debug)]
pub(crate) struct DemoBody {
    pieces: VecDeque<(Duration, String)>,
    pause: Option<Pin<Box<Sleep>>>,
    /// Never ends, to try what becomes of a provider that falls silent.
    is_silent: bool,
}

impl DemoBody {
    /// These pieces, each after its pause.
    pub(super) fn timed(pieces: impl IntoIterator<Item = (Duration, String)>) -> Self {
        Self { pieces: pieces.into_iter().collect(), pause: None, is_silent: false }
    }

    /// No piece and no end.
    pub(super) const fn silent() -> Self {
        Self { pieces: VecDeque::new(), pause: None, is_silent: true }
    }

    /// Loses the second half.
    pub(super) fn break_off(&mut self) {
        let half = self.pieces.len() / 2;
        self.pieces.truncate(half);
        if let Some((_, text)) = self.pieces.back_mut() {
            let mut middle = text.len() / 2;
            while !text.is_char_boundary(middle) {
                middle -= 1;
            }
            text.truncate(middle);
        }
    }
}

impl Body for DemoBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.is_silent {
            return Poll::Pending;
        }
        let Some((pause, _)) = self.pieces.front() else { return Poll::Ready(None) };
        if !pause.is_zero() {
            let pause = *pause;
            let timer = self.pause.get_or_insert_with(|| Box::pin(tokio::time::sleep(pause)));
            ready!(timer.as_mut().poll(context));
            self.pause = None;
        }
        Poll::Ready(self.pieces.pop_front().map(|(_, text)| Ok(Frame::data(Bytes::from(text)))))
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_body_that_breaks_off_ends_inside_a_piece_and_between_two_characters() {
        let pieces = ["data: one", "data: zwölf ☃☃☃☃", "data: three", "data: four"];
        let mut body = DemoBody::timed(pieces.map(|text| (Duration::from_millis(15), text.to_owned())));
        body.break_off();
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        assert!(text.starts_with("data: one") && text.len() > "data: one".len());
        assert!(pieces.concat().starts_with(&text) && !text.ends_with('☃'), "{text:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn each_piece_waits_for_its_pause() {
        let started = tokio::time::Instant::now();
        let body = DemoBody::timed([5, 0, 7].map(|pause| (Duration::from_millis(pause), "x".to_owned())));
        body.collect().await.unwrap();
        assert_eq!(started.elapsed(), Duration::from_millis(12));
    }
}
