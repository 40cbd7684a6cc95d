drop view analytics_tasks;
drop view analytics_memberships;
drop view analytics_teams;
