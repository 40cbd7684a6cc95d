//! Committed files that are made from code, one kind per file.
