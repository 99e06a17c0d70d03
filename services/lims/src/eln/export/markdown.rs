//! An export as people read it: who signed, when and what for, then the text as it was signed, then the same for
//! programs. Whatever the text holds, it stands in a block that it cannot leave.

use std::fmt::Write;

use spectra_mesh::signed::{Manifest, canonical};

use super::{Export, FORMAT};

impl Export {
    /// The whole file.
    pub(super) fn markdown(&self) -> Result<String, serde_json::Error> {
        let (entry, content) = (&self.entry, &self.entry.content);
        let mut text = format!("# Notebook entry {}, version {}\n\n{}\n\n", entry.entry_no, entry.entry_version, inert(&content.title));
        let tags: Vec<_> = content.tags.iter().map(|tag| inert(tag)).collect();
        // Writing to a string does not fail.
        _ = writeln!(text, "- Version: {}\n- Organization: {}\n- Content hash: {}", entry.id, entry.organization_id, entry.content_hash);
        _ = writeln!(text, "- Tags: {}", if tags.is_empty() { "none".to_owned() } else { tags.join(", ") });
        let links = &content.linked_entities;
        for (kind, ids) in [("Samples", &links.samples), ("Runs", &links.runs), ("Recipes", &links.recipes)] {
            if !ids.is_empty() {
                _ = writeln!(text, "- {kind}: {}", ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
            }
        }
        text.push_str("\n## Files\n\n");
        if self.entry.attachments.is_empty() {
            text.push_str("No file is attached to this version.\n");
        }
        for file in &self.entry.attachments {
            let (name, hash) = (inert(&file.filename), inert(&file.sha256));
            _ = writeln!(text, "- {name}\n  - Attachment: {}\n  - Size: {} bytes\n  - SHA-256: {hash}", file.id, file.size_bytes);
        }
        text.push_str("\n## Signatures\n\n");
        if self.signatures.is_empty() {
            text.push_str("Nobody has signed this version.\n");
        }
        for signature in &self.signatures {
            let manifest: Manifest = serde_json::from_str(&signature.manifest)?;
            let (signer, reason) = (&manifest.signer, manifest.reason.as_deref().map_or("none".to_owned(), inert));
            _ = writeln!(
                text,
                "- Signed by {} ({})\n  - Date and time: {}\n  - Meaning: {}\n  - Reason: {reason}\n  - Shown by: {}\n  - Key: {}",
                inert(&signer.name),
                inert(&signer.role),
                inert(&manifest.signed_at),
                inert(&manifest.meaning),
                inert(&manifest.method),
                inert(&signature.key_id),
            );
        }
        let fence = fence(&content.body_markdown);
        _ = write!(text, "\n## Text, as it was written\n\n{fence}markdown\n{}\n{fence}\n\n", content.body_markdown);
        text.push_str("## To check\n\n`spectra verify-signature FILE --key KEY` says whether all of this file is what was signed.\n\n");
        _ = write!(text, "```{FORMAT}\n{}\n```\n", canonical(self));
        Ok(text)
    }

    /// What stands for programs in a file for people.
    pub(super) fn within(text: &str) -> Option<&str> {
        // Canonical JSON has no line breaks.
        let (_, json) = text.strip_suffix("\n```\n")?.rsplit_once('\n')?;
        Some(json)
    }
}

/// Somebody's words in one line in which nothing is markup.
fn inert(text: &str) -> String {
    let mut inert = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}') {
            inert.push(' ');
            continue;
        }
        if letter.is_ascii_punctuation() && !matches!(letter, '-' | ':' | '.' | ',' | '\'' | '/' | '@' | '_') {
            inert.push('\\');
        }
        inert.push(letter);
    }
    inert
}

/// A fence that the text cannot close.
fn fence(text: &str) -> String {
    let longest = text.split(|letter| letter != '`').map(str::len).max().unwrap_or_default();
    "`".repeat(longest.max(2) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_words() {
        assert_eq!(inert("Ada O'Neil-B, 2.1"), "Ada O'Neil-B, 2.1");
        assert_eq!(inert("<b>*x*</b>\n# y `z`"), "\\<b\\>\\*x\\*\\</b\\> \\# y \\`z\\`");
    }

    #[test]
    fn no_text_closes_its_fence() {
        for (text, ticks) in [("", 3), ("a ` b", 3), ("```rust\n```", 4), ("``````", 7)] {
            assert_eq!(fence(text), "`".repeat(ticks), "{text}");
        }
    }
}
