//! OpenRemedy: what is automatic is given at once, what needs a choice is offered, and the case is told.

use api::compensation as wire;
use api::compensation::{offer, payout, remedy, voucher};
use api::reason::compensation::REMEDY_EXISTS;
use kernel::ErrorCode;

use crate::harness::{
    DAY, Desk, TEMPLATE, as_client, case, error, event, integer, minor, money_fact, remedy as remedy_for, remedy_of,
};

testkit::on_both_databases! {
    template: TEMPLATE;

    async fn a_long_delay_gives_a_voucher_without_a_claim(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let delayed = event(&desk, "flight.delayed", &[("arrival_delay_minutes", integer(181))]);
        let opened = desk.remedy(remedy_for(delayed)).await;
        assert_eq!(opened.state(), remedy::State::Settled);
        assert_eq!((opened.vouchers.len(), opened.payouts.len(), opened.offer.as_str()), (1, 0, ""));

        let given = desk.get_voucher(&opened.vouchers[0]).await;
        assert_eq!((given.state(), minor(given.amount.as_ref().unwrap())), (voucher::State::Issued, 1_500));
        assert_eq!(given.code.len(), 15);

        let told = desk.milestones(&case(7)).await;
        let kinds: Vec<_> = told.iter().map(|told| told.kind().as_str_name()).collect();
        assert_eq!(kinds, ["KIND_VOUCHER_ISSUED", "KIND_REMEDY_SETTLED"]);
        let attributes: Vec<_> = told[0].attributes.keys().map(String::as_str).collect();
        assert_eq!(attributes, ["amount", "code", "description", "expires_at", "kind", "voucher"]);
        assert_eq!((told[0].attributes["kind"].as_str(), told[0].attributes["amount"].as_str()), ("VOUCHER", "USD 15.00"));
        assert_eq!(told[0].attributes["code"], given.code);
        assert_eq!(told[1].attributes["summary"], "Given: Food and drink voucher (USD 15.00).");

        let balances: Vec<_> = desk.balances().await.into_iter().collect();
        assert_eq!(balances, [("expense USD".to_owned(), 1_500), ("voucher_liability USD".to_owned(), -1_500)]);
    }

    /// What nobody used is not owed any more when its time has passed, not a moment earlier.
    async fn a_voucher_runs_out_once(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let delayed = event(&desk, "flight.delayed", &[("arrival_delay_minutes", integer(200))]);
        let opened = desk.remedy(remedy_for(delayed)).await;
        let name = opened.vouchers[0].clone();
        let expire = |desk: &Desk| wire::ExpireVoucherRequest { request_id: desk.fresh(), name: name.clone() };

        desk.clock.advance(DAY * 365 - std::time::Duration::from_micros(1));
        let early = desk.api.clone().expire_voucher(as_client(expire(&desk))).await.unwrap().into_inner();
        assert_eq!(early.state(), voucher::State::Issued);
        assert!(desk.run_next().await, "the timer comes");
        assert_eq!(desk.get_voucher(&name).await.state(), voucher::State::Expired);
        let late = desk.api.clone().expire_voucher(as_client(expire(&desk))).await.unwrap().into_inner();
        assert_eq!(late.state(), voucher::State::Expired);
        assert!(desk.balances().await.is_empty());
        desk.assert_ledger_balances().await;
        assert_eq!(desk.count("SELECT count(*) AS n FROM ledger_transactions").await, 2);
    }

    async fn a_cancellation_is_offered(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let cancelled = event(&desk, "flight.cancelled", &[("ticket_price", money_fact("USD", 21_450))]);
        let opened = desk.remedy(remedy_for(cancelled)).await;
        assert_eq!(opened.state(), remedy::State::Offered);
        let made = desk.get_offer(&opened.offer).await;
        assert_eq!((made.state(), made.made_by.as_str()), (offer::State::Open, "packs/care-klm/rules/cancellation"));
        assert_eq!(made.expire_time, Some(chassis::wire::to_timestamp(desk.engine.now().plus(DAY * 14))));
        let told = desk.milestones(&case(7)).await;
        assert_eq!(told.len(), 1);
        assert_eq!(
            told[0].attributes["summary"],
            "rebook: A flight of your choice on the same day\nrefund: Your ticket's price back (USD 214.50)\n\
             and with it: Discount on a future flight (10 %)"
        );
        assert_eq!(told[0].attributes["offer"], opened.offer);
        assert!(desk.balances().await.is_empty(), "nothing is booked before the customer chose");
    }

    async fn nothing_owed_is_said_with_the_reason(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let opened = desk.remedy(remedy_for(event(&desk, "bill.wrong", &[]))).await;
        assert_eq!(opened.state(), remedy::State::NothingOwed);
        let told = desk.milestones(&case(7)).await;
        assert_eq!(told.len(), 1);
        assert!(told[0].attributes["explanation"].contains("`overcharged_amount` is missing"), "{told:?}");
    }

    /// Money is reserved when it is decided, paid by the provider, and announced only then.
    async fn a_wrong_bill_is_paid_back(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let (opened, reserved) = desk.refund("", ("GBP", 4_299)).await;
        assert_eq!((opened.state(), reserved.state()), (remedy::State::Granting, payout::State::Reserved));
        assert_eq!(reserved.payee, opened.customer, "without a payee it goes to the customer");
        assert!(desk.told(&case(7)).await.is_empty(), "nothing is announced before it is paid");
        let reserved_balances: Vec<_> = desk.balances().await.into_iter().collect();
        assert_eq!(
            reserved_balances,
            [("budget_reserved GBP".to_owned(), 4_299), ("customer_payable GBP".to_owned(), -4_299)]
        );

        assert_eq!(desk.run_due().await, 1);
        let paid = desk.get_payout(&reserved.name).await;
        assert_eq!((paid.state(), paid.attempts), (payout::State::Confirmed, 1));
        assert_eq!(desk.get_remedy(&opened.name).await.state(), remedy::State::Settled);
        assert_eq!(desk.told(&case(7)).await, ["PAYOUT_CONFIRMED", "REMEDY_SETTLED"]);
        let balances: Vec<_> = desk.balances().await.into_iter().collect();
        assert_eq!(balances, [("expense GBP".to_owned(), 4_299), ("provider_clearing GBP".to_owned(), -4_299)]);
        let log = desk.executed().await;
        assert_eq!((log[&paid.payout_key].executions, log[&paid.payout_key].amount.minor), (1, 4_299));
        assert_eq!(paid.provider_reference, log[&paid.payout_key].reference);
        assert!(!desk.run_next().await, "the step that was planned for a lost answer was taken back");
    }

    async fn an_id_is_taken_once(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let mut request = desk.open_request(remedy_for(event(&desk, "flight.cancelled", &[])));
        request.remedy_id = "0198f3a0-0000-7000-8000-000000000001".to_owned();
        let opened = desk.api.clone().open_remedy(as_client(request.clone())).await.unwrap().into_inner();
        assert_eq!(opened.name, "remedies/0198f3a0-0000-7000-8000-000000000001");
        request.request_id = desk.fresh();
        let refused = desk.api.clone().open_remedy(as_client(request)).await.map_err(error).unwrap_err();
        assert_eq!((refused.code, refused.reason.as_str()), (ErrorCode::AlreadyExists, REMEDY_EXISTS));
        assert_eq!(desk.count("SELECT count(*) AS n FROM offers").await, 1);
    }

    /// Many at once share transactions; each gets its own answer, and those that ask for a taken id fail alone.
    async fn remedies_that_are_opened_at_once_do_not_disturb_each_other(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let calls = (1..=60_u128).map(|number| {
            let minutes = 170 + i64::try_from(number % 20).unwrap();
            let delayed = event(&desk, "flight.delayed", &[("arrival_delay_minutes", integer(minutes))]);
            let mut request = desk.open_request(remedy_of(number, delayed));
            if number % 6 == 0 {
                request.remedy_id = "0198f3a0-0000-7000-8000-000000000001".to_owned();
            }
            let mut api = desk.api.clone();
            async move { (number, api.open_remedy(as_client(request)).await) }
        });
        let answers = futures::future::join_all(calls).await;
        let (mut opened, mut taken) = (0_i64, 0_i64);
        for (number, answer) in answers {
            match answer {
                Ok(remedy) => {
                    let remedy = remedy.into_inner();
                    assert_eq!(remedy.case, case(number));
                    assert_eq!(remedy.vouchers.len(), usize::from(170 + number % 20 > 180));
                    opened += 1;
                }
                Err(status) => {
                    assert_eq!(error(status).reason, REMEDY_EXISTS);
                    taken += 1;
                }
            }
        }
        assert_eq!((opened, taken), (51, 9));
        assert_eq!(desk.count("SELECT count(*) AS n FROM remedies").await, 51);
        let vouchers = desk.count("SELECT count(*) AS n FROM vouchers").await;
        assert_eq!(desk.count("SELECT count(*) AS n FROM ledger_transactions").await, vouchers);
        desk.assert_ledger_balances().await;

        let totals = compensation::totals(&desk.engine).await.unwrap();
        let given = u64::try_from(vouchers).unwrap();
        assert_eq!(totals.vouchers["delay-over-three-hours.food-and-drink"], given);
        assert_eq!((totals.ledger_transactions, totals.ledger_unbalanced, totals.offers.len()), (given, 0, 0));
        let by_line = compensation::given_by_line(&desk.engine).await.unwrap();
        let [vouchers] = by_line.as_slice() else { panic!("{by_line:?}") };
        assert_eq!((vouchers.line.as_str(), vouchers.kind, vouchers.count), ("delay-over-three-hours.food-and-drink", "VOUCHER", given));
        assert_eq!((vouchers.sum.currency.code(), vouchers.sum.minor), ("USD", 1_500 * i64::try_from(given).unwrap()));
    }
}
