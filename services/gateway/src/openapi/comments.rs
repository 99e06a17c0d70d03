//! The comments of a contract, which are the words of its documentation.

use std::collections::HashMap;

use prost_reflect::{
    DescriptorPool, EnumDescriptor, EnumValueDescriptor, FieldDescriptor, MessageDescriptor, MethodDescriptor, ServiceDescriptor,
};

/// The comments of a contract, by file and by place in it.
#[derive(Debug)]
pub(super) struct Comments(HashMap<String, HashMap<Vec<i32>, String>>);

/// What may have a comment: its file, and its place there.
pub(super) trait Commented {
    fn place(&self) -> (String, &[i32]);
}

impl Comments {
    /// Reads the comments that the descriptors hold.
    pub(super) fn read(pool: &DescriptorPool) -> Self {
        let of = |file: prost_reflect::FileDescriptor| {
            let info = file.file_descriptor_proto().source_code_info.as_ref();
            let locations = info.map(|info| info.location.as_slice()).unwrap_or_default();
            let told = locations.iter().filter(|location| !location.leading_comments().trim().is_empty());
            let told = told.map(|location| (location.path.clone(), flowing(location.leading_comments()))).collect();
            (file.name().to_owned(), told)
        };
        Self(pool.files().map(of).collect())
    }

    /// The comment above this.
    pub(super) fn of(&self, what: &impl Commented) -> Option<&str> {
        let (file, path) = what.place();
        self.0.get(&file)?.get(path).map(String::as_str)
    }
}

/// The lines of a comment as text that flows; an empty line parts paragraphs.
fn flowing(comment: &str) -> String {
    let lines: Vec<_> = comment.trim().lines().map(str::trim).collect();
    let paragraphs = lines.split(|line| line.is_empty()).filter(|lines| !lines.is_empty());
    paragraphs.map(|lines| lines.join(" ")).collect::<Vec<_>>().join("\n\n")
}

/// The first sentence, without its full stop.
pub(super) fn first_sentence(text: &str) -> &str {
    let paragraph = text.split("\n\n").next().unwrap_or_default();
    let end = paragraph.find(". ").unwrap_or(paragraph.len());
    paragraph[..end].trim_end_matches('.')
}

/// What the comment gives as an example: the word after "such as".
pub(super) fn example(text: &str) -> Option<&str> {
    let (_, after) = text.split_once("such as `")?;
    after.split_once('`').map(|(example, _)| example)
}

macro_rules! commented {
    ($($kind:ty),*) => {
        $(impl Commented for $kind {
            fn place(&self) -> (String, &[i32]) {
                (self.parent_file().name().to_owned(), self.path())
            }
        })*
    };
}
commented!(ServiceDescriptor, MethodDescriptor, MessageDescriptor, FieldDescriptor, EnumDescriptor, EnumValueDescriptor);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_flow_and_begin_with_a_sentence() {
        let text = flowing(" Lists things,\n newest first. Refused\n with NOT_FOUND.\n\n More.\n");
        assert_eq!(text, "Lists things, newest first. Refused with NOT_FOUND.\n\nMore.");
        assert_eq!(first_sentence(&text), "Lists things, newest first");
        assert_eq!(first_sentence("Gets one thing."), "Gets one thing");
        assert_eq!(example("The method, such as `iv_sweep`."), Some("iv_sweep"));
        assert_eq!(example("The method."), None);
    }
}
