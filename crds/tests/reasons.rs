//! Reasons and their words. That each has its page, and is produced by a test, is seen where they are told:
//! `operator/src/told.rs`.

use crds::Reason;

#[test]
fn a_reason_is_found_by_its_word() {
    for reason in Reason::ALL {
        assert_eq!(Reason::parse(reason.as_str()), Some(*reason));
    }
    assert_eq!(Reason::parse("Canary"), None);
}
