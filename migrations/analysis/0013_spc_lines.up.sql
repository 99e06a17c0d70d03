-- What a point was held against, where that is not the same at every point of its stage: centre line, sigma, lower and upper control limit.
-- Averages have it at the start of a stage, and subgroups of which a value is missing. Of counts it follows from n.
ALTER TABLE spc_points ADD COLUMN lines float8[] CHECK (cardinality(lines) = 4);
-- The range or the standard deviation of a subgroup, at its last point, or the moving range; behind it its centre line, lower and upper
-- control limit, where they are not the same at every point.
ALTER TABLE spc_points ADD COLUMN spread float8[] CHECK (cardinality(spread) IN (1, 4));

-- Charts of subgroups and of rates were summed up by what was measured: each is summed up anew, by what is plotted, 250 points at a time.
ALTER TABLE spc_series NO FORCE ROW LEVEL SECURITY;
ALTER TABLE spc_points NO FORCE ROW LEVEL SECURITY;
ALTER TABLE spc_spans NO FORCE ROW LEVEL SECURITY;
ALTER TABLE spc_states NO FORCE ROW LEVEL SECURITY;
DELETE FROM spc_spans s USING spc_series r
 WHERE r.organization_id = s.organization_id AND r.id = s.series_id
   AND (r.subgroup_size > 1 OR r.chart_type IN ('p', 'u', 'laney_p', 'laney_u'));
INSERT INTO spc_spans (organization_id, series_id, from_ts, from_id, to_ts, points, present, lowest, lowest_ts, highest, highest_ts)
SELECT organization_id, series_id, (array_agg(ts ORDER BY place))[1], (array_agg(id ORDER BY place))[1], max(ts), count(*), count(plotted),
       min(plotted), (array_agg(ts ORDER BY plotted, place) FILTER (WHERE plotted IS NOT NULL))[1],
       max(plotted), (array_agg(ts ORDER BY plotted DESC, place) FILTER (WHERE plotted IS NOT NULL))[1]
  FROM (SELECT p.organization_id, p.series_id, p.ts, p.id,
               -- The smallest of all numbers cannot be divided.
               coalesce(p.statistic, CASE WHEN r.subgroup_size > 1 THEN NULL
                                          WHEN abs(p.value) < 1e-290 THEN 0
                                          ELSE p.value / coalesce(p.n, 1) END) AS plotted,
               row_number() OVER (PARTITION BY p.organization_id, p.series_id ORDER BY p.ts, p.id) - 1 AS place
          FROM spc_points p JOIN spc_series r ON r.organization_id = p.organization_id AND r.id = p.series_id
         WHERE r.subgroup_size > 1 OR r.chart_type IN ('p', 'u', 'laney_p', 'laney_u')) AS numbered
 GROUP BY organization_id, series_id, place / 250;
-- The span that was not full yet is not gone on with.
UPDATE spc_states s SET walk = s.walk - 'span' FROM spc_series r
 WHERE r.organization_id = s.organization_id AND r.id = s.series_id
   AND (r.subgroup_size > 1 OR r.chart_type IN ('p', 'u', 'laney_p', 'laney_u'));
ALTER TABLE spc_states FORCE ROW LEVEL SECURITY;
ALTER TABLE spc_spans FORCE ROW LEVEL SECURITY;
ALTER TABLE spc_points FORCE ROW LEVEL SECURITY;
ALTER TABLE spc_series FORCE ROW LEVEL SECURITY;
