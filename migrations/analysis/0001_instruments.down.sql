DROP TABLE calibrations, instruments;
DROP FUNCTION certificate_frozen;
DROP TYPE instrument_status;
