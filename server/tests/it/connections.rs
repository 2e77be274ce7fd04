//! Limits of connections before the login: nobody takes the server's connections from others.

use crate::client::{Answer, exchange};
use crate::fixture::{House, PASSWORD, Running};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// Less than the 75 s that a slow head once had, and long enough for a loaded machine.
const PATIENCE: Duration = Duration::from_secs(40);
const ATTACKER: [u8; 4] = [127, 0, 0, 3];
const OTHER: [u8; 4] = [127, 0, 0, 2];

/// A house whose clients on loopback are no trusted proxies.
async fn house() -> House {
    let mut house = House::new("").await;
    house.config.trusted_proxies = Vec::new();
    house
}

async fn connect(server: &Running, from: [u8; 4]) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from((IpAddr::from(from), 0))).unwrap();
    socket.connect(server.address).await.unwrap()
}

/// Opens connections that each begin a request and go no further.
async fn slow_connections(server: &Running, from: [u8; 4], count: usize) -> Vec<TcpStream> {
    let mut slow = Vec::new();
    for _ in 0..count {
        let mut stream = connect(server, from).await;
        stream.write_all(b"GET / HTTP/1.1\r\nhost: ").await.unwrap();
        slow.push(stream);
    }
    slow
}

async fn login(server: &Running, from: [u8; 4]) -> Answer {
    let host = server.address.to_string();
    let headers = [("host", host.clone()), ("origin", format!("http://{host}"))];
    let body = format!(r#"{{"name":"ada","password":"{PASSWORD}"}}"#);
    exchange(connect(server, from).await, "POST", "/api/login", &headers, &body).await
}

/// Sends a request without a body on a connection that stays open, and returns the answer's status line.
async fn request(stream: &mut TcpStream, server: &Running, path: &str, cookie: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nhost: {}\r\ncookie: {cookie}\r\n\r\n", server.address);
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = vec![0; 16 * 1024];
    let length = stream.read(&mut answer).await.unwrap_or(0);
    String::from_utf8_lossy(&answer[..length]).lines().next().unwrap_or_default().to_owned()
}

/// Whether the server has closed the connection, as far as one can see now.
fn is_closed(stream: &TcpStream) -> bool {
    let mut byte = [0];
    match stream.try_read(&mut byte) {
        Ok(length) => length == 0,
        Err(error) => error.kind() != std::io::ErrorKind::WouldBlock,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_connections_of_one_address_keep_no_other_out() {
    let house = house().await;
    let server = house.open().await;
    let mut slow = slow_connections(&server, ATTACKER, 1000).await;
    for more in [0, 1200] {
        slow.extend(slow_connections(&server, ATTACKER, more).await);
        let began = Instant::now();
        let answer = tokio::time::timeout(PATIENCE, login(&server, OTHER)).await;
        println!("login beside {} slow connections: {} ms", slow.len(), began.elapsed().as_millis());
        assert_eq!(answer.expect("an answer").status, 200);
    }
    server.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_head_ends_its_connection() {
    let house = house().await;
    let server = house.open().await;
    let mut slow = slow_connections(&server, ATTACKER, 1).await;
    let mut rest = Vec::new();
    let end = tokio::time::timeout(PATIENCE, slow[0].read_to_end(&mut rest)).await;
    assert!(end.is_ok(), "still open");
    server.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn long_heads_are_refused() {
    let house = house().await;
    let server = house.open().await;
    let host = server.address.to_string();
    for (length, accepted) in [(8 * 1024, true), (20 * 1024, false), (200 * 1024, false)] {
        let mut stream = connect(&server, OTHER).await;
        let head = format!("GET /healthz HTTP/1.1\r\nhost: {host}\r\nx-long: {}\r\n\r\n", "x".repeat(length));
        // A server that refuses the head may close the connection before it has read all of it.
        let _ = stream.write_all(head.as_bytes()).await;
        let mut answer = [0; 12];
        let length_read = stream.read(&mut answer).await.unwrap_or(0);
        assert_eq!(answer[..length_read] == *b"HTTP/1.1 200", accepted, "{length}");
    }
    server.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_session_has_a_bounded_number_of_event_sockets() {
    let house = house().await;
    let server = house.open().await;
    let (ada, other) = (server.user("ada").await, server.user("ada").await);
    let mut open = Vec::new();
    let mut refused = 0;
    for _ in 0..100 {
        match ada.open("/api/events").await {
            Ok(socket) => open.push(socket),
            Err(_) => refused += 1,
        }
    }
    assert!(refused > 0 && open.len() >= 16, "{refused} refused, {} open", open.len());
    assert!(other.open("/api/events").await.is_ok());
    // A closed one makes room.
    open.clear();
    let again = async {
        while ada.open("/api/events").await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, again).await.is_ok());
    server.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logged_in_connection_outlives_a_crowd_at_its_address() {
    let house = house().await;
    let server = house.open().await;
    let answer = login(&server, ATTACKER).await;
    let cookie = answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let mut stream = connect(&server, ATTACKER).await;
    assert_eq!(request(&mut stream, &server, "/api/session", &cookie).await, "HTTP/1.1 200 OK");
    let slow = slow_connections(&server, ATTACKER, 400).await;
    assert_eq!(request(&mut stream, &server, "/api/session", &cookie).await, "HTTP/1.1 200 OK");
    assert_eq!(login(&server, ATTACKER).await.status, 200);
    drop(slow);
    server.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_oldest_slow_connections_of_a_full_address_are_closed() {
    let house = house().await;
    let server = house.open().await;
    let slow = slow_connections(&server, ATTACKER, 400).await;
    let gone = async {
        while !is_closed(&slow[0]) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(5), gone).await.is_ok(), "the oldest is still there");
    drop(slow);
    server.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trusted_proxy_has_as_many_connections_as_it_needs() {
    let mut house = house().await;
    house.config.trusted_proxies = vec!["127.0.0.3/32".parse().unwrap()];
    let server = house.open().await;
    let mut first = connect(&server, ATTACKER).await;
    assert_eq!(request(&mut first, &server, "/healthz", "").await, "HTTP/1.1 200 OK");
    let slow = slow_connections(&server, ATTACKER, 400).await;
    assert_eq!(request(&mut first, &server, "/healthz", "").await, "HTTP/1.1 200 OK");
    drop(slow);
    server.close().await;
}
