DROP TABLE result_arrays, results;
