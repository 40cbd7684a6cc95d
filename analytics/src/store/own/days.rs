//! The counts of days.

use chrono::NaiveDate;

use super::Own;
use crate::Error;
use crate::model::Day;
use crate::store::replica::Scope;

impl Own {
    /// The days from `first` to `last`, each of them, with zeros where nothing happened.
    pub(crate) async fn days(
        &self,
        scope: Scope,
        first: NaiveDate,
        last: NaiveDate,
    ) -> Result<Vec<Day>, Error> {
        sqlx::query_as!(
            Day,
            r#"select s.day::date as "date!", coalesce(d.created, 0) as "created!", coalesce(d.completed, 0) as "completed!"
            from generate_series($2::date::timestamp, $3::date::timestamp, interval '1 day') as s (day)
            left join analytics.daily_task_counts d on d.team_id = $1 and d.day = s.day::date
            order by s.day"#,
            scope.team_id(),
            first,
            last,
        )
        .fetch_all(&self.0)
        .await
        .map_err(Error::Own)
    }
}
