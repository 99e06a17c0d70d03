//! Exports: what comes is what is checked.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;
use spectra_lims::eln::export::{Broken, Export};
use spectra_tests::{DEMO, Mesh, TEST};

use super::{ELN, sign_by_all, written};
use crate::attachments::{CURVE, attach};

#[tokio::test]
async fn an_export_is_what_was_signed() {
    let mesh = Mesh::start().await;
    let (engineer, viewer) = (mesh.demo("engineer").await, mesh.demo("viewer").await);
    let entry = written(&engineer, "Leakage of *W1*").await;
    let path = format!("{ELN}/{}", entry["id"].as_str().unwrap());
    let attached = attach(&engineer, "eln_entry", entry["id"].as_str().unwrap(), "text/csv", CURVE.as_bytes()).await.expect(201);
    let unsigned = viewer.get(&format!("{path}/export")).await.text();
    assert_eq!(Export::check(&unsigned, None).unwrap_err(), Broken::Wrong("nobody has signed this version".to_owned()));
    sign_by_all(&mesh, DEMO, entry["id"].as_str().unwrap()).await;
    engineer.put(&path, json!({"title": "Later"})).await.expect(200);
    let keys = viewer.get("/api/identity/signature-keys").await.expect(200);
    let key = URL_SAFE_NO_PAD.decode(keys["items"][0]["public_key"].as_str().unwrap()).unwrap();
    for (format, kind, name) in
        [("json", "application/json", "notebook-1-v1.json"), ("markdown", "text/markdown; charset=utf-8", "notebook-1-v1.md")]
    {
        let file = viewer.get(&format!("{path}/export?format={format}")).await;
        assert_eq!((file.status.as_u16(), file.header("content-type")), (200, kind));
        assert_eq!(file.header("content-disposition"), format!("attachment; filename=\"{name}\""));
        let checked = Export::check(&file.text(), Some(&key)).unwrap();
        let told: Vec<_> = checked.manifests.iter().map(|said| (said.signer.name.as_str(), said.meaning.as_str())).collect();
        assert_eq!(told, [("Process Engineer", "author"), ("Principal Investigator", "witness"), ("Admin User", "review")]);
        assert_eq!(
            (checked.files.len(), checked.files[0].filename.as_str(), checked.files[0].size_bytes),
            (1, "iv.csv", i64::try_from(CURVE.len()).unwrap())
        );
        assert_eq!((json!(checked.files[0].id), json!(checked.files[0].sha256)), (attached["id"].clone(), attached["sha256"].clone()));
        let forged = file.text().replace("Admin User", "Eve Mallory");
        assert!(matches!(Export::check(&forged, Some(&key)), Err(Broken::Wrong(_))));
        let size = format!("\"size_bytes\":{}", CURVE.len());
        let sum = attached["sha256"].as_str().unwrap();
        for (there, forged) in [("iv.csv", "cv.csv"), (size.as_str(), "\"size_bytes\":1"), (sum, &"0".repeat(64))] {
            let forged = file.text().replace(there, forged);
            let told = Export::check(&forged, Some(&key)).unwrap_err().to_string();
            assert!(told.ends_with("attachments is not what was signed"), "{format}, {there}: {told}");
        }
    }
    viewer.get(&format!("{path}/export?format=pdf")).await.refused(422, "invalid");
    mesh.caller("viewer", TEST).await.get(&format!("{path}/export")).await.refused(404, "not_found");
}
