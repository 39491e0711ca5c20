//! A response on its way out: its status is put right, its stream ends by its deadline or when the server drains, a
//! panic in it becomes INTERNAL, and the call's record and permits end with it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{HeaderMap, Response};
use http_body::{Frame, SizeHint};
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::{Code, Status};

use super::record::Record;
use crate::status;

/// When a stream ends although its handler would go on; keeps the stream's place until then.
pub(crate) type StreamEnd = BoxFuture<'static, Status>;

/// A response of the routes, put right.
pub(crate) fn finished(mut response: Response<Body>, mut record: Record, end: Option<StreamEnd>) -> Response<Body> {
    // A response without messages has its status in the headers.
    if let Some(code) = put_right(response.headers_mut()) {
        record.finish(code);
        return response;
    }
    response.map(|inner| Body::new(Answer { inner: Some(inner), record, end }))
}

/// The response that is only a status.
pub(crate) fn refusal(status: Status, mut record: Record) -> Response<Body> {
    record.finish(status.code());
    status.into_http()
}

/// Replaces a status that must not leave as it is; returns the code, when there is one.
fn put_right(headers: &mut HeaderMap) -> Option<Code> {
    let code = Code::from_bytes(headers.get(Status::GRPC_STATUS)?.as_bytes());
    if code == Code::Ok {
        return Some(code);
    }
    let Some(better) = Status::from_header_map(headers).as_ref().and_then(status::replacement) else {
        return Some(code);
    };
    headers.remove(Status::GRPC_MESSAGE);
    headers.remove(Status::GRPC_STATUS_DETAILS);
    match better.add_header(headers) {
        Ok(()) => Some(better.code()),
        Err(status) => {
            tracing::error!(%status, "a status cannot be written as headers");
            Some(code)
        }
    }
}

struct Answer {
    inner: Option<Body>,
    record: Record,
    end: Option<StreamEnd>,
}

impl Answer {
    /// Ends the stream with this status.
    fn close(&mut self, status: &Status) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        (self.inner, self.end) = (None, None);
        self.record.finish(status.code());
        let mut trailers = HeaderMap::new();
        match status.add_header(&mut trailers) {
            Ok(()) => Poll::Ready(Some(Ok(Frame::trailers(trailers)))),
            Err(status) => Poll::Ready(Some(Err(status))),
        }
    }
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        let Some(inner) = &mut this.inner else { return Poll::Ready(None) };
        let span = this.record.span().clone();
        let entered = span.enter();
        let polled = catch_unwind(AssertUnwindSafe(|| Pin::new(inner).poll_frame(cx)));
        drop(entered);
        match polled {
            Err(_) => this.close(&status::panicked()),
            Ok(Poll::Pending) => match this.end.as_mut().map(|end| end.as_mut().poll(cx)) {
                Some(Poll::Ready(status)) => this.close(&status),
                Some(Poll::Pending) | None => Poll::Pending,
            },
            Ok(Poll::Ready(None)) => {
                (this.inner, this.end) = (None, None);
                this.record.finish(Code::Unknown);
                Poll::Ready(None)
            }
            Ok(Poll::Ready(Some(Err(error)))) => {
                let status = status::replacement(&error).unwrap_or(error);
                this.close(&status)
            }
            Ok(Poll::Ready(Some(Ok(frame)))) => match frame.into_trailers() {
                Err(data) => Poll::Ready(Some(Ok(data))),
                Ok(mut trailers) => {
                    (this.inner, this.end) = (None, None);
                    this.record.finish(put_right(&mut trailers).unwrap_or(Code::Unknown));
                    Poll::Ready(Some(Ok(Frame::trailers(trailers))))
                }
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

/// Ends a stream at `until`, or with UNAVAILABLE when the server drains, so that its reader goes elsewhere. Keeps
/// `place`, among all and of its tenant, for it.
pub(crate) fn stream_end(
    until: tokio::time::Instant,
    limit: Duration,
    draining: CancellationToken,
    place: impl Send + 'static,
) -> StreamEnd {
    Box::pin(async move {
        let status = tokio::select! {
            () = tokio::time::sleep_until(until) => status::deadline_exceeded(limit),
            () = draining.cancelled() => status::shutting_down(),
        };
        drop(place);
        status
    })
}
