//! Where airports are: great-circle distances between them, and what day and time it is there.
//!
//! Owns the table under `data/airports` (where it is from: the README there) and reads it once; time zones come from the
//! database that is compiled in. What always holds: the same airports and the same moment always give the same answer on
//! every machine, and what the table does not have is not guessed.

mod airports;
mod distance;
mod local;

pub use airports::{Airport, airport, all};
pub use distance::{Distance, EARTH_RADIUS_KM, distance, distance_km};
pub use local::{LocalTime, local_time};
