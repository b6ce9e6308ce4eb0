//! What a guest is, and how h2k repairs it.
//!
//! ```text
//!  offline/   a guest on its disks, seen through libguestfs ─┐
//!  memory     a guest made of text, for tests ───────────────┼─▶ Guest ─▶ inspect/ ─▶ GuestFacts
//!                                                            │                           │
//!  registry ─▶ each Fixer.plan(facts, guest, policy) ◀───────┘───────────────────────────┘
//!                   │ pure: reads only
//!                   ▼
//!              Proposal { edits, concerns } ─▶ shown by PLAN ─▶ carried out by FIX through GuestMut
//! ```
//!
//! A fixer never touches a guest: it proposes edits, and on a fixed guest it proposes none.

pub mod append;
mod bytes;
pub mod concern;
pub mod concerns;
pub mod edit;
pub mod error;
pub mod facts;
pub mod fixer;
pub mod guest;
pub mod hive;
pub mod hostfile;
pub mod initramfs;
pub mod inspect;
pub mod linux;
pub mod memory;
pub mod offline;
pub mod packages;
pub mod patch;
pub mod qmp;
pub mod readiness;
pub mod recorder;
pub mod registry;
pub mod rpm;
pub mod undo;
pub mod windows;

pub use append::{ArchiveEntry, EntryContent};
pub use bytes::guid_text;
pub use concern::{Concern, Explained, Severity};
pub use edit::{Change, Content, Edit, FileMark};
pub use error::GuestError;
pub use facts::GuestFacts;
pub use fixer::{Fixer, Proposal};
pub use guest::{FileKind, Guest, GuestMut, Stat};
pub use memory::MemoryGuest;
pub use patch::Piece;
pub use recorder::Recorder;
