//! Ends a connection so that the last answer arrives.
//!
//! A socket that is closed with bytes unread is reset, and a reset takes away what the other side has not read yet.
//! So whoever was refused in the middle of a large body would see a broken connection instead of the reason, and a
//! proxy in front would make a 502 of it. Here such a sender is heard out for a while, and nothing of it kept
//! (RFC 9112, 9.6).

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Sleep, sleep},
};

/// How long somebody is heard out who goes on sending.
const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes that are thrown away at a time.
const PIECE: usize = 16 * 1024;

/// Whether somebody was interrupted on a connection: the answer to the latest request was given before all of its body
/// was read. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Interrupted(Arc<AtomicBool>);

/// The body of a request, which notes that it was given up before its end.
#[derive(Debug)]
pub(crate) struct Heard {
    body: Incoming,
    is_over: bool,
    interrupted: Interrupted,
}

impl Heard {
    pub(crate) fn of(body: Incoming, interrupted: Interrupted) -> Self {
        interrupted.0.store(false, Ordering::Relaxed);
        Self { body, is_over: false, interrupted }
    }
}

impl Body for Heard {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        self.is_over = frame.is_none();
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Heard {
    fn drop(&mut self) {
        if !self.is_over && !self.body.is_end_stream() {
            self.interrupted.0.store(true, Ordering::Relaxed);
        }
    }
}

/// A connection that is not reset under its last answer.
#[derive(Debug)]
pub(crate) struct Lingering {
    stream: TcpStream,
    interrupted: Interrupted,
    /// Set once our side is closed and the other one may still be sending.
    end: Option<Pin<Box<Sleep>>>,
}

impl Lingering {
    pub(crate) const fn over(stream: TcpStream, interrupted: Interrupted) -> Self {
        Self { stream, interrupted, end: None }
    }

    /// Throws away what comes, until nothing does any more.
    fn poll_hear_out(&mut self, end: &mut Pin<Box<Sleep>>, context: &mut Context<'_>) -> Poll<()> {
        let mut thrown_away = [0; PIECE];
        while end.as_mut().poll(context).is_pending() {
            let mut piece = ReadBuf::new(&mut thrown_away);
            let read = ready!(Pin::new(&mut self.stream).poll_read(context, &mut piece));
            if read.is_err() || piece.filled().is_empty() {
                break;
            }
        }
        Poll::Ready(())
    }
}

impl AsyncRead for Lingering {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Lingering {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut end = if let Some(end) = self.end.take() {
            end
        } else {
            ready!(Pin::new(&mut self.stream).poll_shutdown(context))?;
            if !self.interrupted.0.load(Ordering::Relaxed) {
                return Poll::Ready(Ok(()));
            }
            Box::pin(sleep(PATIENCE))
        };
        let heard_out = self.poll_hear_out(&mut end, context);
        self.end = Some(end);
        heard_out.map(Ok)
    }
}
