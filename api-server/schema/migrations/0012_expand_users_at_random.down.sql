drop index users_at_random_idx;
