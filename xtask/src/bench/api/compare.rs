//! All sides are asked the same before they are measured: whoever answers something else does other work.

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use super::{
    http::Request,
    requests::{COUNTED, HELD, LIST, REFRESH, TASKS, detail},
    scene::Scene,
    sides::{Side, Who},
};

/// What a side answered, without what differs from one answer to the next.
#[derive(Debug, PartialEq)]
struct Answers(Vec<(&'static str, Value)>);

/// Fails for the first side that answers otherwise than ours.
pub(super) fn compare(sides: &[Side], scene: &Scene) -> Result<()> {
    let mut ours: Option<Answers> = None;
    for side in sides {
        let name = side.who.name();
        let answers =
            ask(side, scene).with_context(|| format!("{name} does not answer as it should"))?;
        // What it made stands in no list of the next one.
        scene.clear()?;
        match &ours {
            None => ours = Some(answers),
            Some(ours) => {
                if let Some(difference) = difference(ours, &answers) {
                    bail!(
                        "{name} answers otherwise than {}: {difference}",
                        Who::Crewdeck.name()
                    );
                }
            }
        }
        eprintln!("      {name} answers the same");
    }
    Ok(())
}

fn ask(side: &Side, scene: &Scene) -> Result<Answers> {
    let port = side.port;
    let mut answers = pages(port, scene)?;
    if side.who == Who::Drf {
        counted(port, scene, &answers[0].1)?;
    }
    let answer = detail(scene).send(port)?;
    ensure!(
        answer.header("etag") == Some(HELD),
        "one task has the ETag {:?}, not {HELD}",
        answer.header("etag")
    );
    answers.push(("one task", answer.json(200)?));
    let held = Request {
        held: Some(HELD.to_owned()),
        ..detail(scene)
    };
    let answer = held.send(port)?;
    ensure!(
        answer.status == 304 && answer.is_empty(),
        "one task that is held is answered {}, not 304 without a body",
        answer.status
    );
    refusals(port, scene)?;
    answers.extend(create(port, scene)?);
    answers.push(("sign-in", sign_in(port)?));
    Ok(Answers(answers))
}

/// The first two pages; each side writes its cursors as it likes.
fn pages(port: u16, scene: &Scene) -> Result<Vec<(&'static str, Value)>> {
    let mut pages = Vec::new();
    let mut path = LIST.to_owned();
    for name in ["list of 20", "its second page"] {
        let mut page = Request::get(path, &scene.token).send(port)?.json(200)?;
        let next = page["meta"]["page"]["next"].take();
        let next = next.as_str().context("a page tells no next one")?;
        path = format!("{LIST}&cursor={next}");
        pages.push((name, page));
    }
    Ok(pages)
}

/// The count is of the team's tasks, the rows those of the page by a cursor.
fn counted(port: u16, scene: &Scene, page: &Value) -> Result<()> {
    let counted = Request::get(COUNTED, &scene.token).send(port)?.json(200)?;
    ensure!(
        counted["data"] == page["data"] && counted["meta"]["page"]["count"].is_u64(),
        "the counted page has other rows, or no count"
    );
    Ok(())
}

/// Without a token, and for somebody else's task.
fn refusals(port: u16, scene: &Scene) -> Result<()> {
    let foreign = format!("{TASKS}/{}", scene.foreign);
    let nobody = Request {
        token: Some(format!("{}x", scene.token)),
        ..detail(scene)
    };
    let wrong = Request::post(
        "/api/v1/auth/login",
        serde_json::json!({"email": "person2@bench.example", "password": "of somebody else"}),
    );
    for (what, request, status) in [
        (
            "another team's task",
            Request::get(foreign, &scene.token),
            404,
        ),
        ("a token with another signature", nobody, 401),
        ("a wrong password", wrong, 401),
    ] {
        let answered = request.send(port)?.status;
        ensure!(
            answered == status,
            "{what} is answered {answered}, not {status}"
        );
    }
    Ok(())
}

/// A task that is made, and the rows that it leaves beside its own.
fn create(port: u16, scene: &Scene) -> Result<Vec<(&'static str, Value)>> {
    let request = Request {
        body: Some(scene.new_task()),
        ..Request::get(TASKS, &scene.token)
    };
    let answer = request.send(port)?;
    let location = answer.header("location").map(str::to_owned);
    let mut made = answer.json(201)?;
    let id = made["data"]["id"]
        .as_str()
        .context("a task without an id")?;
    ensure!(
        location == Some(format!("{TASKS}/{id}")),
        "a task that was made is at {location:?}"
    );
    let records = scene.sql(&format!(
        "select jsonb_build_object(
            'audit', (select jsonb_agg(to_jsonb(a) - '{{id,entity_id,request_id,at}}'::text[])
                      from audit a where entity_id = '{id}'),
            'outbox', (select jsonb_agg(to_jsonb(o) - '{{id,event_id,entity_id,created_at}}'::text[]
                           || jsonb_build_object('payload', o.payload - '{{task_id,occurred_at}}'::text[]))
                       from outbox o where entity_id = '{id}'))"
    ))?;
    for one in ["id", "created_at", "updated_at"] {
        ensure!(made["data"][one].take().is_string(), "a task without {one}");
    }
    Ok(vec![
        ("create", made),
        ("its audit row and event", serde_json::from_str(&records)?),
    ])
}

/// A sign-in and a refresh: other tokens each time, which are good where they come from.
fn sign_in(port: u16) -> Result<Value> {
    let mut pair = Scene::login(3).send(port)?.json(200)?;
    let first = pair["data"]["refresh"].take();
    let body = serde_json::json!({"refresh": first});
    let mut next = Request::post(REFRESH, body).send(port)?.json(200)?;
    ensure!(
        next["data"]["refresh"].is_string() && next["data"]["refresh"] != first,
        "a refresh gives no other refresh token"
    );
    next["data"]["refresh"].take();
    for answer in [&mut pair, &mut next] {
        let access = answer["data"]["access"].take();
        let access = access.as_str().context("no access token")?;
        let status = Request::get(LIST, access).send(port)?.status;
        ensure!(status == 200, "its own token is answered {status}");
    }
    ensure!(pair == next, "a refresh answers otherwise than a sign-in");
    Ok(pair)
}

/// The first difference, if there is one.
fn difference(ours: &Answers, other: &Answers) -> Option<String> {
    ours.0
        .iter()
        .zip(&other.0)
        .find_map(|((request, ours), (_, other))| {
            let (place, ours, other) = differs(ours, other, String::new())?;
            Some(format!("{request}, at {place:?}: {other}, not {ours}"))
        })
}

/// The first place at which two values differ, as a JSON Pointer, and what stands there.
fn differs(ours: &Value, other: &Value, place: String) -> Option<(String, Value, Value)> {
    match (ours, other) {
        (Value::Object(a), Value::Object(b)) => {
            let names = a
                .keys()
                .chain(b.keys().filter(|name| !a.contains_key(*name)));
            names
                .map(|name| (name, a.get(name), b.get(name)))
                .find_map(|(name, a, b)| {
                    let place = format!("{place}/{name}");
                    match (a, b) {
                        (Some(a), Some(b)) => differs(a, b, place),
                        // Absent is not null.
                        (a, b) => {
                            let told = |one: Option<&Value>| {
                                one.cloned().unwrap_or_else(|| "absent".into())
                            };
                            Some((place, told(a), told(b)))
                        }
                    }
                })
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => a
            .iter()
            .zip(b)
            .enumerate()
            .find_map(|(at, (a, b))| differs(a, b, format!("{place}/{at}"))),
        _ if ours == other => None,
        _ => Some((place, ours.clone(), other.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(ours: Value, other: Value) -> Option<String> {
        difference(
            &Answers(vec![("list", ours)]),
            &Answers(vec![("list", other)]),
        )
    }

    #[test]
    fn the_order_of_members_is_no_difference() {
        assert_eq!(
            told(json!({"a": 1, "b": [2]}), json!({"b": [2], "a": 1})),
            None
        );
    }

    #[test]
    fn the_first_difference_is_told_with_its_place() {
        let text = told(json!({"data": [{"a": 1}]}), json!({"data": [{"a": 2}]}));
        assert_eq!(text.as_deref(), Some("list, at \"/data/0/a\": 2, not 1"));
    }

    #[test]
    fn a_member_that_is_null_is_not_one_that_is_absent() {
        assert!(told(json!({"a": null}), json!({})).is_some());
        assert!(told(json!({}), json!({"a": null})).is_some());
    }

    #[test]
    fn fewer_rows_are_a_difference() {
        assert!(told(json!([1, 2]), json!([1])).is_some());
    }
}
