//! Everybody who may ask: with a token, without one, with one that is none; with each role in the team, and without.

use std::path::Path;
use std::time::Duration;

use api_server_users::Role;
use common_auth::testing::{Bearer, KeyFolder};
use common_clock::{Clock as _, Ids as _, SystemClock, SystemIds};
use common_http::testing::{request, send};
use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

use super::{CANARY, World};

/// `{"alg":"none","typ":"at+jwt"}`
const NONE: &str = "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0";
/// More than a token lives and clocks differ.
const HOURS: Duration = Duration::from_hours(2);

/// A team with somebody in each role, its task, and what else the rows are about.
#[derive(Default)]
pub(super) struct Stage {
    pub(super) team: Uuid,
    pub(super) task: Uuid,
    /// A notification of the member.
    pub(super) told: Uuid,
    pub(super) member: Uuid,
    /// In no team yet.
    pub(super) spare: Uuid,
    /// The query of a list of the team.
    pub(super) of_team: String,
    viewer: Uuid,
    admin: Uuid,
    pub(super) owner: Uuid,
    stranger: Uuid,
}

impl Stage {
    pub(super) async fn new(world: &World, pool: &PgPool) -> Self {
        let [owner, admin, member, viewer, stranger, spare] = people(pool).await;
        let roles = [
            (owner, "owner"),
            (admin, "admin"),
            (member, "member"),
            (viewer, "viewer"),
        ];
        let ours = team(pool, CANARY, &roles).await;
        team(pool, "Mills", &[(stranger, "owner")]).await;
        let bearer = format!("Bearer {}", world.token_of(Bearer::user(owner)));
        let post = async |path: &str, body: Value| {
            let headers = [("authorization", bearer.as_str())];
            let answer = send(&world.app, request("POST", path, &headers, &body)).await;
            assert_eq!(answer.status, 201, "{path}: {}", answer.body);
            let id = answer.data()["id"].as_str().expect("an id");
            id.parse().expect("a UUID")
        };
        let new = json!({"team_id": ours, "title": CANARY, "owner_id": member});
        let task = post("/api/v1/tasks", new).await;
        let told: Uuid = sqlx::query_scalar(
            "insert into notifications (id, user_id, event_id, kind, title) values ($1, $1, $1, 'task.assigned', $2)
             returning id",
        )
        .bind(member)
        .bind(CANARY)
        .fetch_one(pool)
        .await
        .expect("a notification");
        Self {
            team: ours,
            task,
            told,
            member,
            spare,
            of_team: format!("team_id={ours}"),
            viewer,
            admin,
            owner,
            stranger,
        }
    }
}

async fn people<const N: usize>(pool: &PgPool) -> [Uuid; N] {
    let ids = [(); N].map(|()| SystemIds.uuid());
    sqlx::query(
        "insert into users (id, email, name, password_hash, created_at, updated_at)
         select id, id || '@example.org', 'Ben', '-', $2, $2 from unnest($1::uuid[]) as p (id)",
    )
    .bind(ids.to_vec())
    .bind(SystemClock.now())
    .execute(pool)
    .await
    .expect("people");
    ids
}

/// A team of these people, the first of whom made it.
async fn team(pool: &PgPool, name: &str, members: &[(Uuid, &str)]) -> Uuid {
    let (id, now) = (SystemIds.uuid(), SystemClock.now());
    let (people, roles): (Vec<Uuid>, Vec<&str>) = members.iter().copied().unzip();
    sqlx::query(
        "with t as (
            insert into teams (id, name, created_by, created_at, updated_at)
            values ($1, $5, $2, $6, $6)
        )
        insert into memberships (team_id, user_id, role, created_at)
        select $1, m.person, m.role, $6 from unnest($3::uuid[], $4::text[]) as m (person, role)",
    )
    .bind(id)
    .bind(people[0])
    .bind(&people)
    .bind(&roles)
    .bind(name)
    .bind(now)
    .execute(pool)
    .await
    .expect("a team");
    id
}

/// Somebody who asks.
pub(super) struct Caller {
    pub(super) name: &'static str,
    pub(super) token: Option<String>,
    /// Whether the token is one.
    pub(super) is_known: bool,
    /// Administrator of the platform.
    pub(super) is_admin: bool,
    /// In the team.
    pub(super) role: Option<Role>,
}

pub(super) fn all(world: &World, stage: &Stage, folder: &Path) -> Vec<Caller> {
    let person = |name, user, role| Caller {
        name,
        token: Some(world.token_of(Bearer::user(user))),
        is_known: true,
        is_admin: false,
        role,
    };
    let stranger = person("somebody of another team", stage.stranger, None);
    let spare = person("somebody of no team", stage.spare, None);
    let viewer = person("a viewer", stage.viewer, Some(Role::Viewer));
    let member = person("a member", stage.member, Some(Role::Member));
    let admin = person("an admin", stage.admin, Some(Role::Admin));
    let owner = person("the owner", stage.owner, Some(Role::Owner));
    let administrator = Caller {
        token: Some(world.token.clone()),
        is_admin: true,
        ..person("an administrator of the platform", stage.spare, None)
    };
    let mut all = vec![stranger, spare, viewer, member, admin, owner, administrator];
    let none = |name, token| Caller {
        name,
        token,
        is_known: false,
        is_admin: false,
        role: None,
    };
    all.push(none("nobody", None));
    let forged = forgeries(world, stage, folder);
    all.extend(
        forged
            .into_iter()
            .map(|(name, token)| none(name, Some(token))),
    );
    all
}

/// Tokens that name the owner and are none.
fn forgeries(world: &World, stage: &Stage, folder: &Path) -> Vec<(&'static str, String)> {
    let (owner, now) = (Bearer::user(stage.owner), SystemClock.now());
    let own = world.token_of(owner);
    let [header, claims, signature] = parts(&own);
    let other = world.token_of(Bearer::user(stage.stranger));
    let [_, others, _] = parts(&other);
    let foreign = KeyFolder::new(&folder.to_string_lossy()).token(owner, now);
    let [_, _, foreign_signature] = parts(&foreign);
    let (short, flipped) = (&signature[4..], flip(signature));
    vec![
        ("no token at all", "token".to_owned()),
        ("a key that nobody published", foreign.clone()),
        (
            "the name of the key and another key's signature",
            format!("{header}.{claims}.{foreign_signature}"),
        ),
        (
            "claims of somebody else",
            format!("{header}.{others}.{signature}"),
        ),
        (
            "a changed signature",
            format!("{header}.{claims}.{flipped}"),
        ),
        ("a short signature", format!("{header}.{claims}.{short}")),
        ("no signature", format!("{header}.{claims}.")),
        ("algorithm none", format!("{NONE}.{claims}.")),
        ("expired", world.keys.token(owner, now - HOURS)),
        ("not yet", world.keys.token(owner, now + HOURS)),
    ]
}

fn parts(token: &str) -> [&str; 3] {
    let parts: Vec<&str> = token.split('.').collect();
    parts.try_into().expect("three parts")
}

/// Another first character.
fn flip(text: &str) -> String {
    let first = if text.starts_with('A') { "B" } else { "A" };
    format!("{first}{}", &text[1..])
}
