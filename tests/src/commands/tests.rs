//! The reader can fail: whatever a person would take for a command and nobody runs is an error.

use super::*;

const PAGE: &str = "\
# A page

```sh
NAMESPACE=crewdeck   # yours
export PGHOST=pg.example.org
```

Look, with `kubectl get`:

```sh
kubectl get pods
```

```text
NAME   READY
<pod>  1/1
…
```

<!-- not run: it takes everything with it -->
```sh
kubectl delete namespace \"$NAMESPACE\"
```

<!-- given: a pod is ill -->

```sh
kubectl get nodes
```
";

fn told(text: &str) -> String {
    format!(
        "{:#}",
        Page::read("page.md", text).expect_err("it is wrong")
    )
}

#[test]
fn a_page_is_read_in_its_order() {
    let page = Page::read("page.md", PAGE).expect("a page");
    let names: Vec<_> = page
        .variables
        .iter()
        .map(|(name, exported)| (name.as_str(), *exported))
        .collect();
    assert_eq!(names, [("NAMESPACE", false), ("PGHOST", true)]);
    let [look, delete, nodes] = page.blocks.as_slice() else {
        panic!("{:?}", page.blocks);
    };
    assert_eq!((look.line, look.code.as_str()), (10, "kubectl get pods"));
    assert_eq!(look.output.as_ref().map(Vec::len), Some(3));
    assert_eq!(
        delete.skipped.as_deref(),
        Some("it takes everything with it")
    );
    assert_eq!(nodes.given.as_deref(), Some("a pod is ill"));
}

#[test]
fn what_nobody_would_run_is_an_error() {
    let variables = "```sh\nNAMESPACE=a\n```\n";
    let after = |text: &str| told(&format!("{variables}\n{text}"));
    for (text, words) in [
        ("```console\n$ ls\n```", "not \"console\""),
        ("```\nls\n```", "not \"\""),
        ("```sh\nls", "without an end"),
        ("```sh\n```", "empty"),
        ("    kubectl get pods", "indented"),
        ("1. so\n\n   ```sh\n   ls\n   ```", "indented"),
        ("`kubectl get pods` shows them", "in no block"),
        ("<!-- skipped -->\n```sh\nls\n```", "unknown remark"),
        ("<!-- not run: no -->\n```sh\nls\n```", "no reason"),
        (
            "<!-- not run: it takes everything with it",
            "ends in the line",
        ),
        ("<!-- given: peace -->\nWords.", "no block after"),
        ("<!-- given: peace -->", "no block after"),
        ("Words.\n\n```text\nNAME\n```", "right after"),
        ("```sh\nls\n```\n\n```text\n<a> <b>\n…\n```", "every output"),
    ] {
        let error = after(text);
        assert!(error.contains(words), "{text}: {error}");
    }
    let skipped = "<!-- not run: it takes everything with it -->\n```sh\nkubectl get pods\n```\n`kubectl get pods` shows them";
    assert!(after(skipped).contains("in no block"));
    assert!(told("# Words alone\n").contains("no block"));
    assert!(told("```sh\nkubectl get pods\n```\n").contains("first block"));
    assert!(told("```sh\nlower=1\n```\n").contains("first block"));
}

#[test]
fn the_script_runs_what_is_to_be_run_with_the_values_of_the_test() {
    let page = Page::read("page.md", PAGE).expect("a page");
    let mut values = BTreeMap::from([("NAMESPACE", "it's mine".to_owned())]);
    let mut givens = BTreeMap::new();
    let error = page.script(&values, &givens).expect_err("no PGHOST");
    assert!(error.to_string().contains("PGHOST"), "{error:#}");
    values.insert("PGHOST", "10.0.0.1".to_owned());
    let error = page.script(&values, &givens).expect_err("nobody does it");
    assert!(error.to_string().contains("a pod is ill"), "{error:#}");
    givens.insert("a pod is ill", "false_alarm".to_owned());
    let script = page.script(&values, &givens).expect("a script");
    for words in [
        "NAMESPACE='it'\\''s mine'\n",
        "export PGHOST='10.0.0.1'\n",
        "{\nkubectl get pods\n} >\"$PRINTED\"/0.out",
        "false_alarm\n} >\"$PRINTED\"/given.out",
        "{\nkubectl get nodes\n} >\"$PRINTED\"/2.out",
    ] {
        assert!(script.contains(words), "{words}: {script}");
    }
    assert!(!script.contains("delete namespace"), "{script}");
}

#[test]
fn an_output_is_like_what_is_shown_or_not() {
    let is_like = |shown: &str, printed: &str| {
        let shown: Vec<String> = shown.lines().map(str::to_owned).collect();
        matches(&shown, printed).is_ok()
    };
    for (shown, printed) in [
        ("NAME READY", "NAME      READY  \n"),
        ("<pod> 1/1 <age>", "demo-web-1   1/1   3s"),
        ("a <b> c <d>", "a b c c c"),
        ("…\nlast", "first\nlast"),
        ("…\nb\n…", "a\nb\nc"),
        ("…\nb\nc", "b\nd\nb\nc"),
        ("a < b", "a < b"),
        ("kept <none>", "kept <none>"),
        ("grüße <wer>", "grüße éé"),
    ] {
        assert!(is_like(shown, printed), "{shown} and {printed}");
    }
    for (shown, printed) in [
        ("NAME READY", "NAME READY AGE"),
        ("<pod> 1/1", "demo 0/1"),
        ("<pod> 1/1", "1/1"),
        ("a", "a\nb"),
        ("a\nb", "a"),
        ("a\n…\nb", "a\nc"),
        ("a <x>", "a"),
    ] {
        assert!(!is_like(shown, printed), "{shown} and {printed}");
    }
    let shown = ["a".to_owned(), "b".to_owned()];
    let error = matches(&shown, "a\nc").expect_err("not b");
    assert!(error.to_string().contains("shows \"b\""), "{error:#}");
}
