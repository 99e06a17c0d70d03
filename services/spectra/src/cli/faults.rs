//! Every fault of a command line and its environment at once: clap stops at the first.

use std::ffi::OsString;

use clap::{
    Arg, Command, Error,
    builder::ValueParser,
    error::{ContextKind, ContextValue, ErrorKind},
};

/// What is wrong with a command line, beginning with `first`; each fault in a sentence.
pub(super) fn all(mut command: Command, mut given: Vec<OsString>, first: Error) -> Vec<String> {
    let mut faults = Vec::new();
    let mut next = Some(first);
    while let Some(fault) = next.take() {
        let told = sentence(&fault);
        if faults.contains(&told) {
            break;
        }
        faults.push(told);
        // What is told is taken as it is, so that the next fault shows.
        let Some(ContextValue::String(argument)) = fault.get(ContextKind::InvalidArg) else { break };
        match fault.kind() {
            ErrorKind::UnknownArgument => drop_word(&mut given, argument),
            ErrorKind::ValueValidation | ErrorKind::InvalidValue => command = lenient(command, argument),
            _ => break,
        }
        next = command.clone().try_get_matches_from(&given).err();
    }
    faults
}

/// Takes the unknown word out, with its value if that is written to it; the program's own name stays.
fn drop_word(given: &mut Vec<OsString>, unknown: &str) {
    let is_it = |word: &OsString| word.to_str().is_some_and(|word| word.split('=').next() == Some(unknown));
    if let Some(at) = given.iter().skip(1).position(is_it) {
        given.remove(at + 1);
    }
}

/// The command, taking any value for an argument, which clap calls as the help does: `--listen <LISTEN>`, `<ROLE>`.
fn lenient(command: Command, argument: &str) -> Command {
    let named = argument.split([' ', '=']).next().unwrap_or_default().trim_matches(['<', '>', '[', ']']).to_owned();
    let relax = move |arg: Arg| {
        let name = arg.get_long().map_or_else(|| arg.get_id().as_str().to_uppercase(), |long| format!("--{long}"));
        if name == named { arg.value_parser(ValueParser::os_string()) } else { arg }
    };
    command.mut_args(relax.clone()).mut_subcommands(move |sub| sub.mut_args(relax.clone()))
}

/// What clap says before it explains the usage, in a line.
fn sentence(fault: &Error) -> String {
    let told = fault.to_string();
    if fault.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return format!("what to do is not said\n\n{}", told.trim_end());
    }
    let told = told.split("\n\nUsage:").next().and_then(|told| told.split("\n\nFor more").next()).unwrap_or_default();
    let words: Vec<_> = told.trim_start_matches("error: ").split_whitespace().collect();
    words.join(" ")
}
