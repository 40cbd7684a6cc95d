//! The file that a report is: a tar archive, compressed, in which every entry is redacted on its way in.

use std::io;

use flate2::{Compression, write::GzEncoder};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::redact;

/// An archive that is being written. Whatever goes in passes through [`redact`] first.
pub(super) struct Archive {
    tar: tar::Builder<GzEncoder<Vec<u8>>>,
    folder: String,
    time: u64,
    /// Names of the entries so far.
    pub(super) entries: Vec<String>,
}

impl Archive {
    /// An empty archive whose entries are below `folder`.
    pub(super) fn new(folder: String, now: Timestamp) -> Self {
        Self {
            tar: tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default())),
            folder,
            time: u64::try_from(now.as_second()).unwrap_or_default(),
            entries: Vec::new(),
        }
    }

    /// Adds a text, such as a log.
    pub(super) fn text(&mut self, name: &str, text: &str) -> io::Result<()> {
        self.put(name, &redact::text(text))
    }

    /// Adds objects as YAML.
    pub(super) fn objects<T: Serialize>(&mut self, name: &str, objects: &[T]) -> io::Result<()> {
        let mut value = json!(objects);
        redact::object(&mut value);
        self.yaml(name, &value)
    }

    /// Adds what holds nothing of others, as YAML.
    pub(super) fn yaml(&mut self, name: &str, value: &Value) -> io::Result<()> {
        let yaml = serde_yaml::to_string(value).map_err(io::Error::other)?;
        self.put(name, &yaml)
    }

    fn put(&mut self, name: &str, text: &str) -> io::Result<()> {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        // Only for whoever unpacks it: a log may tell of people.
        header.set_mode(0o600);
        header.set_mtime(self.time);
        let path = format!("{}/{name}", self.folder);
        self.tar.append_data(&mut header, path, text.as_bytes())?;
        self.entries.push(name.to_owned());
        Ok(())
    }

    /// The bytes of the whole file.
    pub(super) fn finish(self) -> io::Result<Vec<u8>> {
        self.tar.into_inner()?.finish()
    }
}
