drop view analytics_revocations;
drop table revocations;
