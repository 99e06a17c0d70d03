//! Who came of whom, through the gateway.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use spectra_tests::{Caller, DEMO, Mesh, TEST};
use uuid::Uuid;

/// An example request of each method, in proto3 JSON.
pub(crate) fn example(method: &str, id: impl Fn(&str) -> Value) -> Option<Value> {
    Some(match method {
        "SplitSample" => json!({"id": id("sample"), "parts": [{"name": "a part", "materialId": id("material")}]}),
        "MergeSamples" => json!({"sampleIds": [id("sample"), id("another sample")], "name": "a whole", "materialId": id("material")}),
        "GetGenealogy" => json!({"id": id("sample")}),
        _ => return None,
    })
}

async fn sample(engineer: &Caller, sample: Value) -> String {
    id(&engineer.post("/api/lims/samples", sample).await.expect(201))
}

fn id(record: &Value) -> String {
    record["id"].as_str().unwrap().to_owned()
}

async fn split(engineer: &Caller, id: &str, parts: Value) -> Vec<Value> {
    let answer = engineer.post(&format!("/api/lims/samples/{id}/split"), json!({"parts": parts})).await.expect(201);
    answer["parts"].as_array().unwrap().clone()
}

/// The name and the generation of a sample.
type Node<'g> = (&'g str, i64);
/// The names of two samples, and how the second came of the first.
type Edge<'g> = (&'g str, &'g str, &'g str);

fn family(genealogy: &Value) -> (Vec<Node<'_>>, Vec<Edge<'_>>) {
    let nodes = genealogy["nodes"].as_array().unwrap();
    let names: BTreeMap<_, _> = nodes.iter().map(|node| (node["id"].as_str().unwrap(), node["name"].as_str().unwrap())).collect();
    let edges = genealogy["edges"].as_array().unwrap().iter();
    let edge = |edge: &'_ Value| edge["parent_id"].as_str().zip(edge["child_id"].as_str()).map(|(up, down)| (names[up], names[down]));
    let edges = edges.map(|it| edge(it).map(|(up, down)| (up, down, it["kind"].as_str().unwrap())).unwrap());
    let nodes = nodes.iter().map(|node| (node["name"].as_str().unwrap(), node["generation"].as_i64().unwrap()));
    (nodes.collect(), edges.collect())
}

#[tokio::test]
async fn a_sample_is_split_and_its_parts_are_merged() {
    let mesh = Mesh::start().await;
    let (engineer, viewer) = (mesh.demo("engineer").await, mesh.demo("viewer").await);
    let material = id(&engineer.post("/api/lims/materials", json!({"name": "Silicon", "type": "semiconductor"})).await.expect(201));
    let boule = json!({
        "name": "boule", "material_id": material, "material_type": "Si", "lot_code": "LOT-1", "location": "A", "barcode": "B-0", "metadata": {"a": 1},
    });
    let boule = sample(&engineer, boule).await;
    let parts = json!([{"name": "left", "barcode": "B-1"}, {"name": "right", "lot_code": "LOT-2", "material_type": "SiGe"}]);
    let parts = split(&engineer, &boule, parts).await;
    let fields = ["name", "barcode", "lot_code", "location", "material_type", "material_id", "metadata"];
    let told = |sample: &Value| json!(fields.map(|field| sample[field].clone()));
    assert_eq!(told(&parts[0]), json!(["left", "B-1", "LOT-1", "A", "Si", material, {}]), "it has from the whole what it does not say");
    assert_eq!(told(&parts[1]), json!(["right", null, "LOT-2", "A", "SiGe", null, {}]), "a material is named as one");

    let (left, right) = (id(&parts[0]), id(&parts[1]));
    let asked = json!({"sample_ids": [left, right], "name": "stack", "barcode": "B-1", "consume": true});
    let answer = engineer.post("/api/lims/samples/merge", asked).await;
    let location = answer.header("location").to_owned();
    let stack = answer.expect(201);
    assert_eq!(location, format!("/api/lims/samples/{}", id(&stack)));
    assert_eq!(told(&stack), json!(["stack", "B-1", null, "A", null, null, {}]), "it has what all have in common");
    for used in [&left, &right] {
        viewer.get(&format!("/api/lims/samples/{used}")).await.refused(404, "not_found");
        assert_eq!(viewer.get(&format!("/api/lims/samples/{used}?include_deleted=true")).await.expect(200)["is_deleted"], true);
    }

    let births = [("boule", "left", "split"), ("boule", "right", "split"), ("left", "stack", "merge"), ("right", "stack", "merge")];
    let genealogy = viewer.get(&format!("/api/lims/samples/{boule}/genealogy")).await.expect(200);
    assert_eq!(family(&genealogy), (vec![("boule", 0), ("left", 1), ("right", 1), ("stack", 2)], births.to_vec()));
    assert_eq!((&genealogy["sample_id"], &genealogy["is_cut"]), (&json!(boule), &json!(false)));
    assert_eq!(genealogy["nodes"][1]["is_deleted"], true);
    assert_eq!(genealogy["edges"][0]["created_by"], engineer.get("/auth/me").await.expect(200)["id"]);
    let genealogy = viewer.get(&format!("/api/lims/samples/{}/genealogy", id(&stack))).await.expect(200);
    let nearest_first = [births[2], births[3], births[0], births[1]];
    assert_eq!(family(&genealogy), (vec![("stack", 0), ("left", -1), ("right", -1), ("boule", -2)], nearest_first.to_vec()));
    let of_left = format!("/api/lims/samples/{left}/genealogy");
    viewer.get(&of_left).await.refused(404, "not_found");
    let genealogy = viewer.get(&format!("{of_left}?include_deleted=true")).await.expect(200);
    assert_eq!(family(&genealogy).0, [("left", 0), ("boule", -1), ("stack", 1)]);
}

#[tokio::test]
async fn what_cannot_be_split_or_merged_stays_as_it_is() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let (one, other) =
        (sample(&engineer, json!({"name": "one", "barcode": "B-1"})).await, sample(&engineer, json!({"name": "other"})).await);
    let path = format!("/api/lims/samples/{one}/split");
    for (parts, field) in [
        (json!([]), "parts"),
        (json!([{"name": "a"}, {"barcode": "b"}]), "parts[1].name"),
        (json!([{"name": "a", "revision": 2}]), "parts[0].revision"),
        (json!(vec![json!({"name": "a"}); 101]), "parts"),
    ] {
        let problem = engineer.post(&path, json!({"parts": parts, "consume": true})).await.refused(422, "invalid");
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
    let taken = json!({"parts": [{"name": "a", "barcode": "B-2"}, {"name": "b", "barcode": "B-1"}]});
    engineer.post(&path, taken).await.refused(409, "already_exists");
    let unknown = spectra_mesh::new_id().to_string();
    for (ids, status) in [(json!([one]), 422), (json!([one, one]), 422), (json!([one, "x"]), 422), (json!([one, unknown]), 404)] {
        let refused = engineer.post("/api/lims/samples/merge", json!({"sample_ids": ids, "name": "n", "consume": true})).await;
        assert_eq!(refused.status, status, "{}", refused.text());
    }
    let twins = json!({"sample_ids": [one, one.to_uppercase()], "name": "n", "consume": true});
    let problem = engineer.post("/api/lims/samples/merge", twins).await.refused(422, "invalid");
    assert_eq!(problem["errors"][0]["field"], "sample_ids", "{problem}");
    let foreign = sample(&mesh.caller("engineer", TEST).await, json!({"name": "theirs"})).await;
    let asked = json!({"sample_ids": [one, foreign], "name": "n", "consume": true});
    engineer.post("/api/lims/samples/merge", asked).await.refused(404, "not_found");
    engineer.get(&format!("/api/lims/samples/{foreign}/genealogy")).await.refused(404, "not_found");
    let mut there: Vec<_> = engineer.get("/api/lims/samples").await.expect(200)["items"].as_array().unwrap().iter().map(id).collect();
    there.reverse();
    assert_eq!(there, [one, other], "nothing came and nothing went");
    mesh.caller("technician", DEMO).await.post(&path, json!({"parts": [{"name": "a"}]})).await.refused(403, "role_required");
}

/// Two who merge the same samples at once: one does, and the other is told that they are gone.
#[tokio::test]
async fn samples_are_used_up_once() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    for _ in 0..5 {
        let (one, other) = (sample(&engineer, json!({"name": "one"})).await, sample(&engineer, json!({"name": "other"})).await);
        let merge = async |ids: [&String; 2]| {
            let asked = json!({"sample_ids": ids, "name": "n", "consume": true});
            engineer.post("/api/lims/samples/merge", asked).await.status.as_u16()
        };
        let mut outcomes: [u16; 2] = tokio::join!(merge([&one, &other]), merge([&other, &one])).into();
        outcomes.sort_unstable();
        assert_eq!(outcomes, [201, 404]);
    }
}

#[tokio::test]
async fn a_large_family_is_cut_and_says_so() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let first = sample(&engineer, json!({"name": "0"})).await;
    let (mut ids, mut path) = (vec![first.clone()], Vec::new());
    for level in 1..=11 {
        let parts: Vec<_> = (0..100).map(|part| json!({"name": format!("{level}.{part}")})).collect();
        ids = split(&engineer, ids.last().unwrap(), json!(parts)).await.iter().map(id).collect();
        path.push(ids.last().unwrap().clone());
    }
    let genealogy = engineer.get(&format!("/api/lims/samples/{first}/genealogy")).await.expect(200);
    assert_eq!((genealogy["nodes"].as_array().unwrap().len(), &genealogy["is_cut"]), (1000, &json!(true)));
    assert!(genealogy["nodes"].as_array().unwrap().iter().all(|node| node["generation"].as_i64().unwrap() <= 10), "the nearest are shown");
    let genealogy = engineer.get(&format!("/api/lims/samples/{}/genealogy", path[10])).await.expect(200);
    assert_eq!((genealogy["nodes"].as_array().unwrap().len(), &genealogy["is_cut"]), (12, &json!(false)));
}

/// A family of samples that are called by their number, put straight into the database; `born` says who came of whom.
async fn bear(mesh: &Mesh, engineer: &Caller, count: u128, born: impl Fn(u128, u128) -> bool) {
    let all = 1..=count;
    let pairs =
        all.clone().flat_map(|parent| all.clone().map(move |child| (parent, child))).filter(|(parent, child)| born(*parent, *child));
    let (parents, children): (Vec<_>, Vec<_>) = pairs.map(|(parent, child)| (Uuid::from_u128(parent), Uuid::from_u128(child))).unzip();
    let organization = engineer.get("/auth/me").await.expect(200)["organization_id"].as_str().unwrap().parse::<Uuid>().unwrap();
    let mut admin = mesh.sql().await;
    // Without the trail, which takes its time.
    sqlx::query("SET session_replication_role = replica").execute(&mut admin).await.unwrap();
    sqlx::query("INSERT INTO lims.samples (organization_id, id, name) SELECT $1, id, number FROM unnest($2::uuid[], $3::text[]) AS born (id, number)")
        .bind(organization)
        .bind(all.clone().map(Uuid::from_u128).collect::<Vec<_>>())
        .bind(all.map(|number| number.to_string()).collect::<Vec<_>>())
        .execute(&mut admin)
        .await
        .unwrap();
    sqlx::query(
        "INSERT INTO lims.sample_lineage (organization_id, id, parent_id, child_id, kind, created_by)
         SELECT $1, gen_random_uuid(), parent, child, 'merge'::lims.lineage_kind, $1 FROM unnest($2::uuid[], $3::uuid[]) AS born (parent, child)",
    )
    .bind(organization)
    .bind(parents)
    .bind(children)
    .execute(&mut admin)
    .await
    .unwrap();
}

/// Each sample came of all before it: of the first there are as many ways to the last as one cares to walk, and all are one step long.
#[tokio::test]
async fn a_sample_counts_once_on_however_many_ways_it_came() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    bear(&mesh, &engineer, 50, |parent, child| parent < child).await;
    for (asked, step) in [(50, -1), (1, 1)] {
        let genealogy = engineer.get(&format!("/api/lims/samples/{}/genealogy", Uuid::from_u128(asked))).await.expect(200);
        let (nodes, edges) = family(&genealogy);
        assert_eq!((nodes.len(), edges.len(), &genealogy["is_cut"]), (50, 50 * 49 / 2, &json!(false)));
        assert!(nodes[1..].iter().all(|(_, generation)| *generation == step), "{nodes:?}");
    }
}

/// 40 layers of 25, each sample of the whole layer before: 24375 births, of which the nearest are shown, and whom they join.
#[tokio::test]
async fn a_family_of_too_many_births_is_cut_to_the_nearest() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let layer = |number: u128| (number - 1) / 25;
    bear(&mesh, &engineer, 1000, |parent, child| layer(parent) + 1 == layer(child)).await;
    let genealogy = engineer.get(&format!("/api/lims/samples/{}/genealogy", Uuid::from_u128(1000))).await.expect(200);
    let (nodes, edges) = family(&genealogy);
    assert_eq!((nodes.len(), edges.len(), &genealogy["is_cut"]), (1 + 25 + 7 * 25 + 24, 25 + 7 * 625 + 24 * 25, &json!(true)));
    assert!(nodes.is_sorted_by_key(|(_, generation)| -generation));
    let joined: BTreeSet<_> = edges.iter().flat_map(|(parent, child, _)| [*parent, *child]).collect();
    assert_eq!(joined.len(), nodes.len(), "nobody is shown without how they belong");
}

/// A line of 1001, each of the one before; asked of its first, and of the one in its middle.
#[tokio::test]
async fn a_long_line_is_walked_to_its_end_or_cut() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    bear(&mesh, &engineer, 1001, |parent, child| parent + 1 == child).await;
    let asked = async |number: u128| {
        let began = std::time::Instant::now();
        let genealogy = engineer.get(&format!("/api/lims/samples/{}/genealogy", Uuid::from_u128(number))).await.expect(200);
        println!("{number}: {:?}", began.elapsed());
        genealogy
    };
    let genealogy = asked(1).await;
    let (nodes, edges) = family(&genealogy);
    assert_eq!((nodes.len(), nodes[999], edges.len(), &genealogy["is_cut"]), (1000, ("1000", 999), 999, &json!(true)));
    let genealogy = asked(501).await;
    assert_eq!((family(&genealogy).0.len(), &genealogy["is_cut"]), (1000, &json!(true)));
}
