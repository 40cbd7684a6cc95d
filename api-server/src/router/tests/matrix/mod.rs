//! Who may do what: every operation of the document × everybody who may ask × what may be added to a request. An operation that
//! is added needs a row in `rows.rs`.

mod callers;
mod rows;

use std::collections::BTreeSet;

use api_server_users::Role;
use common_db::testing::contents;
use common_http::document::testing::{Told, operations, resolve};
use common_http::testing::{Answer, request, send};
use common_scratch::Folder;
use serde_json::{Value, json};
use sqlx::PgPool;

use self::callers::{Caller, Stage};
use self::rows::{Least, Row, table};
use super::{World, told, world};

/// Is in everything that the team has, and so in nothing that a stranger is told.
const CANARY: &str = "c4n4ry";

/// What some answer shows and no request may set, unless the operation takes it.
const OTHERS: [&str; 13] = [
    "id",
    "version",
    "created_by",
    "created_at",
    "updated_at",
    "completed_at",
    "is_archived",
    "is_admin",
    "password_hash",
    "role",
    "team_id",
    "user_id",
    "no_such_member",
];

/// Status and code, which an answer that is no refusal has not.
type Outcome = (u16, Option<&'static str>);

const UNAUTHORIZED: Outcome = (401, Some("unauthorized"));

#[test]
fn each_operation_has_a_row() {
    let rows: BTreeSet<(String, String)> = table(&Stage::default())
        .iter()
        .map(|row| (row.method.to_owned(), row.path.to_owned()))
        .collect();
    let operations = operations(&told());
    let told: BTreeSet<(String, String)> = operations
        .iter()
        .map(|told| (told.method.clone(), told.path.clone()))
        .collect();
    assert_eq!(rows, told);
    for row in table(&Stage::default()) {
        let told = row.told(&operations);
        let is_public = matches!(row.least, Least::Public);
        assert_eq!(
            told.needs_token(),
            !is_public,
            "{} {}",
            row.method,
            row.path
        );
    }
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn everybody_may_do_what_the_table_says_and_no_more(pool: PgPool) {
    let folder = Folder::new("matrix").expect("a folder");
    let world = world(&pool, folder.path()).await;
    let stage = Stage::new(&world, &pool).await;
    let callers = callers::all(&world, &stage, folder.path());
    let (document, before) = (told(), contents(&pool).await);
    let operations = operations(&document);
    let rows = table(&stage);
    let (mut asked, mut variants, mut refusals) = (0, 0, BTreeSet::new());
    for row in &rows {
        let told = row.told(&operations);
        let all = requests(&document, told, row);
        variants += all.len();
        for caller in &callers {
            for one in &all {
                let answer = ask(&world, caller, row, one).await;
                let at = format!("{} {}: {}, {}", row.method, row.path, caller.name, one.what);
                judge(&at, row, caller, one, &answer);
                if answer.status == 401 && !matches!(row.least, Least::Public) {
                    refusals.insert(nameless(&answer));
                }
                asked += 1;
            }
        }
    }
    assert_eq!(refusals.len(), 1, "401 tells why: {refusals:?}");
    assert_eq!(contents(&pool).await, before, "something was kept");
    println!(
        "{} rows of {} operations: {variants} requests × {} callers = {asked}, all as expected",
        rows.len(),
        operations.len(),
        callers.len(),
    );
}

/// One way to ask an operation.
struct Request {
    what: String,
    path: String,
    body: Value,
    /// What it is refused with, once the caller is known.
    refused: Option<Outcome>,
}

/// The request as it should be, with a parameter that there is not, and with each member that it does not take.
fn requests(document: &Value, told: &Told, row: &Row) -> Vec<Request> {
    // Everything is done but kept: the next caller finds the same.
    let mode = if told.is_write() { "dry_run=true" } else { "" };
    let with = |more: &str| {
        let query = [row.query.as_str(), mode, more]
            .into_iter()
            .filter(|part| !part.is_empty());
        let query: Vec<&str> = query.collect();
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{}{mark}{}", row.target(), query.join("&"))
    };
    let mut all = vec![Request {
        what: "as it should be".to_owned(),
        path: with(""),
        body: row.body.clone(),
        refused: None,
    }];
    let parameters = told.operation["parameters"].as_array();
    if parameters.is_some_and(|all| all.iter().any(|one| one["in"] == "query")) {
        all.push(Request {
            what: "an unknown parameter".to_owned(),
            path: with("no_such_parameter=1"),
            body: row.body.clone(),
            refused: Some((400, Some("query_invalid"))),
        });
    }
    let schema = &told.operation["requestBody"]["content"]["application/json"]["schema"];
    if !schema.is_null() {
        let schema = resolve(document, schema);
        // One that wants one of two members is told as both.
        let schema = schema["allOf"]
            .get(0)
            .map_or(schema, |part| resolve(document, part));
        let taken = schema["properties"].as_object().expect("an object");
        for name in OTHERS.iter().filter(|name| !taken.contains_key(**name)) {
            let mut body = row.body.clone();
            body[*name] = json!(true);
            all.push(Request {
                what: format!("with {name}"),
                path: with(""),
                body,
                refused: Some((422, Some("validation_failed"))),
            });
        }
    }
    all
}

async fn ask(world: &World, caller: &Caller, row: &Row, one: &Request) -> Answer {
    let bearer = caller.token.as_ref().map(|token| format!("Bearer {token}"));
    let headers: Vec<(&str, &str)> = bearer
        .iter()
        .map(|bearer| ("authorization", bearer.as_str()))
        .collect();
    send(
        &world.app,
        request(row.method, &one.path, &headers, &one.body),
    )
    .await
}

#[track_caller]
fn judge(at: &str, row: &Row, caller: &Caller, one: &Request, answer: &Answer) {
    let stopped = !caller.is_known && !matches!(row.least, Least::Public);
    let expected = match one.refused {
        Some(refused) if !stopped => refused,
        _ => expected(row, caller),
    };
    let code = answer.body["error"]["code"].as_str();
    assert_eq!((answer.status, code), expected, "{at}: {}", answer.body);
    let text = String::from_utf8_lossy(&answer.bytes);
    assert!(
        caller.role.is_some() || !text.contains(CANARY),
        "{at} is told of the team: {text}"
    );
}

/// What the table says.
fn expected(row: &Row, caller: &Caller) -> Outcome {
    let (hidden, forbidden) = ((404, Some("not_found")), (403, Some("forbidden")));
    let is_member = caller.role == Some(Role::Member);
    let refusal = match row.least {
        Least::Public => None,
        _ if !caller.is_known => Some(UNAUTHORIZED),
        Least::Anybody => None,
        Least::In(least) => match caller.role {
            None => Some(hidden),
            Some(role) => (role < least).then_some(forbidden),
        },
        Least::Member => (!is_member).then_some(hidden),
        Least::MemberOrPlatform => (!is_member && !caller.is_admin).then_some(hidden),
        Least::Platform => (!caller.is_admin).then_some(forbidden),
    };
    refusal.unwrap_or(row.done)
}

/// A refusal without what differs from one request to the next.
fn nameless(answer: &Answer) -> String {
    let mut body = answer.body.clone();
    body["error"]["instance"] = Value::Null;
    body["meta"] = Value::Null;
    body.to_string()
}
