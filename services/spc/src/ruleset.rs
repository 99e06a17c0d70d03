use serde::{Deserialize, Serialize};

use crate::{Code, Error, Pattern, Rule, Sides, Signals};

mod named;

/// What the references disagree on. The default is the definition; the rest is for charts drawn elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Whether k of m signals as soon as k are beyond, before m points have been seen. Without, only full windows do.
    pub partial_windows: bool,
    /// Whether k of m signals only at a point that is itself beyond. Without, it does at any point that ends such a window.
    pub newest_beyond: bool,
    /// Whether a point on the line counts as inside.
    pub inside_inclusive: bool,
    /// What a missing point does to k of m.
    pub missing: Missing,
    /// On which sides the points of a mixture lie, where it is not as the ruleset has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mixture: Option<Sides>,
}

/// What a missing point does to k of m. It breaks every run, trend and alternation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// The window starts anew after it.
    #[default]
    Break,
    /// It keeps its place in the window, as a point that is not beyond.
    Bridge,
}

impl Default for Options {
    fn default() -> Self {
        Self { partial_windows: true, newest_beyond: true, inside_inclusive: true, missing: Missing::Break, mixture: None }
    }
}

/// Rules that are evaluated together, by name and version: a chart drawn a year ago is drawn the same today.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Description")]
pub struct Ruleset {
    name: String,
    version: u32,
    options: Options,
    rules: Vec<Rule>,
}

/// One rule of a ruleset of one's own choice.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Choice {
    /// A named ruleset's rule as it stands, such as `n5`.
    Named(String),
    /// A rule of one's own.
    Own(Rule),
    /// A named ruleset's rule with numbers of one's own.
    Changed {
        /// The rule's id, such as `n5`; it stays the id.
        id: String,
        /// How many points instead.
        points: Option<u8>,
        /// Of how many instead; as many as the points where it grew out of them.
        window: Option<u8>,
        /// Which distance instead.
        sigmas: Option<f64>,
        /// Which sides instead.
        sides: Option<Sides>,
    },
}

/// How a ruleset is written down: its name is enough for a named one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    name: String,
    version: Option<u32>,
    #[serde(default)]
    options: Options,
    #[serde(default)]
    rules: Vec<Choice>,
}

impl Ruleset {
    /// A named ruleset at a version: `western_electric`, `western_electric_supplementary`, `nelson`, `aiag`, `juran`,
    /// `hughes` or `westgard`.
    #[must_use]
    pub fn named(name: &str, version: u32) -> Option<Self> {
        (version == 1).then(|| named::rules(name)).flatten().map(|rules| Self {
            name: name.to_owned(),
            version,
            options: Options::default(),
            rules,
        })
    }

    /// The newest version of a named ruleset.
    #[must_use]
    pub fn latest(name: &str) -> Option<Self> {
        Self::named(name, 1)
    }

    /// The names of the named rulesets.
    #[must_use]
    pub fn names() -> &'static [&'static str] {
        named::NAMES
    }

    /// A ruleset of one's own choice, called `custom`. At most 32 rules, at most 5 distances for their windows.
    pub fn custom(choices: Vec<Choice>, options: Options) -> Result<Self, Error> {
        let rules = choices.into_iter().map(Choice::rule).collect::<Result<Vec<_>, _>>()?;
        if rules.is_empty() || rules.len() > 32 {
            return Err(Error::new(Code::InvalidRuleset, "rules", "must be 1 to 32 rules"));
        }
        for (place, rule) in rules.iter().enumerate() {
            rule.check()?;
            if rules[..place].iter().any(|earlier| earlier.id == rule.id) {
                return Err(Error::new(Code::InvalidRuleset, format!("rules.{}", rule.id), "must be there once"));
            }
        }
        let ruleset = Self { name: "custom".to_owned(), version: 1, options: Options::default(), rules }.with(options);
        crate::history::Detector::of(&ruleset).map(|_| ruleset)
    }

    /// The rules that charts with a memory of their own are judged by: a point beyond its limit, on either side.
    pub(crate) fn limits(ids: &[&str]) -> Self {
        let beyond = Pattern::Beyond { points: 1, window: 1, sigmas: 3.0, sides: Sides::Either };
        let rules = ids.iter().map(|&id| Rule::new(id, beyond)).collect();
        Self { name: "limits".to_owned(), version: 1, options: Options::default(), rules }
    }

    /// The same rules, and behind them one of a chart of its own: a point beyond its limit.
    pub(crate) fn besides(mut self, id: &str) -> Result<Self, Error> {
        let refused = |demand: &str| Err(Error::new(Code::InvalidRuleset, format!("rules.{id}"), demand));
        if self.rules.len() >= 32 {
            return refused("must be one of 32 rules at most; leave one out, or do not judge the spread");
        }
        if self.rules.iter().any(|rule| rule.id == id) {
            return refused("must be the spread's; call your own rule otherwise, or do not judge the spread");
        }
        self.rules.push(Rule::new(id, Pattern::Beyond { points: 1, window: 1, sigmas: 3.0, sides: Sides::Either }));
        Ok(self)
    }

    /// The same rules under other options.
    #[must_use]
    pub fn with(mut self, options: Options) -> Self {
        self.options = options;
        if let Some(mixture) = options.mixture {
            for rule in &mut self.rules {
                if rule.pattern.is_mixture() {
                    rule.pattern = rule.pattern.on(mixture);
                }
            }
        }
        self
    }

    /// The ruleset's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The version of what the name stands for.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.version
    }

    /// The options that it is evaluated with.
    #[must_use]
    pub fn options(&self) -> Options {
        self.options
    }

    /// The rules; [`Signals`] tells places in this list.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The rules that signal.
    pub fn signalling(&self, signals: Signals) -> impl Iterator<Item = &Rule> {
        signals.iter().filter_map(|place| self.rules.get(place))
    }

    /// How many points before one decide what the rules say of it.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.rules.iter().map(|rule| rule.pattern.span() - 1).max().unwrap_or_default()
    }
}

impl TryFrom<Description> for Ruleset {
    type Error = Error;

    fn try_from(said: Description) -> Result<Self, Error> {
        let version = said.version.unwrap_or(1);
        if said.name == "custom" && version == 1 {
            return Self::custom(said.rules, said.options);
        }
        let named = Self::named(&said.name, version)
            .ok_or_else(|| Error::new(Code::InvalidRuleset, "ruleset", "must be the name and version of a ruleset"))?
            .with(said.options);
        let as_named = |rule: &Rule| Choice::Own(rule.clone());
        if !said.rules.is_empty() && !named.rules.iter().map(as_named).eq(said.rules) {
            return Err(Error::new(Code::InvalidRuleset, "rules", "must be left out of a named ruleset; one of your own is called custom"));
        }
        Ok(named)
    }
}

impl Choice {
    fn rule(self) -> Result<Rule, Error> {
        let found = |id: &str| {
            let demand = "must be a rule of a named ruleset, or have a pattern";
            named::rule(id).ok_or_else(|| Error::new(Code::InvalidRuleset, format!("rules.{id}"), demand))
        };
        match self {
            Self::Own(rule) => Ok(rule),
            Self::Named(id) => found(&id),
            Self::Changed { id, points, window, sigmas, sides } => {
                let mut rule = found(&id)?;
                rule.pattern = rule.pattern.changed(points, window, sigmas, sides);
                Ok(rule)
            }
        }
    }
}

impl Pattern {
    /// Whether the pattern is one of many points outside a zone, whichever side they are on.
    fn is_mixture(self) -> bool {
        matches!(self, Self::Beyond { window: 2.., sides: Sides::Either | Sides::Both, .. })
    }

    fn on(self, side: Sides) -> Self {
        match self {
            Self::Beyond { points, window, sigmas, .. } => Self::Beyond { points, window, sigmas, sides: side },
            other => other,
        }
    }

    fn changed(self, count: Option<u8>, width: Option<u8>, distance: Option<f64>, side: Option<Sides>) -> Self {
        match self {
            Self::Beyond { points, window, sigmas, sides } => {
                let all = points == window;
                let points = count.unwrap_or(points);
                let window = width.unwrap_or(if all { points } else { window });
                Self::Beyond { points, window, sigmas: distance.unwrap_or(sigmas), sides: side.unwrap_or(sides) }
            }
            Self::Inside { points, sigmas } => Self::Inside { points: count.unwrap_or(points), sigmas: distance.unwrap_or(sigmas) },
            Self::Trend { points } => Self::Trend { points: count.unwrap_or(points) },
            Self::Alternating { points } => Self::Alternating { points: count.unwrap_or(points) },
            Self::Opposite { sigmas } => Self::Opposite { sigmas: distance.unwrap_or(sigmas) },
        }
    }
}

#[cfg(test)]
mod tests;
