-- From where a person has signed in: such a client has a budget of failed sign-ins of its own. A network is a digest by a key
-- that is not in this database.
create table known_networks (
    user_id uuid        not null references users (id),
    network text        not null,
    last_at timestamptz not null,
    primary key (user_id, network)
);
