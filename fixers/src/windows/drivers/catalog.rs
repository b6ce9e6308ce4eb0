//! Who signed a catalog or a driver, and with which digest (PKCS #7, RFC 2315).
//!
//! Names are read, nothing is verified: Windows will do that. h2k has to know whether it is worth trying.

use super::der::{CONTEXT_0, Element, INTEGER, OID, SEQUENCE, SET};

/// 1.2.840.113549.1.7.2, signedData.
const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
/// 2.5.4.3, commonName.
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
/// 2.5.4.10, organizationName.
const ORGANIZATION: &[u8] = &[0x55, 0x04, 0x0a];
/// 1.3.6.1.4.1.311.12.1.3: the members of a catalog are told by their SHA-256.
const MEMBERS_SHA256: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x0c, 0x01, 0x03];
/// Most certificates that are looked at.
const MAX_CERTIFICATES: usize = 64;
/// The root of which Windows before 10 took the signatures of vendors.
const CROSS_ROOT: &str = "Microsoft Code Verification Root";

/// Digest algorithm of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Digest {
    /// MD5.
    Md5,
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-384 or SHA-512.
    Longer,
    /// None of these.
    Unknown,
}

/// Who signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// Digest of the first signature: the one that Windows before 8 looks at.
    pub digest: Digest,
    /// Whether a catalog lists its files by their SHA-256 only.
    pub sha256_members: bool,
    /// Common name of the signer.
    pub signer: String,
    /// Common name of who vouches for the signer.
    pub issuer: String,
    /// Whether the signer vouches for itself.
    pub self_signed: bool,
    /// Common names from the signer's issuer upwards, as far as certificates came along.
    pub chain: Vec<String>,
}

/// Whose word a signature is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// Microsoft's own: WHQL or attestation.
    Microsoft,
    /// A vendor's, for whom Microsoft's cross-certificate vouches: enough before Windows 10 1607 with Secure Boot.
    CrossSigned,
    /// A vendor's, for whom nobody vouches that 64-bit Windows knows.
    Vendor,
    /// For tests.
    Test,
}

impl Signature {
    /// Whether a Windows that knows no digest newer than SHA-1 cannot use it.
    pub fn needs_sha256(&self) -> bool {
        self.sha256_members || matches!(self.digest, Digest::Sha256 | Digest::Longer)
    }

    /// Whose word it is, by the names.
    pub fn trust(&self) -> Trust {
        let test = |name: &str| {
            let name = name.to_ascii_lowercase();
            name.starts_with("wdktestcert") || name.split(|c: char| !c.is_alphanumeric()).any(|w| w == "test")
        };
        if self.self_signed || test(&self.signer) || test(&self.issuer) {
            Trust::Test
        } else if self.signer.starts_with("Microsoft Windows") {
            Trust::Microsoft
        } else if self.chain.iter().any(|name| name == CROSS_ROOT) {
            Trust::CrossSigned
        } else {
            Trust::Vendor
        }
    }
}

/// What a certificate says of its owner.
struct Certificate<'a> {
    serial: &'a [u8],
    issuer: Element<'a>,
    subject: Element<'a>,
}

/// The signature in a PKCS #7 structure, which a catalog is; `None` if there is none, or what there is cannot be read.
pub fn signature(bytes: &[u8]) -> Option<Signature> {
    let mut info = Element::first(bytes, SEQUENCE)?.children();
    if info.take_if(OID)?.content != SIGNED_DATA {
        return None;
    }
    let data = Element::first(info.take_if(CONTEXT_0)?.content, SEQUENCE)?;
    let mut fields = data.children();
    fields.take_if(INTEGER)?;
    fields.take_if(SET)?;
    let content = fields.take_if(SEQUENCE)?;
    let certificates: Vec<Certificate<'_>> = fields
        .take_if(CONTEXT_0)
        .map(|set| set.children().take(MAX_CERTIFICATES).filter_map(certificate).collect())
        .unwrap_or_default();
    // Lists of revoked certificates may stand between.
    let signers = fields.find(|element| element.tag == SET)?;
    let mut signer = Element::first(signers.content, SEQUENCE)?.children();
    signer.take_if(INTEGER)?;
    let mut id = signer.take_if(SEQUENCE)?.children();
    let issuer = id.take_if(SEQUENCE)?;
    let serial = id.take_if(INTEGER)?.content;
    let digest = digest(Element::first(signer.take_if(SEQUENCE)?.content, OID)?.content);
    let own = certificates.iter().find(|c| c.serial == serial && c.issuer.content == issuer.content);
    let subject = own.map(|c| name(c.subject)).unwrap_or_default();
    Some(Signature {
        digest,
        sha256_members: lists_sha256(&content),
        signer: subject,
        issuer: name(issuer),
        self_signed: own.is_some_and(|c| c.subject.content == c.issuer.content),
        chain: chain(issuer, &certificates),
    })
}

/// The certificate trust list that a catalog is (Microsoft: "CTL_INFO") names the algorithm of its members.
fn lists_sha256(content: &Element<'_>) -> bool {
    let list = content.children().nth(1).and_then(|content| Element::first(content.content, SEQUENCE));
    let mut fields = list.iter().flat_map(Element::children).filter(|field| field.tag == SEQUENCE);
    fields.any(|field| Element::first(field.content, OID).is_some_and(|oid| oid.content == MEMBERS_SHA256))
}

fn certificate(element: Element<'_>) -> Option<Certificate<'_>> {
    let mut fields = Element::first(element.content, SEQUENCE)?.children();
    fields.take_if(CONTEXT_0);
    let serial = fields.take_if(INTEGER)?.content;
    fields.take_if(SEQUENCE)?;
    let issuer = fields.take_if(SEQUENCE)?;
    fields.take_if(SEQUENCE)?;
    let subject = fields.take_if(SEQUENCE)?;
    Some(Certificate { serial, issuer, subject })
}

/// Names of the issuer, of who vouches for it, and so on.
fn chain(issuer: Element<'_>, certificates: &[Certificate<'_>]) -> Vec<String> {
    let mut names = vec![name(issuer)];
    let mut current = issuer;
    // A ring of certificates ends with the last one.
    for _ in 0..certificates.len() {
        let next = certificates
            .iter()
            .find(|c| c.subject.content == current.content && c.issuer.content != current.content);
        let Some(next) = next else { break };
        current = next.issuer;
        names.push(name(current));
    }
    names
}

/// The common name in a Name (X.501), else the organization.
fn name(element: Element<'_>) -> String {
    let attribute = |wanted: &[u8]| {
        let attributes = element.children().flat_map(|set| set.children());
        attributes.filter(|a| a.tag == SEQUENCE).find_map(|attribute| {
            let mut parts = attribute.children();
            let known = parts.take_if(OID)?.content == wanted;
            known.then(|| parts.next().map(text)).flatten()
        })
    };
    attribute(COMMON_NAME).or_else(|| attribute(ORGANIZATION)).unwrap_or_default()
}

fn text(element: Element<'_>) -> String {
    match element.tag {
        // BMPString.
        0x1e => encoding_rs::UTF_16BE.decode_without_bom_handling(element.content).0.into_owned(),
        _ => String::from_utf8_lossy(element.content).into_owned(),
    }
}

fn digest(oid: &[u8]) -> Digest {
    match oid {
        [0x2b, 0x0e, 0x03, 0x02, 0x1a] => Digest::Sha1,
        [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01] => Digest::Sha256,
        [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02 | 0x03] => Digest::Longer,
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x05] => Digest::Md5,
        _ => Digest::Unknown,
    }
}

/// Number of elements that a walk over all of it meets; for the tests of the walk.
#[cfg(test)]
pub(super) fn count(bytes: &[u8]) -> usize {
    super::der::Elements(bytes).map(|e| 1 + if e.tag & 0x20 == 0 { 0 } else { count(e.content) }).sum()
}
