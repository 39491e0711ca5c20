//! A timer of the service's own that comes early is asked to come again; one that comes twice finds nothing to do.

use std::time::Duration;

use api::compensation::{offer, voucher};
use api::reason::compensation::TOO_EARLY;

use crate::harness::{DAY, Desk, TEMPLATE, event, integer, remedy};

testkit::on_both_databases! {
    template: TEMPLATE;

    async fn the_ends_of_offers_and_vouchers_are_not_used_up(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let offered = desk.remedy(remedy(event(&desk, "flight.cancelled", &[]))).await;
        let given = desk.remedy(remedy(event(&desk, "flight.delayed", &[("arrival_delay_minutes", integer(200))]))).await;
        let timers = desk.recorded(compensation::NAME).await;
        assert_eq!(timers.len(), 2);
        for timer in &timers {
            let early = desk.deliver(timer).await.unwrap_err();
            assert_eq!((early.reason.as_str(), early.is_definitive()), (TOO_EARLY, false));
        }
        assert_eq!(desk.get_offer(&offered.offer).await.state(), offer::State::Open);
        desk.clock.advance(DAY * 365 + Duration::from_secs(1));
        for timer in timers.iter().chain(&timers) {
            desk.deliver(timer).await.unwrap();
        }
        assert_eq!(desk.get_offer(&offered.offer).await.state(), offer::State::Expired);
        assert_eq!(desk.get_voucher(&given.vouchers[0]).await.state(), voucher::State::Expired);
        assert_eq!(desk.count("SELECT count(*) AS n FROM ledger_transactions WHERE kind = 'VOUCHER_EXPIRED'").await, 1);
    }
}
