//! What is different in a recipe from another one, as data.

use std::collections::BTreeSet;

use prost_types::{Struct, Value, value::Kind};
use spectra_proto::lims as pb;

/// How many bytes the paths of the differences may have in all: keys may be long, and stand in the path of all that is within.
const PATHS: usize = 256 * 1024;

/// The differences in `recipe` from `against`.
pub(super) fn of(recipe: pb::Recipe, against: pb::Recipe) -> pb::RecipeDiff {
    let mut diff = pb::RecipeDiff { recipe_id: recipe.id.clone(), against_id: against.id.clone(), ..Default::default() };
    Walk { diff: &mut diff, path: String::new(), room: PATHS }.within(&fields(against), &fields(recipe));
    diff
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

/// A walk through two recipes at once.
struct Walk<'d> {
    diff: &'d mut pb::RecipeDiff,
    path: String,
    /// How many bytes of paths may still be told.
    room: usize,
}

impl Walk<'_> {
    /// Compares two objects, member by member.
    fn within(&mut self, before: &Struct, after: &Struct) {
        let names: BTreeSet<_> = before.fields.keys().chain(after.fields.keys()).collect();
        for name in names {
            self.at(&name.replace('~', "~0").replace('/', "~1"), before.fields.get(name), after.fields.get(name));
        }
    }

    /// Compares what stands at one place; objects and lists within, all else as a whole.
    fn at(&mut self, place: &str, before: Option<&Value>, after: Option<&Value>) {
        if before == after || self.diff.is_cut {
            return;
        }
        let outside = self.path.len();
        self.path.push('/');
        self.path.push_str(place);
        match (before.and_then(|before| before.kind.as_ref()), after.and_then(|after| after.kind.as_ref())) {
            (Some(Kind::StructValue(before)), Some(Kind::StructValue(after))) => self.within(before, after),
            (Some(Kind::ListValue(before)), Some(Kind::ListValue(after))) => {
                for place in 0..before.values.len().max(after.values.len()) {
                    self.at(&place.to_string(), before.values.get(place), after.values.get(place));
                }
            }
            _ => self.tell(before, after),
        }
        self.path.truncate(outside);
    }

    fn tell(&mut self, before: Option<&Value>, after: Option<&Value>) {
        let kind = match (before, after) {
            (None, _) => pb::DifferenceKind::Added,
            (_, None) => pb::DifferenceKind::Removed,
            _ => pb::DifferenceKind::Changed,
        };
        match self.room.checked_sub(self.path.len()) {
            Some(room) => self.room = room,
            None => return self.diff.is_cut = true,
        }
        let (path, before, after) = (self.path.clone(), before.cloned(), after.cloned());
        self.diff.changes.push(pb::RecipeDifference { path, kind: kind.into(), before, after });
    }
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

    /// A long key stands in the path of each difference within it.
    #[test]
    fn the_differences_are_cut_before_they_are_too_many() {
        let params = |value: &str| format!(r#"{{"{}": [{}]}}"#, "k".repeat(10_000), vec![value; 1_000].join(","));
        let diff = of(recipe(&params("true")), recipe(&params("false")));
        assert!(diff.is_cut && diff.changes.len() == 26, "{}", diff.changes.len());
        assert!(!of(recipe(r#"{"a": 1}"#), recipe("{}")).is_cut);
    }
}
