//! The statements over materials.

use spectra_mesh::{Error, Object, OrgTx, Page, id, new_id, page, patch};
use spectra_proto::lims as pb;

use super::Material;

impl Material {
    /// The material asked for.
    pub(super) async fn find(tx: &mut OrgTx, asked: &str) -> Result<Self, Error> {
        let found = sqlx::query_as!(Self, "SELECT * FROM materials WHERE organization_id = $1 AND id = $2", tx.org(), id(asked)?)
            .fetch_optional(tx.conn())
            .await?;
        found.ok_or_else(|| Error::not_found("material"))
    }

    /// A page of the materials that match the filters.
    pub(super) async fn page(tx: &mut OrgTx, asked: &pb::ListMaterialsRequest, page: &Page) -> Result<pb::ListMaterialsResponse, Error> {
        let (items, pagination) = page!(
            tx,
            page,
            Self,
            "SELECT * FROM materials
              WHERE organization_id = $1
                AND ($6::text IS NULL OR type = $6)
                AND ($7::text IS NULL OR strpos(lower(concat_ws(' ', name, type, supplier)), lower($7)) > 0)",
            asked.r#type,
            asked.q,
        )?;
        Ok(pb::ListMaterialsResponse { items, pagination })
    }

    /// Describes a material.
    pub(super) async fn create(tx: &mut OrgTx, material: &pb::Material) -> Result<Self, Error> {
        Ok(sqlx::query_as!(
            Self,
            "INSERT INTO materials (organization_id, id, name, type, composition, properties, supplier, metadata)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING *",
            tx.org(),
            new_id(),
            material.name,
            material.r#type,
            Object::of(material.composition.as_ref()),
            Object::of(material.properties.as_ref()),
            material.supplier,
            Object::of(material.metadata.as_ref()),
        )
        .fetch_one(tx.conn())
        .await?)
    }

    /// Changes what the mask names of a material.
    pub(super) async fn update(tx: &mut OrgTx, asked: pb::UpdateMaterialRequest) -> Result<Self, Error> {
        let current: pb::Material = Self::lock(tx, &asked.id).await?.into();
        let material = patch::apply(&current, &asked.material.unwrap_or_default(), asked.update_mask.as_ref())?;
        Ok(sqlx::query_as!(
            Self,
            "UPDATE materials SET name = $3, type = $4, composition = $5, properties = $6, supplier = $7, metadata = $8
              WHERE organization_id = $1 AND id = $2 RETURNING *",
            tx.org(),
            id(&asked.id)?,
            material.name,
            material.r#type,
            Object::of(material.composition.as_ref()),
            Object::of(material.properties.as_ref()),
            material.supplier,
            Object::of(material.metadata.as_ref()),
        )
        .fetch_one(tx.conn())
        .await?)
    }

    /// A material that nobody else changes meanwhile, at the revision that the caller meant.
    async fn lock(tx: &mut OrgTx, asked: &str) -> Result<Self, Error> {
        let found =
            sqlx::query_as!(Self, "SELECT * FROM materials WHERE organization_id = $1 AND id = $2 FOR NO KEY UPDATE", tx.org(), id(asked)?)
                .fetch_optional(tx.conn())
                .await?;
        let material = found.ok_or_else(|| Error::not_found("material"))?;
        tx.expect("material", material.revision)?;
        Ok(material)
    }
}
