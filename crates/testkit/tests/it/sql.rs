//! A statement on either kind of database, on a connection of its own.

use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};

/// Runs `statements`.
pub async fn execute(url: &str, statements: &str) -> Result<(), sqlx::Error> {
    let query = sqlx::raw_sql(AssertSqlSafe(statements));
    if url.starts_with("sqlite:") {
        let mut connection = SqliteConnection::connect(url).await?;
        query.execute(&mut connection).await?;
        connection.close().await
    } else {
        let mut connection = PgConnection::connect(url).await?;
        query.execute(&mut connection).await?;
        connection.close().await
    }
}

/// The one number that `query` gives.
pub async fn number(url: &str, query: &str) -> Result<i64, sqlx::Error> {
    let query = AssertSqlSafe(query);
    if url.starts_with("sqlite:") {
        sqlx::query_scalar(query).fetch_one(&mut SqliteConnection::connect(url).await?).await
    } else {
        sqlx::query_scalar(query).fetch_one(&mut PgConnection::connect(url).await?).await
    }
}

/// The one text that `query` gives on PostgreSQL.
pub async fn text(url: &str, query: &str) -> Result<String, sqlx::Error> {
    sqlx::query_scalar(AssertSqlSafe(query)).fetch_one(&mut PgConnection::connect(url).await?).await
}
