//! HTTP/1.1 over bare sockets, so that it can be broken at every byte.

use std::{io, sync::Arc};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::Instant,
};

use super::{
    Received, State,
    script::{Framing, Script, Step},
};

/// Takes connections until it is aborted.
pub(super) async fn accept(listener: TcpListener, state: Arc<State>) {
    // Owned here, so that the connections end with the provider.
    let mut conversations = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        state.lock().connections += 1;
        let state = state.clone();
        conversations.spawn(async move { drop(converse(stream, &state).await) });
    }
}

async fn converse(mut stream: TcpStream, state: &State) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut reader, mut writer) = stream.split();
    let mut buffer = Vec::new();
    while let Some(request) = read_request(&mut reader, &mut buffer).await? {
        let script = state.receive(request.clone()).script(&request);
        let is_over = tokio::select! {
            // Whoever closes while we write is noticed by either, whichever comes first.
            played = play(&mut writer, &script, state) => played
                .inspect_err(|_| state.lock().hang_ups.push(Instant::now()))?,
            read = reader.read_buf(&mut buffer) => {
                if read.is_ok_and(|count| count > 0) {
                    return Err(io::Error::other("the client talks into the answer"));
                }
                state.lock().hang_ups.push(Instant::now());
                true
            }
        };
        if is_over {
            return Ok(());
        }
    }
    Ok(())
}

/// Reads one request; none when the client closed the connection between two.
async fn read_request(
    reader: &mut (impl AsyncRead + Unpin),
    buffer: &mut Vec<u8>,
) -> io::Result<Option<Received>> {
    let head_end = loop {
        if let Some(at) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break at;
        }
        if reader.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    };
    let head = String::from_utf8_lossy(&buffer[..head_end]).into_owned();
    let mut lines = head.split("\r\n");
    let mut first = lines.next().unwrap_or_default().split(' ').map(str::to_owned);
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length: usize = length.and_then(|(_, value)| value.parse().ok()).unwrap_or(0);
    let end = head_end + 4 + length;
    while buffer.len() < end {
        if reader.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
    let body = buffer[head_end + 4..end].to_vec().into();
    buffer.drain(..end);
    let (method, path) = (first.next().unwrap_or_default(), first.next().unwrap_or_default());
    Ok(Some(Received { method, path, headers, body }))
}

/// Sends an answer; true when the connection is over with it.
async fn play(writer: &mut (impl AsyncWrite + Unpin), script: &Script, state: &State) -> io::Result<bool> {
    for step in &script.before {
        wait(step).await;
    }
    if script.framing != Framing::Raw {
        writer.write_all(&script.head()).await?;
    }
    for step in &script.steps {
        match step {
            Step::Send(bytes) if script.framing == Framing::Chunked => {
                state.lock().sent.push(Instant::now());
                writer.write_all(&chunk(bytes)).await?;
            }
            Step::Send(bytes) => writer.write_all(bytes).await?,
            Step::Cut => return Ok(true),
            Step::Pause(_) | Step::Wait(_) | Step::Silence => wait(step).await,
        }
    }
    if script.framing == Framing::Chunked {
        writer.write_all(b"0\r\n\r\n").await?;
    }
    Ok(script.framing == Framing::Raw)
}

async fn wait(step: &Step) {
    match step {
        Step::Pause(time) => tokio::time::sleep(*time).await,
        Step::Wait(gate) => gate.pass().await,
        Step::Silence => std::future::pending().await,
        Step::Send(_) | Step::Cut => {}
    }
}

/// In one write, so that it is one packet.
fn chunk(bytes: &[u8]) -> Vec<u8> {
    let mut framed = format!("{:x}\r\n", bytes.len()).into_bytes();
    framed.extend_from_slice(bytes);
    framed.extend_from_slice(b"\r\n");
    framed
}
