//! Every reason has its page, and no page is left of a reason that is gone.

use std::collections::BTreeSet;

use crds::Reason;

#[test]
fn reasons_and_pages_are_the_same() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/reasons");
    let pages: BTreeSet<String> = std::fs::read_dir(folder)
        .expect("the folder of pages")
        .map(|entry| {
            entry
                .expect("a page")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    let wanted: BTreeSet<String> = Reason::ALL
        .iter()
        .map(|reason| format!("{reason}.md"))
        .collect();
    assert_eq!(pages, wanted);
}

#[test]
fn a_reason_is_found_by_its_word() {
    for reason in Reason::ALL {
        assert_eq!(Reason::parse(reason.as_str()), Some(*reason));
    }
    assert_eq!(Reason::parse("Canary"), None);
}
