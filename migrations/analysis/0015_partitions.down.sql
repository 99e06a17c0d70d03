CREATE OR REPLACE FUNCTION make_partitions() RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT SET timezone = 'UTC' AS $$
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
        RAISE NOTICE 'the points of % stay where they are', name;
      END;
    END IF;
    month := month + interval '1 month';
  END LOOP;
END $$;
