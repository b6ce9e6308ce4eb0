//! NBD, both ways: a server that hands our readers to QEMU and libguestfs, and a client that reads the exports of
//! others as disks. Specification: the NBD protocol,
//! <https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md>.
//!
//! ```text
//!  DiskReader ──► Server (unix socket) ──► QEMU, libguestfs      serve_options    the server's negotiation
//!                                                                serve_requests   its transmission: requests, workers
//!                                                                serve_replies    its answers, by serve_wire
//!  nbd:// ──► NbdReader (pool) ──► Client ──► a foreign server   handshake, client, chunks
//! ```

mod chunks;
mod client;
#[cfg(test)]
mod dialogue_tests;
mod handshake;
mod link;
#[cfg(test)]
mod patchwork;
mod proto;
mod reader;
mod serve_options;
mod serve_replies;
mod serve_requests;
mod serve_wire;
mod server;
mod stream;

pub use client::Client;
pub(crate) use link::{image, open, parse, uri_of};
#[cfg(test)]
pub(crate) use patchwork::Patchwork;
pub use reader::NbdReader;
pub use server::{Server, serve_stream};
