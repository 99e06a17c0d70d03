//! Updates: which fields a mask names, and what is asked of those alone.

use super::{broken, fine, told};

const ID: &str = r#"id: "01890a5d-ac96-774b-bcce-b302099a8057""#;

/// An update with these values and paths.
fn update(thing: &str, paths: &[&str]) -> String {
    format!("{ID} thing {{ {thing} }} update_mask {{ paths: {paths:?} }}")
}

#[test]
fn fields_outside_the_mask_may_be_absent() {
    fine("UpdateThingRequest", &update(r#"note: "cold""#, &["note"]));
    fine("UpdateThingRequest", &update(r#"name: "new""#, &["name", "note", "tags", "data", "due"]));
}

#[test]
fn without_a_mask_the_fields_that_are_there_are_changed() {
    fine("UpdateThingRequest", &format!(r#"{ID} thing {{ note: "cold" }}"#));
    fine("UpdateThingRequest", &format!("{ID} thing {{}}"));
    fine("UpdateThingRequest", &update(r#"note: "cold""#, &[]));
}

#[test]
fn what_is_needed_cannot_be_cleared() {
    broken("UpdateThingRequest", &update("", &["name"]), "thing.name cannot be cleared");
    broken("UpdateThingRequest", &update("", &["steps", "note"]), "thing.steps cannot be cleared");
    fine("UpdateThingRequest", &update("", &["note", "level", "owner_id", "color", "points"]));
    broken("ChangeThingRequest", r#"update_mask { paths: "name" }"#, "thing.name cannot be cleared");
    fine("ChangeThingRequest", r#"update_mask { paths: "note" }"#);
    fine("ChangeThingRequest", "");
    broken("UpdateThingRequest", &format!(r#"{ID} update_mask {{ paths: "name" }}"#), "thing is required");
}

#[test]
fn fields_outside_the_mask_still_obey() {
    broken(
        "UpdateThingRequest",
        &update(r#"note: "cold" name: "much too long a name""#, &["note"]),
        "thing.name must have at most 12 characters",
    );
    broken("UpdateThingRequest", &update(r#"note: "cold" id: "7""#, &["note"]), "thing.id is set by the server and cannot be written");
}

#[test]
fn the_mask_names_fields_of_the_resource() {
    for (path, shown) in [
        ("nmae", "nmae"),
        ("thing.name", "thing.name"),
        ("data.x", "data.x"),
        ("ownerId", "ownerId"),
        ("*", "*"),
        ("", ""),
        ("a\0b", r"a\0b"),
        (&"x".repeat(50), &format!("{}...", "x".repeat(40))),
    ] {
        let request = format!("{ID} thing {{}} update_mask {{ paths: \"{}\" }}", path.replace('\0', r"\000"));
        broken("UpdateThingRequest", &request, &format!("update_mask names no field `{shown}`"));
    }
}

#[test]
fn what_the_server_sets_is_not_named() {
    for thing in ["", r#"id: "7""#] {
        broken("UpdateThingRequest", &update(thing, &["id"]), "thing.id is set by the server and cannot be written");
    }
}

#[test]
fn what_is_fixed_at_creation_is_not_changed() {
    let violation = "thing.lot cannot be changed after creation";
    broken("UpdateThingRequest", &update(r#"lot: "8""#, &["lot"]), violation);
    broken("UpdateThingRequest", &update("", &["lot"]), violation);
    broken("UpdateThingRequest", &format!(r#"{ID} thing {{ lot: "8" }}"#), violation);
    fine("UpdateThingRequest", &update(r#"lot: "8" note: "cold""#, &["note"]));
    fine("CreateThingRequest", r#"thing { lot: "8" name: "w" steps: 1 }"#);
}

#[test]
fn the_mask_is_heard_wherever_it_stands() {
    let violation = "thing.name cannot be cleared";
    broken("ChangeThingRequest", r#"update_mask { paths: "name" } thing {}"#, violation);
    broken("ChangeThingRequest", r#"update_mask { paths: "note" paths: "name" } thing { note: "ok" }"#, violation);
}

#[test]
fn the_rules_of_the_request_itself_hold() {
    assert_eq!(told("UpdateThingRequest", ""), ["id is required", "thing is required"]);
    broken("UpdateThingRequest", r#"id: "7" thing {}"#, "id must be a UUID");
}

#[test]
fn messages_within_the_resource_are_replaced_whole() {
    broken("UpdateThingRequest", &update("points { value: inf }", &["points"]), "thing.points[0].value must be a finite number");
}
