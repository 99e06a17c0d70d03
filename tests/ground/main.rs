//! The proof ground: a service whose contract has every kind of value, every form of an HTTP rule, streams of either side
//! and files, behind the real gateway. It proves the gateway beyond what the product's contract asks of it today.

mod conformance;
mod files;
mod forms;
mod generated;
mod kinds;
mod resets;
mod stage;
mod streams;
