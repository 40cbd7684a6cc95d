//! `sqlx::migrate!` tells Cargo of the files that it found, not of the folder: a migration that is added needs this.

fn main() {
    println!("cargo::rerun-if-changed=migrations");
}
