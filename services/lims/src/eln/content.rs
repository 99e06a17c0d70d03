//! What is written in an entry, and what a signature of it is over.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use spectra_mesh::{
    Error, id, sha256,
    signed::{Record, canonical},
};
use spectra_proto::lims as pb;
use uuid::Uuid;

use super::File;

/// What a signature calls an entry.
pub(super) const KIND: &str = "eln_entry";

/// What the author wrote; its fields are in the order of the canonical form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Content {
    /// The text.
    pub body_markdown: String,
    /// The records that it is about.
    pub linked_entities: LinkedEntities,
    /// The words to find it by.
    pub tags: Vec<String>,
    /// The title.
    pub title: String,
}

/// The records of the lab that an entry is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkedEntities {
    /// Recipes.
    pub recipes: Vec<Uuid>,
    /// Runs.
    pub runs: Vec<Uuid>,
    /// Samples.
    pub samples: Vec<Uuid>,
}

impl Content {
    /// What a request holds; the field rules have held.
    pub(super) fn of(entry: pb::ElnEntry) -> Result<Self, Error> {
        let links = entry.linked_entities.unwrap_or_default();
        let linked_entities = LinkedEntities { recipes: ids(&links.recipes)?, runs: ids(&links.runs)?, samples: ids(&links.samples)? };
        Ok(Self { body_markdown: entry.body_markdown, linked_entities, tags: entry.tags, title: entry.title })
    }

    /// The content, and the files attached to it, as a version of an entry.
    #[must_use]
    pub fn record(&self, files: &[File], id: Uuid, entry_no: i32, entry_version: i32) -> Record {
        let parts = [
            ("attachments", sha256(canonical(&files).as_bytes())),
            ("body_markdown", sha256(self.body_markdown.as_bytes())),
            ("linked_entities", sha256(canonical(&self.linked_entities).as_bytes())),
            ("tags", sha256(canonical(&self.tags).as_bytes())),
            ("title", sha256(self.title.as_bytes())),
        ];
        let parts: BTreeMap<_, _> = parts.into_iter().map(|(name, hash)| (name.to_owned(), hash)).collect();
        Record { id: id.to_string(), kind: KIND.to_owned(), number: entry_no, parts, version: entry_version }
    }
}

impl From<Content> for pb::ElnEntry {
    fn from(content: Content) -> Self {
        let LinkedEntities { recipes, runs, samples } = &content.linked_entities;
        Self {
            linked_entities: Some(pb::LinkedEntities { samples: texts(samples), runs: texts(runs), recipes: texts(recipes) }),
            title: content.title,
            body_markdown: content.body_markdown,
            tags: content.tags,
            ..Self::default()
        }
    }
}

fn texts(ids: &[Uuid]) -> Vec<String> {
    ids.iter().map(Uuid::to_string).collect()
}

/// Ids in the order given, each once: two ways to write one are still one.
fn ids(texts: &[String]) -> Result<Vec<Uuid>, Error> {
    let mut ids = Vec::with_capacity(texts.len());
    for text in texts {
        let id = id(text)?;
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_record_is_made_of_what_is_written() {
        let sample = Uuid::from_u128(7);
        let content = Content {
            body_markdown: "# A\r\n<script>".to_owned(),
            linked_entities: LinkedEntities { samples: vec![sample], ..LinkedEntities::default() },
            tags: vec!["iv".to_owned()],
            title: "T".to_owned(),
        };
        let file = File { filename: "iv.csv".to_owned(), id: sample, sha256: sha256(b"0,0"), size_bytes: 3 };
        let record = content.record(std::slice::from_ref(&file), Uuid::nil(), 3, 1);
        let files = format!(r#"[{{"filename":"iv.csv","id":"{sample}","sha256":"{}","size_bytes":3}}]"#, file.sha256);
        assert_eq!(record.parts["attachments"], sha256(files.as_bytes()));
        assert_eq!(record.parts["title"], sha256(b"T"));
        assert_eq!(record.parts["body_markdown"], sha256(b"# A\r\n<script>"));
        assert_eq!(record.parts["tags"], sha256(br#"["iv"]"#));
        let links = format!(r#"{{"recipes":[],"runs":[],"samples":["{sample}"]}}"#);
        assert_eq!(record.parts["linked_entities"], sha256(links.as_bytes()));
        let hash = content.record(&[], Uuid::nil(), 3, 1).content_hash();
        assert_ne!(record.content_hash(), hash);
        for other in [
            Content { title: "t".to_owned(), ..content.clone() },
            Content { body_markdown: "# A\n<script>".to_owned(), ..content.clone() },
            Content { tags: vec![], ..content.clone() },
            Content { linked_entities: LinkedEntities { runs: vec![sample], ..LinkedEntities::default() }, ..content.clone() },
        ] {
            assert_ne!(other.record(&[], Uuid::nil(), 3, 1).content_hash(), hash, "{other:?}");
        }
    }

    #[test]
    fn an_id_is_linked_once() {
        let id = Uuid::from_u128(0xabc);
        let texts = [id.to_string(), id.to_string().to_uppercase()];
        assert_eq!(ids(&texts).expect("ids"), [id]);
    }
}
