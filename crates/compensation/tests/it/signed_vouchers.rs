//! A voucher in the place of what the law demands: by signature, with what the law wants of it, and never by silence.

use api::common::{Fact, fact};
use api::compensation as wire;
use api::compensation::respond_to_offer_request::Response as Answer;
use api::reason::INVALID_FIELDS;
use tonic::Response;

use crate::harness::{DAY, Desk, TEMPLATE, as_client, error, event, integer, money, remedy, text_fact};

/// A flight from Toronto to Vancouver that a large carrier brought in 200 minutes late: CAD 400, or a voucher of CAD 500.
async fn late(desk: &Desk) -> wire::Remedy {
    let within_control = Fact { value: Some(fact::Value::Boolean(true)) };
    let facts = [
        ("origin", text_fact("YYZ")),
        ("destination", text_fact("YVR")),
        ("carrier_size", text_fact("LARGE")),
        ("within_control", within_control),
        ("arrival_delay_minutes", integer(200)),
    ];
    desk.remedy(remedy(event(desk, "flight.delayed", &facts))).await
}

testkit::on_both_databases! {
    template: TEMPLATE;

    async fn a_signed_voucher_that_the_law_wants_without_an_end_never_runs_out(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let opened = late(&desk).await;
        let offer = desk.get_offer(&opened.offer).await;
        let signed: Vec<_> = offer.options.iter().filter(|option| option.consent() == wire::option::Consent::Signed).collect();
        let [option] = signed.as_slice() else { panic!("{offer:?}") };
        assert!(option.lines[0].never_expires);
        assert_eq!(option.lines[0].amount, Some(money("CAD", 50_000)));
        let refused = desk.accept(&offer.name, "voucher").await.unwrap_err();
        assert_eq!(refused.reason, INVALID_FIELDS);
        let timers = desk.recorded(compensation::NAME).await.len();

        let request = wire::RespondToOfferRequest {
            request_id: desk.fresh(),
            name: offer.name.clone(),
            response: Some(Answer::AcceptOption("voucher".to_owned())),
            consent: "signed at the desk".to_owned(),
        };
        let answer = || async {
            let sent = desk.api.clone().respond_to_offer(as_client(request.clone())).await;
            sent.map(Response::into_inner).map_err(error).unwrap()
        };
        let accepted = answer().await;
        assert_eq!(answer().await, accepted, "safe to repeat");
        let mut given = Vec::new();
        for name in desk.get_remedy(&opened.name).await.vouchers {
            given.push(desk.get_voucher(&name).await);
        }
        let (endless, ending): (Vec<_>, Vec<_>) = given.into_iter().partition(|voucher| voucher.expire_time.is_none());
        let [voucher] = endless.as_slice() else { panic!("{endless:?}") };
        assert_eq!(voucher.amount, Some(money("CAD", 50_000)));
        assert!(ending.iter().all(|voucher| !opened.vouchers.is_empty() && opened.vouchers.contains(&voucher.name)));
        assert_eq!(desk.recorded(compensation::NAME).await.len(), timers, "no timer ends it");
        let told = desk.milestones(&opened.case).await;
        let issued = told.iter().filter(|told| told.attributes.get("voucher") == Some(&voucher.name));
        assert!(issued.clone().count() == 1 && issued.into_iter().all(|told| !told.attributes.contains_key("expires_at")));

        desk.clock.advance(DAY * 20 * 365);
        let voucher = desk.get_voucher(&voucher.name).await;
        assert_eq!(voucher.state(), wire::voucher::State::Issued, "twenty years later it is as good as new");
    }

    async fn silence_gets_the_money(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let opened = late(&desk).await;
        assert!(opened.payouts.is_empty());
        desk.clock.advance(DAY * 15);
        desk.run_due().await;
        let after = desk.get_remedy(&opened.name).await;
        let [payout] = after.payouts.as_slice() else { panic!("{after:?}") };
        assert_eq!(desk.get_payout(payout).await.amount, Some(money("CAD", 40_000)));
        assert_eq!(after.vouchers, opened.vouchers, "no voucher without a signature");
    }
}
