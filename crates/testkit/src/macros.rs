//! One test body, two tests.

/// Turns each `async fn name(database: TestDatabase) { … }` into the tests `name::sqlite` and `name::postgres`. With
/// `template: EXPRESSION;` in front the databases are copies of that [`Template`](crate::Template), else empty. The
/// tests run on a runtime of two threads, as the product does.
///
/// ```
/// testkit::on_both_databases! {
///     /// A doc comment or an attribute goes to the body.
///     async fn a_row_is_kept(database: testkit::TestDatabase) {
///         assert!(database.url.contains("a_row_is_kept"));
///     }
/// }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! on_both_databases {
    (
        template: $template:expr;
        $($(#[$attribute:meta])* async fn $name:ident($database:ident: $kind:ty) $body:block)*
    ) => {$(
        $(#[$attribute])*
        async fn $name(backend: $crate::Backend) {
            let $database: $kind = $crate::database_from(backend, &$template, stringify!($name)).await;
            $body
        }
        $crate::on_both_databases! { @tests $name }
    )*};
    (@tests $name:ident) => {
        mod $name {
            #[::tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                super::$name($crate::Backend::Sqlite).await;
            }

            #[::tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                super::$name($crate::Backend::Postgres).await;
            }
        }
    };
    ($($(#[$attribute:meta])* async fn $name:ident($database:ident: $kind:ty) $body:block)*) => {$(
        $(#[$attribute])*
        async fn $name(backend: $crate::Backend) {
            let $database: $kind = $crate::database(backend, stringify!($name)).await;
            $body
        }
        $crate::on_both_databases! { @tests $name }
    )*};
}
