//! The statements over who came of whom.

use std::collections::BTreeMap;

use spectra_mesh::{Error, Labelled, OrgTx, id, new_id};
use spectra_proto::lims::{self as pb, LineageKind};
use uuid::Uuid;

use super::{Birth, Family, Member};
use crate::samples::Sample;

/// How many of a sample's forebears, and how many of its offspring, are shown at most.
const MOST: i64 = 1000;

/// Splits a live sample into new ones.
pub(super) async fn split(tx: &mut OrgTx, asked: pb::SplitSampleRequest) -> Result<pb::SplitSampleResponse, Error> {
    let whole = Sample::lock(tx, &asked.id).await?;
    let parent = whole.id;
    let whole = pb::Sample::from(whole);
    // First, so that a part may take over the barcode.
    if asked.consume() {
        Sample::delete(tx, &asked.id).await?;
    }
    let mut parts = Vec::with_capacity(asked.parts.len());
    for mut part in asked.parts {
        inherit(&mut part, |field| field(&whole).clone());
        let child = Sample::create(tx, &part).await?;
        record(tx, parent, child.id, LineageKind::Split).await?;
        parts.push(child.into());
    }
    Ok(pb::SplitSampleResponse { parts })
}

/// Merges live samples into a new one.
pub(super) async fn merge(tx: &mut OrgTx, mut asked: pb::MergeSamplesRequest) -> Result<Sample, Error> {
    // In one order, so that two who merge the same samples do not wait for one another.
    asked.sample_ids.sort_unstable_by_key(|id| id.to_ascii_lowercase());
    let (mut parents, mut merged) = (Vec::new(), Vec::<pb::Sample>::new());
    for sample_id in &asked.sample_ids {
        let sample = Sample::lock(tx, sample_id).await?;
        parents.push(sample.id);
        merged.push(sample.into());
    }
    let consume = asked.consume();
    if consume {
        for sample_id in &asked.sample_ids {
            Sample::delete(tx, sample_id).await?;
        }
    }
    let mut whole = pb::Sample {
        name: asked.name,
        material_type: asked.material_type,
        material_id: asked.material_id,
        lot_code: asked.lot_code,
        barcode: asked.barcode,
        location: asked.location,
        dimensions: asked.dimensions,
        properties: asked.properties,
        metadata: asked.metadata,
        ..pb::Sample::default()
    };
    inherit(&mut whole, |field| {
        let (first, rest) = merged.split_first()?;
        field(first).clone().filter(|value| rest.iter().all(|other| field(other).as_ref() == Some(value)))
    });
    let child = Sample::create(tx, &whole).await?;
    for parent in parents {
        record(tx, parent, child.id, LineageKind::Merge).await?;
    }
    Ok(child)
}

/// A text of a sample.
type Field = fn(&pb::Sample) -> &Option<String>;

/// Fills in what a new sample leaves out and its parents give. Of the material it names either both, or has both from them.
fn inherit(sample: &mut pb::Sample, parents: impl Fn(Field) -> Option<String>) {
    if sample.material_id.is_none() && sample.material_type.is_none() {
        sample.material_id = parents(|sample| &sample.material_id);
        sample.material_type = parents(|sample| &sample.material_type);
    }
    sample.lot_code = sample.lot_code.take().or_else(|| parents(|sample| &sample.lot_code));
    sample.location = sample.location.take().or_else(|| parents(|sample| &sample.location));
}

/// Puts on record that one sample came of another.
async fn record(tx: &mut OrgTx, parent: Uuid, child: Uuid, kind: LineageKind) -> Result<(), Error> {
    let created_by = tx.caller().user;
    sqlx::query!(
        "INSERT INTO sample_lineage (organization_id, id, parent_id, child_id, kind, created_by) VALUES ($1, $2, $3, $4, $5, $6)",
        tx.org(),
        new_id(),
        parent,
        child,
        Labelled(kind) as _,
        created_by,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

impl Family {
    /// The family of a sample.
    pub(super) async fn find(tx: &mut OrgTx, asked: pb::GetGenealogyRequest) -> Result<Self, Error> {
        let sample_id = id(&asked.id)?;
        Sample::find(tx, &pb::GetSampleRequest { id: asked.id, include_deleted: asked.include_deleted }).await?;
        let (up, down) = (forebears(tx, sample_id).await?, offspring(tx, sample_id).await?);
        let is_cut = [&up, &down].iter().any(|kin| i64::try_from(kin.len()).is_ok_and(|found| found > MOST));
        // Each once, and as near as it gets.
        let mut near = BTreeMap::from([(sample_id, 0)]);
        let shown = usize::try_from(MOST).unwrap_or_default();
        for (id, generation) in up.into_iter().take(shown).chain(down.into_iter().take(shown)) {
            near.entry(id).or_insert(generation);
        }
        let (ids, generations): (Vec<_>, Vec<_>) = near.into_iter().unzip();
        Ok(Self { sample_id, members: members(tx, &ids, &generations).await?, births: births(tx, &ids).await?, is_cut })
    }
}

/// What a sample came of, the nearest first, one more than is shown.
async fn forebears(tx: &mut OrgTx, sample_id: Uuid) -> Result<Vec<(Uuid, i32)>, Error> {
    let found = sqlx::query!(
        r#"WITH RECURSIVE kin (id, generation) AS (
             SELECT parent_id, -1 FROM sample_lineage WHERE organization_id = $1 AND child_id = $2
             UNION
             SELECT l.parent_id, kin.generation - 1 FROM kin JOIN sample_lineage l ON l.organization_id = $1 AND l.child_id = kin.id
           )
           SELECT id AS "id!", generation AS "generation!" FROM kin LIMIT $3"#,
        tx.org(),
        sample_id,
        MOST + 1,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(found.into_iter().map(|kin| (kin.id, kin.generation)).collect())
}

/// What came of a sample, the nearest first, one more than is shown.
async fn offspring(tx: &mut OrgTx, sample_id: Uuid) -> Result<Vec<(Uuid, i32)>, Error> {
    let found = sqlx::query!(
        r#"WITH RECURSIVE kin (id, generation) AS (
             SELECT child_id, 1 FROM sample_lineage WHERE organization_id = $1 AND parent_id = $2
             UNION
             SELECT l.child_id, kin.generation + 1 FROM kin JOIN sample_lineage l ON l.organization_id = $1 AND l.parent_id = kin.id
           )
           SELECT id AS "id!", generation AS "generation!" FROM kin LIMIT $3"#,
        tx.org(),
        sample_id,
        MOST + 1,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(found.into_iter().map(|kin| (kin.id, kin.generation)).collect())
}

async fn members(tx: &mut OrgTx, ids: &[Uuid], generations: &[i32]) -> Result<Vec<Member>, Error> {
    Ok(sqlx::query_as!(
        Member,
        r#"SELECT s.id, s.name, s.lot_code, s.barcode, kin.generation AS "generation!", s.is_deleted, s.created_at
             FROM unnest($2::uuid[], $3::int[]) AS kin (id, generation)
             JOIN samples s ON s.organization_id = $1 AND s.id = kin.id
            ORDER BY abs(kin.generation), s.created_at, s.id"#,
        tx.org(),
        ids,
        generations,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// How these samples came of one another.
async fn births(tx: &mut OrgTx, ids: &[Uuid]) -> Result<Vec<Birth>, Error> {
    Ok(sqlx::query_as!(
        Birth,
        r#"SELECT parent_id, child_id, kind AS "kind: _", created_by, created_at FROM sample_lineage
            WHERE organization_id = $1 AND child_id = ANY ($2) AND parent_id = ANY ($2)
            ORDER BY created_at, id"#,
        tx.org(),
        ids,
    )
    .fetch_all(tx.conn())
    .await?)
}
