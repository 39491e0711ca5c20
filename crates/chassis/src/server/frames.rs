//! Watches a request's gRPC frames go by: no message above the limit, no second message where there is one to come.
//! tonic would ignore the second message.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use tonic::Status;

use crate::status::{front_reason, refused, too_large};

const HEADER_BYTES: usize = 5;

/// Where in the stream of frames the next byte stands.
#[derive(Debug)]
pub(crate) struct Frames {
    single: bool,
    limit: usize,
    messages: u64,
    header: [u8; HEADER_BYTES],
    have: usize,
    rest: usize,
}

impl Frames {
    pub(crate) fn new(single: bool, limit: usize) -> Self {
        Self { single, limit, messages: 0, header: [0; HEADER_BYTES], have: 0, rest: 0 }
    }

    fn see(&mut self, mut data: &[u8]) -> Result<(), Status> {
        while !data.is_empty() {
            if self.rest > 0 {
                let step = self.rest.min(data.len());
                data.advance(step);
                self.rest -= step;
                continue;
            }
            self.header[self.have] = data[0];
            self.have += 1;
            data.advance(1);
            if self.have == HEADER_BYTES {
                self.have = 0;
                self.messages += 1;
                if self.single && self.messages > 1 {
                    return Err(refused(front_reason::EXTRA_MESSAGE, "this method takes one request message"));
                }
                let [_, length @ ..] = self.header;
                self.rest = u32::from_be_bytes(length) as usize;
                if self.rest > self.limit {
                    return Err(too_large(&format!("it has {} bytes, the limit is {}", self.rest, self.limit)));
                }
            }
        }
        Ok(())
    }
}

/// A request body under watch.
#[derive(Debug)]
pub(crate) struct Watched<B> {
    inner: B,
    frames: Frames,
}

impl<B> Watched<B> {
    pub(crate) fn new(inner: B, frames: Frames) -> Self {
        Self { inner, frames }
    }
}

impl<B> Body for Watched<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<tonic::codegen::StdError>,
{
    type Data = Bytes;
    type Error = tonic::codegen::StdError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        let Some(frame) = ready!(Pin::new(&mut this.inner).poll_frame(cx)) else { return Poll::Ready(None) };
        let frame = frame.map_err(Into::into)?;
        if let Some(data) = frame.data_ref() {
            this.frames.see(data)?;
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonic::Code;

    fn framed(lengths: &[usize]) -> Vec<u8> {
        let mut out = Vec::new();
        for length in lengths {
            out.push(0);
            out.extend_from_slice(&u32::try_from(*length).expect("small").to_be_bytes());
            out.resize(out.len() + length, 7);
        }
        out
    }

    #[test]
    fn frames_are_counted_however_they_are_cut() {
        for cut in 1..20 {
            let see = |single, lengths: &[usize]| {
                let mut frames = Frames::new(single, 10);
                framed(lengths).chunks(cut).try_for_each(|part| frames.see(part)).map(|()| frames.messages)
            };
            assert_eq!(see(false, &[0, 3, 10, 1]).expect("fits"), 4);
            assert_eq!(see(true, &[10]).expect("fits"), 1);
            assert_eq!(see(true, &[0, 0]).expect_err("two").code(), Code::InvalidArgument);
            assert_eq!(see(false, &[3, 11]).expect_err("large").code(), Code::ResourceExhausted);
        }
    }
}
