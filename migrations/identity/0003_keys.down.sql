DROP TABLE sealed_secrets, signing_keys;
