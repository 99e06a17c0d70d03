//! How even a quantity is over a wafer (SEMI MF1618; rings as SEMI MF81 has them).

use serde::Serialize;

use crate::{
    Analysis, Flags, Refused,
    fields::Fields,
    numeric::{deviation, mean, range},
    wafer_surface::{Rings, Site, Surface},
};

/// Sites on a wafer, in millimetres from its centre.
#[derive(Clone, Debug)]
pub(crate) struct WaferMap {
    /// Where there are no places, all are in the centre.
    sites: Vec<Site>,
    placed: bool,
    missing: usize,
    excluded: usize,
    radius: f64,
    rings: Option<usize>,
}

/// In the unit of what was measured, and in percent.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Output {
    mean: f64,
    sd: f64,
    median: f64,
    min: f64,
    max: f64,
    nonuniformity_1sigma_pct: Option<f64>,
    half_range_pct: Option<f64>,
    maxmin_pct: Option<f64>,
    fit: Option<Surface>,
    edge_centre_delta: Option<f64>,
    ring_means: Option<Vec<Option<f64>>>,
    ring_radii_mm: Option<Vec<f64>>,
    ring_sites: Option<Vec<usize>>,
    sites_used: usize,
    sites_missing: usize,
    sites_excluded: usize,
}

impl Analysis for WaferMap {
    const INPUTS: &'static [&'static str] = &["x_mm", "y_mm", "z", "radius_mm"];
    const PARAMS: &'static [&'static str] = &["edge_exclusion_mm", "rings"];
    const VERSION: &'static str = "1";
    const SURE: &'static [&'static str] = &["mean", "sd", "median", "min", "max"];
    type Output = Output;

    fn read(inputs: &Fields<'_>, params: &Fields<'_>, flags: &mut Flags) -> Result<Self, Refused> {
        let z = inputs.samples("z")?;
        let placed = inputs.has("x_mm") || inputs.has("y_mm");
        let (x, y) = if placed {
            (inputs.samples_beside("x_mm", "z", z.len())?, inputs.samples_beside("y_mm", "z", z.len())?)
        } else {
            (vec![0.0; z.len()], vec![0.0; z.len()])
        };
        let all = z.iter().zip(x.iter().zip(&y)).map(|(z, (x, y))| Site { x: *x, y: *y, z: *z });
        let known: Vec<Site> = all.filter(|site| site.z.is_finite() && site.x.is_finite() && site.y.is_finite()).collect();
        let missing = z.len() - known.len();
        flags.raise_if(missing > 0, "missing_sites");
        let farthest = known.iter().map(Site::radius).fold(0.0, f64::max);
        let radius = inputs.optional_positive("radius_mm")?.unwrap_or(farthest);
        flags.raise_if(farthest > radius * (1.0 + 1e-9), "sites_beyond_radius");
        let exclusion = params.within("edge_exclusion_mm", 0.0, 1e6, 0.0)?;
        let found = known.len();
        let inside = (radius - exclusion) * (1.0 + 1e-12);
        let sites: Vec<Site> = known.into_iter().filter(|site| exclusion <= 0.0 || site.radius() <= inside).collect();
        let excluded = found - sites.len();
        flags.raise_if(excluded > 0, "edge_sites_excluded");
        Ok(Self { sites, placed, missing, excluded, radius, rings: params.whole("rings", 1, 100)? })
    }

    fn method(&self) -> &'static str {
        "wafer_uniformity"
    }

    fn extract(&self, flags: &mut Flags) -> Result<Output, Refused> {
        let z: Vec<f64> = self.sites.iter().map(|site| site.z).collect();
        if z.len() < 3 {
            return Err(Refused::new(
                "too_few_sites",
                format!("{} sites can be used; three are needed to tell how even a wafer is", z.len()),
            ));
        }
        let ((least, most), mean, sd) = (range(&z), mean(&z), deviation(&z));
        let percent = |part: f64, whole: f64| Some(100.0 * part / whole.abs()).filter(|percent| percent.is_finite());
        flags.raise_if(least <= 0.0 && most >= 0.0, "percent_about_zero");
        let laid = self.placed && self.radius > 0.0;
        let fit = laid.then(|| Surface::through(&self.sites, self.radius)).flatten();
        flags.raise_if(laid && fit.is_none(), "fit_not_determined");
        flags.raise_if(!self.placed, "places_missing");
        let rings = laid.then(|| Rings::of(&self.sites, self.radius, self.rings));
        Ok(Output {
            mean,
            sd,
            median: crate::numeric::median(z),
            min: least,
            max: most,
            nonuniformity_1sigma_pct: percent(sd, mean),
            half_range_pct: percent(most - least, 2.0 * mean),
            maxmin_pct: percent(most - least, most + least),
            fit,
            edge_centre_delta: rings.as_ref().and_then(Rings::edge_less_centre),
            ring_radii_mm: rings.as_ref().map(|rings| rings.radii.clone()),
            ring_sites: rings.as_ref().map(|rings| rings.sites.clone()),
            ring_means: rings.map(|rings| rings.means),
            sites_used: self.sites.len(),
            sites_missing: self.missing,
            sites_excluded: self.excluded,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::{Kind, analyse};

    fn grid(z: impl Fn(f64, f64) -> f64) -> Value {
        let places: Vec<(f64, f64)> = (-4..=4).flat_map(|i| (-4..=4).map(move |j| (f64::from(i) * 20.0, f64::from(j) * 20.0))).collect();
        let places: Vec<_> = places.into_iter().filter(|(x, y)| x.hypot(*y) <= 95.0).collect();
        let (x, y): (Vec<f64>, Vec<f64>) = places.iter().copied().unzip();
        json!({"x_mm": x, "y_mm": y, "z": places.iter().map(|(x, y)| z(*x, *y)).collect::<Vec<_>>(), "radius_mm": 100})
    }

    #[test]
    fn a_surface_over_a_grid_of_dies_is_found_again() {
        let found =
            analyse(Kind::WaferMap, &grid(|x, y| 5.0 + 0.2 * x / 100.0 - 0.1 * y / 100.0 - 0.7 * (x * x + y * y) / 1e4), &json!({}))
                .unwrap();
        for (name, expected) in [("c0", 5.0), ("cx", 0.2), ("cy", -0.1), ("cr2", -0.7), ("r2", 1.0)] {
            assert!((found.outputs["fit"][name].as_f64().unwrap() - expected).abs() < 1e-9, "{name}");
        }
        let rings = found.outputs["ring_means"].as_array().unwrap();
        assert_eq!(rings.len(), 4, "a grid has rings of equal width");
        let delta = rings[3].as_f64().unwrap() - rings[0].as_f64().unwrap();
        assert!((found.outputs["edge_centre_delta"].as_f64().unwrap() - delta).abs() < 1e-12);
    }

    #[test]
    fn sites_are_missed_and_edges_left_out_aloud() {
        let mut map = grid(|x, y| 1.0 + x.hypot(y));
        map["z"][0] = Value::Null;
        let whole = analyse(Kind::WaferMap, &map, &json!({})).unwrap();
        assert_eq!((whole.flags.list(), &whole.outputs["sites_missing"]), (&["missing_sites"][..], &json!(1)));
        let inner = analyse(Kind::WaferMap, &map, &json!({"edge_exclusion_mm": 20, "rings": 2})).unwrap();
        assert_eq!(inner.flags.list(), ["missing_sites", "edge_sites_excluded"]);
        assert_eq!(inner.outputs["max"], json!(81.0));
        assert_eq!(inner.outputs["ring_means"].as_array().unwrap().len(), 2);
    }

    #[test]
    fn few_sites_and_means_of_zero_are_told() {
        let run = |z: Value| analyse(Kind::WaferMap, &json!({"z": z}), &json!({}));
        assert_eq!(run(json!([1, 2, null])).unwrap_err().code, "too_few_sites");
        assert_eq!(run(json!([])).unwrap_err().code, "too_few_sites");
        let about = run(json!([-1, 0, 1])).unwrap();
        assert_eq!(about.flags.list(), ["percent_about_zero", "places_missing"]);
        assert_eq!((&about.outputs["half_range_pct"], &about.outputs["fit"]), (&Value::Null, &Value::Null));
        assert_eq!(run(json!([1e308, 1e308, 1e308])).unwrap_err().code, "beyond_numbers");
        let line = json!({"x_mm": [0, 1, 2, 3], "y_mm": [0, 0, 0, 0], "z": [1, 2, 3, 4]});
        assert!(analyse(Kind::WaferMap, &line, &json!({})).unwrap().flags.list().contains(&"fit_not_determined"));
    }
}
