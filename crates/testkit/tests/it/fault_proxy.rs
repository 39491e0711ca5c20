//! Each fault does what its name says, to connections that exist and to new ones.

use std::net::SocketAddr;
use std::time::Duration;

use testkit::{Fault, FaultProxy, eventually};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

const PATIENCE: Duration = Duration::from_secs(20);

/// A server that echoes, and tells what it has read.
struct Echo {
    address: SocketAddr,
    read: mpsc::UnboundedReceiver<Vec<u8>>,
    _tasks: JoinSet<()>,
}

impl Echo {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (seen, read) = mpsc::unbounded_channel();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let seen = seen.clone();
                connections.spawn(async move {
                    let mut buffer = [0; 1024];
                    while let Ok(read @ 1..) = stream.read(&mut buffer).await {
                        // Both ends may be gone when the test is over.
                        let _sent = seen.send(buffer[..read].to_vec());
                        if stream.write_all(&buffer[..read]).await.is_err() {
                            break;
                        }
                    }
                });
            }
        });
        Self { address, read, _tasks: tasks }
    }
}

async fn proxied() -> (Echo, FaultProxy, TcpStream) {
    let echo = Echo::start().await;
    let proxy = FaultProxy::start(echo.address).await;
    let mut client = TcpStream::connect(proxy.address()).await.expect("the proxy accepts");
    assert_eq!(say(&mut client, b"hello").await, b"hello");
    (echo, proxy, client)
}

/// Sends `text` and returns what comes back: all of it, or what came before the end.
async fn say(client: &mut TcpStream, text: &[u8]) -> Vec<u8> {
    // A cut may show at the write already.
    let _sent = client.write_all(text).await;
    let mut answer = Vec::new();
    let mut buffer = [0; 1024];
    while answer.len() < text.len() {
        match client.read(&mut buffer).await {
            Ok(read @ 1..) => answer.extend_from_slice(&buffer[..read]),
            Ok(0) | Err(_) => break,
        }
    }
    answer
}

#[tokio::test]
async fn without_a_fault_everything_passes_and_a_half_close_does_too() {
    let (_echo, proxy, mut client) = proxied().await;
    let long = vec![7; 1_000_000];
    let (mut read, mut write) = client.split();
    let (answer, ()) = tokio::join!(
        async {
            let mut answer = Vec::new();
            read.read_to_end(&mut answer).await.expect("it can be read to its end");
            answer
        },
        async {
            write.write_all(&long).await.expect("it can be written");
            write.shutdown().await.expect("it can be closed");
        }
    );
    assert!(answer == long, "{} bytes came back", answer.len());
    assert_eq!((proxy.connections(), proxy.swallowed()), (1, 0));
}

#[tokio::test]
async fn refuse_cuts_what_exists_and_lets_nothing_in() {
    let (_echo, proxy, mut client) = proxied().await;
    proxy.set(Fault::Refuse);
    assert_eq!(say(&mut client, b"still there?").await, b"");
    let mut late = TcpStream::connect(proxy.address()).await.expect("the port is open");
    assert_eq!(say(&mut late, b"let me in").await, b"");
    proxy.set(Fault::None);
    let mut later = TcpStream::connect(proxy.address()).await.expect("the port is open");
    assert_eq!(say(&mut later, b"now").await, b"now");
    assert_eq!(proxy.connections(), 2);
}

#[tokio::test]
async fn cut_ends_what_exists_and_nothing_else() {
    let (_echo, proxy, mut client) = proxied().await;
    proxy.cut();
    assert_eq!(say(&mut client, b"still there?").await, b"");
    let mut next = TcpStream::connect(proxy.address()).await.expect("the port is open");
    assert_eq!(say(&mut next, b"again").await, b"again");
}

#[tokio::test]
async fn requests_are_cut_after_so_many_bytes_since_the_fault_was_set() {
    let (mut echo, proxy, mut client) = proxied().await;
    proxy.set(Fault::CutRequests(4));
    say(&mut client, b"123").await;
    say(&mut client, b"456").await;
    let seen = async {
        let mut seen = Vec::new();
        while seen.len() < b"hello1234".len() {
            seen.extend(echo.read.recv().await.expect("the server reads"));
        }
        seen
    };
    assert_eq!(tokio::time::timeout(PATIENCE, seen).await.expect("the server gets that much"), b"hello1234");
    assert_eq!(say(&mut client, b"7").await, b"");
}

#[tokio::test]
async fn replies_are_cut_after_so_many_bytes_though_the_server_has_done_the_work() {
    let (mut echo, proxy, mut client) = proxied().await;
    assert_eq!(echo.read.recv().await.as_deref(), Some(&b"hello"[..]));
    proxy.set(Fault::CutReplies(2));
    assert_eq!(say(&mut client, b"work").await, b"wo");
    assert_eq!(echo.read.recv().await.as_deref(), Some(&b"work"[..]));
}

#[tokio::test]
async fn a_swallowed_reply_leaves_the_client_waiting() {
    let (mut echo, proxy, mut client) = proxied().await;
    assert_eq!(echo.read.recv().await.as_deref(), Some(&b"hello"[..]));
    proxy.set(Fault::SwallowReplies);
    client.write_all(b"work").await.expect("it can be written");
    assert_eq!(echo.read.recv().await.as_deref(), Some(&b"work"[..]));
    eventually("the reply is swallowed", PATIENCE, || std::future::ready((proxy.swallowed() == 4).then_some(()))).await;
    proxy.set(Fault::None);
    assert_eq!(say(&mut client, b"!").await, b"!", "what was swallowed does not come later");
}

#[tokio::test]
async fn a_swallowed_request_never_reaches_the_server() {
    for fault in [Fault::SwallowRequests, Fault::Blackhole] {
        let (mut echo, proxy, mut client) = proxied().await;
        assert_eq!(echo.read.recv().await.as_deref(), Some(&b"hello"[..]));
        proxy.set(fault);
        client.write_all(b"lost").await.expect("it can be written");
        eventually("the request is swallowed", PATIENCE, || std::future::ready((proxy.swallowed() == 4).then_some(())))
            .await;
        proxy.set(Fault::None);
        assert_eq!(say(&mut client, b"!").await, b"!");
        assert_eq!(echo.read.recv().await.as_deref(), Some(&b"!"[..]), "{fault:?}");
    }
}

#[tokio::test]
async fn a_delay_is_that_long_in_each_direction() {
    let (_echo, proxy, mut client) = proxied().await;
    let delay = Duration::from_millis(50);
    proxy.set(Fault::Delay(delay));
    let start = tokio::time::Instant::now();
    assert_eq!(say(&mut client, b"late").await, b"late");
    assert!(start.elapsed() >= delay * 2, "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_dropped_proxy_takes_its_connections_with_it() {
    let (_echo, proxy, mut client) = proxied().await;
    let address = proxy.address();
    drop(proxy);
    assert_eq!(say(&mut client, b"still there?").await, b"");
    eventually("nobody listens", PATIENCE, || async { TcpStream::connect(address).await.err() }).await;
}
