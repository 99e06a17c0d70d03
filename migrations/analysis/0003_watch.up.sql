SELECT followed('runs');
