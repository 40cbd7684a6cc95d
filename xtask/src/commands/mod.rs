//! One file per command: its options as `Args`, and `run`.

pub(crate) mod check;
pub(crate) mod cluster;
pub(crate) mod down;
pub(crate) mod generate;
pub(crate) mod image;
pub(crate) mod kubectl;
pub(crate) mod status;
pub(crate) mod test;
pub(crate) mod up;
