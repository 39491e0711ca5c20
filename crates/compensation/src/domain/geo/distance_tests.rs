//! Distances: known routes, the routes beside the bands of the law, and what holds for any three points.

use proptest::prelude::*;

use super::*;
use crate::domain::geo::all;

/// Routes and their geodesics on the WGS 84 ellipsoid in kilometres, by GeographicLib 2.
const KNOWN: [(&str, &str, f64); 13] = [
    ("JFK", "LHR", 5_554.517),
    ("LHR", "CDG", 347.653),
    ("FRA", "JFK", 6_204.670),
    ("AMS", "SIN", 10_517.337),
    ("SYD", "LAX", 12_050.709),
    ("JFK", "LAX", 3_982.962),
    ("MAD", "LPA", 1_765.053),
    ("FRA", "ATH", 1_818.084),
    ("HEL", "AGP", 3_356.504),
    ("DUB", "AGP", 1_866.146),
    ("LHR", "ATH", 2_430.324),
    ("GRU", "JNB", 7_451.600),
    ("AKL", "SCL", 9_673.653),
];

#[test]
fn known_routes_are_within_half_a_percent() {
    for (from, to, km) in KNOWN {
        let found = distance(from, to).expect("both are known").metres() as f64 / 1_000.0;
        assert!((found / km - 1.0).abs() < 0.005, "{from}-{to}: {found} km, not {km}");
    }
}

/// Real routes on both sides of the bands of EU261 Art. 7(1).
#[test]
fn routes_beside_a_band_fall_on_their_side_of_it() {
    for (from, to, metres, km) in [
        ("GVA", "SKG", 1_499_820, 1_500),
        ("BER", "SKG", 1_500_618, 1_501),
        ("LGW", "CAI", 3_498_446, 3_499),
        ("KEF", "FNC", 3_502_331, 3_503),
    ] {
        let found = distance(from, to).expect("both are known");
        assert_eq!((found.metres(), found.km()), (metres, km), "{from}-{to}");
        assert_eq!(distance_km(from, to), Some(km));
        let band = if km < 2_000 { 1_500 } else { 3_500 };
        assert_eq!(found.km() <= band, metres <= band * 1_000, "{from}-{to}");
        assert!(found.is_close_to(band), "{from}-{to}: the ellipsoid may say otherwise");
    }
    assert!(!distance("FRA", "ATH").expect("known").is_close_to(1_500));
}

#[test]
fn kilometres_are_rounded_up_so_that_or_less_is_exact() {
    for (metres, km) in [(0, 0), (1, 1), (1_499_999, 1_500), (1_500_000, 1_500), (1_500_001, 1_501)] {
        assert_eq!(Distance { metres }.km(), km);
    }
}

#[test]
fn an_airport_that_is_not_known_has_no_distance() {
    assert_eq!(distance("JFK", "QQQ"), None);
    assert_eq!(distance_km("", "JFK"), None);
}

#[test]
fn nothing_is_farther_than_the_other_side_of_the_earth() {
    let half = (EARTH_RADIUS_KM * 1_000.0 * std::f64::consts::PI).round() as i64;
    assert_eq!(between((0.0, 0.0), (0.0, 180.0)).metres(), half);
    assert_eq!(between((90.0, 0.0), (-90.0, 77.0)).metres(), half);
    assert_eq!(between((12.5, 179.5), (12.5, -180.5)).metres(), 0, "longitudes go round");
}

fn any_code() -> impl Strategy<Value = &'static str> {
    (0..all().count()).prop_map(|index| all().nth(index).map_or("JFK", |airport| airport.code))
}

proptest! {
    #[test]
    fn there_is_as_far_as_back_and_nowhere_is_nothing(a in any_code(), b in any_code()) {
        prop_assert_eq!(distance(a, b), distance(b, a));
        prop_assert_eq!(distance(a, a).map(Distance::metres), Some(0));
    }

    #[test]
    fn a_way_round_is_never_shorter(a in any_code(), b in any_code(), c in any_code()) {
        let metres = |from, to| distance(from, to).expect("known").metres();
        // Each distance is rounded to the metre.
        prop_assert!(metres(a, c) <= metres(a, b) + metres(b, c) + 2);
    }

    /// An independent formula: the angle between two vectors from the Earth's centre.
    #[test]
    fn the_vectors_agree(a in any_code(), b in any_code()) {
        let vector = |code| {
            let airport = airport(code).expect("known");
            let (lat, lon) = (airport.latitude.to_radians(), airport.longitude.to_radians());
            [lat.cos() * lon.cos(), lat.cos() * lon.sin(), lat.sin()]
        };
        let (u, v): ([f64; 3], [f64; 3]) = (vector(a), vector(b));
        let cross = [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
        let dot: f64 = u.iter().zip(v).map(|(x, y)| x * y).sum();
        let sine = cross.iter().map(|x| x * x).sum::<f64>().sqrt();
        let metres = EARTH_RADIUS_KM * 1_000.0 * sine.atan2(dot);
        let found = distance(a, b).expect("known").metres() as f64;
        prop_assert!((found - metres).abs() <= 1.0, "{a}-{b}: {found} and {metres}");
    }
}
