//! The statements over instruments.

use spectra_mesh::{Error, Labelled, Object, OrgTx, Page, id, new_id, page, patch};
use spectra_proto::analysis::{self as pb, InstrumentStatus};

use super::Instrument;

impl Instrument {
    /// The instrument asked for.
    pub(super) async fn find(tx: &mut OrgTx, asked: &str) -> Result<Self, Error> {
        let found = sqlx::query_as!(Self, "SELECT * FROM instruments WHERE organization_id = $1 AND id = $2", tx.org(), id(asked)?)
            .fetch_optional(tx.conn())
            .await?;
        found.ok_or_else(|| Error::not_found("instrument"))
    }

    /// A page of the instruments that match the filters.
    pub(super) async fn page(
        tx: &mut OrgTx,
        asked: &pb::ListInstrumentsRequest,
        page: &Page,
    ) -> Result<pb::ListInstrumentsResponse, Error> {
        let (items, pagination) = page!(
            tx,
            page,
            Self,
            "SELECT * FROM instruments
              WHERE organization_id = $1
                AND ($6::instrument_status IS NULL OR status = $6)
                AND ($7::text IS NULL OR category = $7)
                AND ($8::text IS NULL OR strpos(lower(concat_ws(' ', name, vendor, model, serial)), lower($8)) > 0)",
            asked.status.and_then(Labelled::of) as Option<Labelled<InstrumentStatus>>,
            asked.category,
            asked.q,
        )?;
        Ok(pb::ListInstrumentsResponse { items, pagination })
    }

    /// Describes a new instrument.
    pub(super) async fn create(tx: &mut OrgTx, instrument: &pb::Instrument) -> Result<Self, Error> {
        Ok(sqlx::query_as!(
            Self,
            "INSERT INTO instruments (organization_id, id, name, vendor, model, serial, interface, category, location, status, capabilities,
                                      metadata, config)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) RETURNING *",
            tx.org(),
            new_id(),
            instrument.name,
            instrument.vendor,
            instrument.model,
            instrument.serial,
            instrument.interface,
            instrument.category,
            instrument.location,
            status(instrument).unwrap_or(Labelled(InstrumentStatus::Online)),
            Object::of(instrument.capabilities.as_ref()),
            Object::of(instrument.metadata.as_ref()),
            Object::of(instrument.config.as_ref()),
        )
        .fetch_one(tx.conn())
        .await?)
    }

    /// Changes what the mask names of an instrument.
    pub(super) async fn update(tx: &mut OrgTx, asked: pb::UpdateInstrumentRequest) -> Result<Self, Error> {
        let current: pb::Instrument = Self::lock(tx, &asked.id).await?.into();
        let instrument = patch::apply(&current, &asked.instrument.unwrap_or_default(), asked.update_mask.as_ref())?;
        Ok(sqlx::query_as!(
            Self,
            "UPDATE instruments SET name = $3, vendor = $4, model = $5, serial = $6, interface = $7, category = $8, location = $9,
                    status = $10, capabilities = $11, metadata = $12, config = $13
              WHERE organization_id = $1 AND id = $2 RETURNING *",
            tx.org(),
            id(&asked.id)?,
            instrument.name,
            instrument.vendor,
            instrument.model,
            instrument.serial,
            instrument.interface,
            instrument.category,
            instrument.location,
            status(&instrument).ok_or_else(|| Error::invalid("instrument.status", "cannot be cleared"))?,
            Object::of(instrument.capabilities.as_ref()),
            Object::of(instrument.metadata.as_ref()),
            Object::of(instrument.config.as_ref()),
        )
        .fetch_one(tx.conn())
        .await?)
    }

    /// An instrument that nobody else changes meanwhile, at the revision that the caller meant.
    ///
    /// The lock lets the foreign keys of new runs pass: a `FOR UPDATE` would starve behind them on a busy instrument.
    async fn lock(tx: &mut OrgTx, asked: &str) -> Result<Self, Error> {
        let found = sqlx::query_as!(
            Self,
            "SELECT * FROM instruments WHERE organization_id = $1 AND id = $2 FOR NO KEY UPDATE",
            tx.org(),
            id(asked)?,
        )
        .fetch_optional(tx.conn())
        .await?;
        let instrument = found.ok_or_else(|| Error::not_found("instrument"))?;
        tx.expect("instrument", instrument.revision)?;
        Ok(instrument)
    }
}

/// The status that a request gives an instrument.
fn status(instrument: &pb::Instrument) -> Option<Labelled<InstrumentStatus>> {
    instrument.status.and_then(Labelled::of)
}
