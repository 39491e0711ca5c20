//! One recovered case as a readable journey across the four services.

use api::compensation::compensation_service_client::CompensationServiceClient;
use api::compensation::{ListPayoutsRequest, ListVouchersRequest};
use api::intake::intake_service_client::IntakeServiceClient;
use api::intake::{GetCustomerTimelineRequest, ListCasesRequest, case};
use chassis::ClientConfig;

/// Cases that are looked at to find one with a voucher or a payout: it shows all four services.
const LOOK_AT: i32 = 500;

/// Prints the journey of one case that got a voucher or money, or of any case when there is none.
pub async fn print(address: &str) -> anyhow::Result<()> {
    let channel = chassis::channel(address, &ClientConfig::default())?;
    let (mut intake, mut compensation) =
        (IntakeServiceClient::new(channel.clone()), CompensationServiceClient::new(channel));
    let request = ListCasesRequest { page_size: LOOK_AT, ..ListCasesRequest::default() };
    let mut cases = intake.list_cases(request).await?.into_inner().cases;
    let mut chosen = None;
    for (index, case) in cases.iter().enumerate() {
        let request = ListVouchersRequest { case: case.name.clone(), page_size: 1, ..ListVouchersRequest::default() };
        let has_voucher = !compensation.list_vouchers(request).await?.into_inner().vouchers.is_empty();
        let request = ListPayoutsRequest { case: case.name.clone(), page_size: 1, ..ListPayoutsRequest::default() };
        if has_voucher || !compensation.list_payouts(request).await?.into_inner().payouts.is_empty() {
            chosen = Some(index);
            break;
        }
    }
    if cases.is_empty() {
        return Ok(());
    }
    let case = cases.swap_remove(chosen.unwrap_or(0));
    let request = GetCustomerTimelineRequest {
        customer: case.customer.clone(),
        case: case.name.clone(),
        page_size: 100,
        ..Default::default()
    };
    let mut entries = intake.get_customer_timeline(request).await?.into_inner().entries;
    entries.reverse();
    println!("\nOne journey: {}", case.name);
    println!("  expected  {}\n  got       {}\n", case.expected, case.delivered);
    for entry in entries {
        let at = chassis::wire::timestamp("happened_at", entry.happened_at.as_ref(), &mut kernel::Violations::new());
        let state = case::State::try_from(entry.state)
            .map_or("", |state| state.as_str_name())
            .trim_start_matches("STATE_")
            .to_owned();
        let at = at.to_string();
        println!(
            "  {}  {:<13} {:<18} {:<13} {}",
            at[..16].replace('T', " "),
            entry.source,
            entry.kind,
            state,
            entry.summary
        );
    }
    Ok(())
}
