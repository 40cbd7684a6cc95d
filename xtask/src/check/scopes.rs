//! Rights: a function of a store takes a scope, which only code that looks at rights can make. Forgetting them does not compile;
//! that a new function asks for one at all is what is looked at here.

use super::{Outcome, sources::Source};
use std::path::Path;

/// Where a store belongs to somebody.
const DOMAINS: &[&str] = &["api-server/", "analytics/"];

/// Makes the scopes.
const MAKERS: &[&str] = &["scope.rs", "replica/access.rs"];

/// What needs no scope, and why. What is listed without need is a finding: the list only gets shorter by itself.
const EXCEPTIONS: &[(&str, &[&str], &str)] = &[
    (
        "api-server/users/src/store/session.rs",
        &["start", "lock", "rotate", "end", "revoke_family"],
        "the right is the password or the token itself",
    ),
    (
        "api-server/users/src/store/session.rs",
        &["is_alive"],
        "it is asked about the bearer of a ticket, who has nothing to choose",
    ),
    (
        "api-server/users/src/store/user.rs",
        &["credentials"],
        "nobody is signed in yet",
    ),
    (
        "api-server/notifications/src/store/mod.rs",
        &["insert"],
        "the event tells whose it is",
    ),
    (
        "analytics/src/store/own/count.rs",
        &["count"],
        "the event tells whose it is",
    ),
    (
        "analytics/src/store/own/forget.rs",
        &["forget"],
        "the inbox is nobody's",
    ),
];

/// Reads every store.
pub(super) fn run(sources: &[Source]) -> Outcome {
    let stores: Vec<&Source> = sources.iter().filter(|source| is_store(source)).collect();
    let functions: Vec<Function> = stores.iter().flat_map(|source| functions(source)).collect();
    let scoped = functions.iter().filter(|one| one.is_scoped).count();
    let mut findings: Vec<String> = functions.iter().filter_map(judge).collect();
    findings.extend(needless(&functions));
    Outcome::of(
        findings,
        format!(
            "{} functions of {} store files, {scoped} with a scope",
            functions.len(),
            stores.len()
        ),
    )
}

fn is_store(source: &Source) -> bool {
    let of_a_domain = DOMAINS.iter().any(|folder| source.path.starts_with(folder));
    let makes = MAKERS.iter().any(|maker| source.path.ends_with(maker));
    of_a_domain && source.within(&["store"]) && !source.is_aside() && !makes
}

/// An async function that others may call.
#[derive(Debug)]
struct Function<'a> {
    source: &'a Source,
    line: usize,
    name: &'a str,
    is_scoped: bool,
}

fn functions(source: &Source) -> Vec<Function<'_>> {
    let mut found = Vec::new();
    let mut offset = 0;
    for (index, line) in source.shipped().split_inclusive('\n').enumerate() {
        let start = offset;
        offset += line.len();
        let Some((before, after)) = line.split_once("async fn ") else {
            continue;
        };
        if !before.trim_start().starts_with("pub") {
            continue;
        }
        let name = after.split(['(', '<']).next().unwrap_or_default();
        // To where what it gives begins, or its body.
        let signature = source.text[start..].split(['{', ';']).next();
        let parameters = signature.and_then(|text| text.split("->").next());
        found.push(Function {
            source,
            line: index + 1,
            name,
            is_scoped: parameters.is_some_and(names_a_scope),
        });
    }
    found
}

/// Whether one of the types is a scope.
fn names_a_scope(parameters: &str) -> bool {
    parameters
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .any(|word| word.ends_with("Scope") || ["Own", "Platform"].contains(&word))
}

fn is_excepted(function: &Function<'_>) -> bool {
    EXCEPTIONS.iter().any(|(file, names, _)| {
        function.source.path == Path::new(file) && names.contains(&function.name)
    })
}

fn judge(function: &Function<'_>) -> Option<String> {
    (!function.is_scoped && !is_excepted(function)).then(|| {
        let what = format!(
            "{} takes no scope (a parameter of type …Scope, Own or Platform, made where the right is looked at): whoever calls \
             it need not have asked for any right",
            function.name
        );
        function.source.finding(function.line, &what)
    })
}

/// Exceptions that nothing needs any more.
fn needless(functions: &[Function<'_>]) -> Vec<String> {
    let listed = EXCEPTIONS
        .iter()
        .flat_map(|(file, names, _)| names.iter().map(move |name| (*file, *name)));
    listed
        .filter(|(file, name)| {
            !functions.iter().any(|function| {
                !function.is_scoped
                    && function.name == *name
                    && function.source.path == Path::new(file)
            })
        })
        .map(|(file, name)| {
            format!("{file}: {name} needs no exception any more: take it out of xtask/src/check/scopes.rs")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "api-server/tasks/src/store/task.rs";

    fn findings(path: &str, code: &str) -> usize {
        let source = Source::new(path, code);
        if !is_store(&source) {
            return 0;
        }
        functions(&source).iter().filter_map(judge).count()
    }

    #[test]
    fn accepts_what_takes_a_scope() {
        for code in [
            "pub(crate) async fn get(connection: &mut PgConnection, scope: &ReadScope, id: Uuid) -> Result<Task, Error> {\n",
            "pub(crate) async fn page(\n    connection: &mut PgConnection,\n    own: Own,\n    limit: i64,\n) -> Result<(), Error> {\n",
            "    pub(super) async fn days(&self, scope: Scope) -> Result<(), Error> {\n",
            "pub(crate) async fn purge(c: &mut PgConnection, _: Platform) -> Result<u64, Error> {\n",
        ] {
            assert_eq!(findings(PATH, code), 0, "{code}");
        }
    }

    #[test]
    fn rejects_what_takes_none() {
        for code in [
            "pub(crate) async fn get(connection: &mut PgConnection, team: Uuid) -> Result<Task, Error> {\n",
            "pub async fn get<'a>(connection: &'a mut PgConnection) -> Result<ReadScope, Error> {\n",
            "pub(crate) async fn all(\n    connection: &mut PgConnection,\n) {\n    let scope: ReadScope = x;\n}\n",
        ] {
            assert_eq!(findings(PATH, code), 1, "{code}");
        }
    }

    #[test]
    fn private_functions_and_makers_of_scopes_need_none() {
        let code = "async fn role_of(connection: &mut PgConnection, user: Uuid) -> Role {\n";
        assert_eq!(findings(PATH, code), 0);
        let code = "pub(crate) async fn of(connection: &mut PgConnection) -> Self {\n";
        assert_eq!(findings("api-server/tasks/src/store/scope.rs", code), 0);
        assert_eq!(findings("common/db/src/store/x.rs", code), 0);
        assert_eq!(findings(PATH, code), 1);
    }

    #[test]
    fn an_exception_goes_with_what_needed_it() {
        assert_eq!(needless(&[]).len(), 10);
        let (file, names, _) = EXCEPTIONS[2];
        let scoped = format!("pub(crate) async fn {}(own: Own) {{\n", names[0]);
        let source = Source::new(file, &scoped);
        assert_eq!(needless(&functions(&source)).len(), 10);
        let bare = format!("pub(crate) async fn {}(who: Uuid) {{\n", names[0]);
        let source = Source::new(file, &bare);
        assert_eq!(needless(&functions(&source)).len(), 9);
    }
}
