//! Whether what an entry is about is there.

use spectra_mesh::{Error, OrgTx};
use uuid::Uuid;

use super::content::LinkedEntities;

impl LinkedEntities {
    /// Makes sure of the records that are named here and were not in `before`; what is gone meanwhile stays named. `runs`
    /// is what analysis said of the runs.
    pub(super) async fn check(&self, tx: &mut OrgTx, before: &Self, runs: Result<(), Error>) -> Result<(), Error> {
        if !new(&self.runs, &before.runs).is_empty() {
            runs?;
        }
        let samples = new(&self.samples, &before.samples);
        if !samples.is_empty() && live_samples(tx, &samples).await? < samples.len() {
            return Err(Error::not_found("sample"));
        }
        let recipes = new(&self.recipes, &before.recipes);
        if !recipes.is_empty() && present_recipes(tx, &recipes).await? < recipes.len() {
            return Err(Error::not_found("recipe"));
        }
        Ok(())
    }
}

fn new(named: &[Uuid], before: &[Uuid]) -> Vec<Uuid> {
    named.iter().filter(|id| !before.contains(id)).copied().collect()
}

async fn live_samples(tx: &mut OrgTx, ids: &[Uuid]) -> Result<usize, Error> {
    let live = sqlx::query!("SELECT id FROM samples WHERE organization_id = $1 AND id = ANY ($2) AND NOT is_deleted", tx.org(), ids);
    Ok(live.fetch_all(tx.conn()).await?.len())
}

async fn present_recipes(tx: &mut OrgTx, ids: &[Uuid]) -> Result<usize, Error> {
    let present = sqlx::query!("SELECT id FROM recipes WHERE organization_id = $1 AND id = ANY ($2)", tx.org(), ids);
    Ok(present.fetch_all(tx.conn()).await?.len())
}
