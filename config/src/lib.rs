//! What h2k is told: settings, policy and their layers. No I/O besides reading the files it is given.
//!
//! ```text
//!  command line ─┐
//!  H2K_* ────────┤ Settings (every field may be unset), merged from top to bottom
//!  ./h2k.yaml ───┼──────────────────────────────────────────────▶ resolve ─▶ Resolved { policy, … }
//!  ~/.config ────┤
//!  /etc ─────────┘
//! ```
//!
//! One table, [`KEYS`], feeds the YAML reader, the environment, the manual and the test that compares the keys with
//! the long options.

pub mod batch;
pub mod choice;
pub mod concern_ids;
pub mod customize;
pub mod env;
pub mod error;
pub mod expression;
pub mod key;
pub mod keys;
pub mod layers;
pub mod nearest;
pub mod network;
pub mod nic;
pub mod policy;
pub mod rules;
pub mod settings;
pub mod surroundings;
pub mod yaml;

pub use choice::{Choice, LogFormat};
pub use customize::Customize;
pub use error::{ConfigError, Origin, Problem};
pub use key::{KeyError, KeyRef, Secret, SecretPlace, VolumeSelector};
pub use keys::{KEYS, Key, Kind};
pub use layers::{Loaded, load};
pub use policy::*;
pub use rules::{UserRule, Weight};
pub use settings::{Resolved, Settings};
pub use surroundings::Surroundings;
