-- Records of every kind in the organization that app.org names, none with a value that another
-- organization has. Run in one transaction by one who sees everything; what is not named has its default.

SET LOCAL search_path = identity;
WITH own AS (
  SELECT u.id AS person, o.name, sha256(o.name::bytea) AS hash, now() + interval '1 day' AS tomorrow
    FROM organizations o JOIN users u ON u.organization_id = o.id WHERE o.id = current_setting('app.org')::uuid AND u.role = 'admin'
), session AS (
  INSERT INTO sessions (id, user_id, client, expires_at) SELECT gen_random_uuid(), person, 'a client', tomorrow FROM own RETURNING id
), token AS (
  INSERT INTO refresh_tokens (session_id, generation, hash, expires_at) SELECT session.id, 1, hash, tomorrow FROM own, session
), revocation AS (
  INSERT INTO revocations (kind, subject, until) SELECT 'session', name, tomorrow FROM own
), proof AS (
  INSERT INTO proofs (id, session_id, user_id, hash, content_hash, meaning, expires_at)
  SELECT gen_random_uuid(), session.id, person, hash, encode(hash, 'hex'), 'author', tomorrow FROM own, session
), miss AS (
  INSERT INTO proof_misses (session_id, misses) SELECT session.id, 1 FROM session
), change AS (
  INSERT INTO outbox (kind, record_id) SELECT 'users', person FROM own
)
INSERT INTO idempotency_keys (caller_id, method, key, digest) SELECT person, 'm', name, hash FROM own;

SET LOCAL search_path = lims;
WITH own AS (
  SELECT id AS person, name, sha256(name::bytea) AS hash FROM identity.organizations WHERE id = current_setting('app.org')::uuid
), material AS (
  INSERT INTO materials (id, name, type) SELECT gen_random_uuid(), name, 'semiconductor' FROM own RETURNING id
), sample AS (
  INSERT INTO samples (id, name, material_id, barcode) SELECT gen_random_uuid(), name, material.id, name FROM own, material RETURNING id
), part AS (
  INSERT INTO samples (id, name) SELECT gen_random_uuid(), name FROM own RETURNING id
), lineage AS (
  INSERT INTO sample_lineage (id, parent_id, child_id, kind, created_by)
  SELECT gen_random_uuid(), sample.id, part.id, 'split', person FROM own, sample, part
), custody AS (
  INSERT INTO custody_events (id, sample_id, event_type, to_party, occurred_at, recorded_by)
  SELECT gen_random_uuid(), sample.id, 'transfer', name, now(), person FROM own, sample
), wafer AS (
  INSERT INTO wafers (id, sample_id, wafer_id_code) SELECT gen_random_uuid(), sample.id, name FROM own, sample RETURNING id
), device AS (
  INSERT INTO devices (id, wafer_id, device_label) SELECT gen_random_uuid(), wafer.id, name FROM own, wafer
), sop AS (
  INSERT INTO sops (id, number, title, version, body_markdown, author_id)
  SELECT gen_random_uuid(), name, 'a title', '1', 'a body', person FROM own RETURNING id
), acknowledgement AS (
  INSERT INTO sop_acknowledgements (id, sop_id, user_id) SELECT gen_random_uuid(), sop.id, person FROM own, sop
), recipe AS (
  INSERT INTO recipes (id, name, version, status, owner_id, params_hash, sop_id)
  SELECT gen_random_uuid(), name, '1', 'approved', person, encode(hash, 'hex'), sop.id FROM own, sop RETURNING id
), approval AS (
  INSERT INTO recipe_approvals (id, recipe_id, approver_id, approver_role, state, params_hash, signed_at)
  SELECT gen_random_uuid(), recipe.id, person, 'pi', 'approved', encode(hash, 'hex'), now() FROM own, recipe
), attachment AS (
  INSERT INTO attachments (id, entity_type, entity_id, filename, content_type, size_bytes, sha256, uri, uploaded_by)
  SELECT gen_random_uuid(), 'material', material.id, name, 'text/csv', 1, encode(hash, 'hex'), name, person FROM own, material
), upload AS (
  INSERT INTO attachment_uploads (id) SELECT gen_random_uuid() FROM own
), change AS (
  INSERT INTO outbox (kind, record_id) SELECT 'samples', person FROM own
)
INSERT INTO idempotency_keys (caller_id, method, key, digest) SELECT person, 'm', name, hash FROM own;

WITH own AS (
  SELECT id AS person, name, sha256(name::bytea) AS hash, gen_random_uuid() AS first, abs(hashtext(name)) / 2 + 1 AS number
    FROM identity.organizations WHERE id = current_setting('app.org')::uuid
)
INSERT INTO eln_entries (id, entry_no, entry_version, supersedes, author_id, writers, title, body_markdown, content_hash)
SELECT gen_random_uuid(), number, 2, first, person, ARRAY[person], name, name, encode(hash, 'hex') FROM own
 UNION ALL
SELECT first, number, 1, NULL, person, ARRAY[person], name, name, encode(hash, 'hex') FROM own;
INSERT INTO signatures
       (id, entry_type, entry_id, signer_id, signer_name, signer_role, meaning, method, content_hash, manifest, signature, key_id, signed_at)
SELECT gen_random_uuid(), 'eln_entry', id, author_id, title, 'admin', 'author', 'password', content_hash, '{}',
       sha256(title::bytea) || sha256(title::bytea), content_hash, now()
  FROM eln_entries WHERE organization_id = current_setting('app.org')::uuid AND supersedes IS NULL;

SET LOCAL search_path = analysis;
WITH own AS (
  SELECT id AS person, name, sha256(name::bytea) AS hash FROM identity.organizations WHERE id = current_setting('app.org')::uuid
), instrument AS (
  INSERT INTO instruments (id, name, vendor, model, interface)
  SELECT gen_random_uuid(), name, 'vendor', 'model', 'tcp' FROM own RETURNING id
), certificate AS (
  INSERT INTO calibrations (id, instrument_id, certificate_id, issued_at, expires_at, content_hash)
  SELECT gen_random_uuid(), instrument.id, name, now() - interval '1 day', now() + interval '1 day', encode(hash, 'hex')
    FROM own, instrument RETURNING id
), run AS (
  INSERT INTO runs (id, instrument_id, method, status, created_by, calibration_id, calibration_hash)
  SELECT gen_random_uuid(), instrument.id, 'iv_sweep', 'queued', person, certificate.id, encode(hash, 'hex')
    FROM own, instrument, certificate RETURNING id
), further AS (
  INSERT INTO run_instruments (id, run_id, instrument_id) SELECT gen_random_uuid(), run.id, instrument.id FROM run, instrument
), recall AS (
  INSERT INTO recalls (id, calibration_id, instrument_id, since, until, runs, results)
  SELECT gen_random_uuid(), certificate.id, instrument.id, now(), now(), 0, 0 FROM certificate, instrument
), result AS (
  INSERT INTO results (id, run_id, result_type, created_by) SELECT gen_random_uuid(), run.id, name, person FROM own, run RETURNING id
), analysis AS (
  INSERT INTO analyses (id, kind, method, version, run_id, result_id, created_by)
  SELECT gen_random_uuid(), 'hall', name, '1', run.id, result.id, person FROM own, run, result
), columns AS (
  INSERT INTO result_arrays (result_id, place, name, numbers) SELECT result.id, 0, name, '{1,NaN}' FROM own, result
), study AS (
  INSERT INTO gauge_studies (id, instrument_id, method, alpha_to_pool, study_width, grr_percent, created_by)
  SELECT gen_random_uuid(), instrument.id, 'anova_crossed', 0.25, 6, 10, person FROM own, instrument
), features AS (
  INSERT INTO feature_sets (id, name, set_version, created_by) SELECT gen_random_uuid(), name, 1, person FROM own RETURNING id
), model AS (
  INSERT INTO ml_models (id, name, version, framework, uri, feature_set_id, created_by)
  SELECT gen_random_uuid(), name, '1', 'sklearn', 'u', features.id, person FROM own, features RETURNING id
), learnt AS (
  INSERT INTO ml_model_runs (id, model_id, run_id) SELECT gen_random_uuid(), model.id, run.id FROM model, run
), series AS (
  INSERT INTO spc_series (id, name, path, entity_type, instrument_id, metric, ruleset_version)
  SELECT gen_random_uuid(), name, 'a/b', 'method', instrument.id, 'vth', 1 FROM own, instrument RETURNING id
), stage AS (
  INSERT INTO spc_stages (id, series_id, stage, starts_at, ruleset, ruleset_version, created_by)
  SELECT gen_random_uuid(), series.id, 1, now(), 'nelson', 1, person FROM own, series
), state AS (
  INSERT INTO spc_states (series_id) SELECT series.id FROM series
), span AS (
  INSERT INTO spc_spans (series_id, from_ts, from_id, to_ts, points, present) SELECT series.id, now(), gen_random_uuid(), now(), 1, 0 FROM series
), point AS (
  INSERT INTO spc_points (series_id, ts, id) SELECT series.id, now(), gen_random_uuid() FROM series RETURNING series_id, ts, id
), import AS (
  INSERT INTO spc_imports (series_id, caller_id, key, digest) SELECT series.id, person, name, hash FROM own, series
), exclusion AS (
  INSERT INTO spc_exclusions (id, series_id, point_id, ts, excluded, reason, created_by)
  SELECT gen_random_uuid(), series_id, point.id, ts, true, name, person FROM own, point
), alert AS (
  INSERT INTO spc_alerts (id, series_id, point_id, rule, window_from, window_to, severity, summary)
  SELECT gen_random_uuid(), series_id, point.id, 'we1', ts, ts, 'info', name FROM own, point
)
INSERT INTO idempotency_keys (caller_id, method, key, digest) SELECT person, 'm', name, hash FROM own;
