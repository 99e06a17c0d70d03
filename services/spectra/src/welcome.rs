//! What a person reads while the mesh starts, and when it is up.

use std::{fmt::Write as _, io::Write as _, time::Instant};

use crate::{cli::Up, seed, stack::Stack};

/// Says what is being done, and how long after the start.
pub(crate) fn step(begun: Instant, told: &str) {
    eprintln!("{:>7.2} s  {told}", begun.elapsed().as_secs_f64());
}

/// Says that everything answers: one line for programs on stdout, the rest for people on stderr.
pub(crate) fn ready(stack: &Stack, options: &Up, begun: Instant) {
    step(begun, "ready");
    let mut text = String::from("\nSPECTRA-Lab\n");
    for address in &stack.gateway {
        _ = writeln!(text, "  HTTP and JSON   http://{address}");
    }
    for (name, url) in stack.services() {
        _ = writeln!(text, "  gRPC {name:<10} {url}");
    }
    _ = writeln!(text, "  data            {}", options.data.display());
    if !options.no_seed {
        _ = writeln!(text, "\nDemo Lab, for trying out only:");
        for person in seed::PEOPLE {
            _ = writeln!(text, "  {:<20} {:<12} {}", person.email(&seed::DEMO), person.password, person.name);
        }
        _ = writeln!(text, "Another organization has the same five @{}.", seed::TEST.domain);
        if stack.gateway.iter().any(|address| !address.ip().is_loopback()) {
            _ = writeln!(text, "Whoever reaches this machine can sign in so: use --no-seed, or listen on 127.0.0.1.");
        }
    }
    if options.no_seed {
        _ = writeln!(text, "\nThere are no demo accounts; `spectra seed` writes them.");
    } else if let Some(address) = stack.gateway.first() {
        _ = writeln!(
            text,
            "\nTry:\n  curl -s http://{address}/auth/login -H 'content-type: application/json' \\\n       -d '{{\"username\":\"engineer@demo.lab\",\"password\":\"eng123\"}}'"
        );
    }
    _ = writeln!(text, "\nCtrl-C stops everything.");
    eprintln!("{text}");
    let mut out = std::io::stdout();
    for address in &stack.gateway {
        // Whoever started us may have closed our stdout; the mesh runs on.
        _ = writeln!(out, "ready http://{address}");
    }
    _ = out.flush();
}
