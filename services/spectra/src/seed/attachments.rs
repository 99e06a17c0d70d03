//! Files of the demo lab: what two samples gave on the bench.

use std::fmt::Write as _;

use anyhow::Result;
use spectra_proto::lims::{self as pb, attachment_service_client::AttachmentServiceClient};

use super::SignedIn;

/// Attaches a curve to each of the first two samples, unless it is there.
pub(super) async fn write(technician: &SignedIn<'_>, samples: &[String]) -> Result<()> {
    let mut client = AttachmentServiceClient::new(technician.stack.lims.channel());
    for (sample, threshold) in samples.iter().zip([0.45, 0.52]) {
        let listed = pb::ListAttachmentsRequest { entity_id: Some(sample.clone()), ..Default::default() };
        if !client.list_attachments(technician.ask(listed)).await?.into_inner().items.is_empty() {
            continue;
        }
        let file = pb::CreateAttachmentRequest {
            entity_type: pb::EntityType::Sample.into(),
            entity_id: sample.clone(),
            filename: Some("iv_transfer.csv".to_owned()),
            content_type: Some("text/csv".to_owned()),
            sha256: None,
            content: transfer_curve(threshold).into_bytes(),
        };
        client.create_attachment(technician.ask(tokio_stream::once(file))).await?;
    }
    Ok(())
}

/// The drain current of a transistor over its gate voltage, as an instrument writes it down.
fn transfer_curve(threshold: f64) -> String {
    let mut text = "v_gs_v,v_ds_v,i_d_a\n".to_owned();
    for step in 0..=40 {
        let gate = f64::from(step) * 0.05;
        // Exponential below the threshold, square above it.
        let current =
            if gate < threshold { 1e-7 * 10_f64.powf((gate - threshold) / 0.085) } else { 1e-7 + 2e-4 * (gate - threshold).powi(2) };
        // Writing to a string does not fail.
        _ = writeln!(text, "{gate:.2},0.1,{current:.4e}");
    }
    text
}
