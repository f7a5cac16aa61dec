SELECT sku AS external_plan_id, sku || ' (' || cores || ' cores)' AS name, 'EUR' AS currency, monthly AS price_monthly,
       NULL::numeric AS price_yearly, included_cpu_hours * 3600 AS included_quantity, per_cpu_hour AS unit_price,
       3600 AS unit_batch, true AS is_active, NULL::timestamptz AS valid_from
  FROM price_plans
