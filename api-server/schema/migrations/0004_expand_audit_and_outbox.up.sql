-- Who changed what: written by the same statement as the change.
create table audit (
    id         bigint      generated always as identity (start with 10000) primary key,
    entity     text        not null,
    entity_id  uuid        not null,
    team_id    uuid,
    actor      uuid,
    action     text        not null,
    diff       jsonb       not null, -- {"field": {"before": …, "after": …}}
    request_id text        not null default '',
    at         timestamptz not null
);
create index audit_entity_id_idx on audit (entity_id, id desc);

-- Events that became true with their transaction and are on their way to the broker.
create table outbox (
    id         bigint      generated always as identity (start with 20000) primary key,
    event_id   uuid        not null constraint outbox_event_id_key unique,
    topic      text        not null,
    event_type text        not null,
    entity_id  uuid        not null,
    version    bigint      not null,
    payload    jsonb       not null,
    actor      uuid,
    created_at timestamptz not null default now(),
    sent_at    timestamptz
);
create index outbox_unsent_idx on outbox (id) where sent_at is null;

-- Events that a consumer has applied: the second delivery finds its row.
create table inbox (
    consumer    text        not null,
    event_id    uuid        not null,
    received_at timestamptz not null default now(),
    primary key (consumer, event_id)
);
create index inbox_received_at_idx on inbox (received_at);

-- Wakes the relay at commit; several rows of one transaction wake it once.
create function outbox_notify() returns trigger language plpgsql as $$
begin
    perform pg_notify('outbox', '');
    return null;
end
$$;
create trigger outbox_notify after insert on outbox for each statement execute function outbox_notify();
