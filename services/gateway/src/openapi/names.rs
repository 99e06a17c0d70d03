//! Names that stand once in the document.

use std::collections::{HashMap, HashSet};

/// Who has which name.
#[derive(Debug, Default)]
pub(super) struct Names {
    by_owner: HashMap<String, String>,
    given: HashSet<String>,
}

impl Names {
    /// The name of `owner`: the one that it wishes, or its own where another has that already.
    pub(super) fn of(&mut self, owner: &str, wish: &str) -> String {
        if let Some(name) = self.by_owner.get(owner) {
            return name.clone();
        }
        let name = if self.given.insert(wish.to_owned()) { wish } else { owner };
        self.given.insert(name.to_owned());
        self.by_owner.insert(owner.to_owned(), name.to_owned());
        name.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_gets_its_wish() {
        let mut names = Names::default();
        assert_eq!(names.of("a.v1.Thing", "Thing"), "Thing");
        assert_eq!(names.of("b.v1.Thing", "Thing"), "b.v1.Thing");
        assert_eq!(names.of("a.v1.Thing", "Thing"), "Thing");
    }
}
