//! A server of HTTP/1.1 whose every answer a test decides, on an address of loopback.

#![allow(dead_code, reason = "each test binary uses its own part")]

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
};

#[derive(Clone, Debug)]
pub struct Request {
    /// With what stands behind the question mark.
    pub path: String,
    pub headers: HashMap<String, String>,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

/// Bytes, and whether nothing comes after them but the connection stays.
pub struct Reply {
    bytes: Vec<u8>,
    stays: bool,
}

impl Reply {
    pub fn new(status: &str, headers: &[(&str, &str)], body: &[u8]) -> Self {
        Self::cut(status, headers, body, body.len())
    }

    /// One that is said to have all of `body` and has its first bytes.
    pub fn cut(status: &str, headers: &[(&str, &str)], body: &[u8], at: usize) -> Self {
        let length = body.len().to_string();
        let with_length = [headers, &[("Content-Length", &*length)]].concat();
        Self::raw(status, &with_length, &body[..at])
    }

    /// Without a length.
    pub fn raw(status: &str, headers: &[(&str, &str)], body: &[u8]) -> Self {
        let mut bytes = format!("HTTP/1.1 {status}\r\n").into_bytes();
        headers.iter().for_each(|(name, value)| bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes()));
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(body);
        Self { bytes, stays: false }
    }

    /// In pieces, whose number nobody knows beforehand.
    pub fn chunked(headers: &[(&str, &str)], body: &[u8]) -> Self {
        let mut chunks = Vec::new();
        for piece in body.chunks(10_000) {
            chunks.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
            chunks.extend_from_slice(piece);
            chunks.extend_from_slice(b"\r\n");
        }
        chunks.extend_from_slice(b"0\r\n\r\n");
        Self::raw("200 OK", &[headers, &[("Transfer-Encoding", "chunked")]].concat(), &chunks)
    }

    /// The rest of `body` behind its first bytes.
    pub fn rest(headers: &[(&str, &str)], body: &[u8], from: usize) -> Self {
        let range = format!("bytes {from}-{}/{}", body.len() - 1, body.len());
        Self::new("206 Partial Content", &[headers, &[("Content-Range", &*range)]].concat(), &body[from..])
    }

    pub fn redirect(location: &str) -> Self {
        Self::new("302 Found", &[("Location", location)], b"")
    }

    pub fn and_stays(self) -> Self {
        Self { stays: true, ..self }
    }

    /// The end of the connection, without a word.
    pub fn nothing(self) -> Self {
        Self { bytes: Vec::new(), stays: false }
    }

    /// Nothing at all, and the connection stays.
    pub fn silence() -> Self {
        Self { bytes: Vec::new(), stays: true }
    }
}

pub struct Origin {
    pub address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

type Answer = dyn Fn(usize, &Request) -> Reply + Send + Sync;

impl Origin {
    /// Answers the requests, which are counted from 0.
    pub fn new(answer: impl Fn(usize, &Request) -> Reply + Send + Sync + 'static) -> Self {
        Self::at("127.0.0.1:0", answer)
    }

    pub fn at(address: &str, answer: impl Fn(usize, &Request) -> Reply + Send + Sync + 'static) -> Self {
        Self::speaking(address, |stream| (Box::new(stream.try_clone().unwrap()), Box::new(stream)), answer)
    }

    /// Over streams that are made of connections.
    pub fn speaking(
        address: &str,
        streams: impl Fn(TcpStream) -> (Box<dyn Read + Send>, Box<dyn Write + Send>) + Send + Sync + 'static,
        answer: impl Fn(usize, &Request) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let (requests, ends): (Arc<Mutex<Vec<Request>>>, Arc<AtomicBool>) = Default::default();
        let (noted, ended, answer) =
            (requests.clone(), ends.clone(), Arc::<Answer>::from(Box::new(answer) as Box<Answer>));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if ended.load(Ordering::Acquire) {
                    break;
                }
                let (reading, writing) = streams(stream.unwrap());
                let (noted, answer) = (noted.clone(), answer.clone());
                std::thread::spawn(move || serve(reading, writing, &noted, &*answer));
            }
        });
        Self { address, requests, ends, thread: Some(thread) }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Release);
        drop(TcpStream::connect(self.address));
        self.thread.take().unwrap().join().unwrap();
    }
}

fn serve(
    reading: Box<dyn Read + Send>,
    mut writing: Box<dyn Write + Send>,
    noted: &Mutex<Vec<Request>>,
    answer: &Answer,
) {
    let mut reading = BufReader::new(reading);
    let Some(request) = read(&mut reading) else { return };
    let number = {
        let mut requests = noted.lock().unwrap();
        requests.push(request.clone());
        requests.len() - 1
    };
    let Reply { bytes, stays } = answer(number, &request);
    // Whoever has enough goes away.
    let sent = writing.write_all(&bytes).and_then(|()| writing.flush());
    if sent.is_ok() && stays {
        let _ = reading.read(&mut [0]);
    }
}

fn read(reading: &mut impl BufRead) -> Option<Request> {
    let mut line = String::new();
    reading.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut headers = HashMap::new();
    loop {
        line.clear();
        reading.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    Some(Request { path, headers })
}
