//! What vouchers that are out may still cost, by currency and age; one index holds all that is asked.

use durable::sql::column;
use kernel::{Money, TenantId, Timestamp};
use sea_orm::{ConnectionTrait, DbErr, Statement};

use super::row::money;
use crate::domain::liability::{AGES, Liability};

/// The report as of a time.
pub async fn by_age(
    connection: &impl ConnectionTrait,
    tenant: &TenantId,
    as_of: Timestamp,
) -> Result<Vec<Liability>, DbErr> {
    let sql = "SELECT currency, CAST(CASE WHEN created_at > $2 THEN 0 WHEN created_at > $3 THEN 1 \
               WHEN created_at > $4 THEN 2 ELSE 3 END AS BIGINT) AS age, count(*) AS vouchers, \
               CAST(sum(amount_minor) AS BIGINT) AS issued, \
               CAST(sum(amount_minor - redeemed_minor) AS BIGINT) AS outstanding \
               FROM vouchers WHERE tenant_id = $1 AND state = 'ISSUED' AND amount_minor IS NOT NULL \
               GROUP BY 1, 2 ORDER BY 1, 2";
    let [_, month, quarter, year] = AGES.map(|age| as_of.minus(age).micros());
    let statement = Statement::from_sql_and_values(
        connection.get_database_backend(),
        sql,
        [tenant.as_str().into(), month.into(), quarter.into(), year.into()],
    );
    let rows = connection.query_all_raw(statement).await?;
    rows.iter()
        .map(|row| {
            let currency: String = column(row, "currency")?;
            let amount = |name| -> Result<Money, DbErr> { money(column(row, name)?, &currency) };
            Ok(Liability {
                age: usize::try_from(column::<i64>(row, "age")?).unwrap_or(0),
                vouchers: column(row, "vouchers")?,
                issued: amount("issued")?,
                outstanding: amount("outstanding")?,
            })
        })
        .collect()
}
