//! Log lines: what is logged, how it looks, where it goes.
//!
//! Lines go to standard error, because standard output belongs to what a command answers. Secrets never reach them:
//! the types that hold secrets print a mask.

use std::io;

use tracing::Subscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

use crate::config::LogFormat;

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// `RUST_LOG` holds no log directives.
    #[error("RUST_LOG: {0}")]
    Filter(#[from] ParseError),
    /// Logging is set up already.
    #[error("logging: {0}")]
    Twice(#[from] TryInitError),
}

/// Sets up logging of the whole process, once.
pub fn init(format: LogFormat, filter: &str) -> Result<(), TelemetryError> {
    subscriber(format, filter, io::IsTerminal::is_terminal(&io::stderr()), io::stderr)?.try_init()?;
    log_panics();
    Ok(())
}

/// Makes a panic a log line like any other, with the request's id where there is one.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let message = panic.payload_as_str().unwrap_or("of unknown kind");
        let place = panic.location().map(ToString::to_string);
        tracing::error!(place, panic = message, "a panic");
    }));
}

/// What writes log lines to `writer`.
fn subscriber<W>(
    format: LogFormat,
    filter: &str,
    ansi: bool,
    writer: W,
) -> Result<Box<dyn Subscriber + Send + Sync>, ParseError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let registry = tracing_subscriber::registry().with(EnvFilter::try_new(filter)?);
    let layer = tracing_subscriber::fmt::layer().with_writer(writer);
    Ok(match format {
        LogFormat::Pretty => Box::new(registry.with(layer.with_ansi(ansi))),
        // The innermost span alone: it is the request's, with the id and the route in it.
        LogFormat::Json => {
            Box::new(registry.with(layer.json().flatten_event(true).with_current_span(true).with_span_list(false)))
        }
    })
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: LogFormat, filter: &str) -> String {
        let written = Written::default();
        let writer = written.clone();
        let subscriber = subscriber(format, filter, false, move || writer.clone()).unwrap();
        tracing::subscriber::with_default(subscriber, || {
            let _span = tracing::info_span!("request", request_id = "r-1").entered();
            tracing::info!(status = 200, "answered");
            tracing::debug!("noise");
        });
        String::from_utf8(written.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn json_lines_carry_the_fields_and_the_span() {
        let text = logged(LogFormat::Json, "info");
        let line: serde_json::Value = serde_json::from_str(text.trim()).unwrap();
        assert_eq!(line["message"], "answered");
        assert_eq!(line["status"], 200);
        assert_eq!(line["level"], "INFO");
        assert_eq!(line["span"]["request_id"], "r-1");
        assert!(line["timestamp"].is_string());
    }

    #[test]
    fn pretty_lines_carry_the_span_too() {
        let text = logged(LogFormat::Pretty, "debug");
        assert_eq!(text.lines().count(), 2);
        assert!(text.contains("request_id=\"r-1\"") && text.contains("answered status=200"), "{text}");
    }

    #[test]
    fn the_filter_decides_what_is_logged() {
        assert_eq!(logged(LogFormat::Json, "off"), "");
        assert!(init(LogFormat::Json, "a=b=c=").is_err());
    }
}
