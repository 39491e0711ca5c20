//! What is given although the fault is not the company's is limited like a gesture, and told apart in the books.

use api::compensation as wire;
use api::compensation::offer::State;
use api::compensation::remedy_line::{Basis, Kind};
use kernel::ErrorCode;

use crate::authority::{declined, offer_by, waiting};
use crate::harness::{Desk, TEMPLATE, as_client, case, event, option, remedy_of};

fn goodwill(kind: Kind, amount: i64) -> wire::Option {
    let mut option = option(&kind.as_str_name().to_lowercase().replace('_', "-"), kind, Some(("USD", amount)));
    option.lines.iter_mut().for_each(|line| line.basis = Basis::NoFaultGoodwill.into());
    option
}

testkit::on_both_databases! {
    template: TEMPLATE;

    /// A voucher and money from their beginning to their end: everything is on the account of its own.
    async fn it_is_an_expense_on_an_account_of_its_own(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let mut names = Vec::new();
        for (number, kind, amount) in [(1, Kind::Money, 40_000), (2, Kind::Voucher, 30_000), (3, Kind::Voucher, 500)] {
            let opened = declined(&desk, number).await;
            let choice = goodwill(kind, amount);
            let id = choice.id.clone();
            let made = offer_by(&desk, &opened.name, "Ada", "", vec![choice]).await.unwrap();
            assert_eq!(made.state(), State::Open);
            desk.accept(&made.name, &id).await.unwrap();
            desk.run_due().await;
            names.push(desk.get_remedy(&opened.name).await);
        }
        let balances = desk.balances().await;
        assert_eq!(balances["no_fault_goodwill USD"], 70_500);
        assert_eq!((balances.get("expense USD"), balances["provider_clearing USD"]), (None, -40_000));

        // Money that comes back and a voucher that is taken back leave the same account.
        for grant in [names[0].payouts[0].clone(), names[2].vouchers[0].clone()] {
            let request = wire::ReverseGrantRequest {
                request_id: desk.fresh(),
                grant,
                reason: "by mistake".to_owned(),
                reversed_by: "Lee".to_owned(),
                ..Default::default()
            };
            desk.ledger.clone().reverse_grant(as_client(request)).await.unwrap();
        }
        // And what is left of a voucher when its time is over.
        desk.clock.advance(crate::harness::DAY * 400);
        desk.run_due().await;
        assert_eq!(desk.balances().await, std::collections::BTreeMap::new());
        desk.assert_ledger_balances().await;
        let moved = "SELECT count(*) AS n FROM payouts WHERE cost_account = 'no_fault_goodwill'";
        assert_eq!(desk.count(moved).await, 1);
        assert!(desk.sql("UPDATE payouts SET cost_account = 'provider_clearing'").await.is_err(), "no expense");
    }

    async fn it_is_limited_like_any_gesture(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let opened = declined(&desk, 1).await;
        let asked = offer_by(&desk, &opened.name, "Ada", "", vec![goodwill(Kind::Money, 50_001)]).await.unwrap();
        assert_eq!(asked.state(), State::PendingApproval);
        assert!(waiting(&desk).await[0].reasons[0].contains("for this case would be above USD 500.00"));
        let counted = "SELECT count(*) AS n FROM spending_days WHERE scope = 'BUDGET'";
        assert_eq!(desk.count(counted).await, 0);
        let second = declined(&desk, 2).await;
        offer_by(&desk, &second.name, "Ada", "", vec![goodwill(Kind::Money, 100)]).await.unwrap();
        assert_eq!(desk.count(counted).await, 1, "the budget for gestures knows of it");
    }

    /// The case of the source: a parcel that was stolen after it came is replaced, although nobody here is at fault.
    async fn a_stolen_parcel_is_replaced(database: testkit::TestDatabase) {
        let desk = Desk::open(&database).await;
        let remedy = desk.remedy(remedy_of(9, event(&desk, "parcel.stolen", &[]))).await;
        let assessment = remedy.assessment.unwrap();
        assert_eq!(assessment.automatic.len(), 1, "{}", assessment.summary);
        assert_eq!(assessment.automatic[0].basis(), Basis::NoFaultGoodwill);
        assert!(desk.told(&case(9)).await.contains(&"REMEDY_SETTLED".to_owned()));
        let mut options = vec![goodwill(Kind::Money, 1)];
        options[0].lines[0].basis = 6;
        let refused = offer_by(&desk, &remedy.name, "Ada", "", options).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::InvalidArgument);
        assert!(refused.violations[0].description.contains("NO_FAULT_GOODWILL"), "{refused:?}");
    }
}
