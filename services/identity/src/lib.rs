//! Organizations, users and sessions: who may do what.
