-- The service itself makes the partitions of the months to come, for which it needs the right to make just these. It takes nothing from its
-- caller, and gives nothing. Points of a month that came before its partition move into it.
CREATE OR REPLACE FUNCTION make_partitions() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT SET timezone = 'UTC' AS $$
DECLARE
  month timestamptz := date_trunc('month', now()) - interval '12 months';
  name text;
BEGIN
  FOR i IN 0 .. 36 LOOP
    name := 'spc_points_' || to_char(month, 'YYYY_MM');
    IF to_regclass(name) IS NULL THEN
      BEGIN
        EXECUTE format('CREATE TABLE %I PARTITION OF spc_points FOR VALUES FROM (%L) TO (%L)', name, month, month + interval '1 month');
      EXCEPTION WHEN check_violation THEN
        EXECUTE format('CREATE TABLE %I (LIKE spc_points INCLUDING ALL)', name);
        EXECUTE format(
          'WITH moved AS (DELETE FROM spc_points_other WHERE ts >= %L AND ts < %L RETURNING *) INSERT INTO %I SELECT * FROM moved',
          month, month + interval '1 month', name);
        EXECUTE format('ALTER TABLE spc_points ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', name, month, month + interval '1 month');
      END;
    END IF;
    month := month + interval '1 month';
  END LOOP;
END $$;
