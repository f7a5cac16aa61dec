SELECT machine_no AS external_subscription_id, 'cpu_seconds' AS metric, busy AS quantity, taken_at AS started_at,
       taken_at + seconds * interval '1 second' AS ended_at, NULL AS source_event_id
  FROM cpu_readings
 WHERE taken_at >= %(start)s AND taken_at < %(end)s
