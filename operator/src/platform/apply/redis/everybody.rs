//! The user `default`, which a client is that brings no login: nobody should be let in by it. It is looked at and told, never
//! changed: it is not ours, and others may need it.

use std::collections::BTreeMap;

use redis::{Value, aio::MultiplexedConnection, from_redis_value_ref};

use super::ask;
use crate::platform::{StepError, validate::RedisServer};

/// Its name.
const DEFAULT: &str = "default";

/// What is wrong with it and how to mend that; `None` when nobody is let in but the administrator.
///
/// # Errors
/// When the server does not answer.
pub(super) async fn look(
    server: &RedisServer,
    connection: &mut MultiplexedConnection,
) -> Result<Option<String>, StepError> {
    let mut command = redis::cmd("ACL");
    command.arg("GETUSER").arg(DEFAULT);
    let answer = ask(server, connection, "reading user default", &command).await?;
    Ok(open(&answer, server.username == DEFAULT).map(|open| {
        format!(
            "Redis at {}:{} works, but its user default {open}. Shut it with ACL SETUSER default off and ACL SAVE, or write \
             \"user default off\" into its aclfile",
            server.host, server.port
        )
    }))
}

/// Whom it lets in, by the answer of `ACL GETUSER`. A server that has no such user, or none that may do anything, lets nobody in.
fn open(answer: &Value, is_administrator: bool) -> Option<&'static str> {
    let fields: BTreeMap<String, Value> = from_redis_value_ref(answer).ok()?;
    let flags: Vec<String> = from_redis_value_ref(fields.get("flags")?).ok()?;
    let commands: String = from_redis_value_ref(fields.get("commands")?).ok()?;
    let has = |flag: &str| flags.iter().any(|found| found == flag);
    if !has("on") || commands.trim() == "-@all" {
        None
    } else if has("nopass") {
        Some("needs no password: whoever reaches the server is let in")
    } else if is_administrator {
        None
    } else {
        Some("is on: whoever has its password is let in, and no Platform needs it")
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn user(flags: &[&str], commands: &str) -> Value {
        let text = |text: &str| Value::BulkString(text.as_bytes().to_vec());
        let flags = flags.iter().map(|flag| text(flag)).collect();
        Value::Array(vec![
            text("flags"),
            Value::Array(flags),
            text("commands"),
            text(commands),
        ])
    }

    #[rstest]
    #[case::off(&["off"], "+@all", false, false)]
    #[case::off_without_a_password(&["off", "nopass"], "+@all", true, false)]
    #[case::may_do_nothing(&["on", "nopass"], "-@all", false, false)]
    #[case::everybody(&["on", "nopass", "sanitize-payload"], "+@all", false, true)]
    #[case::everybody_is_the_administrator(&["on", "nopass"], "+@all", true, true)]
    #[case::the_administrator(&["on"], "+@all", true, false)]
    #[case::somebody(&["on"], "-@all +get", false, true)]
    fn it_is_told_when_somebody_is_let_in(
        #[case] flags: &[&str],
        #[case] commands: &str,
        #[case] is_administrator: bool,
        #[case] told: bool,
    ) {
        let found = open(&user(flags, commands), is_administrator);
        assert_eq!(found.is_some(), told, "{found:?}");
        assert_eq!(open(&Value::Nil, is_administrator), None);
    }
}
