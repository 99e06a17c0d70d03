-- Files belong to results of runs too.
ALTER TYPE entity_type ADD VALUE 'result';
