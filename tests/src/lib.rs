//! The mesh as its users see it.
