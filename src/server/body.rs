//! The body of an upload as a reader: counted, and given up when it comes too slowly.

use std::{
    cell::RefCell,
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::{Buf as _, Bytes};
use futures::Stream;
use pagestream_documents::ByteSize;
use tokio::{
    io::{AsyncRead, ReadBuf},
    time::{Instant, Sleep, sleep_until},
};

use super::problem::{Code, Problem};

/// Over which an upload must bring what is asked of it.
pub const WINDOW: Duration = Duration::from_secs(30);

/// What an upload may be.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    pub most: ByteSize,
    /// Bytes a second.
    pub rate: ByteSize,
    /// Over which that is looked at: [`WINDOW`].
    pub window: Duration,
}

impl Terms {
    pub fn too_large(&self) -> Problem {
        Problem::new(Code::TooLarge, format!("a document may have {} at most", self.most))
            .with_hint("the setting `server.max_upload` says so; `pagestream process` has no such limit")
    }

    fn too_slow(&self) -> Problem {
        let detail = format!("less than {} a second came, over {:?}", self.rate, self.window);
        Problem::new(Code::RequestTimeout, detail)
    }
}

/// Why a body ended early, for whoever has to say it: an error of a reader cannot hold it.
#[derive(Clone, Default)]
pub struct Fault(Rc<RefCell<Option<Problem>>>);

impl Fault {
    pub fn take(&self) -> Option<Problem> {
        self.0.borrow_mut().take()
    }

    fn set(&self, problem: Problem) -> io::Error {
        let error = io::Error::other(problem.to_string());
        *self.0.borrow_mut() = Some(problem);
        error
    }
}

pub struct Upload<S> {
    stream: S,
    terms: Terms,
    fault: Fault,
    piece: Bytes,
    /// Not asked again then: some streams panic where they are.
    has_ended: bool,
    taken: u64,
    in_window: u64,
    window_ends: Pin<Box<Sleep>>,
}

impl<S> Upload<S> {
    pub fn new(stream: S, terms: Terms, fault: Fault) -> Self {
        let window_ends = Box::pin(sleep_until(Instant::now() + terms.window));
        Self { stream, terms, fault, piece: Bytes::new(), has_ended: false, taken: 0, in_window: 0, window_ends }
    }
}

impl<S: Stream<Item = Result<Bytes, String>> + Unpin> AsyncRead for Upload<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while this.piece.is_empty() && !this.has_ended {
            match Pin::new(&mut this.stream).poll_next(context) {
                Poll::Ready(Some(Ok(piece))) => {
                    this.taken += piece.len() as u64;
                    this.in_window += piece.len() as u64;
                    if this.taken > this.terms.most.bytes() {
                        return Poll::Ready(Err(this.fault.set(this.terms.too_large())));
                    }
                    this.piece = piece;
                }
                Poll::Ready(Some(Err(cause))) => {
                    let problem = Problem::bad(format!("the document did not come whole: {cause}"));
                    return Poll::Ready(Err(this.fault.set(problem)));
                }
                Poll::Ready(None) => this.has_ended = true,
                Poll::Pending => {
                    // Only while it is waited for: what takes long here is no fault of the sender's.
                    if this.window_ends.as_mut().poll(context).is_pending() {
                        return Poll::Pending;
                    }
                    if this.in_window < this.terms.rate.bytes().saturating_mul(this.terms.window.as_secs().max(1)) {
                        return Poll::Ready(Err(this.fault.set(this.terms.too_slow())));
                    }
                    this.in_window = 0;
                    this.window_ends.as_mut().reset(Instant::now() + this.terms.window);
                }
            }
        }
        let length = this.piece.len().min(out.remaining());
        out.put_slice(&this.piece[..length]);
        this.piece.advance(length);
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use futures::{StreamExt, stream};
    use tokio::io::AsyncReadExt;

    use super::*;

    const TERMS: Terms = Terms { most: ByteSize(10), rate: ByteSize(5), window: Duration::from_millis(5) };

    async fn read(stream: impl Stream<Item = Result<Bytes, String>> + Unpin) -> Result<Vec<u8>, Code> {
        let (fault, mut all) = (Fault::default(), Vec::new());
        let read = Upload::new(stream, TERMS, fault.clone()).read_to_end(&mut all).await;
        assert_eq!(read.is_err(), fault.0.borrow().is_some());
        fault.take().map_or(Ok(all), |problem| Err(problem.code))
    }

    fn pieces(pieces: &[&'static str]) -> impl Stream<Item = Result<Bytes, String>> + Unpin {
        stream::iter(pieces.iter().map(|piece| Ok(Bytes::from(*piece))).collect::<Vec<_>>())
    }

    #[tokio::test]
    async fn a_body_is_counted_and_given_up_when_it_is_too_slow() {
        assert_eq!(read(pieces(&["ab", "", "cd"])).await, Ok(b"abcd".to_vec()));
        assert_eq!(read(pieces(&["0123456789"])).await, Ok(b"0123456789".to_vec()));
        assert_eq!(read(pieces(&["01234567", "890"])).await, Err(Code::TooLarge));
        assert_eq!(
            read(pieces(&["a"]).chain(stream::once(async { Err("gone".to_owned()) }).boxed())).await,
            Err(Code::BadRequest)
        );
        assert_eq!(read(pieces(&["a"]).chain(stream::pending())).await, Err(Code::RequestTimeout));
    }
}
