//! How answers are printed: text for people, protobuf JSON for programs.

mod json;
mod screen;
mod text;
mod words;

mod assessment;
mod authority;
mod backtest;
mod compensation;
mod experiment;
mod followup;
mod gate;
mod intake;
mod money;
mod operations;
mod policy_backtest;
mod routing;
mod settlement;

pub use backtest::{Chart, backtest, grouped};
pub use intake::{Journey, change_line};
pub use json::{decode, to_json};
pub use screen::Screen;
pub use text::{Page, Sheet, Table, clean};
pub use words::date_time;

/// Something that can be shown to people.
pub trait Render {
    /// Writes it to `page`.
    fn render(&self, page: &mut Page);
}
