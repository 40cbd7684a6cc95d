//! The image as pods name it.

use crds::ImageSpec;

/// The one image of every role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// `repository:tag` or `repository@digest`.
    pub reference: String,
    /// The tag, or the first twelve digits of the digest; fits into a label.
    pub version: String,
    /// `imagePullPolicy`.
    pub pull_policy: &'static str,
    /// Names of Secrets with registry logins.
    pub pull_secrets: Vec<String>,
}

impl Image {
    /// The image of a spec; an error is what the definition's rules refuse too.
    pub(super) fn parse(spec: &ImageSpec) -> Result<Self, String> {
        let (reference, version) = match (&spec.tag, &spec.digest) {
            (Some(tag), None) => (format!("{}:{tag}", spec.repository), tag.clone()),
            (None, Some(digest)) => {
                let hex = digest.strip_prefix("sha256:").unwrap_or(digest);
                (
                    format!("{}@{digest}", spec.repository),
                    hex.chars().take(12).collect(),
                )
            }
            _ => return Err("spec.image needs exactly one of tag and digest".to_owned()),
        };
        Ok(Self {
            reference,
            // A label value has at most 63 characters, a letter or digit at both ends; a tag may begin with `_`.
            version: version
                .chars()
                .take(63)
                .collect::<String>()
                .trim_matches(['-', '.', '_'])
                .to_owned(),
            pull_policy: spec.pull_policy.as_str(),
            pull_secrets: spec
                .pull_secrets
                .iter()
                .map(|secret| secret.name.clone())
                .collect(),
        })
    }
}
