DROP FUNCTION gauge_grr(spc_series);
DROP TABLE gauge_studies;
DROP TYPE gauge_method;
