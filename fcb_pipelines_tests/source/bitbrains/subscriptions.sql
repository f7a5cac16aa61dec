-- One machine is one deployment and one subscription.
SELECT machine_no AS external_subscription_id, machine_no AS external_deployment_id, owner AS external_user_id,
       sku AS external_plan_id, 'monthly' AS billing_interval, 'running' AS status, created AS started_at,
       NULL::timestamptz AS ended_at, NULL::numeric AS contract_price, NULL::numeric AS discount_percent
  FROM machines
