//! Reading an answer whole.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::Body;
use http_body_util::BodyExt;
use tokio::time::timeout;

use crate::EgressError;

/// The whole body, at most `limit` bytes, with at most `idle` between two pieces of it.
///
/// A body in one piece is not copied. [`EgressError::TooLarge`] comes as soon as it is certain, which is
/// before the first byte when the provider announces the length.
pub async fn collect<B>(mut body: B, limit: usize, idle: Duration) -> Result<Bytes, EgressError>
where
    B: Body<Data = Bytes> + Unpin,
    EgressError: From<B::Error>,
{
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > limit {
        return Err(EgressError::TooLarge { limit });
    }
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(frame) = timeout(idle, body.frame()).await.map_err(|_| EgressError::Stalled)? {
        let Ok(piece) = frame?.into_data() else { continue };
        if piece.len() > limit - first.len().max(rest.len()) {
            return Err(EgressError::TooLarge { limit });
        }
        if first.is_empty() && rest.is_empty() {
            first = piece;
        } else {
            if rest.is_empty() {
                rest.reserve(announced.max(first.len() + piece.len()));
                rest.extend_from_slice(&first);
            }
            rest.extend_from_slice(&piece);
        }
    }
    Ok(if rest.is_empty() { first } else { rest.freeze() })
}
