//! As much of HTTP/1.1 as a load generator needs: requests that are ready to be sent, answers of
//! which only status, length and body are looked at, and connections that stay open.
//!
//! It shares the machine with the store, so it must cost little: one write and mostly one read an
//! operation, no allocation, no header map.
use std::io::{self, ErrorKind, Write as _};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A connection that is kept open.
pub struct Connection {
    address: SocketAddr,
    stream: TcpStream,
    /// What was read and not yet looked at begins at 0.
    buffer: Vec<u8>,
    body: Vec<u8>,
}

/// What was answered, until the next question.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// Its status.
    pub status: u16,
    /// The status line and the headers.
    pub head: &'a [u8],
    /// Its body, whole.
    pub body: &'a [u8],
}

enum Length {
    Known(usize),
    Chunked,
}

impl Connection {
    /// Connects.
    /// # Errors
    /// When nobody listens there.
    pub async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { address, stream, buffer: Vec::with_capacity(2048), body: Vec::new() })
    }
    /// Connects anew, after a failure.
    /// # Errors
    /// When nobody listens there any more.
    pub async fn reopen(&mut self) -> io::Result<()> {
        *self = Self::open(self.address).await?;
        Ok(())
    }
    /// Sends a request and reads its answer.
    /// # Errors
    /// When the connection breaks, or what comes is no HTTP/1.1. It cannot be used any more then.
    pub async fn ask(&mut self, request: &[u8]) -> io::Result<Answer<'_>> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        self.body.clear();
        let head = loop {
            self.read_more().await?;
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                break end + 4;
            }
        };
        let (status, length) = read_head(self.buffer.get(..head).unwrap_or_default())?;
        match length {
            Length::Known(length) => {
                while self.buffer.len() < head + length {
                    self.read_more().await?;
                }
                let (head, rest) = self.buffer.split_at(head);
                Ok(Answer { status, head, body: rest.get(..length).unwrap_or_default() })
            }
            Length::Chunked => {
                self.read_chunks(head).await?;
                let head = self.buffer.get(..head).unwrap_or_default();
                Ok(Answer { status, head, body: &self.body })
            }
        }
    }
    async fn read_more(&mut self) -> io::Result<()> {
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
    async fn read_chunks(&mut self, mut at: usize) -> io::Result<()> {
        loop {
            let line = loop {
                match find(self.buffer.get(at..).unwrap_or_default(), b"\r\n") {
                    Some(end) => break at + end,
                    None => self.read_more().await?,
                }
            };
            let size = self.buffer.get(at..line).and_then(hexadecimal).ok_or_else(garbled)?;
            let start = line + 2;
            while self.buffer.len() < start + size + 2 {
                self.read_more().await?;
            }
            if size == 0 {
                return Ok(());
            }
            self.body.extend_from_slice(self.buffer.get(start..start + size).unwrap_or_default());
            at = start + size + 2;
        }
    }
}

fn garbled() -> io::Error {
    io::Error::new(ErrorKind::InvalidData, "that is no answer of HTTP/1.1")
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

fn hexadecimal(text: &[u8]) -> Option<usize> {
    let digits = text.split(|byte| *byte == b';').next()?;
    usize::from_str_radix(std::str::from_utf8(digits).ok()?.trim(), 16).ok()
}

fn read_head(head: &[u8]) -> io::Result<(u16, Length)> {
    let status = head.strip_prefix(b"HTTP/1.1 ").and_then(|rest| rest.get(..3));
    let status = status.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
    let status: u16 = status.ok_or_else(garbled)?;
    let mut length = Length::Known(0);
    for line in head.split(|byte| *byte == b'\n').skip(1) {
        if let Some(value) = header(line, b"content-length:") {
            length = Length::Known(value.parse().map_err(|_| garbled())?);
        } else if header(line, b"transfer-encoding:").is_some() {
            length = Length::Chunked;
        }
    }
    if matches!(status, 100..=199) { Err(garbled()) } else { Ok((status, length)) }
}

fn header<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a str> {
    let (start, value) = line.split_at_checked(name.len())?;
    // Most lines differ in the first letter.
    if !start.eq_ignore_ascii_case(name) {
        return None;
    }
    std::str::from_utf8(value).ok().map(str::trim)
}

/// A request for `path`.
pub fn get(path: &str, token: Option<&str>) -> Vec<u8> {
    let mut request = Vec::with_capacity(512);
    head(&mut request, "GET", path, token);
    request.extend_from_slice(b"\r\n");
    request
}

/// Puts a request with a JSON body into `request`, whatever that held. `extra`: whole header
/// lines.
pub fn send(
    request: &mut Vec<u8>,
    (method, path): (&str, &str),
    token: Option<&str>,
    extra: &str,
    body: &[u8],
) {
    request.clear();
    head(request, method, path, token);
    request.extend_from_slice(extra.as_bytes());
    // Writing to a vector cannot fail.
    let _ =
        write!(request, "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len());
    request.extend_from_slice(body);
}

fn head(request: &mut Vec<u8>, method: &str, path: &str, token: Option<&str>) {
    // Writing to a vector cannot fail.
    let _ = write!(request, "{method} {path} HTTP/1.1\r\nHost: feria\r\n");
    if let Some(token) = token {
        let _ = write!(request, "Authorization: Bearer {token}\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    async fn answered(pieces: &'static [&'static str]) -> (u16, String) {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.set_nodelay(true).unwrap();
            let mut some = [0; 1024];
            assert!(stream.read(&mut some).unwrap() > 0);
            for piece in pieces {
                stream.write_all(piece.as_bytes()).unwrap();
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
        });
        let mut connection = Connection::open(address).await.unwrap();
        let answer = connection.ask(&get("/", None)).await.unwrap();
        let answer = (answer.status, String::from_utf8(answer.body.to_vec()).unwrap());
        server.join().unwrap();
        answer
    }

    #[tokio::test]
    async fn an_answer_may_come_in_pieces() {
        let whole = answered(&["HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"]).await;
        assert_eq!(whole, (200, "hello".to_owned()));
        let pieces = &["HTTP/1.1 404 No", "t Found\r\nContent-Length:  5\r\n\r", "\nhel", "lo"];
        assert_eq!(answered(pieces).await, (404, "hello".to_owned()));
        assert_eq!(answered(&["HTTP/1.1 204 No Content\r\n\r\n"]).await, (204, String::new()));
    }

    #[tokio::test]
    async fn chunks_are_put_together() {
        let pieces = &[
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhel",
            "lo\r\n7;x=y\r\n, world\r\n0\r",
            "\n\r\n",
        ];
        assert_eq!(answered(pieces).await, (200, "hello, world".to_owned()));
    }
}
