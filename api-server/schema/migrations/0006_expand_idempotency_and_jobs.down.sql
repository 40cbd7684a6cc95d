drop table schedule_slots;
drop table job_starts;
drop table job_runs;
drop table idempotency_keys;
