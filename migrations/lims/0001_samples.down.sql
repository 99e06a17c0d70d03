DROP TABLE samples, materials;
