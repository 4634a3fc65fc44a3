//! Names that cannot be mixed up: one newtype for each kind of thing a show holds.

use std::{borrow::Borrow, fmt, sync::Arc};

use serde::{Deserialize, Serialize};

/// Makes a readable id out of a name: lower case letters and digits, everything else one dash. Empty names give `item`.
pub fn slug(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for c in name.chars() {
        if c.is_alphanumeric() {
            out.extend(c.to_lowercase());
        } else if !out.ends_with('-') && !out.is_empty() {
            out.push('-');
        }
    }
    let out = out.trim_end_matches('-');
    if out.is_empty() { "item".to_owned() } else { out.to_owned() }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The id as it stands in the show file.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// A readable id for something called `name` that no member of `taken` has yet: `aisle`, `aisle-2`, …
            pub fn fresh<'a>(name: &str, taken: impl IntoIterator<Item = &'a $name>) -> Self {
                let taken: std::collections::BTreeSet<&str> = taken.into_iter().map($name::as_str).collect();
                let base = slug(name);
                let mut id = base.clone();
                let mut n = 2_u32;
                while taken.contains(id.as_str()) {
                    id = format!("{base}-{n}");
                    n += 1;
                }
                Self::from(id)
            }
        }

        impl From<&str> for $name {
            fn from(id: &str) -> Self {
                Self(Arc::from(id))
            }
        }

        impl From<String> for $name {
            fn from(id: String) -> Self {
                Self(Arc::from(id))
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }
    };
}

id!(
    /// A source: a camera, a microphone, a file, a picture or a text.
    SourceId
);
id!(
    /// A scene.
    SceneId
);
id!(
    /// A layer, unique within its scene (or among the overlays).
    LayerId
);
id!(
    /// A destination that the program is published to.
    DestinationId
);
