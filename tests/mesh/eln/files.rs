//! Files of an entry, which are signed with it.

use std::time::Duration;

use serde_json::{Value, json};
use spectra_mesh::sha256;
use spectra_tests::{Caller, DEMO, Mesh, TEST};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::written;
use crate::{
    attachments::{CURVE, PATH, attach, there},
    signatures::{path, verified, with},
};

fn id(entry: &Value) -> &str {
    entry["id"].as_str().unwrap()
}

/// Attaches a file to a version.
async fn attach_to(caller: &Caller, entry: &Value) -> spectra_tests::Answer {
    attach(caller, "eln_entry", id(entry), "text/csv", CURVE.as_bytes()).await
}

/// The files of a version, as a signature is over them.
async fn files(caller: &Caller, entry: &Value) -> String {
    let listed = caller.get(&format!("{PATH}?entity_type=eln_entry&entity_id={}", id(entry))).await.expect(200);
    let mut files: Vec<_> = listed["items"].as_array().unwrap().iter().collect();
    files.sort_by_key(|file| id(file));
    let told = files.into_iter().map(|file| {
        let [name, id, sum, size] = ["filename", "id", "sha256", "size_bytes"].map(|field| file[field].as_str().unwrap());
        format!(r#"{{"filename":"{name}","id":"{id}","sha256":"{sum}","size_bytes":{size}}}"#)
    });
    format!("[{}]", told.collect::<Vec<_>>().join(","))
}

async fn read(caller: &Caller, entry: &Value) -> Value {
    caller.get(&path(entry)).await.expect(200)
}

#[tokio::test]
async fn files_are_part_of_what_is_signed() {
    let mesh = Mesh::start().await;
    let (technician, engineer, pi) = (mesh.demo("technician").await, mesh.demo("engineer").await, mesh.demo("pi").await);
    let entry = written(&technician, "Leakage").await;
    let keyed = technician.with("idempotency-key", "k");
    let first = attach_to(&keyed, &entry).await.expect(201);
    let one = read(&technician, &entry).await;
    assert_eq!(one["revision"], 2, "who read it before reads it again");
    attach_to(&technician, &entry).await.expect(201);
    let two = read(&technician, &entry).await;
    assert!(entry["content_hash"] != one["content_hash"] && one["content_hash"] != two["content_hash"]);
    let edited = technician.put(&path(&entry), json!({"title": "Leakage of W1"})).await.expect(200);
    let back = technician.put(&path(&entry), json!({"title": "Leakage"})).await.expect(200);
    assert!(edited["content_hash"] != two["content_hash"] && back["content_hash"] == two["content_hash"], "an edit keeps the files");
    attach_to(&engineer, &entry).await.refused(403, "role_required");
    attach_to(&mesh.caller("technician", TEST).await, &entry).await.refused(404, "not_found");

    technician.post(&format!("{}/sign", path(&entry)), with("tech123", "author")).await.expect(200);
    let said = verified(&technician, &entry).await;
    assert_eq!((&json!(said[0].content_hash), said[0].record.parts.len()), (&two["content_hash"], 5));
    assert_eq!(said[0].record.parts["attachments"], sha256(files(&technician, &entry).await.as_bytes()));
    let refused = attach_to(&technician, &entry).await.refused(409, "entry_signed");
    assert_eq!(refused["entry_id"], entry["id"]);
    attach_to(&pi, &entry).await.refused(409, "entry_signed");
    assert_eq!(attach_to(&keyed, &entry).await.expect(201), first, "what was attached before is told although it is signed now");
    assert_eq!(there(&mesh).await, (2, 0, 2), "nothing is kept of what was refused");

    let second = technician.put(&path(&entry), json!({"title": "Leakage, again"})).await.expect(200);
    assert_eq!(files(&technician, &second).await, "[]");
    let refused = attach_to(&technician, &entry).await.refused(409, "entry_superseded");
    assert_eq!(refused["superseded_by"], second["id"]);
    // Who attaches a file takes part in writing, and is no witness of it.
    attach_to(&pi, &second).await.expect(201);
    pi.post(&format!("{}/sign", path(&second)), with("pi123", "witness")).await.refused(409, "own_entry");
    mesh.demo("admin").await.post(&format!("{}/sign", path(&second)), with("admin123", "witness")).await.expect(200);
    let said = verified(&technician, &second).await;
    assert_eq!(said[0].record.parts["attachments"], sha256(files(&technician, &second).await.as_bytes()));
    assert_eq!(there(&mesh).await, (3, 0, 3));
}

/// An attachment of a version, in SQL.
fn inserted(entry: &Value, count: usize) -> String {
    format!(
        "INSERT INTO lims.attachments (organization_id, id, entity_type, entity_id, filename, content_type, size_bytes, sha256, uri, uploaded_by)
         SELECT organization_id, gen_random_uuid(), 'eln_entry', id, 'iv.csv', 'text/csv', 1, content_hash, 'x', author_id
           FROM lims.eln_entries, generate_series(1, {count}) WHERE id = '{}'",
        id(entry)
    )
}

#[tokio::test]
async fn a_version_has_so_many_files() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let entry = written(&engineer, "many").await;
    sqlx::raw_sql(AssertSqlSafe(inserted(&entry, 999))).execute(&mut mesh.sql().await).await.unwrap();
    attach_to(&engineer, &entry).await.expect(201);
    let refused = attach_to(&engineer, &entry).await.refused(422, "invalid");
    assert_eq!(refused["errors"][0]["field"], "entity_id");
    assert_eq!(there(&mesh).await, (1000, 0, 1));
    engineer.post(&format!("{}/sign", path(&entry)), with("eng123", "author")).await.expect(200);
}

/// A statement of the application's role that is in the middle of attaching a file when somebody signs.
#[tokio::test]
async fn no_statement_slips_a_file_in_while_somebody_signs() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let entry = written(&engineer, "slipped").await;
    let org: uuid::Uuid = sqlx::query_scalar("SELECT id FROM identity.organizations WHERE slug = $1")
        .bind(DEMO)
        .fetch_one(&mut mesh.sql().await)
        .await
        .unwrap();
    let mut application = PgConnection::connect_with(&mesh.application("spectra_lims").await).await.unwrap();
    sqlx::query("SELECT set_config('app.org', $1, false)").bind(org.to_string()).execute(&mut application).await.unwrap();
    let mut tx = application.begin().await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(inserted(&entry, 1))).execute(&mut *tx).await.unwrap();
    let (signer, sign) = (engineer.clone(), format!("{}/sign", path(&entry)));
    let signing = tokio::spawn(async move { signer.post(&sign, with("eng123", "author")).await });
    tokio::time::sleep(Duration::from_millis(500)).await;
    tx.commit().await.unwrap();
    signing.await.unwrap().refused(409, "entry_changed");
    assert_eq!(read(&engineer, &entry).await["signed"], false);
}

/// Whatever comes first, each signature is over the files that its version has.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn races_of_file_edit_and_signature_keep_hash_and_version_equal() {
    const RACES: u64 = 40;
    let mesh = Mesh::start().await;
    let (technician, pi) = (mesh.demo("technician").await, mesh.demo("pi").await);
    let (mut attached, mut late, mut signed, mut changed, mut followed) = (0, 0, 0, 0, 0);
    for race in 0..RACES {
        let entry = written(&technician, &format!("Race {race}")).await;
        let (author, version) = (technician.clone(), entry.clone());
        let attach = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(race % 8 * 4)).await;
            attach_to(&author, &version).await
        });
        let (author, version) = (technician.clone(), entry.clone());
        let edit = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(race % 5 * 6)).await;
            author.put(&path(&version), json!({"title": "Edited"})).await
        });
        let (witness, sign) = (pi.clone(), format!("{}/sign", path(&entry)));
        let witnessing = tokio::spawn(async move { witness.post(&sign, with("pi123", "witness")).await });
        let signing = technician.post(&format!("{}/sign", path(&entry)), with("tech123", "author")).await;
        let (attach, edit, witnessing) = (attach.await.unwrap(), edit.await.unwrap().expect(200), witnessing.await.unwrap());
        for answer in [signing, witnessing] {
            match answer.status.as_u16() {
                200 => signed += 1,
                _ => _ = (answer.refused(409, "entry_changed"), changed += 1),
            }
        }
        let status = attach.status.as_u16();
        assert!(status == 201 || status == 409, "{}", attach.text());
        (attached, late) = if status == 201 { (attached + 1, late) } else { (attached, late + 1) };
        assert_eq!(files(&technician, &entry).await.contains("iv.csv"), status == 201, "race {race}");
        let versions = if edit["id"] == entry["id"] { vec![&entry] } else { vec![&entry, &edit] };
        followed += versions.len() - 1;
        for version in versions {
            let version = read(&technician, version).await;
            let files = sha256(files(&technician, &version).await.as_bytes());
            for said in verified(&technician, &version).await {
                assert_eq!(said.content_hash, version["content_hash"], "race {race}");
                assert_eq!(said.record.parts["attachments"], files, "race {race}");
            }
            // What the row says is what it holds, signed or not: it can be signed.
            let again = mesh.demo("admin").await.post(&format!("{}/sign", path(&version)), with("admin123", "approve")).await.expect(200);
            assert_eq!(again["content_hash"], version["content_hash"], "race {race}");
        }
    }
    println!("{attached} attached, {late} came after a signature, {signed} signed, {changed} were changed first, {followed} were followed");
    assert_eq!((attached + late, signed + changed), (RACES, 2 * RACES));
    let left = there(&mesh).await;
    assert_eq!(left, (i64::try_from(attached).unwrap(), 0, usize::try_from(attached).unwrap()));
}
