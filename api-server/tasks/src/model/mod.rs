//! Tasks as the domain knows them. No HTTP, no SQL.

mod change;
mod status;
mod task;
mod text;
mod time;

pub(crate) use change::{Change, changed};
pub(crate) use status::Status;
pub(crate) use task::{NewTask, Task};
pub(crate) use text::{Description, Priority, Title};
pub(crate) use time::{Moment, stored, writable};
