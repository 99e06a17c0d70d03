DROP TABLE gauge_studies;
DROP TYPE gauge_method;
