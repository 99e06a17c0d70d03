//! The search: what the words are found in, the best first.

use std::collections::HashMap;

use spectra_mesh::{Error, OrgTx, Page};
use spectra_proto::lims as pb;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Entry, store::Filters};

/// How many entries that match are ranked, the newest of them: a word may be in all.
const RANKED: i64 = 1_000;

/// What the database puts before and after a hit: characters that no text has, as those of a text are taken out before.
const HIT: char = '\u{fdd0}';
const END: char = '\u{fdd1}';

/// A version that was found. Its rank stands for a time, so that a page ends at it as others end at one.
#[derive(Debug)]
struct Found {
    id: Uuid,
    rank: OffsetDateTime,
    title: Option<String>,
    body_markdown: Option<String>,
}

/// A page of what `words` are found in.
pub(super) async fn page(tx: &mut OrgTx, words: &str, filters: &Filters, page: &Page) -> Result<pb::ListElnEntriesResponse, Error> {
    let found = find(tx, words, filters, page).await?;
    let ids: Vec<_> = found.iter().map(|found| found.id).collect();
    let ranks: HashMap<_, _> = found.iter().map(|found| (found.id, found.rank)).collect();
    let rows = sqlx::query_as!(
        Entry,
        r#"SELECT e.*, later.id AS "superseded_by?"
             FROM unnest($2::uuid[]) WITH ORDINALITY AS found (id, place)
             JOIN eln_entries e ON e.id = found.id
             LEFT JOIN eln_entries later ON later.organization_id = e.organization_id AND later.supersedes = e.id
            WHERE e.organization_id = $1 ORDER BY found.place"#,
        tx.org(),
        &ids,
    )
    .fetch(tx.conn());
    let rows = page.read(rows, |entry: &Entry| (ranks[&entry.id], entry.id)).await?;
    let total = if page.all().is_some() { Some(count(tx, words, filters).await?) } else { None };
    let (mut items, pagination): (Vec<pb::ElnEntry>, _) = page.answer(rows, total);
    for (item, found) in items.iter_mut().zip(found) {
        item.highlights = found.highlights();
    }
    Ok(pb::ListElnEntriesResponse { items, pagination })
}

async fn find(tx: &mut OrgTx, words: &str, filters: &Filters, page: &Page) -> Result<Vec<Found>, Error> {
    // An entry is looked at once its words are found and the thousand is not full, which the offset of none sees to; and
    // highlights are made last, of what is shown: they take longer than all the rest.
    Ok(sqlx::query_as!(
        Found,
        r#"SELECT best.id, best.rank AS "rank!",
                  ts_headline('pg_catalog.english', translate(best.title, U&'\FDD0\FDD1', ''), best.query,
                              U&'StartSel="\FDD0", StopSel="\FDD1", HighlightAll=true') AS title,
                  ts_headline('pg_catalog.english', translate(left(best.body_markdown, 50000), U&'\FDD0\FDD1', ''), best.query,
                              U&'StartSel="\FDD0", StopSel="\FDD1", MaxFragments=3, MaxWords=20, MinWords=8') AS body_markdown
             FROM (SELECT * FROM (SELECT newest.*, query, to_timestamp(ts_rank(s.words, query)) AS rank
                                    FROM websearch_to_tsquery('pg_catalog.english', $6) AS query
                                   CROSS JOIN LATERAL (
                                         SELECT e.* FROM (SELECT entry_id FROM eln_search
                                                           WHERE organization_id = $1 AND words @@ query ORDER BY entry_id DESC) hit
                                          CROSS JOIN LATERAL (
                                                SELECT e.id, e.title, e.body_markdown FROM eln_entries e
                                                 WHERE e.organization_id = $1 AND e.id = hit.entry_id
                                                   AND eln_matches(e, NOT $7 AND (SELECT later.id FROM eln_entries later
                                                                                  WHERE later.organization_id = e.organization_id AND later.supersedes = e.id) IS NOT NULL,
                                                       $8, $9, $10, $11, $12, $13, $14)
                                                OFFSET 0) e
                                          ORDER BY hit.entry_id DESC LIMIT $15) newest
                                    JOIN eln_search s ON s.organization_id = $1 AND s.entry_id = newest.id) ranked
                    WHERE (rank, id) < ($2, $3) ORDER BY rank DESC, id DESC LIMIT $4 OFFSET $5) best
            ORDER BY best.rank DESC, best.id DESC"#,
        tx.org(),
        page.before(),
        page.before_id(),
        page.rows(),
        page.skip(),
        words,
        filters.all_versions,
        filters.tag.as_deref() as _,
        filters.author_id as _,
        filters.signed as _,
        filters.sample_id as _,
        filters.run_id as _,
        filters.recipe_id as _,
        filters.entry_no as _,
        RANKED,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// How many are found, as far as they are ranked.
async fn count(tx: &mut OrgTx, words: &str, filters: &Filters) -> Result<i64, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!"
             FROM (SELECT FROM websearch_to_tsquery('pg_catalog.english', $2) AS query, eln_search s
                     JOIN eln_entries e ON e.organization_id = s.organization_id AND e.id = s.entry_id
                    WHERE s.organization_id = $1 AND s.words @@ query
                      AND eln_matches(e, NOT $3 AND (SELECT later.id FROM eln_entries later
                                                     WHERE later.organization_id = e.organization_id AND later.supersedes = e.id) IS NOT NULL,
                                      $4, $5, $6, $7, $8, $9, $10)
                    LIMIT $11) found"#,
        tx.org(),
        words,
        filters.all_versions,
        filters.tag.as_deref() as _,
        filters.author_id as _,
        filters.signed as _,
        filters.sample_id as _,
        filters.run_id as _,
        filters.recipe_id as _,
        filters.entry_no as _,
        RANKED,
    )
    .fetch_one(tx.conn())
    .await?)
}

impl Found {
    fn highlights(self) -> Vec<pb::ElnHighlight> {
        let fields = [("title", self.title), ("body_markdown", self.body_markdown)];
        let marked = fields.into_iter().map(|(field, text)| (field, segments(&text.unwrap_or_default())));
        let hit = marked.filter(|(_, segments)| segments.iter().any(|segment| segment.hit));
        hit.map(|(field, segments)| pb::ElnHighlight { field: field.to_owned(), segments }).collect()
    }
}

/// Takes a marked text apart.
fn segments(marked: &str) -> Vec<pb::ElnSegment> {
    let mut segments = Vec::new();
    for (nth, part) in marked.split(HIT).enumerate() {
        let (hit, rest) = if nth == 0 { ("", part) } else { part.split_once(END).unwrap_or((part, "")) };
        for (text, hit) in [(hit, true), (rest, false)] {
            if !text.is_empty() {
                segments.push(pb::ElnSegment { text: text.to_owned(), hit });
            }
        }
    }
    segments
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(marked: &str) -> Vec<(String, bool)> {
        segments(marked).into_iter().map(|segment| (segment.text, segment.hit)).collect()
    }

    #[test]
    fn a_marked_text_comes_apart() {
        let piece = |text: &str, hit| (text.to_owned(), hit);
        assert_eq!(told(""), []);
        assert_eq!(told("<b>plain</b>"), [piece("<b>plain</b>", false)]);
        let marked = format!("a {HIT}b{END} c {HIT}<d>{END}{HIT}e{END}");
        assert_eq!(told(&marked), [piece("a ", false), piece("b", true), piece(" c ", false), piece("<d>", true), piece("e", true)]);
        assert_eq!(told(&format!("a{HIT}b")), [piece("a", false), piece("b", true)], "a mark that is not closed");
    }
}
