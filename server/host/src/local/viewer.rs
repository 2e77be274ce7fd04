//! Viewer's connection to a machine of this host, which is counted in the desktop's status while it is open.

use crate::client::ViewerStream;
use crate::context::HostContext;
use crate::hold::DesktopId;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{self, AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

/// Guard that counts a viewer until it is dropped.
struct CountedViewer {
    context: Arc<HostContext>,
    desktop: DesktopId,
}

impl Drop for CountedViewer {
    fn drop(&mut self) {
        let less = |viewers: u32| viewers.saturating_sub(1);
        self.context.updates.modify(&self.desktop, |status| status.viewers = less(status.viewers));
    }
}

/// Half of a connection; the guard is dropped with the last half.
struct Half<T> {
    half: T,
    _viewer: Arc<CountedViewer>,
}

/// Counts a viewer with an open connection, and returns the connection.
pub(super) fn counted(context: Arc<HostContext>, desktop: &DesktopId, socket: UnixStream) -> ViewerStream {
    context.updates.modify(desktop, |status| status.viewers = status.viewers.saturating_add(1));
    let viewer = Arc::new(CountedViewer { context, desktop: desktop.clone() });
    let (reader, writer) = socket.into_split();
    ViewerStream::new(
        Box::new(Half { half: reader, _viewer: Arc::clone(&viewer) }),
        Box::new(Half { half: writer, _viewer: viewer }),
    )
}

impl AsyncRead for Half<OwnedReadHalf> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.half).poll_read(cx, buf)
    }
}

impl AsyncWrite for Half<OwnedWriteHalf> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.half).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.half).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.half).poll_shutdown(cx)
    }
}
