-- The answer byte for byte: jsonb keeps neither the order of members nor the writing of numbers. Nobody reads response any
-- more; it goes when no pod that writes it is left.
alter table idempotency_keys add column body bytea;
