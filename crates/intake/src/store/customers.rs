//! Customers and their identities.

use std::collections::{BTreeMap, BTreeSet};

use durable::ColumnType::{Integer, Text, Uuid as Id};
use durable::{Backend, Bulk, Tx, Write, sql};
use kernel::{CustomerId, ResourceId as _, TenantId, Timestamp};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DbErr, EntityTrait as _, FromQueryResult as _, QueryFilter as _, Statement,
};

use super::entity::{customer, customer_identity};
use super::{CustomerKey, count, from_json, tenant, to_json};
use crate::domain::customer::{Customer, Identity};
use crate::domain::directory::Directory;

impl TryFrom<customer::Model> for Customer {
    type Error = DbErr;

    fn try_from(row: customer::Model) -> Result<Self, DbErr> {
        Ok(Self {
            id: row.id.into(),
            display_name: row.display_name,
            contact_points: from_json(&row.contact_points)?,
            tier: row.tier,
            language: row.language,
            identity_count: count(row.identity_count)?,
            created_at: Timestamp::from_micros(row.created_at),
            version: row.version,
        })
    }
}

/// A customer.
pub async fn customer_get(
    connection: &impl ConnectionTrait,
    tenant: &TenantId,
    id: CustomerId,
) -> Result<Option<Customer>, DbErr> {
    let row = customer::Entity::find_by_id((tenant.as_str().to_owned(), id.uuid())).one(connection).await?;
    row.map(Customer::try_from).transpose()
}

/// The identities of a customer, in their order.
pub async fn identities_of(
    connection: &impl ConnectionTrait,
    tenant: &TenantId,
    id: CustomerId,
) -> Result<Vec<Identity>, DbErr> {
    let rows = customer_identity::Entity::find()
        .filter(customer_identity::Column::TenantId.eq(tenant.as_str()))
        .filter(customer_identity::Column::CustomerId.eq(id.uuid()))
        .all(connection)
        .await?;
    // Ordered here: an order that the key has would lead through the key, past all identities of the tenant.
    let mut identities: Vec<Identity> =
        rows.into_iter().map(|row| Identity { source: row.source, value: row.value }).collect();
    identities.sort_unstable();
    Ok(identities)
}

/// What is known about these identities, by tenant.
pub async fn directories(
    tx: &Tx,
    wanted: &BTreeSet<(TenantId, &Identity)>,
) -> Result<BTreeMap<TenantId, Directory>, DbErr> {
    let mut directories: BTreeMap<TenantId, Directory> = BTreeMap::new();
    if wanted.is_empty() {
        return Ok(directories);
    }
    for row in tx.query_all(directory_statements(tx.backend(), wanted)).await? {
        let owner = tenant(&sql::column::<String>(&row, "tenant_id")?)?;
        let identity = Identity { source: sql::column(&row, "source")?, value: sql::column(&row, "value")? };
        let customer = Customer::try_from(customer::Model::from_query_result(&row, "")?)?;
        directories.entry(owner).or_default().add_stored(identity, &customer);
    }
    Ok(directories)
}

pub(super) fn directory_statements(backend: Backend, wanted: &BTreeSet<(TenantId, &Identity)>) -> Vec<Statement> {
    let mut input = Bulk::new(&[("tenant_id", Text), ("source", Text), ("value", Text)]);
    for (tenant, identity) in wanted {
        input.push([tenant.as_str().into(), identity.source.as_str().into(), identity.value.as_str().into()]);
    }
    let is_meant = "i.tenant_id = input.tenant_id AND i.source = input.source AND i.value = input.value";
    let identities = sql::look_up(backend, "customer_identities", "i", is_meant);
    let customers = sql::look_up(backend, "customers", "c", "c.tenant_id = i.tenant_id AND c.id = i.customer_id");
    let body = format!("SELECT i.source, i.value, c.* FROM input {identities} {customers}");
    input.statements(backend, &body, &[])
}

/// These customers.
pub async fn customers_get_many(
    tx: &Tx,
    wanted: &BTreeSet<CustomerKey>,
) -> Result<BTreeMap<CustomerKey, Customer>, DbErr> {
    let mut customers = BTreeMap::new();
    if wanted.is_empty() {
        return Ok(customers);
    }
    for row in tx.query_all(get_many_statements(tx.backend(), wanted)).await? {
        let row = customer::Model::from_query_result(&row, "")?;
        let key = (tenant(&row.tenant_id)?, row.id.into());
        customers.insert(key, Customer::try_from(row)?);
    }
    Ok(customers)
}

pub(super) fn get_many_statements(backend: Backend, wanted: &BTreeSet<CustomerKey>) -> Vec<Statement> {
    let mut input = Bulk::new(&[("tenant_id", Text), ("id", Id)]);
    for (tenant, id) in wanted {
        input.push([tenant.as_str().into(), id.uuid().into()]);
    }
    let customers = sql::look_up(backend, "customers", "c", "c.tenant_id = input.tenant_id AND c.id = input.id");
    input.statements(backend, &format!("SELECT c.* FROM input {customers}"), &[])
}

/// Has it written at the end what the directories learned; the race is lost when another transaction was faster with one
/// of the customers.
pub fn directories_store(tx: &Tx, directories: &BTreeMap<TenantId, Directory>) -> Result<(), DbErr> {
    let mut new = Bulk::new(&[
        ("tenant_id", Text),
        ("id", Id),
        ("display_name", Text),
        ("tier", Text),
        ("language", Text),
        ("contact_points", Text),
        ("identity_count", Integer),
        ("version", Integer),
        ("created_at", Integer),
    ]);
    let mut changed = new.clone();
    let mut identities = Bulk::new(&[("tenant_id", Text), ("source", Text), ("value", Text), ("customer_id", Id)]);
    for (tenant, directory) in directories {
        for (customers, bulk) in [
            (directory.new_customers().collect::<Vec<_>>(), &mut new),
            (directory.changed_customers().collect(), &mut changed),
        ] {
            for customer in customers {
                bulk.push([
                    tenant.as_str().into(),
                    customer.id.uuid().into(),
                    customer.display_name.as_str().into(),
                    customer.tier.as_str().into(),
                    customer.language.as_str().into(),
                    to_json(&customer.contact_points)?.into(),
                    i64::from(customer.identity_count).into(),
                    customer.version.into(),
                    customer.created_at.micros().into(),
                ]);
            }
        }
        for (identity, owner) in directory.new_identities() {
            let (source, value) = (identity.source.as_str(), identity.value.as_str());
            identities.push([tenant.as_str().into(), source.into(), value.into(), owner.uuid().into()]);
        }
    }
    tx.write_at_end(Write::new("customers", new, INSERT_CUSTOMERS));
    tx.write_at_end(Write::new("customers", changed, UPDATE_CUSTOMERS).all_or_lost_race());
    tx.write_at_end(Write::new("customer_identities", identities, INSERT_IDENTITIES).all_or_lost_race());
    Ok(())
}

const INSERT_CUSTOMERS: &str = "INSERT INTO customers (tenant_id, id, display_name, tier, language, contact_points, identity_count, \
     version, created_at) SELECT tenant_id, id, display_name, tier, language, contact_points, \
     identity_count, version, created_at FROM input";

/// Only from the version that was read: a lost update is a lost race.
const UPDATE_CUSTOMERS: &str = "UPDATE customers SET display_name = input.display_name, tier = input.tier, language = input.language, \
     contact_points = input.contact_points, identity_count = input.identity_count, \
     version = input.version + 1 FROM input WHERE customers.tenant_id = input.tenant_id \
     AND customers.id = input.id AND customers.version = input.version";

/// In key order, so that two groups that make the same customers wait for each other and never in a circle.
const INSERT_IDENTITIES: &str = "INSERT INTO customer_identities (tenant_id, source, value, customer_id) \
     SELECT tenant_id, source, value, customer_id FROM input WHERE true ORDER BY tenant_id, source, value \
     ON CONFLICT DO NOTHING";
