DROP TABLE analyses;
DROP TYPE analysis_kind;
