//! A client of the API: requests written by hand, so that they can be wrong in every way.

use serde_json::Value;
use std::net::SocketAddr;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{WebSocketStream, client_async};

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    pub fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or_default().to_owned()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// A browser of one user: it sends what a browser would, unless told otherwise.
#[derive(Clone)]
pub struct Browser {
    pub address: SocketAddr,
    pub origin: Option<String>,
    pub host: String,
    pub cookie: Option<String>,
    pub csrf: Option<String>,
    pub extra: Vec<(&'static str, String)>,
}

pub type Socket = WebSocketStream<TcpStream>;

impl Browser {
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            origin: Some(format!("http://{address}")),
            host: address.to_string(),
            cookie: None,
            csrf: None,
            extra: Vec::new(),
        }
    }

    /// Logs in, and from then on is that user.
    pub async fn logged_in(mut self, name: &str, password: &str) -> Self {
        let answer = self.login(name, password).await;
        assert_eq!(answer.status, 200, "{:?}", answer.json());
        let cookie = answer.header("set-cookie").unwrap();
        self.cookie = Some(cookie.split(';').next().unwrap().to_owned());
        self.csrf = Some(answer.json()["session"]["csrf"].as_str().unwrap().to_owned());
        self
    }

    pub async fn login(&self, name: &str, password: &str) -> Answer {
        self.post("/api/login", &serde_json::json!({ "name": name, "password": password }).to_string()).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, "").await
    }

    pub async fn post(&self, path: &str, body: &str) -> Answer {
        self.send("POST", path, body).await
    }

    fn headers(&self) -> Vec<(&'static str, String)> {
        let mut headers = vec![("host", self.host.clone())];
        headers.extend(self.origin.clone().map(|value| ("origin", value)));
        headers.extend(self.cookie.clone().map(|value| ("cookie", value)));
        headers.extend(self.csrf.clone().map(|value| ("x-oriel-csrf", value)));
        headers.extend(self.extra.clone());
        headers
    }

    pub async fn send(&self, method: &str, path: &str, body: &str) -> Answer {
        let stream = TcpStream::connect(self.address).await.unwrap();
        exchange(stream, method, path, &self.headers(), body).await
    }

    /// Opens a WebSocket; the error is the answer's status.
    pub async fn open(&self, path: &str) -> Result<Socket, u16> {
        let mut request = format!("ws://{}{path}", self.address).into_client_request().unwrap();
        for (name, value) in self.headers() {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        let stream = TcpStream::connect(self.address).await.unwrap();
        match client_async(request, stream).await {
            Ok((socket, _)) => Ok(socket),
            Err(tokio_tungstenite::tungstenite::Error::Http(answer)) => Err(answer.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }
}

/// One request on one connection.
pub async fn exchange(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    method: &str,
    path: &str,
    headers: &[(&'static str, String)],
    body: &str,
) -> Answer {
    let mut request = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() {
        request.push_str(&format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len()));
    }
    request.push_str("\r\n");
    request.push_str(body);
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A TLS peer that closes without saying so has still said all.
    let _ = stream.read_to_end(&mut answer).await;
    let split = answer.windows(4).position(|window| window == b"\r\n\r\n").expect("an answer");
    let head = String::from_utf8(answer[..split].to_vec()).unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    Answer { status, headers, body: answer[split + 4..].to_vec() }
}
