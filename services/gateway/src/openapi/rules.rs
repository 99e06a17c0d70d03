//! The field rules of `buf.validate`, as JSON Schema says them.

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, ReflectMessage, Value};

use super::json::{Json, Object};
use crate::transcode::enumeration::zero_is_null;

/// The rules that are a keyword of JSON Schema.
const KEYWORDS: [(&str, &str); 12] = [
    ("gt", "exclusiveMinimum"),
    ("gte", "minimum"),
    ("lt", "exclusiveMaximum"),
    ("lte", "maximum"),
    ("min_len", "minLength"),
    ("max_len", "maxLength"),
    ("pattern", "pattern"),
    ("min_items", "minItems"),
    ("max_items", "maxItems"),
    ("unique", "uniqueItems"),
    ("min_pairs", "minProperties"),
    ("max_pairs", "maxProperties"),
];

/// The rules of a value; none, where the contract states none.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) required: bool,
    /// Those for the value's type.
    typed: Option<DynamicMessage>,
}

impl Rules {
    /// The rules of a field.
    pub(super) fn of(field: &FieldDescriptor) -> Self {
        let options = field.options();
        let option = field.parent_pool().get_extension_by_name("buf.validate.field");
        let stated = option.filter(|option| options.has_extension(option)).map(|option| options.get_extension(&option).into_owned());
        Self::read(stated.as_ref())
    }

    fn read(rules: Option<&Value>) -> Self {
        let mut read = Self { required: false, typed: None };
        for (_, value) in rules.and_then(Value::as_message).into_iter().flat_map(DynamicMessage::fields) {
            match value {
                Value::Bool(required) => read.required = *required,
                value => read.typed = value.as_message().cloned(),
            }
        }
        read
    }

    /// The rules of the `items` of a list, or of the `keys` or `values` of a map.
    pub(super) fn element(&self, name: &str) -> Self {
        Self::read(self.stated(name).as_ref())
    }

    /// The schema with the limits that the rules set. Of 64-bit integers, which are text in JSON, they stand
    /// under names of our own.
    pub(super) fn limit(&self, mut schema: Object) -> Object {
        let text = schema.get("format").is_some_and(|format| [Json::from("int64"), Json::from("uint64")].contains(format));
        let base64 = schema.get("contentEncoding").is_some();
        for (rule, keyword) in KEYWORDS {
            match self.stated(rule).as_ref().map(json) {
                None => {}
                Some(Json::Value(length)) if base64 => schema.set(keyword, length.as_u64().map(|bytes| bytes.div_ceil(3) * 4)),
                Some(limit) if text => schema.set(format!("x-{keyword}"), limit),
                Some(limit) => schema.set(keyword, limit),
            }
        }
        for format in ["email", "uuid"] {
            if self.says(format) {
                schema.set("format", format);
            }
        }
        schema
    }

    /// Whether a number must be finite: one with bounds must, as NaN is within none.
    pub(super) fn finite(&self) -> bool {
        self.says("finite") || ["gt", "gte", "lt", "lte"].iter().any(|bound| self.stated(bound).is_some())
    }

    /// Whether a request that leaves the field out breaks a rule.
    pub(super) fn demand(&self, field: &FieldDescriptor) -> bool {
        let number = |name: &str| self.stated(name).as_ref().and_then(number);
        let many = ["min_items", "min_pairs"].iter().any(|rule| number(rule).is_some_and(|least| least > 0.0));
        self.required || many || (!field.is_list() && !field.supports_presence() && self.refuse_default(&field.kind()))
    }

    fn refuse_default(&self, kind: &Kind) -> bool {
        let refuses = |rule: &str, refuses: fn(f64) -> bool| self.stated(rule).as_ref().and_then(number).is_some_and(refuses);
        let unspecified = matches!(kind, Kind::Enum(kind) if zero_is_null(kind));
        unspecified
            || self.says("email")
            || self.says("uuid")
            || refuses("min_len", |least| least > 0.0)
            || refuses("gte", |least| least > 0.0)
            || refuses("gt", |bound| bound >= 0.0)
            || refuses("lte", |most| most < 0.0)
            || refuses("lt", |bound| bound <= 0.0)
    }

    /// Whether a rule that is on or off is on.
    pub(super) fn says(&self, rule: &str) -> bool {
        self.stated(rule) == Some(Value::Bool(true))
    }

    fn stated(&self, rule: &str) -> Option<Value> {
        let typed = self.typed.as_ref()?;
        let field = typed.descriptor().get_field_by_name(rule).filter(|field| typed.has_field(field))?;
        Some(typed.get_field(&field).into_owned())
    }
}

fn json(value: &Value) -> Json {
    match value {
        Value::Bool(value) => (*value).into(),
        Value::I32(value) => (*value).into(),
        Value::I64(value) => (*value).into(),
        Value::U64(value) => (*value).into(),
        Value::F64(value) => (*value).into(),
        Value::String(value) => value.as_str().into(),
        _ => Json::Absent,
    }
}

fn number(value: &Value) -> Option<f64> {
    match json(value) {
        Json::Value(value) => value.as_f64(),
        _ => None,
    }
}
