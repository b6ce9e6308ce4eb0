//! Constants of the NBD protocol (proto.md, "Values"), and bounds on what the other side may say. All numbers on the
//! wire are big-endian.

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
/// Start of a chunk of a structured reply ("Structured reply chunk message").
pub(super) const STRUCTURED_REPLY: u32 = 0x668e_33ef;

/// Handshake flags of the server and, with the same bits, of the client ("Handshake flags", "Client flags").
pub(super) const FIXED_NEWSTYLE: u16 = 1 << 0;
/// The 124 zeros at the end of `NBD_OPT_EXPORT_NAME` are left out.
pub(super) const NO_ZEROES: u16 = 1 << 1;

/// Option that takes the export by name and has no error reply ("Option types").
pub(super) const OPT_EXPORT_NAME: u32 = 1;
/// Option that ends the negotiation without a session.
pub(super) const OPT_ABORT: u32 = 2;
/// Option that asks for the names of all exports.
pub(super) const OPT_LIST: u32 = 3;
/// Option that tells of an export without taking it.
pub(super) const OPT_INFO: u32 = 6;
/// Option that takes the export by name and tells of it.
pub(super) const OPT_GO: u32 = 7;
/// Option that turns structured replies on.
pub(super) const OPT_STRUCTURED_REPLY: u32 = 8;
/// Option that asks which metadata contexts there are.
pub(super) const OPT_LIST_META_CONTEXT: u32 = 9;
/// Option that chooses the metadata contexts that `NBD_CMD_BLOCK_STATUS` tells.
pub(super) const OPT_SET_META_CONTEXT: u32 = 10;

/// Reply: done.
pub(super) const REP_ACK: u32 = 1;
/// Reply: the name of an export.
pub(super) const REP_SERVER: u32 = 2;
/// Reply: information.
pub(super) const REP_INFO: u32 = 3;
/// Reply: a metadata context.
pub(super) const REP_META_CONTEXT: u32 = 4;
/// Replies with this bit are errors.
pub(super) const REP_FLAG_ERROR: u32 = 1 << 31;
/// Error reply: the option is not known.
pub(super) const REP_ERR_UNSUP: u32 = REP_FLAG_ERROR + 1;
/// Error reply: the option's data makes no sense.
pub(super) const REP_ERR_INVALID: u32 = REP_FLAG_ERROR + 3;
/// Error reply: the server demands TLS.
pub(super) const REP_ERR_TLS_REQD: u32 = REP_FLAG_ERROR + 5;
/// Error reply: there is no such export.
pub(super) const REP_ERR_UNKNOWN: u32 = REP_FLAG_ERROR + 6;

/// Information: size and transmission flags.
pub(super) const INFO_EXPORT: u16 = 0;
/// Information: the export's name.
pub(super) const INFO_NAME: u16 = 1;
/// Information: block sizes.
pub(super) const INFO_BLOCK_SIZE: u16 = 3;

/// Transmission flag: the flags mean something ("Transmission flags").
pub(super) const HAS_FLAGS: u16 = 1 << 0;
/// Transmission flag: nothing can be written.
pub(super) const READ_ONLY: u16 = 1 << 1;
/// Transmission flag: `NBD_CMD_FLUSH` is understood.
pub(super) const SEND_FLUSH: u16 = 1 << 2;
/// Transmission flag: [`FLAG_DF`] is understood.
pub(super) const SEND_DF: u16 = 1 << 7;
/// Transmission flag: several connections see the same bytes.
pub(super) const CAN_MULTI_CONN: u16 = 1 << 8;

/// Request: read.
pub(super) const CMD_READ: u16 = 0;
/// Request: write.
pub(super) const CMD_WRITE: u16 = 1;
/// Request: end the session.
pub(super) const CMD_DISC: u16 = 2;
/// Request: have what was written on disk.
pub(super) const CMD_FLUSH: u16 = 3;
/// Request: forget a range.
pub(super) const CMD_TRIM: u16 = 4;
/// Request: write zeros.
pub(super) const CMD_WRITE_ZEROES: u16 = 6;
/// Request: what is where.
pub(super) const CMD_BLOCK_STATUS: u16 = 7;

/// Flag of a request: have it on disk; means nothing where nothing is written.
pub(super) const FLAG_FUA: u16 = 1 << 0;
/// Flag of a read: answer in one piece.
pub(super) const FLAG_DF: u16 = 1 << 2;
/// Flag of a block status: one extent only.
pub(super) const FLAG_REQ_ONE: u16 = 1 << 3;

/// Flag of a chunk: the last one of its reply.
pub(super) const CHUNK_DONE: u16 = 1 << 0;
/// Chunk: nothing ("Structured reply types").
pub(super) const CHUNK_NONE: u16 = 0;
/// Chunk: an offset and the bytes there.
pub(super) const CHUNK_DATA: u16 = 1;
/// Chunk: an offset and how many zeros are there.
pub(super) const CHUNK_HOLE: u16 = 2;
/// Chunk: a metadata context and its extents.
pub(super) const CHUNK_STATUS: u16 = 5;
/// Chunks with this bit are errors.
pub(super) const CHUNK_FLAG_ERROR: u16 = 1 << 15;
/// Error chunk: number and text.
pub(super) const CHUNK_ERROR: u16 = CHUNK_FLAG_ERROR + 1;

/// The metadata context that tells what is allocated ("Metadata querying").
pub(super) const BASE_ALLOCATION: &str = "base:allocation";
/// State of an extent: nothing is stored there.
pub(super) const STATE_HOLE: u32 = 1 << 0;
/// State of an extent: it reads as zeros.
pub(super) const STATE_ZERO: u32 = 1 << 1;

/// Error: not permitted ("Error values").
pub(super) const EPERM: u32 = 1;
/// Error: the medium failed.
pub(super) const EIO: u32 = 5;
/// Error: the request makes no sense.
pub(super) const EINVAL: u32 = 22;
/// All error values. They are those of Linux; any other is to be taken as `EINVAL`.
const ERRORS: [u32; 8] = [EPERM, EIO, 12, EINVAL, 28, 75, 95, 108];

/// Longest payload of an option or of an option's reply that is taken, in bytes. A name or an error text may have
/// 4096 ("String … SHOULD NOT exceed 4096 bytes").
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

/// An error value on the wire, with the server's own words if it has any.
pub(super) fn server_error(value: u32, text: &str) -> io::Error {
    let value = if ERRORS.contains(&value) { value } else { EINVAL };
    let error = io::Error::from_raw_os_error(value as i32);
    if text.is_empty() {
        return error;
    }
    // The words are a stranger's: kept to one line of bearable length.
    let text: String = text.chars().filter(|c| !c.is_control()).take(500).collect();
    io::Error::new(error.kind(), format!("{error}: the NBD server says: {text}"))
}
