//! A client of HTTP/1.1 that hides nothing: what is sent is sent as it is written, and what comes is read piece by piece.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
};

use serde_json::Value;

pub struct Answer {
    pub status: u16,
    pub headers: HashMap<String, String>,
    reader: BufReader<Box<dyn Read>>,
    is_chunked: bool,
    /// Bytes left of the body, or of the chunk.
    left: usize,
    is_over: bool,
}

impl Answer {
    fn read(stream: TcpStream) -> Self {
        Self::read_from(Box::new(stream))
    }

    pub fn read_from(stream: Box<dyn Read>) -> Self {
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let status = line.split(' ').nth(1).unwrap_or_else(|| panic!("no status line: {line:?}")).parse().unwrap();
        let mut headers = HashMap::new();
        loop {
            line.clear();
            reader.read_line(&mut line).unwrap();
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
        let is_chunked = headers.get("transfer-encoding").is_some_and(|coding| coding == "chunked");
        let left = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
        Self { status, headers, reader, is_chunked, left, is_over: false }
    }

    /// The answer that comes after one without a body.
    pub fn after_its_head(self) -> Self {
        Self::read_from(Box::new(self.reader))
    }

    pub fn bytes(mut self) -> Vec<u8> {
        let mut all = Vec::new();
        self.read_to_end(&mut all).unwrap();
        all
    }

    pub fn text(self) -> String {
        String::from_utf8(self.bytes()).unwrap()
    }

    pub fn json(self) -> Value {
        let text = self.text();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    #[track_caller]
    pub fn with_status(self, status: u16) -> Self {
        if self.status != status {
            let found = self.status;
            panic!("{found} and not {status}: {}", self.text());
        }
        self
    }

    /// The code of a problem.
    #[track_caller]
    pub fn problem(self, status: u16) -> String {
        let answer = self.with_status(status);
        assert_eq!(answer.headers["content-type"], "application/problem+json");
        let problem = answer.json();
        assert_eq!(problem["status"], status);
        assert!(!problem["detail"].as_str().unwrap().is_empty() && problem["type"].is_string(), "{problem}");
        problem["code"].as_str().unwrap().to_owned()
    }

    /// Events as they come: their kind, id and data. Heartbeats are passed over.
    pub fn events(self) -> impl Iterator<Item = (String, String, Value)> {
        let mut lines = BufReader::new(self).lines().map_while(Result::ok);
        std::iter::from_fn(move || {
            let (mut kind, mut id, mut data) = (String::new(), String::new(), Value::Null);
            loop {
                let line = lines.next()?;
                match line.split_once(": ") {
                    _ if line.is_empty() && !kind.is_empty() => return Some((kind, id, data)),
                    Some(("event", value)) => kind = value.to_owned(),
                    Some(("id", value)) => id = value.to_owned(),
                    Some(("data", value)) => data = serde_json::from_str(value).unwrap(),
                    _ => {}
                }
            }
        })
    }
}

impl Read for Answer {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        if self.left == 0 && self.is_chunked && !self.is_over {
            let mut line = String::new();
            self.reader.read_line(&mut line)?;
            if line.is_empty() {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            self.left = usize::from_str_radix(line.trim(), 16).unwrap();
            self.is_over = self.left == 0;
        }
        // A reader with a buffer would wait for what comes next.
        if self.left == 0 {
            return Ok(0);
        }
        let most = out.len().min(self.left);
        let read = self.reader.read(&mut out[..most])?;
        self.left -= read;
        if self.left == 0 && self.is_chunked {
            self.reader.read_line(&mut String::new())?;
        }
        Ok(read)
    }
}

#[derive(Clone)]
pub struct Client {
    pub address: SocketAddr,
    pub key: Option<String>,
}

impl Client {
    pub fn new(address: SocketAddr) -> Self {
        Self { address, key: None }
    }

    pub fn with_key(&self, key: &str) -> Self {
        Self { key: Some(key.to_owned()), ..self.clone() }
    }

    /// Exactly these bytes, and what is answered; the sending side is closed behind them.
    pub fn raw(&self, bytes: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(self.address).unwrap();
        // A server that refuses early may have closed it.
        let _ = stream.write_all(bytes);
        Answer::read(stream)
    }

    /// Sends bytes and goes away.
    pub fn vanish_after(&self, bytes: &[u8]) {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.write_all(bytes).unwrap();
        stream.shutdown(Shutdown::Both).unwrap();
    }

    pub fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut bytes = self.head(method, path, headers, body.len());
        bytes.extend_from_slice(body);
        self.raw(&bytes)
    }

    pub fn head(&self, method: &str, path: &str, headers: &[(&str, &str)], length: usize) -> Vec<u8> {
        let mut head = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\nContent-Length: {length}\r\n");
        if headers.iter().all(|(name, _)| *name != "Host") {
            head += &format!("Host: {}\r\n", self.address);
        }
        if let Some(key) = &self.key {
            head += &format!("Authorization: Bearer {key}\r\n");
        }
        headers.iter().for_each(|(name, value)| head += &format!("{name}: {value}\r\n"));
        (head + "\r\n").into_bytes()
    }

    pub fn get(&self, path: &str) -> Answer {
        self.request("GET", path, &[], &[])
    }

    pub fn post(&self, path: &str, body: &str) -> Answer {
        self.request("POST", path, &[("Content-Type", "application/json")], body.as_bytes())
    }

    /// Hands a document over; its identity.
    #[track_caller]
    pub fn submit(&self, name: &str, document: &[u8]) -> String {
        let answer = self.request("POST", &format!("/v1/documents?name={name}"), &[], document).with_status(202);
        answer.json()["id"].as_str().unwrap().to_owned()
    }

    /// The numbers of the pages of a document as they come, to its end; the state in which it ended.
    pub fn follow(&self, id: &str, after: &str) -> (Vec<u64>, Option<String>) {
        let answer = self.request("GET", &format!("/v1/documents/{id}/events"), &[("Last-Event-ID", after)], &[]);
        let (mut pages, mut ended) = (Vec::new(), None);
        for (kind, _, data) in answer.with_status(200).events() {
            match kind.as_str() {
                "page" => pages.push(data["page"].as_u64().unwrap()),
                "end" => ended = Some(data["state"].as_str().unwrap().to_owned()),
                _ => {}
            }
        }
        (pages, ended)
    }
}
