-- Events lie in the order of their time, so whoever knows when one began finds it at once, however many its series has. Absent
-- where the event was dropped before this was kept.
ALTER TABLE usage_identity ADD COLUMN started_at timestamptz;
UPDATE usage_identity AS identity SET started_at = event.started_at
  FROM usage_event AS event
 WHERE event.period = identity.period AND event.series_id = identity.series_id
   AND event.idempotency_key = identity.idempotency_key;
