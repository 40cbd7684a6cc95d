//! Reasons of conditions and Events. Each has a page `docs/reasons/<Reason>.md`.

macro_rules! reasons {
    ($($(#[doc = $doc:literal])* $name:ident,)*) => {
        /// Why a condition stands as it does.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason {
            $($(#[doc = $doc])* $name,)*
        }

        impl Reason {
            /// Every reason.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The word in `reason`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }
        }
    };
}

reasons! {
    /// It stands as wanted.
    Ready,
    /// The operator is at work on it.
    Progressing,
    /// It comes after a step that is not done.
    NotReached,
    /// The operator leaves this Platform alone because `suspend` is set.
    Suspended,
    /// Objects differ from what is wanted, and are left so because `suspend` is set.
    Drifted,
    /// The Platform is being deleted.
    Deleting,
    /// The spec cannot be used as it is.
    InvalidSpec,
    /// A named Secret does not exist.
    SecretNotFound,
    /// A named Secret lacks a key or has one that cannot be used.
    SecretInvalid,
    /// The operator may not read or write a Secret of this Platform.
    SecretForbidden,
    /// A server does not answer.
    BackendUnreachable,
    /// A server refuses the admin login.
    LoginRefused,
    /// A server refuses something the operator must do there.
    BackendRefused,
    /// A server works, and by its settings lets in somebody who should be kept out.
    InsecureServer,
    /// Something of that name exists and is not ours.
    NotOurs,
    /// The replica has not replayed what was written on the primary.
    ReplicaLagging,
    /// Topics are not yet known to every broker.
    TopicsPending,
    /// A topic is otherwise than the spec asks for, and the operator does not change that.
    TopicsDiffer,
    /// The stored key ring cannot be used.
    SigningKeyInvalid,
    /// The clocks of the operator and of the API server differ.
    ClockSkew,
    /// Pods do not use the newest key set, or still sign with the former key.
    KeyPropagation,
    /// The next signing key should have taken over long ago.
    RotationOverdue,
    /// Pods may still use a login that has a successor.
    CredentialPropagation,
    /// A migration runs.
    MigrationRunning,
    /// A migration failed.
    MigrationFailed,
    /// A database that was migrated has no tables any more.
    DatabaseLost,
    /// An upgrade waits for a person to approve its plan.
    ApprovalPending,
    /// The last part of a migration comes when every role runs the new version.
    ContractPending,
    /// A new version did not start; the roles went back to the last one that did.
    RolledBack,
    /// A node cannot get the image.
    ImagePullFailed,
    /// Pods of a role are not yet ready.
    RolloutPending,
    /// Pods of a role end again and again.
    PodsCrashing,
    /// The cluster lacks a kind that the spec asks for.
    KindNotInstalled,
    /// A Gateway does not serve the route.
    RouteNotAccepted,
    /// Kubernetes refuses an object of ours.
    ApplyRefused,
    /// The API server does not answer.
    ApiUnavailable,
    /// Things are left on a server that is gone.
    LeftBehind,
}

impl Reason {
    /// Whether it only says that something takes its time: nobody has to be warned.
    #[must_use]
    pub fn is_progress(self) -> bool {
        matches!(
            self,
            Self::Ready
                | Self::Progressing
                | Self::NotReached
                | Self::Suspended
                | Self::Deleting
                | Self::TopicsPending
                | Self::MigrationRunning
                | Self::ContractPending
                | Self::RolloutPending
                | Self::RouteNotAccepted
        )
    }

    /// The reason of this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|reason| reason.as_str() == word)
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.as_str())
    }
}
