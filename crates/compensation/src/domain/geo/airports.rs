//! The table of airports: read once, by code.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use flate2::{Decompress, FlushDecompress};

/// Made by `data/airports/make-airports.py`.
const PACKED: &[u8] = include_bytes!("../../../data/airports/airports.csv.gz");

/// Bytes before the compressed table: gzip's header, without the name and time that the script leaves out.
const HEADER: usize = 10;

static TABLE: LazyLock<String> = LazyLock::new(|| unpack(PACKED));
static AIRPORTS: LazyLock<BTreeMap<&'static str, Airport>> =
    LazyLock::new(|| TABLE.lines().skip(1).filter_map(read).map(|airport| (airport.code, airport)).collect());

/// An airport.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Airport {
    /// Three letters, `JFK`.
    pub code: &'static str,
    /// ISO 3166-1 of the country or territory, `US`.
    pub country: &'static str,
    /// Degrees, north positive.
    pub latitude: f64,
    /// Degrees, east positive.
    pub longitude: f64,
    /// IANA name of its time zone.
    pub time_zone: &'static str,
}

/// The airport with an IATA code, in capitals as IATA writes it.
pub fn airport(code: &str) -> Option<Airport> {
    AIRPORTS.get(code).copied()
}

/// All of them, by code.
pub fn all() -> impl Iterator<Item = Airport> {
    AIRPORTS.values().copied()
}

/// The bytes are compiled in, so what a test reads of them holds for every binary; damaged ones read as an empty table.
fn unpack(packed: &[u8]) -> String {
    // gzip ends with the size of what is in it.
    let size = packed.last_chunk::<4>().map_or(0, |bytes| u32::from_le_bytes(*bytes));
    let mut table = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    let body = packed.get(HEADER..).unwrap_or_default();
    match Decompress::new(false).decompress_vec(body, &mut table, FlushDecompress::Finish) {
        Ok(flate2::Status::StreamEnd) => String::from_utf8(table).unwrap_or_default(),
        Ok(flate2::Status::Ok | flate2::Status::BufError) | Err(_) => String::new(),
    }
}

/// `code,country,latitude,longitude,time_zone`.
fn read(line: &'static str) -> Option<Airport> {
    let mut fields = line.split(',');
    let (code, country) = (fields.next()?, fields.next()?);
    let (latitude, longitude) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(Airport { code, country, latitude, longitude, time_zone: fields.next()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_what_its_readme_states() {
        assert_eq!(TABLE.len(), 330_999);
        assert_eq!(TABLE.lines().count(), 1 + 7_884);
        assert_eq!(all().count(), 7_884, "every line is read and no code is there twice");
        let distinct = |of: fn(Airport) -> &'static str| all().map(of).collect::<std::collections::BTreeSet<_>>().len();
        assert_eq!((distinct(|a| a.country), distinct(|a| a.time_zone)), (233, 359));
        for airport in all() {
            assert!(airport.latitude.abs() <= 90.0 && airport.longitude.abs() <= 180.0, "{airport:?}");
        }
    }

    #[test]
    fn an_airport_is_found_by_its_code_and_nothing_else() {
        let kennedy = airport("JFK").expect("known");
        assert_eq!((kennedy.country, kennedy.time_zone), ("US", "America/New_York"));
        assert_eq!((kennedy.latitude, kennedy.longitude), (40.63993, -73.77869));
        for unknown in ["jfk", "NYC", "", "JFK ", "KJFK", "code"] {
            assert_eq!(airport(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn a_damaged_table_is_empty_and_not_half_read() {
        assert_eq!(unpack(&PACKED[..PACKED.len() / 2]), "");
        assert_eq!(unpack(&[]), "");
    }
}
