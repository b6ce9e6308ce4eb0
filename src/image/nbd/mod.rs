//! A minimal NBD client: reads a disk that a server on a unix socket exports.
//! Specification: the NBD protocol, <https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md>.

mod client;
mod handshake;
mod proto;

pub use client::Client;
