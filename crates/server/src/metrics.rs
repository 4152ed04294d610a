//! `/metrics`: every name ends in its unit, every metric says what it means.

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};
use std::{
    fmt,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicI64, AtomicU64},
    },
    time::Duration,
};

/// From half a millisecond to ten seconds.
const SECONDS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    method: String,
    route: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Label {
    label: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LabelState {
    label: String,
    state: &'static str,
}

type GaugeF = Gauge<f64, AtomicU64>;
type GaugeI = Gauge<i64, AtomicI64>;

/// All metrics of the server.
pub(crate) struct Metrics {
    registry: Mutex<Registry>,
    deliveries: Family<Outcome, Counter>,
    delivery_seconds: Histogram,
    received_bytes: Counter,
    in_flight_bytes: GaugeI,
    requests: Family<Route, Counter>,
    request_seconds: Histogram,
    last_seq: GaugeI,
    lag_seconds: GaugeF,
    lag_events: GaugeI,
    pub(crate) projected_events: Counter,
    pub(crate) projected_rows: Counter,
    pub(crate) unreadable_events: Counter,
    pub(crate) page_hits: Counter,
    pub(crate) page_misses: Counter,
    streams: GaugeI,
    queued: Family<Label, GaugeI>,
    oldest_queued: Family<Label, GaugeI>,
    runners: Family<LabelState, GaugeI>,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let metrics = Self {
            registry: Mutex::default(),
            deliveries: Family::default(),
            delivery_seconds: Histogram::new(SECONDS),
            received_bytes: Counter::default(),
            in_flight_bytes: Gauge::default(),
            requests: Family::default(),
            request_seconds: Histogram::new(SECONDS),
            last_seq: Gauge::default(),
            lag_seconds: Gauge::default(),
            lag_events: Gauge::default(),
            projected_events: Counter::default(),
            projected_rows: Counter::default(),
            unreadable_events: Counter::default(),
            page_hits: Counter::default(),
            page_misses: Counter::default(),
            streams: Gauge::default(),
            queued: Family::default(),
            oldest_queued: Family::default(),
            runners: Family::default(),
        };
        metrics.register();
        metrics
    }
}

/// One runner type's figures.
pub(crate) struct FleetLabel<'a> {
    pub(crate) label: &'a str,
    pub(crate) queued: u32,
    pub(crate) oldest_queued_seconds: i64,
    pub(crate) states: [(&'static str, u32); 4],
}

impl Metrics {
    fn register(&self) {
        let mut registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        let r = registry.sub_registry_with_prefix("trunkline");
        // Counters get `_total` appended, and help texts their full stop.
        r.register(
            "intake_deliveries",
            "Webhook deliveries by outcome; all but `stored` and `duplicate` were refused",
            self.deliveries.clone(),
        );
        r.register(
            "intake_duration_seconds",
            "Time from a delivery's headers to its answer",
            self.delivery_seconds.clone(),
        );
        r.register("intake_received_bytes", "Bytes of delivery bodies read", self.received_bytes.clone());
        r.register(
            "intake_in_flight_bytes",
            "Bytes of delivery bodies held in memory now",
            self.in_flight_bytes.clone(),
        );
        r.register("http_requests", "Requests by route and status", self.requests.clone());
        r.register(
            "http_request_duration_seconds",
            "Time to the head of the answer, all routes but live streams",
            self.request_seconds.clone(),
        );
        r.register(
            "event_log_last_seq_events",
            "Number of the newest event in the log",
            self.last_seq.clone(),
        );
        r.register(
            "projector_lag_seconds",
            "Age of the oldest event that is not in the warehouse yet; 0 when all are",
            self.lag_seconds.clone(),
        );
        r.register(
            "projector_lag_events",
            "Events that are not in the warehouse yet",
            self.lag_events.clone(),
        );
        r.register("projector_events", "Events taken into the warehouse", self.projected_events.clone());
        r.register(
            "projector_rows",
            "Rows loaded into the warehouse, replayed ones included",
            self.projected_rows.clone(),
        );
        r.register(
            "projector_unreadable_events",
            "Events passed over because their payload cannot be read",
            self.unreadable_events.clone(),
        );
        r.register("grid_page_hits", "Grid pages answered from memory", self.page_hits.clone());
        r.register("grid_page_misses", "Grid pages made anew", self.page_misses.clone());
        r.register("live_streams", "Pages that watch live updates now", self.streams.clone());
        r.register("fleet_queued_jobs", "Jobs that wait for a runner, by runner type", self.queued.clone());
        r.register(
            "fleet_oldest_queued_seconds",
            "How long the oldest of them waits",
            self.oldest_queued.clone(),
        );
        r.register("fleet_runners", "Runners by runner type and state", self.runners.clone());
    }

    pub(crate) fn delivery(&self, outcome: &'static str, took: Duration) {
        self.deliveries.get_or_create(&Outcome { outcome }).inc();
        self.delivery_seconds.observe(took.as_secs_f64());
    }

    pub(crate) fn received_bytes(&self, bytes: usize) {
        self.received_bytes.inc_by(bytes as u64);
    }

    /// `route` is the pattern, never the path: outsiders must not be able to make series.
    pub(crate) fn request(&self, method: &str, route: &str, status: u16, took: Duration) {
        let labels = Route { method: method.into(), route: route.into(), status };
        self.requests.get_or_create(&labels).inc();
        self.request_seconds.observe(took.as_secs_f64());
    }

    pub(crate) fn log(&self, last_seq: i64, in_flight_bytes: usize, streams: usize) {
        self.last_seq.set(last_seq);
        self.in_flight_bytes.set(i64::try_from(in_flight_bytes).unwrap_or(i64::MAX));
        self.streams.set(i64::try_from(streams).unwrap_or(i64::MAX));
    }

    pub(crate) fn lag(&self, events: i64, seconds: f64) {
        self.lag_events.set(events);
        self.lag_seconds.set(seconds);
    }

    pub(crate) fn fleet<'a>(&self, labels: impl Iterator<Item = FleetLabel<'a>>) {
        // Types without demand and supply are not listed any more.
        self.queued.clear();
        self.oldest_queued.clear();
        self.runners.clear();
        for one in labels {
            let label = || Label { label: one.label.to_owned() };
            self.queued.get_or_create(&label()).set(i64::from(one.queued));
            self.oldest_queued.get_or_create(&label()).set(one.oldest_queued_seconds);
            for (state, count) in one.states {
                let labels = LabelState { label: one.label.to_owned(), state };
                self.runners.get_or_create(&labels).set(i64::from(count));
            }
        }
    }

    /// The text that Prometheus reads.
    pub(crate) fn text(&self) -> Result<String, fmt::Error> {
        let mut out = String::new();
        encode(&mut out, &self.registry.lock().unwrap_or_else(PoisonError::into_inner))?;
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_end_in_their_unit_and_help_is_there() {
        let metrics = Metrics::default();
        metrics.delivery("stored", Duration::from_millis(2));
        metrics.request("GET", "/api/v1/repos", 200, Duration::from_millis(1));
        let states = [("planned", 0), ("booting", 1), ("idle", 0), ("busy", 2)];
        metrics
            .fleet([FleetLabel { label: "linux", queued: 3, oldest_queued_seconds: 9, states }].into_iter());
        let text = metrics.text().unwrap();
        assert!(text.contains("trunkline_intake_deliveries_total{outcome=\"stored\"} 1"), "{text}");
        assert!(text.contains("trunkline_fleet_runners{label=\"linux\",state=\"busy\"} 2"), "{text}");
        let units = [
            "_seconds",
            "_bytes",
            "_events",
            "_jobs",
            "_runners",
            "_streams",
            "_deliveries",
            "_requests",
            "_rows",
            "_hits",
            "_misses",
        ];
        for line in text.lines().filter(|line| line.starts_with("# TYPE ")) {
            let name = line.split(' ').nth(2).unwrap();
            assert!(units.iter().any(|unit| name.ends_with(unit)), "{name}");
            let help = text.lines().find(|line| line.starts_with(&format!("# HELP {name} "))).unwrap();
            assert!(help.len() > name.len() + 20, "{help}");
        }
    }
}
