//! Stream of a connection that ends when the table of connections orders it, and when the client reads nothing
//! for too long.

use super::connections::{ConnectionSlot, Control};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// Maximum time in which a client takes none of the bytes that wait for it.
const LONGEST_STALL: Duration = Duration::from_secs(30);

/// Stream of a connection within its limits. It keeps the connection's place in the table, also after an upgrade
/// to a WebSocket.
pub(super) struct LimitedStream<S> {
    inner: S,
    control: Arc<Control>,
    _slot: Arc<ConnectionSlot>,
    /// Timer of the client's stall; armed while `stalled`.
    timer: Pin<Box<Sleep>>,
    stalled: bool,
}

impl<S> LimitedStream<S> {
    /// Puts a stream into its limits.
    pub fn new(inner: S, slot: Arc<ConnectionSlot>) -> Self {
        let timer = Box::pin(tokio::time::sleep(LONGEST_STALL));
        Self { inner, control: slot.control(), _slot: slot, timer, stalled: false }
    }

    /// Checks a write's outcome: one that waits for the client for too long fails.
    fn check_stall<T>(&mut self, cx: &mut Context<'_>, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.stalled = false;
            return outcome;
        }
        if !self.stalled {
            self.stalled = true;
            self.timer.as_mut().reset(Instant::now() + LONGEST_STALL);
        }
        ready!(self.timer.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client reads nothing")))
    }
}

/// Returns the error of a connection that was closed to make room.
fn closed<T>() -> Poll<io::Result<T>> {
    Poll::Ready(Err(io::Error::new(io::ErrorKind::ConnectionAborted, "closed to make room for others")))
}

impl<S: AsyncRead + Unpin> AsyncRead for LimitedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.control.is_closed_for_reader(cx.waker()) {
            return closed();
        }
        Pin::new(&mut self.inner).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for LimitedStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.control.is_closed_for_writer(cx.waker()) {
            return closed();
        }
        let outcome = Pin::new(&mut self.inner).poll_write(cx, bytes);
        self.check_stall(cx, outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.control.is_closed_for_writer(cx.waker()) {
            return closed();
        }
        let outcome = Pin::new(&mut self.inner).poll_write_vectored(cx, slices);
        self.check_stall(cx, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::super::connections::Connections;
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    fn slot(connections: &Connections) -> Arc<ConnectionSlot> {
        Arc::new(connections.open([192, 0, 2, 1].into(), false))
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_reads_nothing_is_cut_off_and_a_slow_one_is_not() {
        let connections = Connections::new(4096);
        let (near, mut far) = duplex(1024);
        let mut stream = LimitedStream::new(near, slot(&connections));
        let began = Instant::now();
        let error = stream.write_all(&[0; 10_000]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(began.elapsed(), LONGEST_STALL);
        far.read_exact(&mut [0; 1024]).await.unwrap();

        let (near, mut far) = duplex(1024);
        let mut stream = LimitedStream::new(near, slot(&connections));
        let slow = tokio::spawn(async move {
            for _ in 0..10 {
                tokio::time::sleep(LONGEST_STALL - Duration::from_secs(1)).await;
                far.read_exact(&mut [0; 1000]).await.unwrap();
            }
        });
        stream.write_all(&[0; 10_000]).await.unwrap();
        slow.await.unwrap();
    }

    #[tokio::test]
    async fn an_order_to_close_ends_a_waiting_reader() {
        let connections = Connections::new(8);
        let (near, _far) = duplex(64);
        let mut stream = LimitedStream::new(near, slot(&connections));
        let waiting = tokio::spawn(async move { stream.read_u8().await });
        tokio::task::yield_now().await;
        let _crowd: Vec<_> = (0..2).map(|_| slot(&connections)).collect();
        let error = waiting.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted);
    }
}
