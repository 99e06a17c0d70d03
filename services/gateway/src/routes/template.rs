//! Path templates, as `google.api.http` has them.
//!
//! ```text
//! Template = "/" Segments [ ":" Literal ]
//! Segments = Segment { "/" Segment }
//! Segment  = "*" | "**" | Literal | "{" FieldPath [ "=" Segments ] "}"
//! ```

use std::{borrow::Cow, fmt, sync::Arc};

use crate::percent;

/// A template, parsed.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    text: Arc<str>,
    segments: Vec<Segment>,
    /// What follows the colon at the end.
    verb: Option<String>,
    variables: Vec<Variable>,
}

/// What stands between two slashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Segment {
    /// This very text.
    Literal(String),
    /// `*`: any one segment.
    One,
    /// `**`: all that follow, or none.
    Rest,
}

/// A part of the path that becomes a field of the request.
#[derive(Clone, Debug)]
pub(crate) struct Variable {
    /// The path of the field.
    pub(crate) field: String,
    start: usize,
    /// Where its segments end; none when it takes all that follow.
    end: Option<usize>,
}

/// One segment of the path of a request.
#[derive(Clone, Debug)]
pub(crate) struct Piece<'p> {
    /// As it came.
    pub(crate) raw: &'p str,
    /// Decoded.
    pub(crate) text: Cow<'p, str>,
}

impl Template {
    /// Parses a template; says what is wrong with it. `/` alone is a template too.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let fault = |what: &str| format!("the path template `{text}` {what}");
        let mut template = Self { text: text.into(), segments: Vec::new(), verb: None, variables: Vec::new() };
        let mut rest = text.strip_prefix('/').ok_or_else(|| fault("does not begin with a slash"))?;
        if rest.is_empty() {
            return Ok(template);
        }
        loop {
            rest = template.take_segment(rest).map_err(fault)?;
            match rest.split_at_checked(1) {
                None => break,
                Some(("/", after)) => rest = after,
                Some((":", verb)) if !verb.is_empty() && is_literal(verb) => {
                    template.verb = Some(verb.to_owned());
                    break;
                }
                Some(_) => return Err(fault("has something other than a slash after a segment")),
            }
        }
        match template.segments.iter().position(|segment| *segment == Segment::Rest) {
            Some(place) if place + 1 < template.segments.len() => Err(fault("has `**` before its end")),
            _ => Ok(template),
        }
    }

    /// Takes one segment, which a variable may make several, from the front of `rest`.
    fn take_segment<'t>(&mut self, rest: &'t str) -> Result<&'t str, &'static str> {
        let Some(inner) = rest.strip_prefix('{') else {
            let end = rest.find(['/', ':']).unwrap_or(rest.len());
            let (segment, after) = rest.split_at(end);
            self.segments.push(Segment::parse(segment)?);
            return Ok(after);
        };
        let (inner, after) = inner.split_once('}').ok_or("has a variable that is not closed")?;
        let (field, pattern) = inner.split_once('=').unwrap_or((inner, "*"));
        if !field.split('.').all(is_name) {
            return Err("has a variable that names no field");
        }
        let start = self.segments.len();
        for segment in pattern.split('/') {
            self.segments.push(Segment::parse(segment)?);
        }
        let end = (self.segments.last() != Some(&Segment::Rest)).then_some(self.segments.len());
        self.variables.push(Variable { field: field.to_owned(), start, end });
        Ok(after)
    }

    /// The template as the contract has it.
    pub(crate) fn text(&self) -> &Arc<str> {
        &self.text
    }

    pub(super) fn segments(&self) -> &[Segment] {
        &self.segments
    }

    pub(crate) fn verb(&self) -> Option<&str> {
        self.verb.as_deref()
    }

    pub(crate) fn variables(&self) -> &[Variable] {
        &self.variables
    }

    /// The segments, each with the variable that it belongs to.
    pub(crate) fn parts(&self) -> impl Iterator<Item = (&Segment, Option<&Variable>)> {
        let holder =
            |index| self.variables.iter().find(move |variable| variable.start <= index && variable.end.is_none_or(|end| index < end));
        self.segments.iter().enumerate().map(move |(index, segment)| (segment, holder(index)))
    }

    /// What the variables hold in a path that fits, in their order.
    pub(super) fn captures<'p>(&self, pieces: &[Piece<'p>]) -> Vec<Cow<'p, str>> {
        self.variables.iter().map(|variable| variable.value(pieces)).collect()
    }

    /// The literals before the first segment that is none.
    pub(crate) fn literals(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().map_while(|segment| match segment {
            Segment::Literal(text) => Some(text.as_str()),
            Segment::One | Segment::Rest => None,
        })
    }

    /// Whether the path ends in its only variable, which is the field `id`: the address of one resource.
    pub(crate) fn ends_in_id(&self) -> bool {
        let Some((Segment::One, before)) = self.segments.split_last() else { return false };
        let literal = before.iter().all(|segment| matches!(segment, Segment::Literal(_)));
        literal && self.verb.is_none() && matches!(&*self.variables, [variable] if variable.field == "id")
    }

    /// The path with `value` wherever the template leaves one segment open.
    pub(crate) fn expand(&self, value: &str) -> String {
        let mut path = String::new();
        for segment in &self.segments {
            path.push('/');
            match segment {
                Segment::Literal(text) => path.push_str(text),
                Segment::One | Segment::Rest => path.push_str(&percent::encode(value)),
            }
        }
        path
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Segment {
    fn parse(text: &str) -> Result<Self, &'static str> {
        match text {
            "*" => Ok(Self::One),
            "**" => Ok(Self::Rest),
            "" => Err("has an empty segment"),
            _ if is_literal(text) => Ok(Self::Literal(text.to_owned())),
            _ => Err("has a segment with a character that a path does not hold as it is"),
        }
    }
}

impl Variable {
    /// Whether it takes just one segment.
    pub(crate) fn is_one_segment(&self) -> bool {
        self.end == Some(self.start + 1)
    }

    fn value<'p>(&self, pieces: &[Piece<'p>]) -> Cow<'p, str> {
        let own = pieces.get(self.start..self.end.unwrap_or(pieces.len())).unwrap_or_default();
        match own {
            [piece] if self.is_one_segment() => piece.text.clone(),
            _ => {
                let texts: Vec<_> = own.iter().filter_map(|piece| percent::decode_segments(piece.raw)).collect();
                Cow::Owned(texts.join("/"))
            }
        }
    }
}

fn is_literal(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'@' | b'!' | b'$' | b',' | b';'))
}

fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
