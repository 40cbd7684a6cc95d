//! What is old goes, and nothing else.

use super::*;

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn what_is_old_goes_in_rounds_and_the_rest_stays(pool: PgPool) {
    let fill = "
        insert into outbox (event_id, topic, event_type, entity_id, version, payload, sent_at)
        select gen_random_uuid(), 'task-events', 'task.created.v1', gen_random_uuid(), 1, '{}',
            case when n <= 7 then now() - interval '73 hours' when n <= 9 then now() end
        from generate_series(1, 10) n;
        insert into inbox (consumer, event_id, received_at)
        select 'notifications', gen_random_uuid(), now() - make_interval(days => case when n <= 5 then 401 else 399 end)
        from generate_series(1, 10) n;
        insert into idempotency_keys (principal, key, method, path, request_hash, created_at, expires_at)
        select gen_random_uuid(), 'k', 'POST', '/', '', now(), now() + make_interval(hours => n - 6)
        from generate_series(1, 10) n;
        insert into job_runs (job_id, name, queue, attempt, finished_at)
        select n, 'a', 'default', 1, case when n <= 3 then now() - interval '31 days' end
        from generate_series(1, 10) n";
    sqlx::raw_sql(fill).execute(&pool).await.expect("filled");
    let purged = purge(&pool, 2).await.expect("purged");
    let expected = Purged {
        sent: 7,
        seen: 5,
        answers: 6,
        runs: 3,
    };
    assert_eq!(purged, expected);
    let again = purge(&pool, 2).await.expect("purged");
    assert_eq!(again, Purged::default());
}
