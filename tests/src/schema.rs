//! The application's schema as a former version left it.

/// Statements of the tables' owner, each on its own, that take the database back to where the migrations 8 and 9 are missing:
/// one of them is `expand`, the other one `contract`. What came after them stays applied, a `contract` (16) too: in the tests the
/// images before and after are both of this code, which works with it.
pub const FORMER_SCHEMA: [&str; 3] = [
    "drop index concurrently tasks_team_id_owner_id_idx",
    "create index tasks_owner_id_idx on tasks (owner_id, created_at desc, id desc) where not is_archived",
    "delete from _sqlx_migrations where version in (8, 9)",
];
