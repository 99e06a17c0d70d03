DROP TABLE runs;
DROP TYPE run_status;
