//! The configuration says what is wrong with it, all of it.

use std::time::Duration;

use amends_intake::Config;
use chassis::config::{Problems, Validate as _};

#[test]
fn every_problem_is_named_by_its_key() {
    let mut config = Config::default();
    config.store.database.url = "sqlite:///tmp/x.db".to_owned();
    config.store.page_token_key = "sixteen letters.".to_owned();
    let mut problems = Problems::default();
    config.validate(&mut problems);
    assert_eq!(problems.finish(), Ok(()));

    config.store = durable::StoreConfig::default();
    config.watch.max = 0;
    config.watch.poll = Duration::from_secs(2);
    config.story.max_entries = 99;
    let mut problems = Problems::default();
    config.validate(&mut problems);
    let keys: Vec<String> = problems.finish().unwrap_err().problems.into_iter().map(|problem| problem.key).collect();
    assert_eq!(keys, ["store.database.url", "store.page_token_key", "watch.max", "watch.poll", "story.max_entries"]);
}
