//! The `url` of a Secret: login and address in one line, and back.

use secrecy::{ExposeSecret as _, SecretString};

use super::Keys;

/// A user and its password.
#[derive(Debug, Clone)]
pub(crate) struct Login {
    /// Name on the server.
    pub(crate) user: String,
    /// Its password.
    pub(crate) password: SecretString,
}

/// `scheme://user:password@host:port/path`. Names and passwords that we make need no escape.
pub(crate) fn url(scheme: &str, login: &Login, host: &str, port: u16, path: &str) -> SecretString {
    let host = if host.contains(':') {
        format!("[{host}]")
    } else {
        host.to_owned()
    };
    SecretString::from(format!(
        "{scheme}://{}:{}@{host}:{port}/{path}",
        login.user,
        login.password.expose_secret()
    ))
}

/// The login in the `url`, or in `username` and `password`, of a Secret that we wrote; none if it cannot be read.
pub(crate) fn read_login(keys: &Keys) -> Option<Login> {
    let key = |name: &str| keys.get(name).map(SecretString::expose_secret);
    let (user, password) = match key("url") {
        Some(url) => {
            let (_, rest) = url.split_once("://")?;
            let (login, _) = rest.split_once('@')?;
            login.split_once(':')?
        }
        None => (key("username")?, key("password")?),
    };
    (!user.is_empty() && !password.is_empty()).then(|| Login {
        user: user.to_owned(),
        password: SecretString::from(password),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_read_back() {
        let login = Login {
            user: "demo_app_a".into(),
            password: SecretString::from("p-w_1"),
        };
        let text = url("postgres", &login, "::1", 5432, "demo?sslmode=verify-full");
        assert_eq!(
            text.expose_secret(),
            "postgres://demo_app_a:p-w_1@[::1]:5432/demo?sslmode=verify-full"
        );
        let read = read_login(&Keys::from([("url".to_owned(), text)])).unwrap();
        assert_eq!(read.user, "demo_app_a");
        assert_eq!(read.password.expose_secret(), "p-w_1");
    }

    #[test]
    fn damage_is_no_login() {
        for text in [
            "",
            "postgres://",
            "postgres://u@h",
            "postgres://:p@h",
            "u:p@h",
        ] {
            let keys = Keys::from([("url".to_owned(), SecretString::from(text))]);
            assert!(read_login(&keys).is_none(), "{text}");
        }
    }
}
