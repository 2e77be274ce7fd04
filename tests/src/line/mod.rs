//! A poor line: a relay with a rate, a delay, stalls and a queue like a router's, each way.
//!
//! Bytes pass unchanged, so TLS does too. A stall is what a lost packet does to a TCP stream: the line
//! goes on carrying, but nothing is delivered until the packet has come again, then all at once.

mod lane;

use lane::Lane;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What a line is like, each way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Towards the client, in bits per second.
    pub down: u64,
    /// From the client, in bits per second.
    pub up: u64,
    /// There and back.
    pub round_trip: Duration,
    /// Nothing is delivered for the second, once in the first.
    pub stalls: Option<(Duration, Duration)>,
    /// Bytes that wait in front of the line, each way; when it is full nothing more is taken, and
    /// the sender's own buffers fill.
    pub queue: usize,
}

impl Shape {
    /// 1 Mbit/s, 100 ms there and back, a stall of 200 ms once in 5 s.
    pub const POOR: Self = Self {
        down: 1_000_000,
        up: 1_000_000,
        round_trip: Duration::from_millis(100),
        stalls: Some((Duration::from_secs(5), Duration::from_millis(200))),
        queue: 256 * 1024,
    };
}

/// What waited in front of a line towards the client.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Queued {
    /// Bytes at the worst moment.
    pub bytes: u64,
    /// The longest that a byte had to wait, were there no stall: the queue before it by the rate.
    pub micros: u64,
}

/// A line for any number of connections, which share neither rate nor queue.
#[derive(Debug)]
pub struct Line {
    began: Instant,
    shape: Shape,
    down: AtomicU64,
    up: AtomicU64,
    most_bytes: AtomicU64,
    most_micros: AtomicU64,
    passed: AtomicU64,
}

/// Which way a lane goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Down,
    Up,
}

/// Both halves of a connection.
pub trait Duplex: Read + Write + Send + Sized + 'static {
    /// Another handle of the same connection.
    ///
    /// # Errors
    /// When there are no descriptors left.
    fn another(&self) -> io::Result<Self>;

    /// Says that nothing more will be written, or read.
    fn end(&self, how: Shutdown);
}

impl Duplex for TcpStream {
    fn another(&self) -> io::Result<Self> {
        self.try_clone()
    }

    fn end(&self, how: Shutdown) {
        // Whoever is gone needs not be told.
        let _ = self.shutdown(how);
    }
}

impl Duplex for UnixStream {
    fn another(&self) -> io::Result<Self> {
        self.try_clone()
    }

    fn end(&self, how: Shutdown) {
        let _ = self.shutdown(how);
    }
}

impl Line {
    /// A line of that shape.
    pub fn new(shape: Shape) -> Arc<Self> {
        Arc::new(Self {
            began: Instant::now(),
            shape,
            down: AtomicU64::new(shape.down.max(1)),
            up: AtomicU64::new(shape.up.max(1)),
            most_bytes: AtomicU64::new(0),
            most_micros: AtomicU64::new(0),
            passed: AtomicU64::new(0),
        })
    }

    /// Lays the line between a client and a server; it lives until both have ended.
    ///
    /// # Errors
    /// When there are no descriptors or threads left.
    pub fn lay(self: &Arc<Self>, client: impl Duplex, server: impl Duplex) -> io::Result<()> {
        let (to_client, to_server) = (client.another()?, server.another()?);
        Lane::start(Arc::clone(self), Way::Down, server, to_client)?;
        Lane::start(Arc::clone(self), Way::Up, client, to_server)
    }

    /// The line is another one from now on: towards the client and from it, in bits per second.
    pub fn set_rate(&self, down: u64, up: u64) {
        self.down.store(down.max(1), Ordering::Relaxed);
        self.up.store(up.max(1), Ordering::Relaxed);
    }

    /// The worst of the queue towards the client since this was asked last.
    pub fn take_queued(&self) -> Queued {
        Queued {
            bytes: self.most_bytes.swap(0, Ordering::Relaxed),
            micros: self.most_micros.swap(0, Ordering::Relaxed),
        }
    }

    /// Bytes that the line has carried to clients.
    pub fn passed(&self) -> u64 {
        self.passed.load(Ordering::Relaxed)
    }

    /// Time to put `bytes` on the line.
    fn time_for(&self, way: Way, bytes: usize) -> Duration {
        let rate = match way {
            Way::Down => &self.down,
            Way::Up => &self.up,
        };
        Duration::from_secs_f64(bytes as f64 * 8.0 / rate.load(Ordering::Relaxed) as f64)
    }

    fn waits(&self, way: Way, bytes: usize) {
        if way == Way::Down {
            let micros = self.time_for(way, bytes).as_micros() as u64;
            self.most_bytes.fetch_max(bytes as u64, Ordering::Relaxed);
            self.most_micros.fetch_max(micros, Ordering::Relaxed);
        }
    }

    fn carried(&self, way: Way, bytes: usize) {
        if way == Way::Down {
            self.passed.fetch_add(bytes as u64, Ordering::Relaxed);
        }
    }

    /// When what would be delivered at `then` is delivered: after a stall, if it falls into one.
    fn after_stall(&self, then: Instant) -> Instant {
        let Some((every, lasts)) = self.shape.stalls else { return then };
        let every = every.as_micros().max(1);
        // A stall ends each period.
        let into = then.saturating_duration_since(self.began).as_micros() % every;
        let begins = every.saturating_sub(lasts.as_micros());
        if into < begins { then } else { then + Duration::from_micros((every - into) as u64) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quick(shape: Shape) -> (UnixStream, UnixStream, Arc<Line>) {
        let (client, relay_client) = UnixStream::pair().unwrap();
        let (server, relay_server) = UnixStream::pair().unwrap();
        let line = Line::new(shape);
        line.lay(relay_client, relay_server).unwrap();
        (client, server, line)
    }

    #[test]
    fn bytes_pass_unchanged_no_faster_than_the_line_and_it_ends_with_them() {
        let shape = Shape { down: 4_000_000, stalls: None, queue: 16 * 1024, ..Shape::POOR };
        let (mut client, mut server, line) = quick(shape);
        let sent: Vec<u8> = (0..100_000u32).map(|n| (n % 251) as u8).collect();
        let begun = Instant::now();
        let to_send = sent.clone();
        let sender = std::thread::spawn(move || server.write_all(&to_send).unwrap());
        let mut came = Vec::new();
        client.read_to_end(&mut came).unwrap();
        sender.join().unwrap();
        assert!(came == sent);
        // 0.2 s on the line and 0.05 s of delay: less would be a line that is none.
        assert!(begun.elapsed() >= Duration::from_millis(245));
        assert_eq!(line.passed(), 100_000);
        let queued = line.take_queued();
        assert!((8_000..=16 * 1024).contains(&queued.bytes), "{queued:?}");
        assert_eq!(line.take_queued(), Queued::default());
    }

    #[test]
    fn a_line_that_becomes_faster_carries_faster() {
        let shape = Shape { down: 8_000, stalls: None, ..Shape::POOR };
        let (mut client, mut server, line) = quick(shape);
        line.set_rate(80_000_000, 80_000_000);
        let begun = Instant::now();
        server.write_all(&[7; 50_000]).unwrap();
        client.read_exact(&mut [0; 50_000]).unwrap();
        // At the first rate it would take 50 s.
        assert!(begun.elapsed() < Duration::from_secs(25));
    }

    #[test]
    fn a_stall_holds_back_what_falls_into_it_and_nothing_else() {
        let line = Line::new(Shape::POOR);
        let at = |ms| line.began + Duration::from_millis(ms);
        assert_eq!(line.after_stall(at(100)), at(100));
        assert_eq!(line.after_stall(at(4799)), at(4799));
        assert_eq!(line.after_stall(at(4810)), at(5000));
        assert_eq!(line.after_stall(at(9999)), at(10_000));
        assert_eq!(line.after_stall(at(10_001)), at(10_001));
    }
}
