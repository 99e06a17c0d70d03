//! What holds for every contract, so that a new one is held to it from its first day.

use std::{collections::HashSet, sync::LazyLock};

use prost_reflect::{Cardinality, DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor};
use spectra_proto::{
    api::{FieldBehavior, HttpRule, http_rule::Pattern},
    option,
    validate::{FieldRules, field_rules},
};

static CONTRACT: LazyLock<DescriptorPool> = LazyLock::new(spectra_proto::commented);

fn methods() -> Vec<MethodDescriptor> {
    let services = CONTRACT.services().filter(|service| service.package_name().starts_with("spectra."));
    services.flat_map(|service| service.methods().collect::<Vec<_>>()).collect()
}

/// Every binding of a method, the additional ones too.
fn bindings(method: &MethodDescriptor) -> Vec<HttpRule> {
    let Some(mut rule) = option::<HttpRule>(&method.options(), "google.api.http") else {
        return Vec::new();
    };
    let mut bindings = std::mem::take(&mut rule.additional_bindings);
    bindings.push(rule);
    bindings
}

#[test]
fn every_method_has_a_comment() {
    for method in methods() {
        let file = method.parent_file();
        let source = file.file_descriptor_proto().source_code_info.as_ref();
        let comment = source
            .and_then(|source| source.location.iter().find(|place| place.path == method.path()))
            .and_then(|place| place.leading_comments.as_deref());
        assert!(comment.is_some_and(|comment| comment.trim().ends_with('.')), "{} needs a sentence", method.full_name());
    }
}

/// Number, name and kind of the fields that every list asks with.
const PAGING: [(u32, &str, Kind); 4] =
    [(1, "limit", Kind::Int32), (2, "page_token", Kind::String), (3, "skip", Kind::Int32), (4, "count", Kind::Bool)];

/// A few keys, answered all at once; those that sign tokens in the form of RFC 7517, which knows no pages.
const WHOLE: [&str; 2] = ["spectra.identity.v1.KeyService.ListKeys", "spectra.identity.v1.SignatureService.ListSignatureKeys"];

#[test]
fn every_list_is_paged_alike() {
    let mut lists = 0;
    for method in methods() {
        let name = method.full_name();
        let output = method.output();
        let pagination = output.get_field_by_name("pagination");
        assert_eq!(
            pagination.is_some(),
            method.name().starts_with("List") && !WHOLE.contains(&name),
            "{name}: lists are paged, and nothing else is"
        );
        let Some(pagination) = pagination else {
            continue;
        };
        lists += 1;
        let kind = pagination.kind();
        let page = kind.as_message().map(MessageDescriptor::full_name);
        assert_eq!((pagination.number(), page), (2, Some("spectra.type.v1.Pagination")), "{name}");
        let items = output.get_field_by_name("items");
        assert!(items.is_some_and(|items| items.number() == 1 && items.is_list()), "{name}");

        for (number, field_name, kind) in PAGING {
            let field = method.input().get_field(number);
            let found = field.as_ref().map(|field| (field.name(), field.kind()));
            assert_eq!(found, Some((field_name, kind)), "{name}");
            assert!(field.is_some_and(|field| is_optional(&field)), "{name}.{field_name}");
        }
    }
    assert!(lists > 0, "no list was looked at");
}

fn is_optional(field: &FieldDescriptor) -> bool {
    field.cardinality() == Cardinality::Optional && field.supports_presence()
}

/// The verb and the path template of a binding.
fn route(rule: &HttpRule) -> (&str, &str) {
    match rule.pattern.as_ref().expect("a binding has a pattern") {
        Pattern::Get(path) => ("GET", path),
        Pattern::Put(path) => ("PUT", path),
        Pattern::Post(path) => ("POST", path),
        Pattern::Delete(path) => ("DELETE", path),
        Pattern::Patch(path) => ("PATCH", path),
        Pattern::Custom(custom) => (&custom.kind, &custom.path),
    }
}

/// A template without the names of its variables: they do not tell routes apart.
fn shape(template: &str) -> String {
    let segments = template.split('/');
    let shape = segments.map(|part| if part.starts_with('{') { "{}" } else { part });
    shape.collect::<Vec<_>>().join("/")
}

#[test]
fn every_route_is_unique() {
    let mut seen = HashSet::new();
    for method in methods() {
        for rule in bindings(&method) {
            let (verb, template) = route(&rule);
            let new = seen.insert((verb.to_owned(), shape(template)));
            assert!(new, "{}: {verb} {template} is taken", method.full_name());
        }
    }
    assert!(!seen.is_empty(), "no route was looked at");
}

#[test]
fn bindings_name_fields_of_their_request() {
    let mut named = 0;
    for method in methods() {
        for rule in bindings(&method) {
            let (_, template) = route(&rule);
            let variables = template.split('{').skip(1).filter_map(|rest| rest.split('}').next());
            let body = Some(rule.body.as_str()).filter(|body| !matches!(*body, "" | "*"));
            for field in variables.chain(body) {
                let found = method.input().get_field_by_name(field);
                assert!(found.is_some(), "{} has no field {field}", method.full_name());
                named += 1;
            }
        }
    }
    assert!(named > 0, "no binding was looked at");
}

/// The fields that a caller may send with `message`, those of messages below it too.
fn settable(message: &MessageDescriptor, found: &mut Vec<FieldDescriptor>) {
    if !message.package_name().starts_with("spectra.") {
        return;
    }
    for field in message.fields().filter(|field| !is_output_only(&field.options())) {
        // What a map holds is limited where the map is.
        if let Kind::Message(inner) = field.kind()
            && !field.is_map()
        {
            settable(&inner, found);
        }
        found.push(field);
    }
}

fn is_output_only(options: &DynamicMessage) -> bool {
    let behavior = CONTRACT.get_extension_by_name("google.api.field_behavior").expect("declared here");
    let values = options.get_extension(&behavior).into_owned();
    let output_only = FieldBehavior::OutputOnly as i32;
    values.as_list().is_some_and(|list| list.iter().any(|v| v.as_enum_number() == Some(output_only)))
}

#[test]
fn everything_a_caller_sends_has_a_limit() {
    let mut fields = Vec::new();
    for method in methods() {
        settable(&method.input(), &mut fields);
    }
    let unlimited = |field: &&FieldDescriptor| {
        use field_rules::Type;
        let rules = option::<FieldRules>(&field.options(), "buf.validate.field");
        let rules = rules.and_then(|rules| rules.r#type);
        !match (field.is_list() || field.is_map(), field.kind(), rules) {
            (true, _, Some(Type::Repeated(rules))) => rules.max_items.is_some(),
            (true, _, Some(Type::Map(rules))) => {
                let text = |rules: &FieldRules| matches!(&rules.r#type, Some(Type::String(rules)) if rules.max_len.is_some());
                rules.max_pairs.is_some() && rules.keys.as_deref().is_some_and(text) && rules.values.as_deref().is_some_and(text)
            }
            (true, ..) => false,
            (_, Kind::String, Some(Type::String(rules))) => rules.max_len.is_some() || rules.well_known.is_some(),
            (_, Kind::Bytes, Some(Type::Bytes(rules))) => rules.max_len.is_some(),
            (_, Kind::Enum(_), Some(Type::Enum(rules))) => rules.defined_only(),
            (_, Kind::String | Kind::Bytes | Kind::Enum(_), _) => false,
            _ => true,
        }
    };
    let unlimited: Vec<_> = fields.iter().filter(unlimited).map(FieldDescriptor::full_name).collect();
    assert!(unlimited.is_empty(), "no limit: {unlimited:?}");
    assert!(!fields.is_empty(), "no field was looked at");
}
