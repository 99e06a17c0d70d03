use super::*;

#[test]
fn every_named_ruleset_is_found_and_written_down() {
    for name in Ruleset::names() {
        let ruleset = Ruleset::latest(name).unwrap();
        assert_eq!((ruleset.name(), ruleset.version()), (*name, 1));
        let text = serde_json::to_string(&ruleset).unwrap();
        assert_eq!(serde_json::from_str::<Ruleset>(&text).unwrap(), ruleset);
        let short = format!(r#"{{"name":"{name}"}}"#);
        assert_eq!(serde_json::from_str::<Ruleset>(&short).unwrap(), ruleset);
        assert!(ruleset.rules().iter().all(|rule| rule.check().is_ok()));
        assert!(crate::history::Detector::of(&ruleset).is_ok());
    }
    assert!(Ruleset::named("nelson", 2).is_none() && Ruleset::latest("custom").is_none());
}

#[test]
fn the_memory_is_that_of_the_longest_rule() {
    let memory = |name| Ruleset::latest(name).unwrap().memory();
    assert_eq!([memory("western_electric"), memory("nelson"), memory("hughes"), memory("westgard")], [7, 14, 19, 9]);
}

#[test]
fn a_custom_ruleset_takes_rules_as_they_stand_changed_or_new() {
    let text = r#"{"name":"custom","rules":["n1",{"id":"n2","points":7},{"id":"n5","sigmas":1.5},
        {"id":"mine","pattern":"beyond","points":3,"window":4,"sigmas":1,"sides":"either"}]}"#;
    let ruleset: Ruleset = serde_json::from_str(text).unwrap();
    let patterns: Vec<_> = ruleset.rules().iter().map(|rule| rule.pattern).collect();
    assert_eq!(patterns[1], Pattern::Beyond { points: 7, window: 7, sigmas: 0.0, sides: Sides::Same });
    assert_eq!(patterns[2], Pattern::Beyond { points: 2, window: 3, sigmas: 1.5, sides: Sides::Same });
    assert_eq!(patterns[3], Pattern::Beyond { points: 3, window: 4, sigmas: 1.0, sides: Sides::Either });
    let again = serde_json::to_string(&ruleset).unwrap();
    assert_eq!(serde_json::from_str::<Ruleset>(&again).unwrap(), ruleset);
}

#[test]
fn what_is_no_ruleset_is_refused() {
    for text in [
        r#"{"name":"neslon"}"#,
        r#"{"name":"nelson","version":2}"#,
        r#"{"name":"nelson","rules":["n1"]}"#,
        r#"{"name":"custom"}"#,
        r#"{"name":"custom","rules":["n9"]}"#,
        r#"{"name":"custom","rules":["n1","n1"]}"#,
        r#"{"name":"custom","rules":[{"id":"n2","points":33}]}"#,
        r#"{"name":"custom","rules":[{"id":"n5","points":4}]}"#,
        r#"{"name":"custom","rules":[{"id":"n5","sigmas":-1}]}"#,
        r#"{"name":"custom","rules":[{"id":"n3","points":1}]}"#,
        r#"{"name":"custom","rules":[{"id":"a b","pattern":"trend","points":3}]}"#,
        r#"{"name":"custom","rules":["n2","n5","n6",{"id":"n7","sigmas":0.5},{"id":"n8","sigmas":1.5},{"id":"a5","sigmas":2.5}]}"#,
        r#"{"name":"custom","rules":["n1"],"options":{"partial":true}}"#,
    ] {
        assert!(serde_json::from_str::<Ruleset>(text).is_err(), "{text}");
    }
}

#[test]
fn a_mixture_may_be_asked_for_on_other_sides() {
    let either = Ruleset::latest("nelson").unwrap().with(Options { mixture: Some(Sides::Either), ..Options::default() });
    let sides = |ruleset: &Ruleset, id| match ruleset.rules().iter().find(|rule| rule.id == id).unwrap().pattern {
        Pattern::Beyond { sides, .. } => sides,
        _ => unreachable!("a rule of points beyond"),
    };
    assert_eq!((sides(&either, "n8"), sides(&either, "n5")), (Sides::Either, Sides::Same));
    assert_eq!(sides(&either, "n1"), Sides::Either);
}
