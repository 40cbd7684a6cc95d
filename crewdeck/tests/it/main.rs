//! The program as people start it: its command line, and all roles in one process.

mod command_line;
mod dev;
mod program;
