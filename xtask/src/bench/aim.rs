//! What a figure should be, and how it is written.

/// A bound that a figure should keep.
#[derive(Debug, Clone, Copy)]
pub(super) enum Aim {
    /// At least this.
    Least(f64),
    /// At most this.
    Most(f64),
}

impl Aim {
    /// The bound, such as `≤ 20`.
    pub(super) fn bound(self) -> String {
        match self {
            Self::Least(least) => format!("≥ {}", short(least)),
            Self::Most(most) => format!("≤ {}", short(most)),
        }
    }

    /// Whether a figure keeps it: `holds`, `missed` or `not measured`.
    pub(super) fn verdict(self, figure: Option<f64>) -> &'static str {
        let holds = match (self, figure) {
            (_, None) => return "not measured",
            (Self::Least(least), Some(figure)) => figure >= least,
            (Self::Most(most), Some(figure)) => figure <= most,
        };
        if holds { "holds" } else { "missed" }
    }
}

/// As many digits as say something.
pub(super) fn short(figure: f64) -> String {
    if figure.is_infinite() {
        "not yet".to_owned()
    } else if figure.abs() >= 99.95 || figure.fract() == 0.0 {
        format!("{figure:.0}")
    } else if figure.abs() < 1.0 {
        format!("{figure:.2}")
    } else {
        format!("{figure:.1}")
    }
}
