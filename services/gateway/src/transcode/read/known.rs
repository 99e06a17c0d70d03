//! The well-known types, as JSON has them.

use super::Reader;
use crate::transcode::error::{Malformed, Read};
use crate::transcode::plan::{Form, MessageId};
use crate::transcode::scalar::put_instant;
use crate::transcode::wire::{self, WireType, put_bytes, put_tag};
use crate::transcode::{mask, number, time};

/// Numbers of the fields of `google.protobuf.Value`.
mod value {
    pub(super) const NULL: u32 = 1;
    pub(super) const NUMBER: u32 = 2;
    pub(super) const STRING: u32 = 3;
    pub(super) const BOOL: u32 = 4;
    pub(super) const STRUCT: u32 = 5;
    pub(super) const LIST: u32 = 6;
}

/// The key under which an `Any` names its type.
const TYPE: &str = "@type";

impl Reader<'_, '_, '_> {
    pub(super) fn timestamp(&mut self) -> Read<()> {
        let text = self.json.string()?;
        put_instant(time::parse_timestamp(&text)?, self.out);
        Ok(())
    }

    pub(super) fn duration(&mut self) -> Read<()> {
        let text = self.json.string()?;
        put_instant(time::parse_duration(&text)?, self.out);
        Ok(())
    }

    pub(super) fn field_mask(&mut self) -> Read<()> {
        let text = self.json.string()?;
        mask::put(&text, self.out)?;
        Ok(())
    }

    /// A `Value`: any JSON at all.
    pub(super) fn any_json(&mut self) -> Read<()> {
        match self.json.peek() {
            Some(b'{') => self.nested(value::STRUCT, Self::r#struct),
            Some(b'[') => self.nested(value::LIST, Self::list_value),
            Some(b'"') => {
                let text = self.json.string()?;
                put_tag(self.out, value::STRING, WireType::Bytes);
                put_bytes(self.out, text.as_bytes());
                Ok(())
            }
            Some(b't' | b'f') => {
                let truth = self.json.boolean()?;
                put_tag(self.out, value::BOOL, WireType::Varint);
                self.out.push(truth.into());
                Ok(())
            }
            Some(b'n') => {
                self.json.null()?;
                put_tag(self.out, value::NULL, WireType::Varint);
                self.out.push(0);
                Ok(())
            }
            _ => {
                let double = number::double(self.json.number()?)?;
                put_tag(self.out, value::NUMBER, WireType::Fixed64);
                self.out.extend(double.to_le_bytes());
                Ok(())
            }
        }
    }

    pub(super) fn r#struct(&mut self) -> Read<()> {
        self.free_members(|reader, key| {
            put_tag(reader.out, 1, WireType::Bytes);
            let entry = wire::open(reader.out);
            put_tag(reader.out, 1, WireType::Bytes);
            put_bytes(reader.out, key.as_bytes());
            reader.nested(2, Self::any_json)?;
            wire::close(reader.out, entry);
            Ok(())
        })
    }

    pub(super) fn list_value(&mut self) -> Read<()> {
        self.elements(|reader| reader.nested(1, Self::any_json))
    }

    fn nested(&mut self, number: u32, body: fn(&mut Self) -> Read<()>) -> Read<()> {
        put_tag(self.out, number, WireType::Bytes);
        let start = wire::open(self.out);
        body(self)?;
        wire::close(self.out, start);
        Ok(())
    }

    /// An `Any`: an object that names its own type, at whatever place among its members.
    pub(super) fn any(&mut self) -> Read<()> {
        let Some(url) = self.type_url()? else {
            return Ok(());
        };
        let plans = self.plans;
        let id = url.rsplit_once('/').and_then(|(_, name)| plans.message(name));
        let Some(id) = id else {
            return Err(Malformed::new("is not the URL of a known type").within(TYPE));
        };
        put_tag(self.out, 1, WireType::Bytes);
        put_bytes(self.out, url.as_bytes());
        self.json.open(b'{')?;
        self.unless_empty(2, |reader| match plans.plan(id) {
            plan if plan.form == Form::Fields => reader.members(plan, Some(TYPE)),
            _ => reader.type_and_value(id),
        })
    }

    /// The members of an `Any` that holds a well-known type: such a type need not be an object.
    fn type_and_value(&mut self, id: MessageId) -> Read<()> {
        let (mut first, mut has_type, mut has_value) = (true, false, false);
        while let Some(key) = self.json.key(&mut first)? {
            let seen = match &*key {
                TYPE => &mut has_type,
                "value" => &mut has_value,
                _ => return Err(Malformed::new("unknown field beside \"value\"").within(&key)),
            };
            if std::mem::replace(seen, true) {
                return Err(self.repeated(&key));
            }
            if key == TYPE {
                self.json.skip()?;
            } else {
                self.message(id).map_err(|fault| fault.within(&key))?;
            }
        }
        Ok(())
    }

    /// Looks ahead for the type; `None` steps over an empty object.
    fn type_url(&mut self) -> Read<Option<String>> {
        let start = self.json;
        self.json.open(b'{')?;
        let mut first = true;
        while let Some(key) = self.json.key(&mut first)? {
            if key == TYPE {
                let url = self.json.string()?.into_owned();
                self.json = start;
                return Ok(Some(url));
            }
            self.json.skip()?;
        }
        if first {
            return Ok(None);
        }
        Err(Malformed::new("is missing").within(TYPE))
    }
}
