DROP TABLE ml_model_runs;
DROP TABLE ml_models;
DROP FUNCTION model_frozen();
DROP TYPE model_stage;
DROP TABLE feature_sets;
