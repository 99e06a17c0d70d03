//! What is refused, and leaves nothing.

use serde_json::json;
use spectra_tests::{LARGEST_FILE, Mesh};

use super::{CURVE, PATH, attach, sample, there};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n0000";

#[tokio::test]
async fn what_is_refused_leaves_nothing() {
    let mesh = Mesh::start().await;
    let (technician, engineer) = (mesh.demo("technician").await, mesh.demo("engineer").await);
    let sample = sample(&engineer).await;
    let post = async |query: &str, media_type: &str, content: &[u8]| {
        technician.with("content-type", media_type).post_raw(&format!("{PATH}?{query}"), content.to_vec()).await
    };
    let of_sample = format!("entity_type=sample&entity_id={sample}");

    let empty = post(&of_sample, "text/csv", b"").await.refused(422, "invalid");
    assert_eq!(empty["errors"][0]["field"], "content");
    for (query, field) in [
        (format!("entity_id={sample}"), "entity_type"),
        ("entity_type=sample".to_owned(), "entity_id"),
        ("entity_type=sample&entity_id=7".to_owned(), "entity_id"),
        (format!("{of_sample}&filename=a%2Fb"), "filename"),
        (format!("{of_sample}&filename=a%5Cb"), "filename"),
        (format!("{of_sample}&filename=.."), "filename"),
        (format!("{of_sample}&filename=a%0Ab"), "filename"),
        (format!("{of_sample}&filename={}", "a".repeat(256)), "filename"),
        (format!("{of_sample}&content_type=a%0Db"), "content_type"),
        (format!("{of_sample}&sha256=abc"), "sha256"),
        (format!("{of_sample}&sha256={}", "0".repeat(64)), "sha256"),
    ] {
        let refused = post(&query, "text/csv", CURVE.as_bytes()).await.refused(422, "invalid");
        assert_eq!(refused["errors"][0]["field"], field, "{query}");
    }
    assert_eq!(post(&format!("{of_sample}&filename={}", "%C3%A4".repeat(255)), "text/csv", CURVE.as_bytes()).await.status, 201);
    for (media_type, content) in [
        ("text/html", &b"<html>"[..]),
        ("image/svg+xml", b"<svg/>"),
        ("application/x-msdownload", b"MZ\x90\0"),
        ("image/png", b"<!doctype html><script>alert(1)</script>"),
        ("image/png", b"MZ\x90\0"),
        ("application/pdf", PNG),
        ("text/csv", b"\x7fELF\x02\x01\x01\0\0"),
    ] {
        let refused = post(&of_sample, media_type, content).await.refused(415, "media_type");
        assert_eq!(refused["content_type"], media_type);
    }
    let wrong = technician.with("repr-digest", "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:");
    let refused = attach(&wrong, "sample", &sample, "text/csv", CURVE.as_bytes()).await.refused(422, "invalid");
    assert_eq!(refused["errors"][0]["field"], "sha256");
    let unread = technician.with("repr-digest", "md5=:AAAA:");
    attach(&unread, "sample", &sample, "text/csv", CURVE.as_bytes()).await.refused(400, "malformed");
    let large = vec![b'0'; usize::try_from(LARGEST_FILE).unwrap() + 1];
    let refused = attach(&technician, "sample", &sample, "text/csv", &large).await.refused(413, "file_too_large");
    assert_eq!(refused["limit"], LARGEST_FILE.to_string());
    attach(&technician, "sample", &sample, "text/csv", &large[1..]).await.expect(201);
    attach(&mesh.demo("viewer").await, "sample", &sample, "text/csv", CURVE.as_bytes()).await.refused(403, "role_required");
    attach(&mesh.nobody(), "sample", &sample, "text/csv", CURVE.as_bytes()).await.refused(401, "unauthenticated");
    technician.post(PATH, json!({"entity_type": "sample", "entity_id": sample, "filename": "x"})).await.refused(422, "invalid");
    assert_eq!(engineer.delete(&format!("/api/lims/samples/{sample}")).await.status, 204);
    attach(&technician, "sample", &sample, "text/csv", CURVE.as_bytes()).await.refused(404, "not_found");
    assert_eq!(there(&mesh).await, (2, 0, 2));
}

/// What browsers would run is kept as bytes when only its name says otherwise.
#[tokio::test]
async fn a_name_alone_is_not_believed() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let sample = sample(&engineer).await;
    let path = format!("{PATH}?entity_type=sample&entity_id={sample}&filename=a.png");
    for (content, kept_as) in [(PNG, "image/png"), (b"<html>", "application/octet-stream")] {
        let made = engineer.with("content-type", "application/octet-stream").post_raw(&path, content.to_vec()).await.expect(201);
        assert_eq!(made["content_type"], kept_as);
    }
}
