//! How many files may be open: each connection is one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What macOS gives a process that it says it does not limit.
const MOST: u64 = 10_240;

/// Takes as many open files as the system lets this process have: what it starts with is often a thousand.
pub fn raise_limit() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let most = maximum.unwrap_or(MOST);
    if current.is_none_or(|current| current >= most) {
        return;
    }
    match setrlimit(Resource::Nofile, Rlimit { current: Some(most), maximum }) {
        Ok(()) => tracing::info!(before = current, now = most, "as many files may be open as the system allows"),
        Err(error) => tracing::warn!(%error, limit = current, "the limit of open files stays as it is"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_low_limit_is_raised() {
        let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
        let most = maximum.unwrap_or(MOST);
        setrlimit(Resource::Nofile, Rlimit { current: Some(most / 2), maximum }).expect("less is allowed");
        raise_limit();
        assert_eq!(getrlimit(Resource::Nofile).current, Some(most));
    }
}
