//! A closed-loop load driver: a fixed number of keep-alive connections, each of which asks again as soon as it has its
//! answer. Prints one JSON line.
//!
//! `bench-load --port 8080 --connections 64 --seconds 5 --model bench-fast --key sk-… --prompt-bytes 512`
//! `bench-load … --model bench-paced-400-20 --connections 1000 --rounds 1 --spread-ms 2000` opens 1000 slow streams
//! within two seconds and waits until each has ended.

use std::error::Error;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wardroom_bench::answers::{Script, script_of};
use wardroom_bench::arguments::Arguments;
use wardroom_bench::events::Events;
use wardroom_bench::response::Reader;
use wardroom_bench::tally::Tally;

/// What every connection is to do.
struct Plan {
    server: SocketAddr,
    request: Vec<u8>,
    /// Content chunks that each stream must bring; `None` for an answer in one piece.
    chunks: Option<u32>,
    /// When no connection begins another request.
    until: Instant,
    /// Requests per connection; 0 means as many as the time allows.
    rounds: u64,
    /// Longest silence before a request counts as failed.
    patience: Duration,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = Arguments::parse(std::env::args().skip(1))?;
    let connections = arguments.take("connections", 1_u32)?;
    let threads = arguments.take("threads", 1_u32)?.clamp(1, connections.max(1));
    let spread = Duration::from_millis(arguments.take("spread-ms", 0_u64)?);
    let plan = Arc::new(plan(&mut arguments)?);
    arguments.finish()?;

    let started = Instant::now();
    let workers: Vec<_> = (0..threads)
        .map(|thread| {
            let plan = Arc::clone(&plan);
            let mine = (thread..connections).step_by(threads as usize);
            let starts = mine.map(move |number| started + spread * number / connections);
            std::thread::spawn(move || drive(&plan, starts.collect()))
        })
        .collect();
    let mut tally = Tally::default();
    for worker in workers {
        tally.merge(worker.join().map_err(|_| "a load thread ended by a panic")??);
    }
    writeln!(std::io::stdout(), "{}", tally.to_json(started.elapsed()))?;
    Ok(())
}

fn plan(arguments: &mut Arguments) -> Result<Plan, Box<dyn Error>> {
    let port = arguments.take("port", 8080_u16)?;
    let seconds = arguments.take("seconds", 5.0_f64)?;
    let model: String = arguments.take("model", "bench-fast".to_owned())?;
    let body = body(&model, arguments.take("prompt-bytes", 512_usize)?);
    let chunks = match script_of(body.as_bytes()).ok_or("--model names no answer of the mock provider")? {
        Script::Whole => None,
        Script::Burst { chunks } | Script::Paced { chunks, .. } => Some(chunks),
    };
    let path: String = arguments.take("path", "/v1/chat/completions".to_owned())?;
    let key: String = arguments.take("key", "none".to_owned())?;
    let rounds = arguments.take("rounds", 0_u64)?;
    let patience = Duration::from_millis(arguments.take("patience-ms", 10_000_u64)?);
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\nAccept: application/json\r\nUser-Agent: bench-load\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    Ok(Plan {
        server: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        request: [head.as_bytes(), body.as_bytes()].concat(),
        chunks,
        until: Instant::now() + Duration::from_secs_f64(seconds),
        rounds,
        patience,
    })
}

/// A chat request as SDKs send it; `prompt_bytes` is the length of the user's message.
fn body(model: &str, prompt_bytes: usize) -> String {
    let prompt = "Which key turns in this lock, and which ward stops it? ".repeat(prompt_bytes / 55 + 1);
    let stream = if model == "bench-fast" { "" } else { r#","stream":true"# };
    format!(
        r#"{{"model":"{model}","messages":[{{"role":"system","content":"You are brief."}},{{"role":"user","content":"{}"}}],"temperature":0.2,"max_tokens":256{stream}}}"#,
        &prompt[..prompt_bytes]
    )
}

fn drive(plan: &Arc<Plan>, starts: Vec<Instant>) -> std::io::Result<Tally> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        let connections: Vec<_> = starts
            .into_iter()
            .map(|start| tokio::task::spawn_local(connection(Arc::clone(plan), start)))
            .collect();
        let mut tally = Tally::default();
        for connection in connections {
            tally.merge(connection.await.map_err(std::io::Error::other)?);
        }
        Ok(tally)
    })
}

/// One connection's life. It is opened again after a failure, with a pause so that a dead server is not hammered.
async fn connection(plan: Arc<Plan>, start: Instant) -> Tally {
    let mut tally = Tally::default();
    tokio::time::sleep_until(start.into()).await;
    let mut asked = 0;
    let mut line: Option<Line> = None;
    while (plan.rounds == 0 || asked < plan.rounds) && (plan.rounds > 0 || Instant::now() < plan.until) {
        asked += 1;
        let outcome = match line.take() {
            Some(line) => Ok(line),
            None => Line::open(&plan).await,
        };
        let outcome = match outcome {
            Ok(mut open) => open.ask(&plan, &mut tally).await.map(|reusable| reusable.then_some(open)),
            Err(refused) => Err(refused),
        };
        match outcome {
            Ok(kept) => line = kept,
            Err(what) => {
                tally.fail(what);
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    tally
}

/// One open connection with the buffers that its requests share.
struct Line {
    stream: TcpStream,
    reader: Reader,
    events: Events,
    buffer: Box<[u8]>,
}

impl Line {
    async fn open(plan: &Plan) -> Result<Self, String> {
        let stream =
            TcpStream::connect(plan.server).await.map_err(|error| format!("connect: {:?}", error.kind()))?;
        stream.set_nodelay(true).map_err(|error| format!("nodelay: {:?}", error.kind()))?;
        Ok(Self {
            stream,
            reader: Reader::default(),
            events: Events::default(),
            buffer: vec![0; 16 * 1024].into_boxed_slice(),
        })
    }

    /// Sends one request and reads its answer; `true` when the connection may be used again.
    async fn ask(&mut self, plan: &Plan, tally: &mut Tally) -> Result<bool, String> {
        self.reader.reset();
        self.events.reset();
        let begun = Instant::now();
        self.stream.write_all(&plan.request).await.map_err(|error| format!("write: {:?}", error.kind()))?;
        let (mut last_piece, mut longest_gap) = (begun, Duration::ZERO);
        while !self.reader.is_done() {
            let read = tokio::time::timeout(plan.patience, self.stream.read(&mut self.buffer)).await;
            let read = read
                .map_err(|_| "silence".to_owned())?
                .map_err(|error| format!("read: {:?}", error.kind()))?;
            if read == 0 {
                return Err("closed early".to_owned());
            }
            let seen = self.events.content;
            let streaming = plan.chunks.is_some();
            let events = &mut self.events;
            self.reader
                .feed(&self.buffer[..read], |piece| {
                    if streaming {
                        events.feed(piece);
                    }
                })
                .map_err(|broken| format!("answer: {broken:?}"))?;
            if streaming && self.events.content > seen {
                let now = Instant::now();
                if seen == 0 {
                    tally.first_chunk.record(now - begun);
                }
                longest_gap = longest_gap.max(now - last_piece);
                last_piece = now;
                tally.chunks += u64::from(self.events.content - seen);
            }
        }
        if plan.chunks.is_some() {
            tally.longest_gap.record(longest_gap);
        }
        self.conclude(plan, tally, begun)
    }

    fn conclude(&self, plan: &Plan, tally: &mut Tally, begun: Instant) -> Result<bool, String> {
        let head = self.reader.head().ok_or("answer without a head")?;
        if head.status != 200 {
            return Err(format!("status {}", head.status));
        }
        if let Some(chunks) = plan.chunks {
            if !self.events.ended || self.events.content != chunks {
                return Err(format!("stream brought {} of {chunks} chunks", self.events.content));
            }
            tally.whole_streams += 1;
        }
        tally.requests += 1;
        tally.latency.record(begun.elapsed());
        Ok(!head.closes)
    }
}
