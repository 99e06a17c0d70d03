//! The search: what is found, in which order, and how it is shown.

use serde_json::{Value, json};
use spectra_tests::{Caller, Mesh, TEST};

use super::ELN;

async fn write(author: &Caller, title: &str, body: &str) {
    author.post(ELN, json!({"title": title, "body_markdown": body, "tags": [title.to_lowercase()]})).await.expect(201);
}

async fn found(caller: &Caller, query: &str) -> Vec<Value> {
    caller.get(&format!("{ELN}?{query}")).await.expect(200)["items"].as_array().unwrap().clone()
}

async fn titles(caller: &Caller, query: &str) -> Vec<String> {
    found(caller, query).await.iter().map(|item| item["title"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn words_are_found_the_best_first() {
    let mesh = Mesh::start().await;
    let (technician, viewer) = (mesh.demo("technician").await, mesh.demo("viewer").await);
    write(&technician, "Other", "Nothing here but a gate oxide that leaks once.").await;
    write(&technician, "Leak", "The leak of the device was measured.").await;
    write(&technician, "Solar", "An oxide near a gate; the cell leaks, and leaks, and leaks.").await;
    assert_eq!(titles(&viewer, "q=leaking").await, ["Leak", "Solar", "Other"], "a title counts more than a body, and more more than less");
    assert_eq!(titles(&viewer, "q=%22gate%20oxide%22").await, ["Other"]);
    assert_eq!(titles(&viewer, "q=leak%20-solar%20-measured").await, ["Other"]);
    assert_eq!(titles(&viewer, "q=device%20or%20cell").await.len(), 2);
    assert_eq!(titles(&viewer, "q=leaks&tag=solar").await, ["Solar"]);
    assert!(titles(&viewer, "q=unheard").await.is_empty());
    assert!(titles(&viewer, "q=the").await.is_empty(), "a word that says nothing finds nothing");
    assert!(titles(&viewer, "q=%27%20or%201%3D1%20--%20%28%29%26%7C%21%3A%2A%3C-%3E").await.is_empty(), "no text is a fault");
    assert!(titles(&mesh.caller("viewer", TEST).await, "q=leaks").await.is_empty());
    assert_eq!(titles(&viewer, "tag=other").await, ["Other"]);
    assert_eq!(titles(&viewer, "entry_no=2").await, ["Leak"]);
    assert!(titles(&viewer, "signed=true").await.is_empty());
    assert_eq!(titles(&viewer, "signed=false").await, ["Solar", "Leak", "Other"]);

    let page = viewer.get(&format!("{ELN}?q=leaks&limit=2&count=true")).await.expect(200);
    assert_eq!((&page["pagination"]["total"], page["items"].as_array().unwrap().len()), (&json!(3), 2));
    let token = page["pagination"]["next_page_token"].as_str().unwrap();
    assert_eq!(titles(&viewer, &format!("q=leaks&limit=2&page_token={token}")).await, ["Other"]);
    assert_eq!(titles(&viewer, "q=leaks&skip=1&limit=1").await, ["Solar"]);
    viewer.get(&format!("{ELN}?q=other&page_token={token}")).await.refused(422, "invalid");
}

#[tokio::test]
async fn highlights_are_plain_text_in_pieces() {
    let mesh = Mesh::start().await;
    let technician = mesh.demo("technician").await;
    // The marks that the search itself uses mark nothing when somebody writes them.
    let body = "<script>alert(1)</script> \u{fdd0}forged\u{fdd1} the leaks <img src=x onerror=alert(2)> of <b>devices</b>";
    write(&technician, "A <i>leak</i>", body).await;
    let item = found(&technician, "q=leaking").await.remove(0);
    assert_eq!(item["body_markdown"], body);
    let highlights = item["highlights"].as_array().unwrap();
    let fields: Vec<_> = highlights.iter().map(|highlight| highlight["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["title", "body_markdown"]);
    for highlight in highlights {
        let segments = highlight["segments"].as_array().unwrap();
        let hits: Vec<_> =
            segments.iter().filter(|segment| segment["hit"] == true).map(|segment| segment["text"].as_str().unwrap()).collect();
        assert!(hits == ["leak"] || hits == ["leaks"], "{highlight}");
        assert!(!highlight.to_string().contains(['\u{fdd0}', '\u{fdd1}']));
    }
    assert_eq!(found(&technician, "").await[0]["highlights"], json!([]), "where nothing was looked for");
}

/// A search is of the newest version, and an edit is found at once.
#[tokio::test]
async fn what_is_found_is_what_stands_there() {
    let mesh = Mesh::start().await;
    let technician = mesh.demo("technician").await;
    let entry = super::written(&technician, "Gallium").await;
    let path = format!("{ELN}/{}", entry["id"].as_str().unwrap());
    technician.put(&path, json!({"title": "Indium", "body_markdown": "-"})).await.expect(200);
    assert!(titles(&technician, "q=gallium").await.is_empty());
    technician.post(&format!("{path}/sign"), json!({"password": "tech123"})).await.expect(200);
    technician.put(&path, json!({"title": "Thallium"})).await.expect(200);
    assert_eq!(titles(&technician, "q=thallium").await, ["Thallium"]);
    assert!(titles(&technician, "q=indium").await.is_empty());
    assert_eq!(titles(&technician, "q=indium&all_versions=true").await, ["Indium"]);
}

/// As long as a text may be, and with as many different words as it can hold: hyphenated ones are held in parts too.
#[tokio::test]
async fn any_text_is_kept() {
    let mesh = Mesh::start().await;
    let technician = mesh.demo("technician").await;
    // Letters of four bytes, of which there are more than 40,000.
    let letter = |nth: u32| char::from_u32(0x20000 + nth % 42_000).unwrap();
    let words = |word: &dyn Fn(u32) -> String, length: usize| (0..200_000 / u32::try_from(length).unwrap()).map(word).collect::<String>();
    for (body, what) in [
        (words(&|nth| format!("{}-{} ", letter(nth), letter(nth / 42_000 + nth * 7)), 4), "hyphens"),
        (words(&|nth| format!("{}{} ", letter(nth), letter(nth / 3)), 3), "words"),
        (words(&|nth| format!("{} ", letter(nth)), 2), "letters"),
        (words(&|nth| format!("a.b/{} ", letter(nth)), 6), "addresses"),
        (words(&|nth| format!("{nth:09} "), 10), "numbers"),
        ("\u{20000}".repeat(200_000), "one"),
        ("`".repeat(200_000), "none"),
    ] {
        let made = technician.post(ELN, json!({"title": what, "body_markdown": body})).await;
        assert_eq!(made.status, 201, "{what}: {}", &made.text()[..200]);
        assert_eq!(made.json()["body_markdown"], body, "{what}");
    }
    assert_eq!(titles(&technician, "q=words").await, ["words"]);
}
