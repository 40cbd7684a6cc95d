//! Loading: file and environment merged into one table per section.

use std::collections::BTreeMap;
use std::path::Path;

use toml::{Table, Value};

use crate::{AppConfig, ConfigError, FileSchema, newer, section::keys_of};

const PREFIX: &str = "CREWDECK_";
/// Variables of that prefix which are not settings: the path of the file itself.
const RESERVED: [&str; 1] = ["CREWDECK_CONFIG"];

/// A loaded configuration from which sections are taken.
#[derive(Debug, Default)]
pub struct Source {
    file: Option<Loaded>,
    environment: BTreeMap<String, String>,
}

#[derive(Debug)]
struct Loaded {
    name: String,
    text: String,
    table: Table,
    /// Whether a newer program wrote it: what is not known in it is passed over.
    is_newer: bool,
}

impl Source {
    /// Reads `file` (if given) and keeps the variables of `environment` that start with
    /// `CREWDECK_`.
    ///
    /// # Errors
    /// When the file cannot be read or is not TOML, or its number is none; the error has its line.
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let file = file.map(Loaded::read).transpose()?;
        let environment = environment
            .into_iter()
            .filter(|(name, _)| name.starts_with(PREFIX) && !RESERVED.contains(&name.as_str()))
            .collect();
        Ok(Self { file, environment })
    }

    /// The section of `T`; keys that are absent take the defaults of the type.
    ///
    /// # Errors
    /// When a key is unknown (but for those of a newer file), a required one is absent, or a value has the wrong type.
    pub fn section<T: AppConfig>(&self) -> Result<T, ConfigError> {
        let keys = keys_of::<T>();
        let mut table = self.file_table(T::SECTION)?;
        match &self.file {
            Some(file) if file.is_newer => table.retain(|key, _| is_known(key, &keys)),
            Some(file) => {
                for key in table.keys() {
                    file.known(key, &keys)?;
                }
            }
            None => {}
        }
        self.overlay::<T>(&mut table, &keys)?;
        let table = resolve_files(table, &keys);
        T::deserialize(Value::Table(table)).map_err(|error| ConfigError::Invalid {
            section: T::SECTION,
            place: self.place(T::SECTION),
            message: error.message().to_owned(),
        })
    }

    /// Whether the file or the environment says anything about `section`.
    #[must_use]
    pub fn has_section(&self, section: &str) -> bool {
        let prefix = format!("{PREFIX}{}_", section.to_uppercase());
        self.file
            .as_ref()
            .is_some_and(|file| file.table.contains_key(section))
            || self
                .environment
                .keys()
                .any(|name| name.starts_with(&prefix))
    }

    /// Whether the file or the environment says what `key` of `section` is, itself or as `<key>_file`.
    #[must_use]
    pub fn has_key(&self, section: &str, key: &str) -> bool {
        let prefix = format!("{PREFIX}{}_", section.to_uppercase());
        let table = self
            .file
            .as_ref()
            .and_then(|file| file.table.get(section)?.as_table());
        [key.to_owned(), format!("{key}_file")].iter().any(|key| {
            table.is_some_and(|table| table.contains_key(key))
                || self
                    .environment
                    .contains_key(&format!("{prefix}{}", key.to_uppercase()))
        })
    }

    /// What of a newer file is passed over, since `schema` does not have it: `[section]`, or `[section] key`.
    #[must_use]
    pub fn passed_over(&self, schema: &FileSchema) -> Vec<String> {
        let Some(file) = self.file.as_ref().filter(|file| file.is_newer) else {
            return Vec::new();
        };
        let of_section = |(name, values): (&String, &Value)| match schema.keys(name) {
            None => vec![format!("[{name}]")],
            Some(known) => values
                .as_table()
                .into_iter()
                .flat_map(Table::keys)
                .filter(|key| !known.contains(&key.as_str()))
                .map(|key| format!("[{name}] {key}"))
                .collect(),
        };
        file.table.iter().flat_map(of_section).collect()
    }

    /// Refuses sections, in the environment or in a file that is not newer, that are not in `known`.
    ///
    /// # Errors
    /// [`ConfigError::UnknownKey`] for the first one, with the nearest known section.
    pub fn deny_unknown_sections(&self, known: &[&str]) -> Result<(), ConfigError> {
        if let Some(file) = self.file.as_ref().filter(|file| !file.is_newer) {
            for section in file.table.keys() {
                if !known.contains(&section.as_str()) {
                    return Err(ConfigError::UnknownKey {
                        key: section.clone(),
                        place: file.line_of(section),
                        suggestion: nearest(section, known.iter().copied()),
                    });
                }
            }
        }
        for name in self.environment.keys() {
            let rest = name[PREFIX.len()..].to_lowercase();
            let owned = known
                .iter()
                .any(|section| rest.starts_with(&format!("{section}_")));
            if !owned {
                let section = rest.split('_').next().unwrap_or_default();
                return Err(ConfigError::UnknownKey {
                    key: name.clone(),
                    place: "the environment".to_owned(),
                    suggestion: nearest(section, known.iter().copied())
                        .map(|section| format!("{PREFIX}{}_…", section.to_uppercase())),
                });
            }
        }
        Ok(())
    }

    fn file_table(&self, section: &'static str) -> Result<Table, ConfigError> {
        let Some(file) = &self.file else {
            return Ok(Table::new());
        };
        match file.table.get(section) {
            None => Ok(Table::new()),
            Some(Value::Table(table)) => Ok(table.clone()),
            Some(other) => Err(ConfigError::Invalid {
                section,
                place: file.line_of(section),
                message: format!("expected a table, found {}", other.type_str()),
            }),
        }
    }

    fn overlay<T: AppConfig>(&self, table: &mut Table, keys: &[String]) -> Result<(), ConfigError> {
        let prefix = format!("{PREFIX}{}_", T::SECTION.to_uppercase());
        for (name, text) in &self.environment {
            let Some(key) = name.strip_prefix(&prefix) else {
                continue;
            };
            let key = key.to_lowercase();
            if !is_known(&key, keys) {
                return Err(ConfigError::UnknownKey {
                    suggestion: nearest(&key, keys.iter().map(String::as_str))
                        .map(|near| format!("{prefix}{}", near.to_uppercase())),
                    key: name.clone(),
                    place: "the environment".to_owned(),
                });
            }
            let base = key.strip_suffix("_file").filter(|_| !keys.contains(&key));
            if let Some(base) = base {
                table.remove(base);
            } else {
                table.remove(&format!("{key}_file"));
            }
            table.insert(key, scalar(text));
        }
        Ok(())
    }

    fn place(&self, section: &str) -> String {
        self.file.as_ref().map_or_else(
            || "the environment".to_owned(),
            |file| file.line_of(&format!("[{section}]")),
        )
    }
}

impl Loaded {
    fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        let name = path.display().to_string();
        let mut table = text.parse::<Table>().map_err(|error| {
            let line = error
                .span()
                .map_or(1, |span| text[..span.start].matches('\n').count() + 1);
            ConfigError::Syntax {
                place: format!("{name}:{line}"),
                message: error.message().to_owned(),
            }
        })?;
        let number = newer::take(&mut table, newer::KEYS);
        let mut file = Self {
            name,
            text,
            table,
            is_newer: false,
        };
        file.is_newer = number.map_err(|given| ConfigError::Syntax {
            place: file.line_of(newer::NAME),
            message: format!(
                "{} is {given}; the operator writes a whole number from 1 on; leave it out of a file of your own",
                newer::NAME
            ),
        })?;
        Ok(file)
    }

    fn known(&self, key: &str, keys: &[String]) -> Result<(), ConfigError> {
        if is_known(key, keys) {
            return Ok(());
        }
        Err(ConfigError::UnknownKey {
            key: key.to_owned(),
            place: self.line_of(key),
            suggestion: nearest(key, keys.iter().map(String::as_str)),
        })
    }

    /// `file:line` of the first line that begins with `word`, or the file alone.
    fn line_of(&self, word: &str) -> String {
        let bare = word.trim_matches(['[', ']']);
        self.text
            .lines()
            .position(|line| line.trim_start_matches(['[', ' ', '\t']).starts_with(bare))
            .map_or_else(
                || self.name.clone(),
                |at| format!("{}:{}", self.name, at + 1),
            )
    }
}

/// `url_file` is known where `url` is: the loader turns it into a reference.
fn is_known(key: &str, keys: &[String]) -> bool {
    let has = |name: &str| keys.iter().any(|known| known == name);
    has(key) || key.strip_suffix("_file").is_some_and(has)
}

/// Turns `url_file = "/path"` into `url = { file = "/path" }` where only `url` is a key.
fn resolve_files(table: Table, keys: &[String]) -> Table {
    let mut resolved = Table::new();
    for (key, value) in table {
        let base = key
            .strip_suffix("_file")
            .filter(|_| !keys.contains(&key))
            .map(str::to_owned);
        match base {
            Some(base) => {
                let mut reference = Table::new();
                reference.insert("file".to_owned(), value);
                resolved.insert(base, Value::Table(reference));
            }
            None => {
                resolved.entry(key).or_insert(value);
            }
        }
    }
    resolved
}

/// A variable's text as the TOML value it looks like, else as a string.
fn scalar(text: &str) -> Value {
    match text {
        "true" => Value::Boolean(true),
        "false" => Value::Boolean(false),
        _ => text
            .parse::<i64>()
            .map_or_else(|_| Value::String(text.to_owned()), Value::Integer),
    }
}

/// The known word within a third of the length in edits, if there is one.
fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    known
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(edits, candidate)| *edits <= candidate.len().div_ceil(3))
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate.to_owned())
}

#[cfg(test)]
mod tests;
