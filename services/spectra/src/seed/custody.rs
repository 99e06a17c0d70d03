//! Whose hands the demo lab's samples went through.

use anyhow::{Context, Result};
use spectra_proto::{
    identity::{FindPeopleRequest, people_service_client::PeopleServiceClient},
    lims::{self as pb, custody_service_client::CustodyServiceClient},
};

use super::{DEMO, ENGINEER, Person, SignedIn, TECHNICIAN, lims::ALL};

/// Writes how the first samples came to the lab, and to whom in it.
pub(super) async fn write(engineer: &SignedIn<'_>, samples: &[String]) -> Result<()> {
    let mut client = CustodyServiceClient::new(engineer.stack.lims.channel());
    let (keeper, user) = (id(engineer, TECHNICIAN).await?, id(engineer, ENGINEER).await?);
    for sample in samples.iter().take(2) {
        let asked = pb::ListCustodyEventsRequest { limit: ALL, sample_id: Some(sample.clone()), ..Default::default() };
        let there = client.list_custody_events(engineer.ask(asked)).await?.into_inner().items.len();
        let received = pb::CreateCustodyEventRequest {
            event_type: Some("received".to_owned()),
            from_user: Some("Crystal Growers Inc.".to_owned()),
            to_user: Some(keeper.clone()),
            to_location: Some("Storage Cabinet A".to_owned()),
            note: Some("Sealed, no damage seen.".to_owned()),
            ..Default::default()
        };
        let handed = pb::CreateCustodyEventRequest {
            to_user: Some(user.clone()),
            note: Some("For the threshold voltage series.".to_owned()),
            ..Default::default()
        };
        for event in [received, handed].into_iter().skip(there) {
            client.create_custody_event(engineer.ask(pb::CreateCustodyEventRequest { sample_id: Some(sample.clone()), ..event })).await?;
        }
    }
    Ok(())
}

/// The id of one of the demo people.
async fn id(engineer: &SignedIn<'_>, person: Person) -> Result<String> {
    let asked = FindPeopleRequest { q: Some(person.email(&DEMO)), limit: None };
    let found = PeopleServiceClient::new(engineer.stack.identity.channel()).find_people(engineer.ask(asked)).await?.into_inner().items;
    Ok(found.into_iter().next().with_context(|| format!("{} is not there", person.name))?.id)
}
