//! Lists: newest first, walked by a token that says where the last page ended.

use prost::Message;
use spectra_proto::types::Pagination;
use time::OffsetDateTime;
use tokio_stream::{Stream, StreamExt};
use uuid::Uuid;

use crate::{Error, Permit, bookmark, fingerprint, validate::wire};

/// When a page is full, however few its items: with one item more it still is a message that clients
/// take, which is of 4 MiB where they do not say otherwise.
const FULL: usize = 2 << 20;

/// Items of a page when the caller names no limit.
const DEFAULT_LIMIT: i32 = 100;

/// Which part of a list a call asks for.
#[derive(Debug)]
pub struct Page {
    limit: i32,
    skip: i32,
    count: bool,
    before: Place,
    /// Binds a token to the organization, the method and the filters it was made for.
    list: [u8; 32],
}

/// The items of a page, and where it ends when there are more behind them.
#[derive(Debug)]
pub struct Rows<M> {
    items: Vec<M>,
    end: Option<Place>,
}

/// A place in a list that is ordered by time and id, newest first.
#[derive(Clone, Copy, Debug)]
struct Place {
    at: OffsetDateTime,
    id: Uuid,
}

/// A page of the rows that a statement finds, and how many there are when that is asked for: items and pagination.
///
/// The statement is one `SELECT` without an order, of columns that hold `created_at` and `id`. Its `$1` is the
/// organization, and its own arguments begin at `$6`: those between are the page's.
#[macro_export]
macro_rules! page {
    ($tx:expr, $page:expr, $row:path, $select:literal $(, $argument:expr)* $(,)?) => {
        async {
            let rows = sqlx::query_as!(
                $row,
                "SELECT * FROM (" + $select + ") AS listed WHERE (created_at, id) < ($2, $3)
                  ORDER BY created_at DESC, id DESC LIMIT $4 OFFSET $5",
                $tx.org(), $page.before(), $page.before_id(), $page.rows(), $page.skip() $(, $argument)*
            );
            let rows = rows.fetch($tx.conn());
            let rows = $page.read(rows, |row: &$row| (row.created_at, row.id)).await?;
            let Some(all) = $page.all() else { return Ok($page.answer(rows, None)) };
            let total = sqlx::query_scalar!(
                r#"SELECT count(*) AS "count!" FROM ("# + "SELECT FROM (" + $select + ") AS listed WHERE (created_at, id) < ($2, $3)
                    LIMIT $4 OFFSET $5) AS counted",
                $tx.org(), all.before(), all.before_id(), all.rows(), all.skip() $(, $argument)*
            );
            let total = total.fetch_one($tx.conn()).await?;
            Ok::<_, $crate::Error>($page.answer(rows, Some(total)))
        }
        .await
    };
}

/// The paging fields come first in every list request.
const LAST_PAGING_FIELD: u32 = 4;

/// The paging fields, which every list request has at the same numbers.
#[derive(Clone, PartialEq, Message)]
struct Paging {
    #[prost(int32, optional, tag = "1")]
    limit: Option<i32>,
    #[prost(string, optional, tag = "2")]
    page_token: Option<String>,
    #[prost(int32, optional, tag = "3")]
    skip: Option<i32>,
    #[prost(bool, optional, tag = "4")]
    count: Option<bool>,
}

impl Page {
    /// Reads the paging fields of a list request from its bytes; the field rules have held.
    pub(crate) fn of(message: &[u8], permit: &Permit) -> Result<Self, Error> {
        let paging = Paging::decode(message).map_err(Error::broken)?;
        let mut bound = Vec::with_capacity(message.len() + 64);
        bound.extend_from_slice(permit.caller().org.as_bytes());
        bound.extend_from_slice(permit.method().as_bytes());
        filters(message, &mut bound)?;
        let list = fingerprint(&bound);
        let before = match paging.page_token.as_deref() {
            None | Some("") => Place::NEWEST,
            Some(token) => Place::read(token, list).ok_or_else(|| Error::invalid("page_token", "is not a token of this list"))?,
        };
        Ok(Self {
            limit: paging.limit.unwrap_or(DEFAULT_LIMIT),
            skip: paging.skip.unwrap_or(0),
            count: paging.count.unwrap_or(false),
            before,
            list,
        })
    }

    /// The time before which the page begins; with [`Page::before_id`] a row of the list's order.
    #[must_use]
    pub fn before(&self) -> OffsetDateTime {
        self.before.at
    }

    /// The id before which the page begins, among records of the same time.
    #[must_use]
    pub fn before_id(&self) -> Uuid {
        self.before.id
    }

    /// How many rows to read: one more than the page holds, to learn whether there is another page.
    #[must_use]
    pub fn rows(&self) -> i64 {
        i64::from(self.limit) + 1
    }

    /// How many rows to pass over.
    #[must_use]
    pub fn skip(&self) -> i64 {
        self.skip.into()
    }

    /// The whole list, when the caller wants to know how many items there are.
    #[must_use]
    pub fn all(&self) -> Option<Self> {
        self.count.then_some(Self { limit: i32::MAX, skip: 0, count: true, before: Place::NEWEST, list: self.list })
    }

    /// Reads rows until the page is full: in items, or in bytes of what they become. A page that is
    /// full of bytes is a short one, with a token for the rest. `place` says where a row stands.
    pub async fn read<T, M: From<T> + Message>(
        &self,
        mut rows: impl Stream<Item = Result<T, sqlx::Error>> + Unpin,
        place: impl Fn(&T) -> (OffsetDateTime, Uuid),
    ) -> Result<Rows<M>, Error> {
        let limit = usize::try_from(self.limit).unwrap_or_default();
        let (mut items, mut bytes, mut end) = (Vec::new(), 0, None);
        while let Some(row) = rows.next().await.transpose()? {
            if items.len() == limit || bytes > FULL {
                return Ok(Rows { items, end });
            }
            let (at, id) = place(&row);
            end = Some(Place { at, id });
            let item = M::from(row);
            bytes += item.encoded_len();
            items.push(item);
        }
        Ok(Rows { items, end: None })
    }

    /// Makes the answer's items and pagination of the rows read; `total` is how many match in all, if
    /// that was asked.
    #[must_use]
    pub fn answer<M>(&self, rows: Rows<M>, total: Option<i64>) -> (Vec<M>, Option<Pagination>) {
        let total = total.map(|total| i32::try_from(total).unwrap_or(i32::MAX));
        let per_page = self.limit.max(1);
        let pagination = Pagination {
            limit: self.limit,
            skip: self.skip,
            page: self.skip / per_page + 1,
            next_page_token: rows.end.map(|end| end.token(self.list)),
            total,
            pages: total.map(|total| total / per_page + i32::from(total % per_page > 0)),
        };
        (rows.items, Some(pagination))
    }
}

/// The years 1 to 9999, in microseconds since 1970: what the database counts.
const YEARS: std::ops::RangeInclusive<i64> = -62_135_596_800_000_000..=253_402_300_799_999_999;

impl Place {
    /// Before this comes everything.
    const NEWEST: Self = Self { at: time::macros::datetime!(9999-12-31 00:00 UTC), id: Uuid::max() };

    fn token(self, list: [u8; 32]) -> String {
        let micros = i64::try_from(self.at.unix_timestamp_nanos() / 1_000).unwrap_or_default();
        bookmark::text(&[micros.to_be_bytes().as_slice(), self.id.as_bytes()].concat(), &list)
    }

    fn read(token: &str, list: [u8; 32]) -> Option<Self> {
        let place = bookmark::read::<24>(token, &list)?;
        let (micros, id) = place.split_first_chunk()?;
        let micros = i64::from_be_bytes(*micros);
        if !YEARS.contains(&micros) {
            return None;
        }
        let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000).ok()?;
        Some(Self { at, id: Uuid::from_slice(id).ok()? })
    }
}

/// Appends the fields of a list request that are not paging: its filters.
fn filters(message: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
    for record in wire::records(message) {
        let record = record.map_err(|wire::Malformed| Error::broken("a request that was just encoded does not read"))?;
        if record.number > LAST_PAGING_FIELD {
            out.extend_from_slice(record.raw);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_for_its_list_alone() {
        let place = Place { at: time::macros::datetime!(2026-01-02 03:04:05.000006 UTC), id: Uuid::from_u128(7) };
        let token = place.token([1; 32]);
        let read = Place::read(&token, [1; 32]).expect("its own list");
        assert_eq!((read.at, read.id), (place.at, place.id));
        assert!(Place::read(&token, [2; 32]).is_none());
        let forged = Place { at: time::macros::datetime!(-9999-01-01 00:00 UTC), id: Uuid::from_u128(7) };
        assert!(Place::read(&forged.token([1; 32]), [1; 32]).is_none(), "a year that the database does not know");
        for broken in ["", "A", "' or 1=1--", &token[1..], &"9".repeat(500)] {
            assert!(Place::read(broken, [1; 32]).is_none(), "{broken}");
        }
    }
}
