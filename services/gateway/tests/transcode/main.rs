//! The transcoder against prost-reflect, against its rules, and against hostile bytes.

mod contract;
mod differential;
mod hostile;
mod json;
mod oracle;
mod parameters;
mod refusals;
mod rendering;
mod speed;
mod vectors;
mod wire;
