//! Counters of the server, and their rendering in Prometheus' text format.

use crate::desktops::{Priority, State, Status};
use crate::latency::Latency;
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counters of the server. Each counter only increases, except the number of open streams and the reserve.
#[derive(Default)]
pub struct Metrics {
    logins_ok: AtomicU64,
    logins_failed: AtomicU64,
    logins_slowed: AtomicU64,
    requests: AtomicU64,
    tickets: AtomicU64,
    streams: AtomicU64,
    streams_opened: AtomicU64,
    messages_down: AtomicU64,
    bytes_down: AtomicU64,
    messages_up: AtomicU64,
    bytes_up: AtomicU64,
    database_reserve: AtomicU64,
    inputs_dropped: AtomicU64,
    messages_refused: AtomicU64,
    /// Latency that the machines measure.
    pub latency: Latency,
}

/// Outcome of a login attempt.
#[derive(Debug, Clone, Copy)]
pub enum LoginOutcome {
    /// The user was logged in.
    Ok,
    /// Name or password was wrong.
    Failed,
    /// The attempt was refused until later.
    Slowed,
}

/// Counters for one open stream; the stream counts as open until the value is dropped.
pub struct StreamCounters(Arc<Metrics>);

impl Metrics {
    /// Sets the bytes that the database keeps for a full disk.
    pub fn set_database_reserve(&self, bytes: u64) {
        self.database_reserve.store(bytes, Ordering::Relaxed);
    }

    /// Counts a login attempt by its outcome.
    pub fn login(&self, outcome: LoginOutcome) {
        add(
            match outcome {
                LoginOutcome::Ok => &self.logins_ok,
                LoginOutcome::Failed => &self.logins_failed,
                LoginOutcome::Slowed => &self.logins_slowed,
            },
            1,
        );
    }

    /// Counts an HTTP request.
    pub fn request(&self) {
        add(&self.requests, 1);
    }

    /// Counts an issued ticket.
    pub fn ticket(&self) {
        add(&self.tickets, 1);
    }

    /// Counts an opened stream, and returns its counters.
    pub fn stream(self: &Arc<Self>) -> StreamCounters {
        add(&self.streams_opened, 1);
        add(&self.streams, 1);
        StreamCounters(Arc::clone(self))
    }

    /// Formats all metrics in Prometheus' text format. `sessions` is the number of open sessions.
    pub fn text(&self, sessions: i64, desktops: &[(Status, Priority)]) -> String {
        let mut text = String::new();
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed) as i64;
        let outcomes = [
            (r#"{outcome="ok"}"#, load(&self.logins_ok)),
            (r#"{outcome="failed"}"#, load(&self.logins_failed)),
            (r#"{outcome="slowed"}"#, load(&self.logins_slowed)),
        ];
        family(&mut text, "oriel_logins_total", "counter", "Logins by outcome.", &outcomes);
        family(&mut text, "oriel_sessions", "gauge", "Open sessions.", &[("", sessions)]);
        let states =
            [State::Stopped, State::Starting, State::Running, State::Stopping, State::Failed].map(|state| {
                let count = desktops.iter().filter(|(status, _)| status.state == state).count();
                (format!(r#"{{state="{}"}}"#, state.as_str()), count as i64)
            });
        let states = states.each_ref().map(|(labels, count)| (labels.as_str(), *count));
        family(&mut text, "oriel_desktops", "gauge", "Desktops known to this server by state.", &states);
        let waiting = desktops.iter().filter(|(status, _)| status.waits_for_disk).count() as i64;
        let help = "Desktops that stand still until the host's disk has room for their writes.";
        family(&mut text, "oriel_desktops_waiting_for_disk", "gauge", help, &[("", waiting)]);
        let priorities = Priority::ALL.map(|priority| {
            let up = |(status, given): &&(Status, Priority)| status.state.is_up() && *given == priority;
            let labels = format!(r#"{{priority="{}"}}"#, priority.as_str());
            (labels, desktops.iter().filter(up).count() as i64)
        });
        let priorities = priorities.each_ref().map(|(labels, count)| (labels.as_str(), *count));
        let help = "Desktops that are up by what people do there; processors are shared by it.";
        family(&mut text, "oriel_desktops_up", "gauge", help, &priorities);
        for (name, kind, help, counter) in [
            ("oriel_http_requests_total", "counter", "HTTP requests.", &self.requests),
            ("oriel_tickets_total", "counter", "Tickets issued.", &self.tickets),
            (
                "oriel_database_reserve_bytes",
                "gauge",
                "Room that the database keeps for itself on a full disk.",
                &self.database_reserve,
            ),
            ("oriel_streams", "gauge", "Open streams.", &self.streams),
            ("oriel_streams_total", "counter", "Streams opened.", &self.streams_opened),
            (
                "oriel_stream_inputs_dropped_total",
                "counter",
                "Inputs of viewers who may only watch.",
                &self.inputs_dropped,
            ),
            (
                "oriel_stream_messages_refused_total",
                "counter",
                "Messages about a clipboard or files that the pool does not let cross.",
                &self.messages_refused,
            ),
        ] {
            family(&mut text, name, kind, help, &[("", load(counter))]);
        }
        let directions = |down: &AtomicU64, up: &AtomicU64| {
            [(r#"{direction="to_client"}"#, load(down)), (r#"{direction="from_client"}"#, load(up))]
        };
        let messages = directions(&self.messages_down, &self.messages_up);
        family(&mut text, "oriel_stream_messages_total", "counter", "Messages relayed.", &messages);
        let bytes = directions(&self.bytes_down, &self.bytes_up);
        family(&mut text, "oriel_stream_bytes_total", "counter", "Bytes of messages relayed.", &bytes);
        text + &self.latency.text()
    }
}

impl StreamCounters {
    /// Counts a message to the client, with its length in bytes.
    pub fn down(&self, bytes: usize) {
        add(&self.0.messages_down, 1);
        add(&self.0.bytes_down, bytes as u64);
    }

    /// Counts a message from the client, with its length in bytes.
    pub fn up(&self, bytes: usize) {
        add(&self.0.messages_up, 1);
        add(&self.0.bytes_up, bytes as u64);
    }

    /// Counts a message that was dropped because the viewer may only watch.
    pub fn dropped_input(&self) {
        add(&self.0.inputs_dropped, 1);
    }

    /// Counts a message that the protocol's table or the pool's policy does not allow.
    pub fn refused(&self) {
        add(&self.0.messages_refused, 1);
    }
}

impl Drop for StreamCounters {
    fn drop(&mut self) {
        self.0.streams.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Adds to a counter.
fn add(counter: &AtomicU64, count: u64) {
    counter.fetch_add(count, Ordering::Relaxed);
}

/// Appends a metric with its help, type and values.
fn family(text: &mut String, name: &str, kind: &str, help: &str, values: &[(&str, i64)]) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    for (labels, value) in values {
        let _ = writeln!(text, "{name}{labels} {value}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_streams_go_up_and_down() {
        let metrics = Arc::new(Metrics::default());
        let stream = metrics.stream();
        stream.down(100);
        let during = metrics.text(3, &[]);
        drop(stream);
        let after = metrics.text(3, &[]);
        assert!(during.contains("\noriel_streams 1\n") && after.contains("\noriel_streams 0\n"));
        assert!(after.contains("oriel_stream_bytes_total{direction=\"to_client\"} 100\n"));
        assert!(after.contains("\noriel_sessions 3\n"));
        assert!(after.contains("oriel_desktops{state=\"running\"} 0\n"));
    }
}
