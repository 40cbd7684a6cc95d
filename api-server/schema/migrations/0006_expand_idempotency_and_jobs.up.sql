-- The answer to a request that may be sent again; written in the transaction of its effect.
create table idempotency_keys (
    principal    uuid        not null,
    key          text        not null constraint idempotency_keys_key_check check (length(key) between 1 and 255),
    method       text        not null,
    path         text        not null,
    request_hash bytea       not null,
    status       integer,
    headers      jsonb,
    response     jsonb,
    created_at   timestamptz not null,
    expires_at   timestamptz not null,
    primary key (principal, key)
);
create index idempotency_keys_expires_at_idx on idempotency_keys (expires_at);

-- History of background work: the queue itself forgets what succeeded.
create table job_runs (
    id          bigint      generated always as identity (start with 30000) primary key,
    job_id      bigint      not null,
    name        text        not null,
    queue       text        not null,
    attempt     smallint    not null,
    started_at  timestamptz not null default now(),
    finished_at timestamptz,
    outcome     text        constraint job_runs_outcome_check check (outcome in ('succeeded', 'failed', 'interrupted', 'lost')),
    error       text
);
create index job_runs_name_started_at_idx on job_runs (name, started_at desc);
create index job_runs_job_id_idx on job_runs (job_id);
create index job_runs_started_at_idx on job_runs (started_at);

-- Jobs that had really begun: a worker that dies in one must cost it an attempt.
create table job_starts (
    job_id    bigint      primary key,
    locked_at timestamptz not null
);

-- One row per schedule and slot: two schedulers enqueue once.
create table schedule_slots (
    schedule   text        not null,
    slot_at    timestamptz not null,
    created_at timestamptz not null default now(),
    primary key (schedule, slot_at)
);
