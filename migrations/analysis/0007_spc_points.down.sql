DROP TABLE spc_exclusions, spc_imports, spc_spans, spc_states, spc_points;
DROP FUNCTION make_partitions();
