//! How the values of enums are called outside of the contract.

/// The short name of an enum's value: `engineer` for `USER_ROLE_ENGINEER` of `UserRole`.
#[must_use]
pub fn short_name(enumeration: &str, value: &str) -> String {
    without_prefix(enumeration, value).unwrap_or(value).to_ascii_lowercase()
}

/// Underscores do not count in the comparison, so that `SPCRule` fits `SPC_RULE_` and `S_P_C_RULE_` alike.
fn without_prefix<'v>(enumeration: &str, value: &'v str) -> Option<&'v str> {
    let mut rest = value;
    for letter in enumeration.chars().filter(|letter| *letter != '_') {
        let mut chars = rest.trim_start_matches('_').chars();
        let same = chars.next()?.eq_ignore_ascii_case(&letter);
        rest = same.then_some(chars.as_str())?;
    }
    let name = rest.strip_prefix('_')?;
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::short_name;

    #[test]
    fn a_short_name_is_the_value_without_its_enum() {
        for (enumeration, value, expected) in [
            ("UserRole", "USER_ROLE_ENGINEER", "engineer"),
            ("SPCRule", "SPC_RULE_WE1", "we1"),
            ("Rule2D", "RULE_2D_X_Y", "x_y"),
            ("Status", "STATUSQUO", "statusquo"),
            ("Status", "STATUS_", "status_"),
            ("Status", "ACTIVE", "active"),
            ("Status", "", ""),
        ] {
            assert_eq!(short_name(enumeration, value), expected);
        }
    }
}
