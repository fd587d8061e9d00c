//! Clients that follow the feed, by SSE and by long poll, and reconnect at random, to whichever replica.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    net::SocketAddr,
    rc::Rc,
    time::Duration,
};

use claudetools_harness::client::{Call, Client, connect};
use http_body_util::{BodyExt, Full};
use hyper::{Request, body::Bytes, header::HOST};
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout_at};

use crate::{check::feed::Seen, dice::Dice, failure::Result, site::Site, wire::Event};

/// What a reader was given.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    pub(crate) seen: Seen,
    /// All of it, kept by the first reader alone.
    pub(crate) events: Vec<Event>,
    pub(crate) reconnects: u64,
}

/// Follows the feed from its beginning until [`Site::is_read`].
pub(crate) async fn reader(site: Rc<Site>, client: u64, number: usize) -> Reading {
    let mut follower = Follower {
        dice: Dice::new(site.plan.seed, client),
        reading: Reading { seen: Seen { reader: format!("reader-{number}"), ..Seen::default() }, ..Reading::default() },
        number,
        site,
    };
    while !follower.site.is_read.get() {
        let until = Instant::now() + Duration::from_millis(follower.dice.between(50, 2_500));
        let address = follower.dice.pick(&follower.site.addresses).copied();
        let Some(address) = address else { break };
        let way = if follower.dice.percent(25) {
            timeout_at(until + Duration::from_secs(3), follower.poll(address)).await
        } else {
            timeout_at(until, follower.stream(address)).await
        };
        follower.reading.reconnects += 1;
        // A connection that breaks is what this is about; a replica that is away is asked again.
        if !matches!(way, Ok(Ok(()))) {
            sleep(Duration::from_millis(20)).await;
        }
    }
    follower.reading
}

struct Follower {
    site: Rc<Site>,
    dice: Dice,
    reading: Reading,
    number: usize,
}

impl Follower {
    /// The number of the last event that it was given.
    fn last(&self) -> i64 {
        self.reading.seen.events.last().map_or(0, |(seq, _)| *seq)
    }

    fn take(&mut self, body: &Value) {
        let Some(event) = Event::parse(body) else {
            return self.site.record.fault(format!("an event that says too little: {body}"));
        };
        let mut hasher = DefaultHasher::new();
        body.to_string().hash(&mut hasher);
        self.reading.seen.events.push((event.seq, hasher.finish()));
        self.site.has_read(self.number, event.seq);
        if self.number == 0 {
            self.reading.events.push(event);
        }
    }

    /// One long poll.
    async fn poll(&mut self, address: SocketAddr) -> Result<()> {
        let mut client = Client::connect(address).await?;
        let path = format!("/api/v1/coord/events?after={}&wait=1", self.last());
        let answer = client.send(Call { path: &path, ..Call::default() }).await?;
        if answer.status == 503 {
            return Ok(());
        }
        let body = answer.json()?;
        match body["events"].as_array() {
            Some(events) => events.iter().for_each(|event| self.take(event)),
            None => self.site.record.fault(format!("the feed was answered {}: {body}", answer.status)),
        }
        Ok(())
    }

    /// Server-sent events until the connection ends.
    async fn stream(&mut self, address: SocketAddr) -> Result<()> {
        let mut connection = connect(address).await?;
        let last = self.last();
        let by_header = self.dice.percent(50) && last > 0;
        let path = if by_header { String::new() } else { format!("?after={last}") };
        let mut request = Request::builder().uri(format!("/api/v1/coord/events{path}"));
        request = request.header(HOST, address.to_string()).header("accept", "text/event-stream");
        if by_header {
            request = request.header("last-event-id", last.to_string());
        }
        let request = request.body(Full::<Bytes>::default()).map_err(claudetools_harness::Failure::from)?;
        let response = connection.send_request(request).await.map_err(claudetools_harness::Failure::from)?;
        let status = response.status().as_u16();
        if status != 200 {
            if status != 503 {
                self.site.record.fault(format!("the feed was answered {status}"));
            }
            return Ok(());
        }
        let (mut body, mut text) = (response.into_body(), Vec::new());
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(claudetools_harness::Failure::from)?.into_data() else { continue };
            text.extend_from_slice(&data);
            while let Some(end) = text.windows(2).position(|pair| pair == b"\n\n") {
                let block: Vec<u8> = text.drain(..end + 2).collect();
                self.block(&String::from_utf8_lossy(&block))?;
            }
        }
        Ok(())
    }

    /// One event, or a comment.
    fn block(&mut self, block: &str) -> Result<()> {
        let mut data = String::new();
        let mut id = None;
        for line in block.lines() {
            if let Some(rest) = line.strip_prefix("data:") {
                data.push_str(rest.strip_prefix(' ').unwrap_or(rest));
            } else if let Some(rest) = line.strip_prefix("id:") {
                id = rest.trim().parse::<i64>().ok();
            }
        }
        if data.is_empty() {
            return Ok(());
        }
        let body: Value = serde_json::from_str(&data)?;
        self.take(&body);
        if id != Some(self.last()) {
            self.site.record.fault(format!("event {} has the id {id:?}", self.last()));
        }
        Ok(())
    }
}
