//! Constants of the NBD protocol (proto.md, "Values"), and bounds on what a server may say. All numbers on the wire
//! are big-endian.

use std::io;

/// First eight bytes of the server ("Newstyle negotiation").
pub(super) const NBDMAGIC: u64 = 0x4e42_444d_4147_4943;
/// Second eight bytes of the server, and the start of every option.
pub(super) const IHAVEOPT: u64 = 0x4948_4156_454f_5054;
/// Start of a reply to an option ("Option reply types").
pub(super) const OPTION_REPLY: u64 = 0x0003_e889_0455_65a9;
/// Start of a request ("Request message").
pub(super) const REQUEST: u32 = 0x2560_9513;
/// Start of a simple reply ("Simple reply message").
pub(super) const SIMPLE_REPLY: u32 = 0x6744_6698;

/// Handshake flags of the server and, with the same bits, of the client ("Handshake flags", "Client flags").
pub(super) const FIXED_NEWSTYLE: u16 = 1 << 0;
/// The 124 zeros at the end of `NBD_OPT_EXPORT_NAME` are left out.
pub(super) const NO_ZEROES: u16 = 1 << 1;

/// Option that takes the export by name and has no error reply ("Option types").
pub(super) const OPT_EXPORT_NAME: u32 = 1;
/// Option that takes the export by name and tells of it.
pub(super) const OPT_GO: u32 = 7;

/// Reply: done.
pub(super) const REP_ACK: u32 = 1;
/// Reply: information.
pub(super) const REP_INFO: u32 = 3;
/// Replies with this bit are errors.
pub(super) const REP_FLAG_ERROR: u32 = 1 << 31;
/// Error reply: the option is not known.
pub(super) const REP_ERR_UNSUP: u32 = REP_FLAG_ERROR + 1;

/// Information: size and transmission flags.
pub(super) const INFO_EXPORT: u16 = 0;
/// Information: block sizes.
pub(super) const INFO_BLOCK_SIZE: u16 = 3;

/// Request: read.
pub(super) const CMD_READ: u16 = 0;
/// Request: end the session.
pub(super) const CMD_DISC: u16 = 2;

/// Longest payload of an option reply that is taken, in bytes. An error text may have 4096 ("String … SHOULD NOT
/// exceed 4096 bytes").
pub(super) const MAX_OPTION_PAYLOAD: u32 = 16 << 10;

/// Most replies to one option: `NBD_OPT_GO` has a handful of kinds of information.
pub(super) const MAX_OPTION_REPLIES: u32 = 64;

/// Smallest block that every server must serve if it says nothing ("Block size constraints").
pub(super) const DEFAULT_MIN_BLOCK: u32 = 512;

/// Largest minimum block that is taken ("a power of 2 … no larger than 64k").
pub(super) const MAX_MIN_BLOCK: u32 = 64 << 10;

/// Bytes that are asked for at once. Every server serves 32 MiB; less keeps the buffers small.
pub(super) const MAX_READ: u32 = 4 << 20;

/// The server did what the protocol does not allow.
pub(super) fn violated(what: impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the NBD server breaks the protocol: {what}"))
}
