//! Puts a poor line between a client and a server, over TCP.
//!
//! `shape-line LISTEN TO [down BITS] [up BITS] [rtt MS] [stall MS EVERY_MS] [queue BYTES]`: takes
//! connections at LISTEN and passes them to TO (both `host:port`). Without more it is 1 Mbit/s each
//! way, 100 ms there and back, a stall of 200 ms once in 5 s, 256 KiB of queue; `stall 0 0` is none. It
//! prints `listening HOST:PORT`. Lines on its standard input: `rate DOWN UP` changes the line,
//! `queued` prints the worst of the queue towards clients since asked last, as JSON. It ends with
//! its input.

use oriel_tests::line::{Line, Shape};
use std::error::Error;
use std::io::BufRead;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(at), Some(to)) = (arguments.next(), arguments.next()) else {
        return Err(
            "Say where to listen and where to pass connections: shape-line 127.0.0.1:0 HOST:PORT.".into()
        );
    };
    let line = Line::new(shape(&mut arguments)?);
    let listener = TcpListener::bind(&at)?;
    println!("listening {}", listener.local_addr()?);
    let taking = Arc::clone(&line);
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let laid = client.and_then(|client| {
                let server = TcpStream::connect(&to)?;
                client.set_nodelay(true)?;
                server.set_nodelay(true)?;
                taking.lay(client, server)
            });
            if let Err(error) = laid {
                eprintln!("A connection was not passed on: {error}.");
            }
        }
    });
    for order in std::io::stdin().lock().lines() {
        let order = order?;
        match order.split_whitespace().collect::<Vec<_>>().as_slice() {
            ["rate", down, up] => line.set_rate(down.parse()?, up.parse()?),
            ["queued"] => {
                let queued = line.take_queued();
                let ms = queued.micros as f64 / 1000.0;
                println!("{}", serde_json::json!({ "bytes": queued.bytes, "ms": ms }));
            }
            _ => return Err(format!("\"{order}\" is no order: rate DOWN UP, or queued.").into()),
        }
    }
    Ok(())
}

fn shape(arguments: &mut impl Iterator<Item = String>) -> Result<Shape, Box<dyn Error>> {
    let mut shape = Shape::POOR;
    while let Some(name) = arguments.next() {
        let mut number = || -> Result<u64, Box<dyn Error>> {
            let value = arguments.next().ok_or_else(|| format!("\"{name}\" wants a number."))?;
            Ok(value.parse().map_err(|_| format!("\"{value}\" is no number."))?)
        };
        match name.as_str() {
            "down" => shape.down = number()?,
            "up" => shape.up = number()?,
            "rtt" => shape.round_trip = Duration::from_millis(number()?),
            "queue" => shape.queue = usize::try_from(number()?)?,
            "stall" => {
                let (lasts, every) = (Duration::from_millis(number()?), Duration::from_millis(number()?));
                shape.stalls = (!lasts.is_zero()).then_some((every, lasts));
            }
            _ => return Err(format!("\"{name}\" is not down, up, rtt, stall or queue.").into()),
        }
    }
    Ok(shape)
}
