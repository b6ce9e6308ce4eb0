//! Who signed, with what, and what follows.

use super::*;

fn warnings(catalog: Option<Vec<u8>>, sys: Option<&[u8]>, target: WindowsTarget) -> Vec<Warning> {
    let dir = "viostor/2k8R2/amd64";
    let mut tree = one("viostor", dir, Arch::Amd64, "NTamd64").without(".cat");
    if let Some(catalog) = catalog {
        tree.bytes(&format!("{dir}/VioStor.CAT"), catalog);
    }
    tree.bytes(&format!("{dir}/viostor.sys"), program(machine(Arch::Amd64), sys));
    opened(&tree).find(&target, Role::Blk).unwrap().unwrap().warnings
}

#[test]
fn signatures_are_weighed() {
    let target = server(6, 1, 7601);
    let sha256 = WindowsTarget { sha256_signatures: true, ..target };
    assert_eq!(warnings(Some(whql(SHA1)), None, target), []);
    assert_eq!(warnings(Some(whql(SHA256)), None, sha256), []);
    let file = "VioStor.CAT".to_owned();
    assert_eq!(warnings(Some(whql(SHA256)), None, target), [Warning::NeedsSha256 { file }]);
    let test = signed(&["WDKTestCert build,1234", "WDKTestCert build,1234"], SHA1);
    let signer = "WDKTestCert build,1234".to_owned();
    assert_eq!(warnings(Some(test), None, target), [Warning::TestSigned { signer }]);
    let vendor = signed(&["Phony, Inc.", "Some CA", "Some Root"], SHA1);
    let signer = "Phony, Inc.".to_owned();
    assert_eq!(warnings(Some(vendor), None, target), [Warning::VendorSigned { signer }]);
    let cross = signed(&["Phony, Inc.", "Some CA", "Microsoft Code Verification Root"], SHA1);
    assert_eq!(warnings(Some(cross.clone()), None, target), []);
    let signer = "Phony, Inc.".to_owned();
    assert!(warnings(Some(cross), None, server(10, 0, 14_393)).contains(&Warning::CrossSigned { signer }));
    let unsigned = |what: &str| [Warning::Unsigned { what: what.to_owned() }];
    assert_eq!(warnings(None, None, target), unsigned("its catalog viostor.cat is not there"));
    let none = unsigned("its catalog VioStor.CAT has no signature that can be read");
    assert_eq!(warnings(Some(b"not one".to_vec()), None, target), none);
}

/// The boot loader looks at what the driver brings along.
#[test]
fn the_signature_inside_a_boot_driver_counts_too() {
    let test = signed(&["Phony Test Signing", "Phony Test Root"], SHA256);
    let found = warnings(Some(whql(SHA1)), Some(&test), server(6, 1, 7601));
    let (signer, file) = ("Phony Test Signing".to_owned(), "viostor.sys".to_owned());
    assert_eq!(found, [Warning::TestSigned { signer }, Warning::NeedsSha256 { file }]);
    assert_eq!(warnings(Some(whql(SHA1)), Some(&whql(SHA1)), server(6, 1, 7601)), []);
    // Microsoft's signature beside it is told by the catalog.
    let vendor = signed(&["Phony, Inc.", "Some CA", "Microsoft Code Verification Root"], SHA1);
    let found = warnings(Some(whql(SHA1)), Some(&vendor), server(10, 0, 17_763));
    assert!(!found.iter().any(|w| matches!(w, Warning::CrossSigned { .. })), "{found:?}");
}

/// Windows 7 and 2008 R2 without KB3033929 get what is signed with SHA-1, though it is of an older system.
#[test]
fn systems_that_know_only_sha1_get_what_is_signed_so() {
    let driver = named("viostor");
    let mut tree = Tree::default();
    for (os, digest) in [("w7", SHA256), ("2k8", SHA1)] {
        let dir = format!("viostor/{os}/amd64");
        tree.add(&driver, &dir, Arch::Amd64, &inf(&driver, "NTamd64", false));
        tree.bytes(&format!("{dir}/viostor.cat"), whql(digest));
    }
    let source = opened(&tree);
    let old = client(6, 1, 7601, Arch::Amd64);
    assert!(!old.sha256_signatures);
    assert_eq!(directory(&source, &old, Role::Blk).as_deref(), Some("viostor/2k8/amd64"));
    let updated = WindowsTarget { sha256_signatures: true, ..old };
    assert_eq!(directory(&source, &updated, Role::Blk).as_deref(), Some("viostor/w7/amd64"));
}

#[test]
fn a_signature_is_read() {
    let read = signature(&whql(SHA256)).unwrap();
    assert_eq!(read.digest, Digest::Sha256);
    assert_eq!(read.signer, "Microsoft Windows Hardware Compatibility Publisher");
    assert_eq!(read.issuer, "Microsoft Windows Third Party Component CA 2014");
    assert_eq!(read.chain.len(), 2);
    assert!(!read.self_signed);
    assert_eq!(read.trust(), Trust::Microsoft);
}

/// A catalog may be signed with SHA-1 and list its files by SHA-256 all the same.
#[test]
fn the_hashes_of_a_catalog_count_too() {
    let bytes = testing::catalog(&["Microsoft Windows", "Some CA"], SHA1, true);
    let read = signature(&bytes).unwrap();
    assert_eq!((read.digest, read.sha256_members, read.needs_sha256()), (Digest::Sha1, true, true));
    let bytes = testing::catalog(&["Microsoft Windows", "Some CA"], SHA1, false);
    assert!(!signature(&bytes).unwrap().needs_sha256());
}

#[test]
fn what_is_cut_off_is_no_signature() {
    let whole = whql(SHA1);
    assert!(super::super::catalog::count(&whole) > 20);
    for len in 0..whole.len() {
        assert_eq!(signature(&whole[..len]), None, "{len}");
    }
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(at in 0_usize..600, byte: u8, tail in proptest::collection::vec(0_u8.., 0..40)) {
        let mut bytes = whql(SHA256);
        let at = at.min(bytes.len() - 1);
        bytes[at] = byte;
        let _ = signature(&bytes);
        bytes.truncate(at);
        bytes.extend(&tail);
        let _ = signature(&bytes);
        let mut program = program(0x8664, Some(&bytes));
        let at = at.min(program.len() - 1);
        program[at] = byte;
        let _ = super::super::pe::read(&program);
        let _ = super::super::pe::read(&tail);
    }
}

/// Signatures that OpenSSL and osslsigncode made (fixtures/signatures/generate).
#[test]
fn signatures_of_other_programs_are_read() {
    let fixture = |name: &str| {
        std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/signatures").join(name))
            .unwrap()
    };
    for (read, digest) in [
        (signature(&fixture("cms-sha1.der")), Digest::Sha1),
        (signature(&fixture("cms-sha256.der")), Digest::Sha256),
        (embedded_signature(&fixture("signed.sys")), Digest::Sha256),
    ] {
        let expected = Signature {
            digest,
            sha256_members: false,
            signer: "Phony Drivers".to_owned(),
            issuer: "Phony Issuing CA".to_owned(),
            self_signed: false,
            chain: vec!["Phony Issuing CA".to_owned(), "Phony Root".to_owned()],
        };
        assert_eq!(read, Some(expected));
    }
}
