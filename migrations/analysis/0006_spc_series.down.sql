DROP TABLE spc_stages, spc_series;
DROP TYPE spc_ruleset, spc_chart_type, spc_entity_type;
