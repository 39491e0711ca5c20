//! A TCP proxy that misbehaves on demand, to put between a client and a server or a service and its database.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// What the proxy does with bytes and connections. Byte counts are those of one connection since the fault was set.
/// A connection that lost bytes stays broken for its protocol when the fault is over: [`FaultProxy::cut`] ends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing: everything is forwarded.
    None,
    /// Existing connections are cut, new ones closed at once.
    Refuse,
    /// Everything is forwarded this much later, in both directions.
    Delay(Duration),
    /// A connection is cut after so many bytes to the server.
    CutRequests(u64),
    /// A connection is cut after so many bytes to the client.
    CutReplies(u64),
    /// The server never sees what the client sends.
    SwallowRequests,
    /// The client never sees what the server answers; the server has done the work.
    SwallowReplies,
    /// Both: a peer that is there and dead, as behind a partition or after SIGSTOP.
    Blackhole,
}

#[derive(Clone, Copy, Debug)]
struct State {
    fault: Fault,
    /// Counts `set`: byte counts begin again.
    set: u64,
    /// Counts `cut`: connections from before end.
    cut: u64,
}

#[derive(Debug, Default)]
struct Counters {
    connections: AtomicU64,
    swallowed: AtomicU64,
}

/// Forwards connections from its own port to one address. Ends, with all its connections, when dropped.
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    state: watch::Sender<State>,
    counters: Arc<Counters>,
    _tasks: JoinSet<()>,
}

impl FaultProxy {
    /// A proxy on a free loopback port to `upstream`, which need not listen yet.
    pub async fn start(upstream: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a loopback port can be bound");
        let address = listener.local_addr().expect("a bound socket has an address");
        let (state, watcher) = watch::channel(State { fault: Fault::None, set: 0, cut: 0 });
        let counters = Arc::new(Counters::default());
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, upstream, watcher, Arc::clone(&counters)));
        Self { address, state, counters, _tasks: tasks }
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Does `fault` from now on, to existing connections too.
    pub fn set(&self, fault: Fault) {
        self.state.send_modify(|state| {
            state.fault = fault;
            state.set += 1;
            state.cut += u64::from(fault == Fault::Refuse);
        });
    }

    /// Cuts all existing connections.
    pub fn cut(&self) {
        self.state.send_modify(|state| state.cut += 1);
    }

    /// How many connections were accepted, refused ones not counted.
    pub fn connections(&self) -> u64 {
        self.counters.connections.load(Ordering::SeqCst)
    }

    /// How many bytes were swallowed: a test that waits for this to grow knows that a reply is lost.
    pub fn swallowed(&self) -> u64 {
        self.counters.swallowed.load(Ordering::SeqCst)
    }
}

async fn accept(listener: TcpListener, upstream: SocketAddr, state: watch::Receiver<State>, counters: Arc<Counters>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((client, _)) = accepted else { continue };
                if state.borrow().fault == Fault::Refuse {
                    continue;
                }
                counters.connections.fetch_add(1, Ordering::SeqCst);
                connections.spawn(carry(client, upstream, state.clone(), Arc::clone(&counters)));
            }
            Some(_ended) = connections.join_next() => {}
        }
    }
}

/// One connection, until both sides have ended or it is cut.
async fn carry(client: TcpStream, upstream: SocketAddr, mut state: watch::Receiver<State>, counters: Arc<Counters>) {
    let cut = state.borrow().cut;
    let Ok(server) = TcpStream::connect(upstream).await else { return };
    // Small messages must not wait for each other because of the proxy.
    let (_, _) = (client.set_nodelay(true), server.set_nodelay(true));
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let requests = Pump { direction: Direction::Requests, state: state.clone(), counters: &counters };
    let replies = Pump { direction: Direction::Replies, state: state.clone(), counters: &counters };
    tokio::select! {
        _ended = async { tokio::try_join!(requests.run(from_client, to_server), replies.run(from_server, to_client)) } => {}
        _cut = state.wait_for(|state| state.cut != cut) => {}
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Requests,
    Replies,
}

/// The connection is over.
struct Cut;

impl From<std::io::Error> for Cut {
    fn from(_: std::io::Error) -> Self {
        Cut
    }
}

struct Pump<'a> {
    direction: Direction,
    state: watch::Receiver<State>,
    counters: &'a Counters,
}

impl Pump<'_> {
    async fn run(self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) -> Result<(), Cut> {
        let mut buffer = vec![0; 16 * 1024];
        let (mut set, mut carried) = (self.state.borrow().set, 0);
        loop {
            let read = from.read(&mut buffer).await?;
            if read == 0 {
                // Half closed: the other direction may still have something to say.
                to.shutdown().await?;
                return Ok(());
            }
            let state = *self.state.borrow();
            if state.set != set {
                (set, carried) = (state.set, 0);
            }
            let chunk = &buffer[..read];
            match (state.fault, self.direction) {
                (Fault::CutRequests(limit), Direction::Requests) | (Fault::CutReplies(limit), Direction::Replies) => {
                    let left = usize::try_from(limit.saturating_sub(carried)).unwrap_or(usize::MAX);
                    to.write_all(&chunk[..left.min(read)]).await?;
                    if left <= read {
                        return Err(Cut);
                    }
                }
                (Fault::Blackhole, _)
                | (Fault::SwallowRequests, Direction::Requests)
                | (Fault::SwallowReplies, Direction::Replies) => {
                    self.counters.swallowed.fetch_add(read as u64, Ordering::SeqCst);
                }
                (Fault::Delay(delay), _) => {
                    tokio::time::sleep(delay).await;
                    to.write_all(chunk).await?;
                }
                (
                    Fault::None
                    | Fault::Refuse
                    | Fault::CutRequests(_)
                    | Fault::CutReplies(_)
                    | Fault::SwallowRequests
                    | Fault::SwallowReplies,
                    _,
                ) => to.write_all(chunk).await?,
            }
            carried += read as u64;
        }
    }
}
