//! Every reason of a condition is produced by a test, out of the functions that tell it in earnest. Such a test hands what was
//! said to [`is_told`]; the test here reads which reasons come there, and holds them against the list and its pages.

use std::{collections::BTreeSet, fs, path::Path};

use crds::Reason;

/// Sees that this reason was told: `said` comes from an error or a condition that the operator made.
#[track_caller]
pub(crate) fn is_told(reason: Reason, said: &str) {
    assert_eq!(said, reason.as_str());
}

/// The reasons that come to [`is_told`] somewhere below a folder.
fn produced(folder: &Path, reasons: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            produced(&path, reasons);
        } else if path.extension().is_some_and(|end| end == "rs") && !path.ends_with("told.rs") {
            // However the lines are broken.
            let text = fs::read_to_string(&path).expect("a source");
            let text: String = text.split_whitespace().collect();
            let calls = text.split("is_told(Reason::").skip(1);
            reasons.extend(calls.filter_map(|call| Some(call.split_once(',')?.0.to_owned())));
        }
    }
}

#[test]
fn every_reason_is_produced_by_a_test_and_has_its_page() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let all: BTreeSet<String> = Reason::ALL.iter().map(ToString::to_string).collect();
    let mut reasons = BTreeSet::new();
    produced(&root.join("src"), &mut reasons);
    assert_eq!(reasons, all, "produced by tests, and all that there are");
    let pages = fs::read_dir(root.join("../docs/reasons")).expect("the pages");
    let pages: BTreeSet<String> = pages
        .map(|page| {
            page.expect("a page")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .map(|name| name.trim_end_matches(".md").to_owned())
        .collect();
    assert_eq!(pages, all, "pages, and all that there are");
}
