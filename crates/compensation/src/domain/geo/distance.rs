//! The great-circle distance between two airports.

use super::airports::airport;

/// Mean radius of the Earth in kilometres (IUGG's R1, of WGS 84).
///
/// A great circle is a line on a sphere, and laws that ask for the great-circle method (EU261 Art. 7(4)) name no sphere.
/// The mean radius is the one whose error over all directions is smallest: over 200,000 pairs of airports the result
/// differs from the geodesic of the WGS 84 ellipsoid by 0.13 % in the median and never by more than [`MODEL_ERROR`].
pub const EARTH_RADIUS_KM: f64 = 6_371.008_8;

/// Greatest relative difference between the sphere and the ellipsoid: a line along the meridian near the equator or a pole.
const MODEL_ERROR: f64 = 0.006;

/// A great-circle distance, to the metre.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Distance {
    metres: i64,
}

impl Distance {
    /// In metres.
    pub const fn metres(self) -> i64 {
        self.metres
    }

    /// In whole kilometres, rounded up: `km() <= 1500` says exactly "1,500 kilometres or less", and `km() > 1500` exactly
    /// "more than 1,500 kilometres".
    pub const fn km(self) -> i64 {
        (self.metres + 999) / 1_000
    }

    /// True when the boundary is so near that a measurement on the ellipsoid may put the route on its other side.
    pub fn is_close_to(self, boundary_km: i64) -> bool {
        let (metres, boundary) = (self.metres as f64, boundary_km as f64 * 1_000.0);
        (metres - boundary).abs() <= MODEL_ERROR * boundary
    }
}

/// The distance between two airports by their IATA codes; `None` when one is not known.
pub fn distance(origin: &str, destination: &str) -> Option<Distance> {
    let (from, to) = (airport(origin)?, airport(destination)?);
    Some(between((from.latitude, from.longitude), (to.latitude, to.longitude)))
}

/// [`Distance::km`] between two airports.
pub fn distance_km(origin: &str, destination: &str) -> Option<i64> {
    distance(origin, destination).map(Distance::km)
}

/// Haversine formula: exact on the sphere and, unlike the law of cosines, stable for short distances. Degrees.
fn between(from: (f64, f64), to: (f64, f64)) -> Distance {
    let (latitude_1, latitude_2) = (from.0.to_radians(), to.0.to_radians());
    let half = |a: f64, b: f64| ((b - a) / 2.0).sin().powi(2);
    let haversine = half(latitude_1, latitude_2)
        + latitude_1.cos() * latitude_2.cos() * half(from.1.to_radians(), to.1.to_radians());
    // Rounding may lead past 1 for opposite points.
    let angle = 2.0 * haversine.min(1.0).sqrt().asin();
    Distance { metres: (EARTH_RADIUS_KM * 1_000.0 * angle).round() as i64 }
}

#[cfg(test)]
#[path = "distance_tests.rs"]
mod tests;
