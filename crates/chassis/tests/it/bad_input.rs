//! Requests that are wrong on the wire. What bare tonic makes of each stands beside it.

use std::io::Write;

use bytes::{BufMut, Bytes, BytesMut};
use prost::Message;
use tonic::{Code, Request};

use crate::support::lab::{COLLECT, Client, DO, Event, text};
use crate::support::raw::{Raw, frame, frames};
use crate::support::{Server, config, reason};

const OK: i32 = Code::Ok as i32;
const INVALID: i32 = Code::InvalidArgument as i32;
const UNIMPLEMENTED: i32 = Code::Unimplemented as i32;
const EXHAUSTED: i32 = Code::ResourceExhausted as i32;
const DEADLINE: i32 = Code::DeadlineExceeded as i32;

fn hello() -> Bytes {
    frame(0, &text("hello").encode_to_vec())
}

#[tokio::test]
async fn what_is_not_grpc_is_refused_as_http() {
    let mut server = Server::start(config()).await;
    for (method, content_type, want) in [
        ("GET", "application/grpc", 405), // tonic serves all of these
        ("PUT", "application/grpc", 405),
        ("DELETE", "application/grpc", 405),
        ("OPTIONS", "application/grpc", 405),
        ("POST", "text/plain", 415),
        ("POST", "application/json", 415),
        ("POST", "application/grpc+json", 415),
        ("POST", "application/grpc-web", 415),
        ("POST", "application/x-www-form-urlencoded", 415),
        ("POST", "", 415),
    ] {
        let answer = Raw::new(DO, hello()).method(method).header("content-type", content_type).send(server.api).await;
        let answer = answer.unwrap();
        assert_eq!((answer.http, answer.grpc), (want, None), "{method} {content_type:?}");
        assert_eq!(answer.headers.contains_key("allow"), want == 405);
    }
    let twice = Raw::new(DO, hello()).and("content-type", "application/grpc").send(server.api).await.unwrap();
    assert_eq!(twice.http, 415);
    assert!(server.is_quiet(), "a handler ran");
    for content_type in ["application/grpc+proto", "application/grpc;charset=utf-8", "Application/gRPC"] {
        let answer = Raw::new(DO, hello()).header("content-type", content_type).send(server.api).await.unwrap();
        assert_eq!(answer.grpc, Some(OK), "{content_type}");
    }
}

#[tokio::test]
async fn wrong_grpc_is_refused_with_a_reason_before_a_handler_runs() {
    let mut server = Server::start(config()).await;
    let call = || Raw::new(DO, hello());
    let path = |path: &str| Raw::new(path, hello());
    let timeout = |value: &str| call().header("grpc-timeout", value);
    let body = |bytes: Bytes| Raw::new(DO, bytes);
    let message = |bytes: &[u8]| Raw::new(DO, frame(0, bytes));
    let mut deep = Vec::new();
    for _ in 0..150 {
        let mut outer = vec![0x12];
        prost::encoding::encode_varint(deep.len() as u64, &mut outer);
        outer.append(&mut deep);
        deep = outer;
    }
    let table: Vec<(&str, Raw, i32, &str)> = vec![
        ("unknown method", path("/lab.v1.Lab/Nope"), UNIMPLEMENTED, "UNKNOWN_METHOD"),
        ("unknown service", path("/x.Y/Do"), UNIMPLEMENTED, "UNKNOWN_METHOD"),
        ("other case", path("/lab.v1.lab/do"), UNIMPLEMENTED, "UNKNOWN_METHOD"),
        ("trailing slash", path("/lab.v1.Lab/Do/"), UNIMPLEMENTED, "UNKNOWN_METHOD"),
        ("double slash", path("//lab.v1.Lab/Do"), UNIMPLEMENTED, "UNKNOWN_METHOD"),
        ("dot segment", path("/./lab.v1.Lab/Do"), UNIMPLEMENTED, "UNKNOWN_METHOD"),
        ("escaped letter", path("/lab.v1.Lab/%44o"), UNIMPLEMENTED, "UNKNOWN_METHOD"),
        ("query", path("/lab.v1.Lab/Do?x=1"), UNIMPLEMENTED, "UNKNOWN_METHOD"), // tonic: routed
        ("timeout without unit", timeout("1"), INVALID, "BAD_TIMEOUT"),         // tonic: no limit at all
        ("timeout in words", timeout("abc"), INVALID, "BAD_TIMEOUT"),
        ("negative timeout", timeout("-5S"), INVALID, "BAD_TIMEOUT"),
        ("unknown unit", timeout("10x"), INVALID, "BAD_TIMEOUT"),
        ("nine digits", timeout("123456789S"), INVALID, "BAD_TIMEOUT"),
        ("empty timeout", timeout(""), INVALID, "BAD_TIMEOUT"),
        ("two timeouts", timeout("1S").and("grpc-timeout", "2S"), INVALID, "BAD_TIMEOUT"),
        ("no time", timeout("0m"), DEADLINE, "DEADLINE_EXCEEDED"),
        ("not base64", call().header("x-trace-bin", "!!!"), INVALID, "BAD_HEADER"),
        ("two tenants", call().and("x-amends-tenant", "a").and("x-amends-tenant", "b"), INVALID, "BAD_HEADER"),
        ("a client as a service", call().and("x-amends-client", "service:intake"), INVALID, "BAD_HEADER"),
        ("not UTF-8", message(&[0x0a, 2, 0xff, 0xfe]), INVALID, "MALFORMED_MESSAGE"), // tonic: INTERNAL, also below
        ("cut varint", message(&[0x0a, 0xff]), INVALID, "MALFORMED_MESSAGE"),
        (
            "11-byte varint",
            message(&[0x08, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1]),
            INVALID,
            "MALFORMED_MESSAGE",
        ),
        ("wire type 7", message(&[0x0f, 0x01]), INVALID, "MALFORMED_MESSAGE"),
        ("field 0", message(&[0x00, 0x01]), INVALID, "MALFORMED_MESSAGE"),
        ("nested 150 deep", message(&deep), INVALID, "MALFORMED_MESSAGE"),
        ("nothing", body(Bytes::new()), INVALID, "MALFORMED_MESSAGE"),
        ("cut frame header", body(Bytes::from_static(&[0, 0, 0])), INVALID, "MALFORMED_MESSAGE"),
        ("cut frame", body(Bytes::from_static(&[0, 0, 0, 0, 100, 1, 2])), INVALID, "MALFORMED_MESSAGE"),
        ("flag 7", body(frame(7, b"")), INVALID, "MALFORMED_MESSAGE"),
        ("compressed by nothing", body(frame(1, b"")), INVALID, "MALFORMED_MESSAGE"),
        ("two messages", body(frames(&[hello(), hello()])), INVALID, "EXTRA_MESSAGE"), // tonic: ignored
        ("unknown encoding", call().header("grpc-encoding", "br"), UNIMPLEMENTED, "UNSUPPORTED_ENCODING"),
    ];
    for (name, request, code, want) in table {
        let answer = request.send(server.api).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((answer.http, answer.grpc), (200, Some(code)), "{name}: {answer:?}");
        assert_eq!(answer.reason.as_deref(), Some(want), "{name}: {answer:?}");
        assert!(answer.message.len() <= 3 * 256, "{name}: percent-encoded text of {} bytes", answer.message.len());
        assert!(server.is_quiet(), "{name}: a handler ran");
    }
    // The largest timeout there is means our own limit.
    assert_eq!(timeout("99999999H").send(server.api).await.unwrap().grpc, Some(OK));
    assert_eq!(server.event().await, Event::Entered("hello".to_owned()));
}

#[tokio::test]
async fn messages_have_a_size() {
    let server = Server::start(config()).await;
    let declared = |length: u32| {
        let mut body = BytesMut::new();
        body.put_u8(0);
        body.put_u32(length);
        body.put_slice(&[0; 100]);
        Raw::new(DO, body.freeze()).half_open()
    };
    let largest = u32::try_from(chassis::limits::MESSAGE_BYTES).unwrap();
    // tonic: OUT_OF_RANGE for the first, and 4 MiB as its limit.
    for length in [largest + 1, 5 << 20, u32::MAX] {
        let answer = declared(length).send(server.api).await.unwrap();
        assert_eq!((answer.grpc, answer.reason.as_deref()), (Some(EXHAUSTED), Some("MESSAGE_TOO_LARGE")), "{length}");
    }
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    bomb.write_all(&vec![0; 64 << 20]).unwrap();
    let bomb = bomb.finish().unwrap();
    let answer = Raw::new(DO, frame(1, &bomb)).header("grpc-encoding", "gzip").send(server.api).await.unwrap();
    assert_eq!((answer.grpc, answer.reason.as_deref()), (Some(EXHAUSTED), Some("MESSAGE_TOO_LARGE")));

    let client = Client::new(server.channel());
    let fitting = "a".repeat(chassis::limits::MESSAGE_BYTES - 16);
    assert_eq!(client.say(&fitting).await.unwrap().len(), fitting.len());
}

#[tokio::test]
async fn a_stream_of_messages_is_no_extra_message() {
    let server = Server::start(config()).await;
    let client = Client::new(server.channel());
    assert_eq!(client.collect(vec![text("one"), text("two"), text("three")]).await.unwrap(), "3");
    let broken =
        Raw::new(COLLECT, frames(&[hello(), frame(0, &[0x0a, 2, 0xff, 0xfe])])).send(server.api).await.unwrap();
    assert_eq!((broken.grpc, broken.reason.as_deref()), (Some(INVALID), Some("MALFORMED_MESSAGE")));
}

#[tokio::test]
async fn headers_have_a_size() {
    let server = Server::start(config()).await;
    let with = |bytes: usize| Raw::new(DO, hello()).header("x-large", "a".repeat(bytes)).send(server.api);
    assert_eq!(with(14 * 1024).await.unwrap().grpc, Some(OK));
    assert_eq!(with(17 * 1024).await.unwrap().http, 431);
    assert!(with(1024 * 1024).await.is_err(), "the connection goes away");
    let many = (0..5000).fold(Raw::new(DO, hello()), |raw, _| raw.and("x-b", "b"));
    let refused = many.send(server.api).await;
    assert!(refused.as_ref().is_err() || refused.as_ref().is_ok_and(|answer| answer.http == 431), "{refused:?}");
    assert_eq!(Raw::new(DO, hello()).send(server.api).await.unwrap().grpc, Some(OK), "a new connection works");
}

#[tokio::test]
async fn the_answer_fits_into_a_clients_headers_and_keeps_secrets() {
    let server = Server::start(config()).await;
    let client = Client::new(server.channel());

    let long = client.say("long").await.unwrap_err();
    assert_eq!((long.code(), reason(&long)), (Code::FailedPrecondition, "LONG".to_owned()));
    assert!(long.message().len() <= 256 && long.message().ends_with('…'), "{}", long.message());

    let many = client.say("violations").await.unwrap_err();
    let error = chassis::from_status(&many).unwrap();
    assert_eq!(error.metadata.get("violations_total").map(String::as_str), Some("500"));
    assert!(error.violations.len() > 20, "{}", error.violations.len());
    assert_eq!(error.violations[3].field, "items[3].name");
    assert_eq!(error.violations[3].reason, "REQUIRED");
    assert!(many.details().len() < 6 * 1024, "{}", many.details().len());

    let secret = client.say("secret").await.unwrap_err();
    assert_eq!(
        (secret.code(), secret.message(), reason(&secret)),
        (Code::Internal, "internal error", "INTERNAL".to_owned())
    );
    assert!(!String::from_utf8_lossy(secret.details()).contains("hunter2"));
}

#[tokio::test]
async fn the_handler_gets_who_calls_and_the_caller_learns_of_a_replay() {
    let mut server = Server::start(config()).await;
    let client = Client::new(server.channel());
    let mut request = Request::new(text("context"));
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    for (name, value) in [("x-amends-tenant", "acme"), ("x-amends-client", "shop"), ("traceparent", parent)] {
        request.metadata_mut().insert(name, value.parse().unwrap());
    }
    client.act(request).await.unwrap();
    assert_eq!(server.event().await, Event::Entered("context".to_owned()));
    let Event::Context(context) = server.event().await else { panic!("no context") };
    assert_eq!((context.tenant.as_str(), context.client.as_str(), context.lane), ("acme", "shop", None));
    assert_eq!(context.trace.trace_id(), Some("0af7651916cd43dd8448eb211c80319c"));
    assert_eq!(context.journey, context.trace.traceparent);

    let replayed = client.act(Request::new(text("replayed"))).await.unwrap();
    assert_eq!(replayed.metadata().get("idempotent-replayed").unwrap(), "true");
    let fresh = client.act(Request::new(text("fresh"))).await.unwrap();
    assert!(fresh.metadata().get("idempotent-replayed").is_none());
}
