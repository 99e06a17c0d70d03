//! The statements over who came of whom.

use spectra_mesh::{Error, Labelled, OrgTx, id, new_id};
use spectra_proto::lims::{self as pb, LineageKind};
use uuid::Uuid;

use super::{Birth, Family, Member};
use crate::samples::Sample;

/// How many samples of a family are shown at most, and how many births: both together fit a message.
const MOST_MEMBERS: usize = 1000;
const MOST_BIRTHS: usize = 5000;

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
pub(super) async fn merge(tx: &mut OrgTx, asked: pb::MergeSamplesRequest) -> Result<Sample, Error> {
    let mut parents = asked.sample_ids.iter().map(|parent| id(parent)).collect::<Result<Vec<_>, _>>()?;
    // In one order, so that two who merge the same samples do not wait for one another.
    parents.sort_unstable();
    if parents.array_windows().any(|[one, next]| one == next) {
        return Err(Error::invalid("sample_ids", "must not hold a sample twice"));
    }
    let mut merged = Vec::<pb::Sample>::new();
    for parent in &parents {
        merged.push(Sample::lock(tx, &parent.to_string()).await?.into());
    }
    if asked.consume() {
        for parent in &parents {
            Sample::delete(tx, &parent.to_string()).await?;
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
        let mut members = members(tx, sample_id).await?;
        let mut is_cut = members.len() > MOST_MEMBERS;
        members.truncate(MOST_MEMBERS);
        let ids: Vec<_> = members.iter().map(|member| member.id).collect();
        let mut births = births(tx, &ids).await?;
        // Of those who are shown, all births are: so the member goes with whom they become too many, and whoever is as far or farther.
        if let Some(Birth { farther, .. }) = births.get(MOST_BIRTHS).copied() {
            births.retain(|birth| birth.farther < farther);
            members.truncate(usize::try_from(farther).map_err(Error::broken)? - 1);
            is_cut = true;
        }
        Ok(Self { sample_id, members, births, is_cut })
    }
}

/// A sample, what it came of and what came of it, the nearest first, one more than is shown. Walked level by level, each way; whom it met
/// it does not meet again.
async fn members(tx: &mut OrgTx, sample_id: Uuid) -> Result<Vec<Member>, Error> {
    Ok(sqlx::query_as!(
        Member,
        r#"WITH RECURSIVE kin (step, generation, level, met) AS (
             SELECT step, 0, ARRAY[$2::uuid], ARRAY[$2::uuid] FROM (VALUES (-1), (1)) AS ways (step)
             UNION ALL
             SELECT step, generation + step, next.level, met || next.level
               FROM kin CROSS JOIN LATERAL (
                 SELECT array_agg(id) AS level FROM (
                   (SELECT parent_id AS id FROM sample_lineage WHERE organization_id = $1 AND step < 0 AND child_id = ANY (kin.level)
                     UNION
                    SELECT child_id FROM sample_lineage WHERE organization_id = $1 AND step > 0 AND parent_id = ANY (kin.level))
                   EXCEPT SELECT unnest(met)
                   ORDER BY id LIMIT $3) AS found
               ) AS next
              WHERE next.level IS NOT NULL AND cardinality(met) < $3
           )
           SELECT s.id, s.name, s.lot_code, s.barcode, kin.generation AS "generation!", s.is_deleted, s.created_at
             FROM kin CROSS JOIN unnest(level) AS near (id) JOIN samples s ON s.organization_id = $1 AND s.id = near.id
            WHERE generation <> 0 OR step > 0
            ORDER BY abs(generation), s.created_at, s.id LIMIT $3"#,
        tx.org(),
        sample_id,
        one_more(MOST_MEMBERS)?,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// How these samples came of one another, the nearest first, one more than is shown.
async fn births(tx: &mut OrgTx, members: &[Uuid]) -> Result<Vec<Birth>, Error> {
    Ok(sqlx::query_as!(
        Birth,
        r#"SELECT parent_id, child_id, kind AS "kind: _", created_by, created_at, greatest(parent.place, child.place) AS "farther!"
             FROM unnest($2::uuid[]) WITH ORDINALITY AS parent (id, place)
             JOIN sample_lineage ON organization_id = $1 AND parent_id = parent.id
             JOIN unnest($2::uuid[]) WITH ORDINALITY AS child (id, place) ON child.id = child_id
            ORDER BY "farther!", least(parent.place, child.place) LIMIT $3"#,
        tx.org(),
        members,
        one_more(MOST_BIRTHS)?,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// How many to read, to learn whether there are more.
fn one_more(most: usize) -> Result<i64, Error> {
    i64::try_from(most + 1).map_err(Error::broken)
}
