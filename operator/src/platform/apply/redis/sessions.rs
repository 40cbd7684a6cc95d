//! The end of a former user: when every pod uses its successor and no connection of it is at work any more.

use redis::aio::MultiplexedConnection;

use super::{ask, drop_user, save, set_user};
use crate::{
    credentials::{Issue, Rotation},
    platform::{StepError, validate::RedisServer},
};

/// Drops the user in `slot`, which ends its connections, or tells what that waits for.
pub(super) async fn end(
    server: &RedisServer,
    connection: &mut MultiplexedConnection,
    slot: &str,
    issue: &Issue,
    rotation: &Rotation<'_>,
) -> Result<Option<String>, StepError> {
    let open = count(server, connection, slot).await?;
    let end = issue.at.checked_add_signed(rotation.schedule.patience);
    if open > 0 && end.is_none_or(|end| rotation.now < end) {
        return Ok(Some(format!("{open} connections of {slot} are open")));
    }
    // Saved without a password before it is dropped: whoever dies in between leaves nothing that a restart of the server
    // would bring back to life.
    set_user(
        server,
        connection,
        slot,
        &["off", "resetpass"].map(str::to_owned),
    )
    .await?;
    save(server, connection).await?;
    drop_user(server, connection, slot).await?;
    save(server, connection).await?;
    tracing::info!(user = slot, "a former user was ended");
    Ok(None)
}

/// Connections of a user.
async fn count(
    server: &RedisServer,
    connection: &mut MultiplexedConnection,
    user: &str,
) -> Result<usize, StepError> {
    let mut command = redis::cmd("CLIENT");
    command.arg("LIST");
    let list: String = ask(server, connection, "listing connections", &command).await?;
    Ok(of_user(&list, user))
}

/// Counts the lines of `CLIENT LIST` that are of a user.
fn of_user(list: &str, user: &str) -> usize {
    let is_of = |line: &&str| {
        line.split(' ')
            .any(|field| field.strip_prefix("user=") == Some(user))
    };
    list.lines().filter(is_of).count()
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_connection_is_of_the_user_of_exactly_that_name() {
        let list = "id=3 addr=127.0.0.1:1 name= user=demo-app-a cmd=get\n\
                    id=4 addr=127.0.0.1:2 name= user=demo-app-ab cmd=get\n\
                    id=5 addr=127.0.0.1:3 name=user=demo-app-a user=other cmd=get\n";
        assert_eq!(super::of_user(list, "demo-app-a"), 1);
        assert_eq!(super::of_user(list, "demo-app-b"), 0);
    }
}
