DROP FUNCTION watches;
DROP TABLE spc_alerts;
DROP TYPE alert_severity;
