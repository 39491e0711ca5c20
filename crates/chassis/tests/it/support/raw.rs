//! A client that sends what no gRPC library would.

use std::net::SocketAddr;

use base64::Engine;
use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Request};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::PATIENCE;

/// One request as it is to be sent.
#[derive(Clone, Debug)]
pub struct Raw {
    pub method: &'static str,
    pub path: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: Bytes,
    pub ends: bool,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub http: u16,
    pub grpc: Option<i32>,
    pub message: String,
    pub reason: Option<String>,
    pub headers: HeaderMap,
}

impl Raw {
    /// A proper call of `path` with `body`.
    pub fn new(path: &str, body: impl Into<Bytes>) -> Self {
        let headers = vec![("content-type", "application/grpc".to_owned()), ("te", "trailers".to_owned())];
        Self { method: "POST", path: path.to_owned(), headers, body: body.into(), ends: true }
    }

    /// With this header instead of any of the same name.
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.retain(|(other, _)| *other != name);
        self.and(name, value)
    }

    /// With this header as well.
    pub fn and(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// With another HTTP method.
    pub fn method(mut self, method: &'static str) -> Self {
        self.method = method;
        self
    }

    /// Never says that the request is over.
    pub fn half_open(mut self) -> Self {
        self.ends = false;
        self
    }

    /// Sends it on a connection of its own.
    pub async fn send(self, to: SocketAddr) -> Result<Answer, String> {
        tokio::time::timeout(PATIENCE, self.exchange(to)).await.map_err(|_| "no answer".to_owned())?
    }

    async fn exchange(self, to: SocketAddr) -> Result<Answer, String> {
        let tcp = TcpStream::connect(to).await.map_err(|e| e.to_string())?;
        let (client, connection) = h2::client::handshake(tcp).await.map_err(|e| e.to_string())?;
        let mut driver = JoinSet::new();
        driver.spawn(connection);
        let mut client = client.ready().await.map_err(|e| e.to_string())?;
        let mut request = Request::builder().method(self.method).uri(format!("http://{to}{}", self.path));
        for (name, value) in &self.headers {
            request = request.header(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        let (response, mut stream) =
            client.send_request(request.body(()).unwrap(), false).map_err(|e| e.to_string())?;
        // The server may refuse before it has read all: then the answer matters, not the sending.
        let sent = async {
            let mut body = self.body;
            while !body.is_empty() {
                stream.reserve_capacity(body.len());
                match futures::future::poll_fn(|cx| stream.poll_capacity(cx)).await {
                    Some(Ok(room)) if room > 0 => {
                        let part = body.split_to(room.min(body.len()));
                        if stream.send_data(part, false).is_err() {
                            return;
                        }
                    }
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return,
                }
            }
            if self.ends {
                let _ = stream.send_data(Bytes::new(), true);
            } else {
                futures::future::pending::<()>().await;
            }
        };
        let received = async {
            let response = response.await.map_err(|e| e.to_string())?;
            let http = response.status().as_u16();
            let mut headers = response.headers().clone();
            let mut body = response.into_body();
            while let Some(part) = body.data().await {
                let part = part.map_err(|e| e.to_string())?;
                let _ = body.flow_control().release_capacity(part.len());
            }
            if let Some(trailers) = body.trailers().await.map_err(|e| e.to_string())? {
                headers.extend(trailers);
            }
            Ok(answer(http, headers))
        };
        let mut received = std::pin::pin!(received);
        tokio::select! {
            answer = &mut received => answer,
            () = sent => received.await,
        }
    }
}

fn answer(http: u16, headers: HeaderMap) -> Answer {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    let details = text("grpc-status-details-bin").map(|encoded| {
        let bytes = base64::engine::general_purpose::STANDARD_NO_PAD.decode(encoded).unwrap();
        let status: tonic_types::pb::Status = prost::Message::decode(bytes.as_slice()).unwrap();
        status
    });
    let reason = details.and_then(|status| {
        status.details.iter().find(|any| any.type_url.ends_with("google.rpc.ErrorInfo")).map(|any| {
            let info: tonic_types::pb::ErrorInfo = prost::Message::decode(any.value.as_slice()).unwrap();
            assert_eq!(info.domain, "amends.dev");
            info.reason
        })
    });
    Answer {
        http,
        grpc: text("grpc-status").map(|code| code.parse().unwrap()),
        message: text("grpc-message").unwrap_or_default(),
        reason,
        headers,
    }
}

/// A gRPC frame.
pub fn frame(flag: u8, payload: &[u8]) -> Bytes {
    let mut out = BytesMut::new();
    out.put_u8(flag);
    out.put_u32(u32::try_from(payload.len()).unwrap());
    out.put_slice(payload);
    out.freeze()
}

/// Frames one after the other.
pub fn frames(parts: &[Bytes]) -> Bytes {
    parts.concat().into()
}
