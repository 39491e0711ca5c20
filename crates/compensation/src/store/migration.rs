//! The tables of this service. Those of `durable` come first.

use durable::ddl;
use sea_orm::DbErr;
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

use super::ledger::guards;
use super::migrations::{
    AddCatalogue, AddDeciders, AddGate, AddGiven, AddNoFault, AddOfferEnd, CloseLedgerTransactions, CreateAppliedPacks,
    CreateAuthority, CreateCaptures, CreateExperiments, CreateOrderVouchers, CreatePayoutFreezes, FindOldRows,
    GuardRecords, SeedLedgerTotals, TotalLedger, ValidateNoFault, ValidateWidened, WidenLedger,
};
use super::settlement_tables::CreateSettlement;

/// The migrations of this service's database, oldest first.
pub fn migrations() -> durable::Migrations {
    durable::Migrations(|| {
        let mut all = durable::durable_migrations();
        all.push(Box::new(CreateCompensation));
        all.push(Box::new(CreateAppliedPacks));
        all.push(Box::new(CreatePayoutFreezes));
        all.push(Box::new(WidenLedger));
        all.push(Box::new(ValidateWidened));
        all.push(Box::new(CreateSettlement));
        all.push(Box::new(CreateCaptures));
        all.push(Box::new(AddGate));
        all.push(Box::new(CreateAuthority));
        all.push(Box::new(CreateExperiments));
        all.push(Box::new(CloseLedgerTransactions));
        all.push(Box::new(GuardRecords));
        all.push(Box::new(TotalLedger));
        all.push(Box::new(SeedLedgerTotals));
        all.push(Box::new(FindOldRows));
        all.push(Box::new(AddGiven));
        all.push(Box::new(AddDeciders));
        all.push(Box::new(AddNoFault));
        all.push(Box::new(ValidateNoFault));
        all.push(Box::new(AddCatalogue));
        all.push(Box::new(AddOfferEnd));
        all.push(Box::new(CreateOrderVouchers));
        all
    })
}

struct CreateCompensation;

impl MigrationName for CreateCompensation {
    fn name(&self) -> &'static str {
        "m20260101_000002_create_compensation"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateCompensation {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl(manager, TABLES).await?;
        ddl(manager, LEDGER).await?;
        ddl(manager, SANDBOX).await?;
        guards::create(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        guards::drop(manager).await?;
        ddl(
            manager,
            &[
                "DROP TABLE sandbox_executions",
                "DROP TABLE ledger_entries",
                "DROP TABLE ledger_transactions",
                "DROP TABLE ledger_reservations",
                "DROP TABLE payouts",
                "DROP TABLE vouchers",
                "DROP TABLE offers",
                "DROP TABLE remedies",
            ],
        )
        .await
    }
}

const TABLES: &[&str] = &[
    "CREATE TABLE remedies (
        tenant_id TEXT NOT NULL,
        id UUID NOT NULL,
        case_id UUID NOT NULL,
        customer_id UUID NOT NULL,
        state TEXT NOT NULL CHECK (state IN
            ('OFFERED', 'GRANTING', 'SETTLED', 'NOTHING_OWED', 'DECLINED', 'UNANSWERED', 'NEEDS_ATTENTION')),
        event TEXT NOT NULL,
        severity TEXT NOT NULL,
        payee TEXT NOT NULL,
        assessment TEXT NOT NULL,
        offer_id UUID,
        version BIGINT NOT NULL,
        created_at BIGINT NOT NULL,
        updated_at BIGINT NOT NULL,
        PRIMARY KEY (tenant_id, id)
    ) STRICT",
    "CREATE INDEX remedies_by_case ON remedies (tenant_id, case_id, created_at, id)",
    "CREATE TABLE offers (
        tenant_id TEXT NOT NULL,
        id UUID NOT NULL,
        remedy_id UUID NOT NULL,
        case_id UUID NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('OPEN', 'ACCEPTED', 'DECLINED', 'EXPIRED')),
        options TEXT NOT NULL,
        plus TEXT NOT NULL,
        accepted_option TEXT NOT NULL,
        decline_reason TEXT NOT NULL,
        fair_ask TEXT NOT NULL,
        made_by TEXT NOT NULL,
        expires_at BIGINT NOT NULL,
        created_at BIGINT NOT NULL,
        updated_at BIGINT NOT NULL,
        PRIMARY KEY (tenant_id, id),
        FOREIGN KEY (tenant_id, remedy_id) REFERENCES remedies (tenant_id, id),
        CHECK ((state = 'ACCEPTED') = (accepted_option <> ''))
    ) STRICT",
    "CREATE INDEX offers_by_case ON offers (tenant_id, case_id, created_at, id)",
    // One question at a time.
    "CREATE UNIQUE INDEX offers_open ON offers (tenant_id, remedy_id) WHERE state = 'OPEN'",
    "CREATE TABLE vouchers (
        tenant_id TEXT NOT NULL,
        id UUID NOT NULL,
        remedy_id UUID NOT NULL,
        case_id UUID NOT NULL,
        customer_id UUID NOT NULL,
        grant_id UUID NOT NULL,
        line TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('ISSUED', 'REDEEMED', 'EXPIRED')),
        description TEXT NOT NULL,
        amount_minor BIGINT CHECK (amount_minor > 0),
        currency TEXT,
        percent BIGINT CHECK (percent BETWEEN 1 AND 100),
        code TEXT NOT NULL,
        expires_at BIGINT NOT NULL,
        created_at BIGINT NOT NULL,
        updated_at BIGINT NOT NULL,
        PRIMARY KEY (tenant_id, id),
        FOREIGN KEY (tenant_id, remedy_id) REFERENCES remedies (tenant_id, id),
        CHECK ((amount_minor IS NULL) = (currency IS NULL)),
        CHECK ((amount_minor IS NULL) <> (percent IS NULL))
    ) STRICT",
    "CREATE INDEX vouchers_by_case ON vouchers (tenant_id, case_id, created_at, id)",
    "CREATE INDEX vouchers_by_remedy ON vouchers (tenant_id, remedy_id)",
    "CREATE UNIQUE INDEX vouchers_code ON vouchers (tenant_id, code)",
    // A line is given once.
    "CREATE UNIQUE INDEX vouchers_line ON vouchers (tenant_id, grant_id, line)",
    "CREATE TABLE payouts (
        tenant_id TEXT NOT NULL,
        id UUID NOT NULL,
        remedy_id UUID NOT NULL,
        case_id UUID NOT NULL,
        grant_id UUID NOT NULL,
        line TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN
            ('RESERVED', 'SUBMITTING', 'UNKNOWN', 'CONFIRMED', 'DECLINED', 'MANUAL', 'VOIDED')),
        amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
        currency TEXT NOT NULL,
        payee TEXT NOT NULL,
        payout_key TEXT NOT NULL CHECK (length(payout_key) BETWEEN 1 AND 128),
        request BYTEA NOT NULL,
        attempts BIGINT NOT NULL,
        steps BIGINT NOT NULL,
        first_attempt_at BIGINT,
        key_valid_until BIGINT,
        next_step_at BIGINT NOT NULL,
        not_found_at BIGINT,
        provider_reference TEXT NOT NULL,
        reason TEXT NOT NULL,
        created_at BIGINT NOT NULL,
        updated_at BIGINT NOT NULL,
        PRIMARY KEY (tenant_id, id),
        FOREIGN KEY (tenant_id, remedy_id) REFERENCES remedies (tenant_id, id),
        CHECK ((first_attempt_at IS NULL) = (key_valid_until IS NULL)),
        CHECK (state NOT IN ('RESERVED', 'VOIDED') OR first_attempt_at IS NULL)
    ) STRICT",
    "CREATE INDEX payouts_by_case ON payouts (tenant_id, case_id, created_at, id)",
    "CREATE INDEX payouts_by_remedy ON payouts (tenant_id, remedy_id)",
    "CREATE UNIQUE INDEX payouts_key ON payouts (payout_key)",
    "CREATE UNIQUE INDEX payouts_line ON payouts (tenant_id, grant_id, line)",
];

const LEDGER: &[&str] = &[
    // Money that is set aside for a payout, until it is posted or released.
    "CREATE TABLE ledger_reservations (
        tenant_id TEXT NOT NULL,
        payout_id UUID NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('PENDING', 'POSTED', 'VOIDED')),
        amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
        currency TEXT NOT NULL,
        created_at BIGINT NOT NULL,
        updated_at BIGINT NOT NULL,
        PRIMARY KEY (tenant_id, payout_id)
    ) STRICT",
    "CREATE TABLE ledger_transactions (
        tenant_id TEXT NOT NULL,
        id UUID NOT NULL,
        kind TEXT NOT NULL CHECK (kind IN
            ('PAYOUT_RESERVED', 'PAYOUT_POSTED', 'PAYOUT_VOIDED', 'VOUCHER_ISSUED', 'VOUCHER_EXPIRED')),
        subject TEXT NOT NULL,
        case_id UUID NOT NULL,
        created_at BIGINT NOT NULL,
        PRIMARY KEY (tenant_id, id)
    ) STRICT",
    "CREATE INDEX ledger_transactions_by_time ON ledger_transactions (tenant_id, created_at, id)",
    "CREATE INDEX ledger_transactions_by_case ON ledger_transactions (tenant_id, case_id, created_at, id)",
    // Each fact is booked once.
    "CREATE UNIQUE INDEX ledger_transactions_fact ON ledger_transactions (tenant_id, subject, kind)",
    // Entries are written before their transaction, whose insert checks them; the key is checked at COMMIT.
    "CREATE TABLE ledger_entries (
        tenant_id TEXT NOT NULL,
        transaction_id UUID NOT NULL,
        ordinal BIGINT NOT NULL,
        account TEXT NOT NULL CHECK (account IN
            ('expense', 'customer_payable', 'provider_clearing', 'voucher_liability', 'budget_reserved')),
        side TEXT NOT NULL CHECK (side IN ('DEBIT', 'CREDIT')),
        amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
        currency TEXT NOT NULL CHECK (length(currency) = 3),
        PRIMARY KEY (tenant_id, transaction_id, ordinal),
        FOREIGN KEY (tenant_id, transaction_id) REFERENCES ledger_transactions (tenant_id, id)
            DEFERRABLE INITIALLY DEFERRED
    ) STRICT",
    "CREATE INDEX ledger_entries_by_account ON ledger_entries (tenant_id, account, currency, side, amount_minor)",
];

const SANDBOX: &[&str] = &[
    // The log of the sandbox provider, which knows nothing of this service.
    "CREATE TABLE sandbox_executions (
        payout_key TEXT NOT NULL PRIMARY KEY,
        request BYTEA NOT NULL,
        outcome TEXT NOT NULL CHECK (outcome IN ('EXECUTED', 'DECLINED')),
        reference TEXT NOT NULL,
        amount_minor BIGINT NOT NULL,
        currency TEXT NOT NULL,
        payee TEXT NOT NULL,
        requests BIGINT NOT NULL,
        executions BIGINT NOT NULL,
        key_until BIGINT NOT NULL,
        visible_at BIGINT NOT NULL,
        created_at BIGINT NOT NULL
    ) STRICT",
];
