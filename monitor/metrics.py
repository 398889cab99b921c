"""What Prometheus is told. Names and units: docs/reference/prometheus.md. No brand, no person."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

MENTIONS = Counter("tingfeng_mentions", "Mentions taken in, by outcome", ["outcome"])
BATCH_SECONDS = Histogram(
    "tingfeng_ingest_batch_seconds",
    "Time to take in one batch",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
REQUESTS = Counter("tingfeng_http_requests", "HTTP requests", ["method", "route", "status"])
REQUEST_SECONDS = Histogram(
    "tingfeng_http_request_seconds", "Time to answer an HTTP request", ["route"]
)
ALERTS = Counter("tingfeng_alert_changes", "Changes of alerts, by action", ["action"])
DELIVERIES = Counter("tingfeng_deliveries", "Messages to channels, by outcome", ["outcome"])
DIGESTS = Counter("tingfeng_digests", "Messages sent that told of many incidents at once")
DETECT_SECONDS = Histogram("tingfeng_detect_seconds", "Time of one look for anomalies")
BRANDS_WAITING = Gauge(
    "tingfeng_brands_waiting",
    "Alarming brands that the last look left for the next",
    multiprocess_mode="mostrecent",
)
OUTBOX_AGE = Gauge(
    "tingfeng_outbox_oldest_seconds",
    "Age of the oldest message still to be sent",
    multiprocess_mode="mostrecent",
)
