//! NBD exports by URI (the NBD project's doc/uri.md): `nbd://host[:port]/export` and
//! `nbd+unix:///export?socket=PATH`. Only reading the URI; nothing is connected to.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::error::FetchError;

/// TCP port where the URI names none (doc/uri.md, "NBD URI components").
const DEFAULT_PORT: u16 = 10809;

/// Longest export name in bytes (proto.md, "String … SHOULD NOT exceed 4096 bytes").
const MAX_EXPORT: usize = 4096;

/// Schemes of NBD that are known and not spoken.
const UNSPOKEN: [(&str, &str); 4] = [
    ("nbds", "not supported: TLS"),
    ("nbds+unix", "not supported: TLS"),
    ("nbds+vsock", "not supported: TLS"),
    ("nbd+vsock", "not supported: VM sockets"),
];

/// An export of an NBD server. `Display` is its URI in one normal form.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NbdUri {
    /// Where the server listens.
    pub server: NbdServer,
    /// Name of the export; empty for the server's default one.
    pub export: String,
}

/// Where an NBD server listens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum NbdServer {
    /// A unix socket, by its absolute path.
    Unix(PathBuf),
    /// A TCP port.
    Tcp {
        /// Name or address, an IPv6 one without brackets.
        host: String,
        /// Port.
        port: u16,
    },
}

impl NbdUri {
    /// Whether this is the URI of an NBD export, read or refused, and no path.
    pub fn is_uri(source: &Path) -> bool {
        source.to_str().and_then(|text| text.split_once("://")).is_some_and(|(scheme, _)| {
            matches!(scheme, "nbd" | "nbd+unix") || UNSPOKEN.iter().any(|(unspoken, _)| *unspoken == scheme)
        })
    }

    /// Reads a URI. User names and passwords are refused: the URI is kept in the state and in reports.
    ///
    /// # Errors
    /// `Usage` for what is no URI of an export, `Unsupported` for TLS and VM sockets.
    pub fn parse(uri: &str) -> Result<Self, FetchError> {
        let (scheme, rest) = uri.split_once("://").ok_or_else(|| malformed("it has no scheme"))?;
        let (rest, query) = match rest.split_once('?') {
            Some((rest, query)) => (rest, Some(query)),
            None => (rest, None),
        };
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        // Before anything of the URI is repeated in a message.
        if authority.contains('@') {
            return Err(FetchError::usage("the NBD URI holds a user name, which is not supported")
                .with_hint("leave out what stands before the `@`; NBD without TLS knows no users"));
        }
        if let Some((_, what)) = UNSPOKEN.iter().find(|(unspoken, _)| *unspoken == scheme) {
            return Err(FetchError::unsupported(format!("reading {scheme}:// is {what}"))
                .with_hint("give the export without it, for example through `ssh -L` or on a unix socket"));
        }
        if path.contains('#') || query.is_some_and(|query| query.contains('#')) {
            return Err(malformed("it has a fragment (`#`)"));
        }
        let export = decoded(path)?;
        if export.len() > MAX_EXPORT {
            return Err(malformed(format!("the export's name is longer than {MAX_EXPORT} bytes")));
        }
        let server = match scheme {
            "nbd" => tcp(authority, query)?,
            "nbd+unix" => unix(authority, query)?,
            _ => return Err(malformed(format!("the scheme {scheme:?} is not NBD's"))),
        };
        Ok(Self { server, export })
    }

    /// What a VM on this disk is called where nothing else names it: the export's last component, or `disk`.
    pub fn name(&self) -> &str {
        self.export.rsplit('/').find(|part| !part.is_empty()).unwrap_or("disk")
    }
}

impl fmt::Display for NbdUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.server {
            NbdServer::Unix(socket) => {
                write!(f, "nbd+unix:///{}?socket=", Encoded(self.export.as_bytes()))?;
                write!(f, "{}", Encoded(socket.as_os_str().as_encoded_bytes()))
            }
            NbdServer::Tcp { host, port } => {
                let (open, close) = if host.contains(':') { ("[", "]") } else { ("", "") };
                write!(f, "nbd://{open}{host}{close}")?;
                if *port != DEFAULT_PORT {
                    write!(f, ":{port}")?;
                }
                write!(f, "/{}", Encoded(self.export.as_bytes()))
            }
        }
    }
}

fn malformed(why: impl fmt::Display) -> FetchError {
    FetchError::usage(format!("the NBD URI is not understood: {why}"))
        .with_hint("write nbd://HOST[:PORT]/EXPORT or nbd+unix:///EXPORT?socket=PATH")
}

fn tcp(authority: &str, query: Option<&str>) -> Result<NbdServer, FetchError> {
    if query.is_some_and(|query| !query.is_empty()) {
        return Err(malformed("nbd:// takes no parameters"));
    }
    let (host, port) = match authority.strip_prefix('[') {
        // RFC 3986, 3.2.2: an IPv6 address stands in brackets.
        Some(rest) => {
            let (host, after) = rest.split_once(']').ok_or_else(|| malformed("a bracket is not closed"))?;
            (host, after.strip_prefix(':').or(after.is_empty().then_some("")))
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, Some("")),
        },
    };
    let port = match port {
        Some("") => DEFAULT_PORT,
        Some(port) if port.bytes().all(|b| b.is_ascii_digit()) => port
            .parse()
            .ok()
            .filter(|port| *port != 0)
            .ok_or_else(|| malformed("the port is out of range"))?,
        _ => return Err(malformed("the port is no number")),
    };
    let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
    if host.is_empty() || !host.chars().all(known) {
        return Err(malformed("the host is no name or address"));
    }
    Ok(NbdServer::Tcp { host: host.to_ascii_lowercase(), port })
}

fn unix(authority: &str, query: Option<&str>) -> Result<NbdServer, FetchError> {
    if !authority.is_empty() {
        return Err(malformed("nbd+unix:// is followed by a third slash, not by a host"));
    }
    let mut socket = None;
    for parameter in query.unwrap_or_default().split('&').filter(|parameter| !parameter.is_empty()) {
        match parameter.split_once('=') {
            Some(("socket", path)) if socket.is_none() => socket = Some(PathBuf::from(decoded(path)?)),
            _ => return Err(malformed("it takes one parameter, `socket`")),
        }
    }
    match socket {
        Some(socket) if socket.is_absolute() => Ok(NbdServer::Unix(socket)),
        Some(_) => Err(malformed("the path of the socket is not absolute")),
        None => Err(malformed("it names no socket")),
    }
}

/// Percent-decoding (RFC 3986, 2.1). A plus sign is a plus sign.
fn decoded(text: &str) -> Result<String, FetchError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|b| char::from(b).to_digit(16));
        match (digit(), digit()) {
            // Two hexadecimal digits fit into a byte.
            (Some(high), Some(low)) => bytes.push((high * 16 + low) as u8),
            _ => return Err(malformed("a percent sign is not followed by two hexadecimal digits")),
        }
    }
    let text = String::from_utf8(bytes).map_err(|_| malformed("it is not UTF-8"))?;
    if text.chars().any(char::is_control) {
        return Err(malformed("it holds control characters"));
    }
    Ok(text)
}

/// Percent-encoded, but for unreserved characters and slashes.
struct Encoded<'a>(&'a [u8]);

impl fmt::Display for Encoded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0 {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                    write!(f, "{}", char::from(*byte))?;
                }
                _ => write!(f, "%{byte:02X}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "nbd_uri_tests.rs"]
mod tests;
