-- The events stored so far, into their partitions; `service_zone` says where the months of each service begin.
CREATE TEMPORARY TABLE moved_usage ON COMMIT DROP AS
SELECT event.*, to_char(started_at AT TIME ZONE zone, 'YYYY-MM') AS period
  FROM usage_event_before AS event JOIN service_zone USING (service);

INSERT INTO usage_series (service, feed, external_subscription_id, metric, aggregation)
SELECT DISTINCT service, feed, external_subscription_id, metric, 'sum' FROM moved_usage;

INSERT INTO usage_identity (series_id, idempotency_key, content_hash, period, booked_in)
SELECT series_id, idempotency_key, content_hash, period, period
  FROM moved_usage JOIN usage_series USING (service, feed, external_subscription_id, metric);

SELECT usage_partition(period) FROM (SELECT DISTINCT period FROM moved_usage) AS months;

INSERT INTO usage_event (period, series_id, idempotency_key, quantity, started_at, ended_at, booked_in, snapshot_id, stored_at)
SELECT period, series_id, idempotency_key, quantity, started_at, ended_at, period, snapshot_id, taken_at
  FROM moved_usage JOIN usage_series USING (service, feed, external_subscription_id, metric)
  JOIN source_snapshot USING (snapshot_id);

INSERT INTO usage_running (series_id, period, booked_in, aggregation, quantity, events)
SELECT series_id, period, period, 'sum', sum(quantity), count(*) FROM usage_event GROUP BY series_id, period;

DROP TABLE usage_event_before;
