//! The demo lab's procedures.

use anyhow::{Context, Result};
use spectra_proto::lims::{self as pb, SopStatus, sop_service_client::SopServiceClient};

use super::{SignedIn, by_name, lims::ALL};

struct Procedure {
    number: &'static str,
    title: &'static str,
    version: &'static str,
    method: &'static str,
    hazard_level: &'static str,
    body: &'static str,
    checklist: &'static [&'static str],
}

/// The one that the IV recipe names.
const IV: &str = "SOP-001";

const PROCEDURES: [Procedure; 2] = [
    Procedure {
        number: IV,
        title: "IV characterisation",
        version: "2.1",
        method: "iv_sweep",
        hazard_level: "low",
        body: include_str!("sops/iv.md"),
        checklist: &[
            "Wrist strap on and tested",
            "Calibration sticker of the source meter in date",
            "Probe tips cleaned and planarised",
            "Leakage of the open probes below 1 pA",
            "Light shield closed",
        ],
    },
    Procedure {
        number: "SOP-002",
        title: "X-ray diffraction",
        version: "1.5",
        method: "xrd_scan",
        hazard_level: "medium",
        body: include_str!("sops/xrd.md"),
        checklist: &[
            "Dosimeter worn",
            "Enclosure closed and interlock lamp green",
            "Tube warmed up for 30 minutes",
            "Alignment checked on the Si(111) reference",
        ],
    },
];

/// Writes the procedures and puts them into force; the id of the one that the IV recipe names.
pub(super) async fn write(engineer: &SignedIn<'_>, pi: &SignedIn<'_>) -> Result<String> {
    let mut client = SopServiceClient::new(engineer.stack.lims.channel());
    let listed = client.list_sops(engineer.ask(pb::ListSopsRequest { limit: ALL, ..Default::default() })).await?.into_inner().items;
    let there = by_name(listed, |sop| sop.number.clone());
    let mut iv = None;
    for procedure in &PROCEDURES {
        let sop = match there.get(procedure.number) {
            Some(sop) => sop.clone(),
            None => client.create_sop(engineer.ask(pb::CreateSopRequest { sop: Some(procedure.draft()) })).await?.into_inner(),
        };
        if sop.status() == SopStatus::Draft {
            client.publish_sop(pi.ask(pb::PublishSopRequest { id: sop.id.clone(), comment: None })).await?;
        }
        client.acknowledge_sop(engineer.ask(pb::AcknowledgeSopRequest { id: sop.id.clone() })).await?;
        if procedure.number == IV {
            iv = Some(sop.id);
        }
    }
    iv.context("the procedures hold the one for IV")
}

impl Procedure {
    fn draft(&self) -> pb::Sop {
        let step = |step: &&str| prost_types::Value { kind: Some(prost_types::value::Kind::StringValue((*step).to_owned())) };
        pb::Sop {
            number: self.number.to_owned(),
            title: self.title.to_owned(),
            version: self.version.to_owned(),
            method: Some(self.method.to_owned()),
            hazard_level: Some(self.hazard_level.to_owned()),
            body_markdown: Some(self.body.to_owned()),
            checklist: self.checklist.iter().map(step).collect(),
            ..Default::default()
        }
    }
}
