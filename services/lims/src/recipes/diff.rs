//! What is different in a recipe from another one, as data.

use std::collections::BTreeSet;

use prost_types::{Struct, Value, value::Kind};
use spectra_proto::lims as pb;

/// The differences in `recipe` from `against`.
pub(super) fn of(recipe: pb::Recipe, against: pb::Recipe) -> pb::RecipeDiff {
    let (recipe_id, against_id) = (recipe.id.clone(), against.id.clone());
    let mut changes = Vec::new();
    within("", &fields(against), &fields(recipe), &mut changes);
    pb::RecipeDiff { recipe_id, against_id, changes }
}

/// What people write in a recipe.
fn fields(recipe: pb::Recipe) -> Struct {
    let text = |text: String| Kind::StringValue(text);
    let fields = [
        ("name", Some(text(recipe.name))),
        ("version", Some(text(recipe.version))),
        ("method", recipe.method.map(text)),
        ("description", recipe.description.map(text)),
        ("sop_id", recipe.sop_id.map(text)),
        ("params", recipe.params.map(Kind::StructValue)),
    ];
    let given = fields.into_iter().filter_map(|(name, kind)| Some((name.to_owned(), Value { kind: Some(kind?) })));
    Struct { fields: given.collect() }
}

/// Compares two objects, member by member.
fn within(path: &str, before: &Struct, after: &Struct, changes: &mut Vec<pb::RecipeDifference>) {
    let names: BTreeSet<_> = before.fields.keys().chain(after.fields.keys()).collect();
    for name in names {
        let path = format!("{path}/{}", name.replace('~', "~0").replace('/', "~1"));
        at(path, before.fields.get(name), after.fields.get(name), changes);
    }
}

/// Compares what stands at one place; objects and lists within, all else as a whole.
fn at(path: String, before: Option<&Value>, after: Option<&Value>, changes: &mut Vec<pb::RecipeDifference>) {
    let kind = match (before, after) {
        (Some(before), Some(after)) if before == after => return,
        (Some(before), Some(after)) => match (&before.kind, &after.kind) {
            (Some(Kind::StructValue(before)), Some(Kind::StructValue(after))) => return within(&path, before, after, changes),
            (Some(Kind::ListValue(before)), Some(Kind::ListValue(after))) => {
                for place in 0..before.values.len().max(after.values.len()) {
                    at(format!("{path}/{place}"), before.values.get(place), after.values.get(place), changes);
                }
                return;
            }
            _ => pb::DifferenceKind::Changed,
        },
        (None, Some(_)) => pb::DifferenceKind::Added,
        (Some(_), None) => pb::DifferenceKind::Removed,
        (None, None) => return,
    };
    changes.push(pb::RecipeDifference { path, kind: kind.into(), before: before.cloned(), after: after.cloned() });
}

#[cfg(test)]
mod tests {
    use spectra_mesh::Object;
    use spectra_proto::Label;

    use super::*;

    fn recipe(params: &str) -> pb::Recipe {
        let params: Object = serde_json::from_str(params).expect("an object");
        pb::Recipe { name: "n".to_owned(), version: "1".to_owned(), params: Some(params.into()), ..Default::default() }
    }

    fn changes(before: &str, after: &str) -> Vec<String> {
        let told = |change: pb::RecipeDifference| format!("{} {}", change.kind().label(), change.path);
        of(recipe(after), recipe(before)).changes.into_iter().map(told).collect()
    }

    #[test]
    fn what_is_alike_is_not_told() {
        assert!(changes(r#"{"a": {"b": [1, null]}}"#, r#"{"a": {"b": [1, null]}}"#).is_empty());
    }

    #[test]
    fn each_difference_is_told_where_it_is() {
        assert_eq!(changes(r#"{"vgs": {"stop": 2, "step": 1}}"#, r#"{"vgs": {"stop": 3, "step": 1}}"#), ["changed /params/vgs/stop"]);
        assert_eq!(changes(r#"{"a": [1, 2, 3]}"#, r#"{"a": [1, 4]}"#), ["changed /params/a/1", "removed /params/a/2"]);
        assert_eq!(changes("{}", r#"{"a/b~c": {}}"#), ["added /params/a~1b~0c"]);
        assert_eq!(changes(r#"{"a": 1}"#, r#"{"a": {"b": 1}}"#), ["changed /params/a"]);
        assert_eq!(changes(r#"{"a": null}"#, "{}"), ["removed /params/a"]);
        let other = pb::Recipe { version: "2".to_owned(), description: Some("d".to_owned()), ..recipe("{}") };
        let paths: Vec<_> = of(other, recipe("{}")).changes.into_iter().map(|change| change.path).collect();
        assert_eq!(paths, ["/description", "/version"]);
    }
}
