//! A reader of `text/event-stream`.

use std::time::Duration;

use reqwest::{Response, header::HeaderMap};
use serde_json::Value;
use tokio::time::timeout;

/// How long anything that is to come may take.
const SOON: Duration = Duration::from_secs(20);

/// An event as it was sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Sent {
    /// Its `id:`.
    pub id: i64,
    /// Its `event:`.
    pub kind: String,
    /// Its `data:`.
    pub data: Value,
}

/// A stream of events that is being read.
#[derive(Debug)]
pub struct EventStream {
    response: Response,
    rest: String,
}

impl EventStream {
    pub(crate) const fn new(response: Response) -> Self {
        Self { response, rest: String::new() }
    }

    /// The headers of the answer.
    pub fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// What comes next up to a blank line, comments among it; `None` at the end of the stream.
    ///
    /// # Panics
    /// When nothing comes for twenty seconds.
    pub async fn block(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.rest.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.rest = rest;
                return Some(block);
            }
            let chunk = timeout(SOON, self.response.chunk()).await.expect("something must come");
            match chunk {
                Ok(Some(bytes)) => self.rest.push_str(std::str::from_utf8(&bytes).expect("events are UTF-8")),
                Ok(None) | Err(_) => return None,
            }
        }
    }

    /// The next event; comments are passed over.
    ///
    /// # Panics
    /// When the stream ends, or sends what is no event.
    pub async fn next(&mut self) -> Sent {
        loop {
            let block = self.block().await.expect("the stream goes on");
            let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
            let (Some(id), Some(kind), Some(data)) = (field("id: "), field("event: "), field("data: ")) else {
                continue;
            };
            let data = serde_json::from_str(data).expect("JSON");
            return Sent { id: id.parse().expect("a number"), kind: kind.to_owned(), data };
        }
    }
}
