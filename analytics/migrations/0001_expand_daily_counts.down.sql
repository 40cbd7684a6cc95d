-- The schema stays: it holds the list of applied migrations.
drop table analytics.inbox;
drop table analytics.daily_task_counts;
