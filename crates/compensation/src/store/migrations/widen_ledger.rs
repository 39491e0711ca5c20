//! More kinds of transactions, an account for what vouchers have paid, transactions that reverse another one, and
//! vouchers that are used in parts or voided.

use durable::ddl;
use sea_orm::{ConnectionTrait as _, DbBackend, DbErr};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

use super::rebuild::{Widened, widen};

/// Widens the ledger and the vouchers. There is no way back: rows of the new kinds would have nowhere to go.
pub struct WidenLedger;

impl MigrationName for WidenLedger {
    fn name(&self) -> &'static str {
        "m20261122_000051_widen_ledger"
    }
}

const WIDENED: [Widened; 3] = [
    Widened {
        table: "ledger_entries",
        column: "account",
        check: "account IN ('expense', 'customer_payable', 'provider_clearing', 'voucher_liability', \
                'budget_reserved', 'voucher_clearing')",
        ending: ("'budget_reserved')", "'budget_reserved', 'voucher_clearing')"),
    },
    Widened {
        table: "ledger_transactions",
        column: "kind",
        check: "kind IN ('PAYOUT_RESERVED', 'PAYOUT_POSTED', 'PAYOUT_VOIDED', 'VOUCHER_ISSUED', 'VOUCHER_EXPIRED', \
                'VOUCHER_REDEEMED', 'VOUCHER_REVERSED', 'PAYOUT_REVERSED')",
        ending: ("'VOUCHER_EXPIRED')", "'VOUCHER_EXPIRED', 'VOUCHER_REDEEMED', 'VOUCHER_REVERSED', 'PAYOUT_REVERSED')"),
    },
    Widened {
        table: "vouchers",
        column: "state",
        check: "state IN ('ISSUED', 'REDEEMED', 'EXPIRED', 'VOIDED')",
        ending: ("'EXPIRED')", "'EXPIRED', 'VOIDED')"),
    },
];

#[async_trait::async_trait]
impl MigrationTrait for WidenLedger {
    /// All or nothing on both databases: rows are on their way in between.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        widen(manager, &WIDENED).await?;
        ddl(manager, ADDED).await?;
        let connection = manager.get_connection();
        match manager.get_database_backend() {
            DbBackend::Postgres => {
                for statement in POSTGRES {
                    connection.execute_unprepared(statement).await?;
                }
            }
            _ => {
                connection.execute_unprepared(SQLITE).await?;
            }
        }
        Ok(())
    }
}

const ADDED: &[&str] = &[
    "ALTER TABLE ledger_transactions ADD COLUMN reverses_id UUID",
    // A transaction is reversed at most once.
    "CREATE UNIQUE INDEX ledger_transactions_reversal ON ledger_transactions (tenant_id, reverses_id)
        WHERE reverses_id IS NOT NULL",
    // What was used of the amount; all of it makes the voucher REDEEMED, and nothing else does.
    "ALTER TABLE vouchers ADD COLUMN redeemed_minor BIGINT NOT NULL DEFAULT 0 CHECK (
        redeemed_minor BETWEEN 0 AND coalesce(amount_minor, 0)
        AND (amount_minor IS NULL OR (state = 'REDEEMED') = (redeemed_minor = amount_minor)))",
    // The liability by currency and age.
    "CREATE INDEX vouchers_out ON vouchers (tenant_id, currency, created_at, amount_minor, redeemed_minor)
        WHERE state = 'ISSUED' AND amount_minor IS NOT NULL",
    "CREATE TABLE voucher_redemptions (
        tenant_id TEXT NOT NULL,
        id UUID NOT NULL,
        voucher_id UUID NOT NULL,
        amount_minor BIGINT CHECK (amount_minor > 0),
        currency TEXT,
        order_reference TEXT NOT NULL,
        redeemed_by TEXT NOT NULL,
        created_at BIGINT NOT NULL,
        PRIMARY KEY (tenant_id, id),
        FOREIGN KEY (tenant_id, voucher_id) REFERENCES vouchers (tenant_id, id),
        CHECK ((amount_minor IS NULL) = (currency IS NULL))
    ) STRICT",
    "CREATE INDEX voucher_redemptions_by_voucher ON voucher_redemptions (tenant_id, voucher_id, created_at, id)",
    // Codes that do not exist, by who showed them: what bounds guessing.
    "CREATE TABLE voucher_misses (
        tenant_id TEXT NOT NULL,
        client TEXT NOT NULL,
        presented_by TEXT NOT NULL,
        request_id TEXT NOT NULL,
        missed_at BIGINT NOT NULL,
        PRIMARY KEY (tenant_id, client, presented_by, request_id)
    ) STRICT",
    "CREATE INDEX voucher_misses_by_time ON voucher_misses (tenant_id, client, presented_by, missed_at)",
    // A grant is reversed at most once.
    "CREATE TABLE grant_reversals (
        tenant_id TEXT NOT NULL,
        grant_name TEXT NOT NULL,
        amount_minor BIGINT CHECK (amount_minor > 0),
        currency TEXT,
        transaction_id UUID,
        reason TEXT NOT NULL,
        reversed_by TEXT NOT NULL,
        created_at BIGINT NOT NULL,
        PRIMARY KEY (tenant_id, grant_name),
        FOREIGN KEY (tenant_id, transaction_id) REFERENCES ledger_transactions (tenant_id, id)
            DEFERRABLE INITIALLY DEFERRED,
        CHECK ((amount_minor IS NULL) = (currency IS NULL)),
        CHECK ((amount_minor IS NULL) = (transaction_id IS NULL))
    ) STRICT",
];

/// A reversal takes back no more than its original booked, from the accounts that it booked it on.
const POSTGRES: [&str; 2] = [
    "CREATE FUNCTION ledger_check_reversal() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT 1 FROM ledger_entries r
                   WHERE r.tenant_id = NEW.tenant_id AND r.transaction_id = NEW.id
                   GROUP BY r.account, r.currency, r.side
                   HAVING sum(r.amount_minor) > coalesce((SELECT sum(o.amount_minor) FROM ledger_entries o
                       WHERE o.tenant_id = NEW.tenant_id AND o.transaction_id = NEW.reverses_id
                       AND o.account = r.account AND o.currency = r.currency AND o.side <> r.side), 0)) THEN
            RAISE EXCEPTION 'ledger transaction % takes back more than % booked', NEW.id, NEW.reverses_id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_reversal';
        END IF;
        RETURN NULL;
    END $$",
    "CREATE CONSTRAINT TRIGGER ledger_transactions_reversal AFTER INSERT ON ledger_transactions
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.reverses_id IS NOT NULL)
        EXECUTE FUNCTION ledger_check_reversal()",
];

/// The same, where the entries are written before their transaction.
const SQLITE: &str = "CREATE TRIGGER ledger_transactions_reversal BEFORE INSERT ON ledger_transactions
    WHEN NEW.reverses_id IS NOT NULL
    BEGIN
        SELECT RAISE(ABORT, 'the ledger transaction takes back more than was booked')
        WHERE EXISTS (SELECT 1 FROM ledger_entries r
                      WHERE r.tenant_id = NEW.tenant_id AND r.transaction_id = NEW.id
                      GROUP BY r.account, r.currency, r.side
                      HAVING sum(r.amount_minor) > coalesce((SELECT sum(o.amount_minor) FROM ledger_entries o
                          WHERE o.tenant_id = NEW.tenant_id AND o.transaction_id = NEW.reverses_id
                          AND o.account = r.account AND o.currency = r.currency AND o.side <> r.side), 0));
    END";
