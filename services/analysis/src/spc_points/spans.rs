//! Spans: some hundred points one after another, summed up for whoever draws all of them.

use serde::{Deserialize, Serialize};
use spectra_mesh::{Error, OrgTx};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    reading::{Draft, END, Place},
    walk::micros,
};
use crate::spc_series::Plots;

/// How many points a span has when it is full.
const FULL: i32 = 250;

/// A span as it is summed up. Times are in microseconds since 1970.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Span {
    from: i64,
    from_id: Uuid,
    to: i64,
    points: i32,
    present: i32,
    lowest: Option<(f64, i64)>,
    highest: Option<(f64, i64)>,
}

impl Span {
    fn of(place: Place) -> Self {
        let at = micros(place.ts);
        Self { from: at, from_id: place.id, to: at, points: 0, present: 0, lowest: None, highest: None }
    }

    fn take(&mut self, place: Place, plotted: Option<f64>) {
        let at = micros(place.ts);
        self.to = at;
        self.points += 1;
        let Some(value) = plotted else { return };
        self.present += 1;
        if self.lowest.is_none_or(|(lowest, _)| value < lowest) {
            self.lowest = Some((value, at));
        }
        if self.highest.is_none_or(|(highest, _)| value > highest) {
            self.highest = Some((value, at));
        }
    }
}

/// Adds points behind all others; gives the span that is not full yet.
pub(super) async fn extend(
    tx: &mut OrgTx,
    series_id: Uuid,
    last: Option<Span>,
    drafts: &[Draft],
    plotted: impl Fn(usize) -> Option<f64>,
) -> Result<Option<Span>, Error> {
    let mut spans: Vec<Span> = last.into_iter().collect();
    for (index, draft) in drafts.iter().enumerate() {
        if spans.last().is_none_or(|span| span.points >= FULL) {
            spans.push(Span::of(draft.place));
        }
        if let Some(span) = spans.last_mut() {
            span.take(draft.place, plotted(index));
        }
    }
    write(tx, series_id, &spans).await?;
    Ok(spans.pop())
}

async fn write(tx: &mut OrgTx, series_id: Uuid, spans: &[Span]) -> Result<(), Error> {
    let at = |micros: i64| OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1000).map_err(Error::broken);
    let all = |time: fn(&Span) -> i64| spans.iter().map(|span| at(time(span))).collect::<Result<Vec<_>, _>>();
    let some = |end: fn(&Span) -> Option<(f64, i64)>| {
        spans.iter().map(|span| end(span).map(|(_, micros)| at(micros)).transpose()).collect::<Result<Vec<_>, _>>()
    };
    let (from, to) = (all(|span| span.from)?, all(|span| span.to)?);
    let (lowest_ts, highest_ts) = (some(|span| span.lowest)?, some(|span| span.highest)?);
    let ids: Vec<_> = spans.iter().map(|span| span.from_id).collect();
    let points: Vec<_> = spans.iter().map(|span| span.points).collect();
    let present: Vec<_> = spans.iter().map(|span| span.present).collect();
    let lowest: Vec<_> = spans.iter().map(|span| span.lowest.map(|(value, _)| value)).collect();
    let highest: Vec<_> = spans.iter().map(|span| span.highest.map(|(value, _)| value)).collect();
    sqlx::query!(
        "INSERT INTO spc_spans (organization_id, series_id, from_ts, from_id, to_ts, points, present, lowest, lowest_ts, highest, highest_ts)
         SELECT $1, $2, * FROM unnest($3::timestamptz[], $4::uuid[], $5::timestamptz[], $6::int[], $7::int[], $8::float8[],
                                      $9::timestamptz[], $10::float8[], $11::timestamptz[])
         ON CONFLICT (organization_id, series_id, from_ts, from_id) DO UPDATE
            SET to_ts = excluded.to_ts, points = excluded.points, present = excluded.present, lowest = excluded.lowest,
                lowest_ts = excluded.lowest_ts, highest = excluded.highest, highest_ts = excluded.highest_ts",
        tx.org(),
        series_id,
        &from,
        &ids,
        &to,
        &points,
        &present,
        &lowest as _,
        &lowest_ts as _,
        &highest as _,
        &highest_ts as _,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Sums up anew the spans around places where something changed, which are in order; gives the last span of the series.
///
/// A span reaches to where the next one begins. Places bound them, as points of one time may be of several.
pub(super) async fn mend(tx: &mut OrgTx, series_id: Uuid, plots: Plots, touched: &[Place]) -> Result<Option<Span>, Error> {
    let mut rest = touched;
    while let Some(first) = rest.first() {
        let from = begun(tx, series_id, *first).await?;
        let mut to = next(tx, series_id, *first).await?;
        if from.is_none() {
            // What comes before all spans joins the first of them, so that points that come backwards make no span each.
            to = match to {
                Some(to) => next(tx, series_id, to).await?,
                None => None,
            };
        }
        // Spans that touch one another are summed up at once.
        while let Some(end) = to {
            rest = &rest[rest.partition_point(|place| *place < end)..];
            let following = next(tx, series_id, end).await?;
            if rest.first().is_none_or(|place| following.is_some_and(|following| *place >= following)) {
                break;
            }
            to = following;
        }
        if to.is_none() {
            rest = &[];
        }
        rebuild(tx, series_id, plots, from.unwrap_or(*first), to.unwrap_or(END)).await?;
    }
    newest(tx, series_id).await
}

/// Sums up anew the points from a place on and before another, in spans of one size.
async fn rebuild(tx: &mut OrgTx, series_id: Uuid, plots: Plots, from: Place, to: Place) -> Result<(), Error> {
    sqlx::query!(
        "DELETE FROM spc_spans
          WHERE organization_id = $1 AND series_id = $2 AND (from_ts, from_id) >= ($3, $4) AND (from_ts, from_id) < ($5, $6)",
        tx.org(),
        series_id,
        from.ts,
        from.id,
        to.ts,
        to.id,
    )
    .execute(tx.conn())
    .await?;
    sqlx::query!(
        // The smallest of all numbers cannot be divided.
        "INSERT INTO spc_spans (organization_id, series_id, from_ts, from_id, to_ts, points, present, lowest, lowest_ts, highest, highest_ts)
         SELECT $1, $2, (array_agg(ts ORDER BY place))[1], (array_agg(id ORDER BY place))[1], max(ts), count(*), count(plotted),
                min(plotted), (array_agg(ts ORDER BY plotted, place) FILTER (WHERE plotted IS NOT NULL))[1],
                max(plotted), (array_agg(ts ORDER BY plotted DESC, place) FILTER (WHERE plotted IS NOT NULL))[1]
           FROM (SELECT ts, id,
                        coalesce(statistic, CASE $8 WHEN 'values' THEN value
                                                    WHEN 'rates' THEN CASE WHEN abs(value) < 1e-290 THEN 0 ELSE value / coalesce(n, 1) END
                                            END) AS plotted,
                        row_number() OVER (ORDER BY ts, id) - 1 AS place,
                        count(*) OVER () AS total
                   FROM spc_points
                  WHERE organization_id = $1 AND series_id = $2 AND (ts, id) >= ($3, $4) AND (ts, id) < ($5, $6)) AS numbered
          GROUP BY place * ((total + $7::int - 1) / $7) / total",
        tx.org(),
        series_id,
        from.ts,
        from.id,
        to.ts,
        to.id,
        FULL,
        plots.word(),
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Where the span that a place is in begins; none when the place is before all of them.
async fn begun(tx: &mut OrgTx, series_id: Uuid, place: Place) -> Result<Option<Place>, Error> {
    let row = sqlx::query!(
        "SELECT from_ts, from_id FROM spc_spans
          WHERE organization_id = $1 AND series_id = $2 AND (from_ts, from_id) <= ($3, $4) ORDER BY from_ts DESC, from_id DESC LIMIT 1",
        tx.org(),
        series_id,
        place.ts,
        place.id,
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.map(|row| Place { ts: row.from_ts, id: row.from_id }))
}

/// Where the first span behind a place begins; none when there is none.
async fn next(tx: &mut OrgTx, series_id: Uuid, place: Place) -> Result<Option<Place>, Error> {
    let row = sqlx::query!(
        "SELECT from_ts, from_id FROM spc_spans
          WHERE organization_id = $1 AND series_id = $2 AND (from_ts, from_id) > ($3, $4) ORDER BY from_ts, from_id LIMIT 1",
        tx.org(),
        series_id,
        place.ts,
        place.id,
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.map(|row| Place { ts: row.from_ts, id: row.from_id }))
}

/// The last span of a series.
async fn newest(tx: &mut OrgTx, series_id: Uuid) -> Result<Option<Span>, Error> {
    let row = sqlx::query!(
        "SELECT from_ts, from_id, to_ts, points, present, lowest, lowest_ts, highest, highest_ts FROM spc_spans
          WHERE organization_id = $1 AND series_id = $2 ORDER BY from_ts DESC, from_id DESC LIMIT 1",
        tx.org(),
        series_id,
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.map(|row| Span {
        from: micros(row.from_ts),
        from_id: row.from_id,
        to: micros(row.to_ts),
        points: row.points,
        present: row.present,
        lowest: row.lowest.zip(row.lowest_ts.map(micros)),
        highest: row.highest.zip(row.highest_ts.map(micros)),
    }))
}
