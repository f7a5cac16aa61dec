-- What differs between two successive snapshots of a service: plans and subscriptions whose terms changed, or that were gone and
-- came back, and history that came or went. A row is stored only where something differs, so that a period is rated
-- with the terms of its time without reading old snapshots again.
CREATE TABLE changed_terms (
    service     text NOT NULL,
    entity      text NOT NULL CHECK (entity IN ('plans', 'subscriptions', 'history')),
    external_id text NOT NULL,
    snapshot_id bigint NOT NULL REFERENCES source_snapshot, -- the later one
    before_hash bytea REFERENCES source_record, -- null where the earlier one did not have it
    after_hash  bytea REFERENCES source_record, -- null where the later one does not have it
    CHECK (before_hash IS NOT NULL OR after_hash IS NOT NULL)
);
CREATE INDEX changed_terms_of_service ON changed_terms (service, entity, external_id, snapshot_id);

-- The snapshots that were taken before this table was there.
WITH pair AS (
    SELECT service, snapshot_id AS now, lag(snapshot_id) OVER (PARTITION BY service ORDER BY snapshot_id) AS before
      FROM source_snapshot
)
INSERT INTO changed_terms (service, entity, external_id, snapshot_id, before_hash, after_hash)
SELECT pair.service, old.entity, old.external_id, pair.now, old.record_hash, new.record_hash
  FROM pair
  JOIN snapshot_record AS old ON old.snapshot_id = pair.before AND old.entity IN ('plans', 'subscriptions')
  LEFT JOIN snapshot_record AS new
    ON new.snapshot_id = pair.now AND new.entity = old.entity AND new.external_id = old.external_id
  LEFT JOIN source_record AS was ON was.record_hash = old.record_hash
  LEFT JOIN source_record AS became ON became.record_hash = new.record_hash
 WHERE new.record_hash IS DISTINCT FROM old.record_hash
   AND (new.record_hash IS NULL OR EXISTS (
        SELECT FROM unnest(ARRAY['price_monthly', 'price_quarterly', 'price_yearly', 'currency', 'included_quantity', 'unit_price',
                                 'unit_batch', 'charges', 'valid_from', 'external_plan_id', 'billing_interval', 'contract_price',
                                 'discount_percent', 'instalments']) AS term
         WHERE was.data ? term AND was.data ->> term IS DISTINCT FROM became.data ->> term));

WITH pair AS (
    SELECT service, snapshot_id AS now, lag(snapshot_id) OVER (PARTITION BY service ORDER BY snapshot_id) AS before
      FROM source_snapshot
)
INSERT INTO changed_terms (service, entity, external_id, snapshot_id, before_hash, after_hash)
SELECT DISTINCT pair.service, new.entity, new.external_id, pair.now, NULL::bytea, new.record_hash
  FROM pair
  JOIN snapshot_record AS new ON new.snapshot_id = pair.now AND new.entity IN ('plans', 'subscriptions', 'history')
 WHERE EXISTS (SELECT FROM snapshot_record AS old
                WHERE old.snapshot_id = pair.before AND (new.entity <> 'history' OR old.entity = 'history'))
   AND NOT EXISTS (
        SELECT FROM snapshot_record AS old
         WHERE old.snapshot_id = pair.before AND old.entity = new.entity
           AND (old.record_hash = new.record_hash OR (new.entity <> 'history' AND old.external_id = new.external_id)))
   AND (new.entity = 'history' OR EXISTS (
        SELECT FROM changed_terms AS gone
         WHERE gone.service = pair.service AND gone.entity = new.entity AND gone.external_id = new.external_id
           AND gone.after_hash IS NULL AND gone.snapshot_id < pair.now));

WITH pair AS (
    SELECT service, snapshot_id AS now, lag(snapshot_id) OVER (PARTITION BY service ORDER BY snapshot_id) AS before
      FROM source_snapshot
)
INSERT INTO changed_terms (service, entity, external_id, snapshot_id, before_hash, after_hash)
SELECT DISTINCT pair.service, old.entity, old.external_id, pair.now, old.record_hash, NULL::bytea
  FROM pair
  JOIN snapshot_record AS old ON old.snapshot_id = pair.before AND old.entity = 'history'
 WHERE NOT EXISTS (
        SELECT FROM snapshot_record AS new
         WHERE new.snapshot_id = pair.now AND new.entity = old.entity AND new.external_id = old.external_id
           AND new.record_hash = old.record_hash);

-- A column that came back after the mapping had left it out.
WITH pair AS (
    SELECT service, snapshot_id AS now, lag(snapshot_id) OVER (PARTITION BY service ORDER BY snapshot_id) AS before
      FROM source_snapshot
)
INSERT INTO changed_terms (service, entity, external_id, snapshot_id, before_hash, after_hash)
SELECT pair.service, old.entity, old.external_id, pair.now, old.record_hash, new.record_hash
  FROM pair
  JOIN snapshot_record AS old ON old.snapshot_id = pair.before AND old.entity IN ('plans', 'subscriptions')
  JOIN snapshot_record AS new ON new.snapshot_id = pair.now AND new.entity = old.entity AND new.external_id = old.external_id
  JOIN source_record AS was ON was.record_hash = old.record_hash
  JOIN source_record AS became ON became.record_hash = new.record_hash
 WHERE new.record_hash <> old.record_hash
   AND EXISTS (
        SELECT FROM unnest(ARRAY['price_quarterly', 'unit_batch', 'charges', 'valid_from', 'instalments']) AS term
         WHERE NOT was.data ? term AND became.data ->> term IS NOT NULL)
   AND EXISTS (
        SELECT FROM changed_terms AS known
         WHERE known.service = pair.service AND known.entity = old.entity AND known.external_id = old.external_id
           AND known.snapshot_id < pair.now)
   AND NOT EXISTS (
        SELECT FROM changed_terms AS noted
         WHERE noted.service = pair.service AND noted.entity = old.entity AND noted.external_id = old.external_id
           AND noted.snapshot_id = pair.now);
