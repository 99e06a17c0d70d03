//! The demo lab's notebook.

use anyhow::{Context, Result};
use spectra_proto::{
    analysis::{ListRunsRequest, RunStatus, run_service_client::RunServiceClient},
    lims::{self as pb, eln_service_client::ElnServiceClient},
};

use super::{SignedIn, by_name, lims::Written};

const MOSFET: &str = "Initial MOSFET Characterization Results";
const SOLAR: &str = "Solar Cell Performance Analysis";

const MOSFET_BODY: &str = "\
# Objective

Find the threshold voltage and the peak transconductance of the first five wafers of the lot, and see whether they agree with the design value of 0.5 V.

# Method

Transfer curves with the recipe *MOSFET IV Standard*: gate from -2 V to 2 V in steps of 0.1 V, drain at 0.1 V, in the dark at 23 degrees. The threshold is the linear extrapolation at peak transconductance.

# Results

| run | Vth / V | gm / mS | Ion / Ioff |
| --- | --- | --- | --- |
| 1 | 0.50 | 1.0 | 1.0e6 |
| 5 | 0.54 | 1.4 | 1.4e6 |
| 10 | 0.59 | 1.9 | 1.9e6 |

The threshold rises by about 10 mV from run to run. Leakage stays below 1 nA.

# Conclusion

All devices switch. The drift of the threshold is larger than the repeatability of the setup and should be followed.
";

const SOLAR_BODY: &str = "\
# Objective

Compare the external quantum efficiency of the reference cell before and after the anneal.

# To do

- [x] Calibrate the lamp against the reference diode
- [ ] Scan from 300 nm to 1200 nm in steps of 10 nm
- [ ] Integrate over AM1.5G and compare with the short-circuit current
";

/// Writes the entries that are missing; the first one is signed by its author.
pub(super) async fn write(author: &SignedIn<'_>, written: &Written) -> Result<()> {
    let mut client = ElnServiceClient::new(author.stack.lims.channel());
    let listed = client.list_eln_entries(author.ask(pb::ListElnEntriesRequest::default())).await?.into_inner().items;
    let there = by_name(listed, |entry| entry.title.clone());
    let links = pb::LinkedEntities { samples: written.samples.clone(), runs: runs(author).await?, recipes: vec![written.recipe.clone()] };
    for (title, body, tags, links) in
        [(MOSFET, MOSFET_BODY, ["mosfet", "iv"], Some(links)), (SOLAR, SOLAR_BODY, ["solar-cell", "eqe"], None)]
    {
        let entry = if let Some(entry) = there.get(title) {
            entry.clone()
        } else {
            let entry = pb::ElnEntry {
                title: title.to_owned(),
                body_markdown: body.to_owned(),
                tags: tags.map(str::to_owned).to_vec(),
                linked_entities: links,
                ..Default::default()
            };
            client.create_eln_entry(author.ask(pb::CreateElnEntryRequest { entry: Some(entry) })).await?.into_inner()
        };
        if title == MOSFET && entry.entry_version == 1 && !entry.signed {
            let asked = pb::SignElnEntryRequest {
                id: entry.id,
                method: Some("password".to_owned()),
                password: Some(author.person.password.to_owned()),
                reason: Some("These are the results as they were measured.".to_owned()),
                ..Default::default()
            };
            client.sign_eln_entry(author.ask(asked)).await.context("signing the first entry")?;
        }
    }
    Ok(())
}

/// Whether the entry that is written last is there.
pub(super) async fn is_written(viewer: &SignedIn<'_>) -> bool {
    let asked = viewer.ask(pb::ListElnEntriesRequest::default());
    let listed = ElnServiceClient::new(viewer.stack.lims.channel()).list_eln_entries(asked).await;
    listed.is_ok_and(|page| page.get_ref().items.iter().any(|entry| entry.title == SOLAR))
}

/// The ids of the runs that the results come of.
async fn runs(author: &SignedIn<'_>) -> Result<Vec<String>> {
    let succeeded = ListRunsRequest { status: Some(RunStatus::Succeeded.into()), ..Default::default() };
    let listed = RunServiceClient::new(author.stack.analysis.channel()).list_runs(author.ask(succeeded)).await?.into_inner().items;
    Ok(listed.into_iter().map(|run| run.id).collect())
}
