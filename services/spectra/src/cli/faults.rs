//! Every fault of a command line and its environment at once: clap stops at the first.

use std::ffi::OsString;

use clap::{
    Command, Error,
    builder::ValueParser,
    error::{ContextKind, ContextValue, ErrorKind},
};

/// How many are told.
const MOST: usize = 20;

/// What is wrong with a command line, beginning with `first`; each fault in a line.
pub(super) fn all(mut command: Command, mut given: Vec<OsString>, first: Error) -> Vec<String> {
    let mut faults = Vec::new();
    let mut next = Some(first);
    while let Some(fault) = next.take().filter(|_| faults.len() < MOST) {
        faults.push(sentence(&fault));
        // What is told is taken as it is, so that the next fault shows.
        let Some(ContextValue::String(argument)) = fault.get(ContextKind::InvalidArg) else { break };
        match fault.kind() {
            ErrorKind::UnknownArgument => given.retain(|word| word.to_str().is_none_or(|word| !word.starts_with(argument.as_str()))),
            ErrorKind::ValueValidation | ErrorKind::InvalidValue => command = lenient(command, argument),
            _ => break,
        }
        next = command.clone().try_get_matches_from(&given).err();
    }
    faults
}

/// The command, taking any value for an argument such as `--listen <LISTEN>`.
fn lenient(command: Command, argument: &str) -> Command {
    let name = argument.split([' ', '=']).next().unwrap_or_default().trim_start_matches('-').to_owned();
    let relax = move |arg: clap::Arg| if arg.get_long() == Some(&name) { arg.value_parser(ValueParser::os_string()) } else { arg };
    command.mut_args(relax.clone()).mut_subcommands(move |sub| sub.mut_args(relax.clone()))
}

/// The first line of what clap says.
fn sentence(fault: &Error) -> String {
    let told = fault.to_string();
    told.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned()
}
