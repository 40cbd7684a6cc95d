drop table inbox;
drop table outbox;
drop function outbox_notify();
drop table audit;
