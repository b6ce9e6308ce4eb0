//! Tests of NBD URIs.

use proptest::prelude::*;

use super::*;
use crate::error::FetchErrorKind;

fn tcp_of(host: &str, port: u16, export: &str) -> NbdUri {
    NbdUri { server: NbdServer::Tcp { host: host.to_owned(), port }, export: export.to_owned() }
}

fn unix_of(socket: &str, export: &str) -> NbdUri {
    NbdUri { server: NbdServer::Unix(PathBuf::from(socket)), export: export.to_owned() }
}

#[test]
fn exports_are_read_and_written_in_one_form() {
    for (given, means, normal) in [
        ("nbd://store", tcp_of("store", 10809, ""), "nbd://store/"),
        ("nbd://Store:10809/a", tcp_of("store", 10809, "a"), "nbd://store/a"),
        ("nbd://10.0.0.1:99/vm/disk 0", tcp_of("10.0.0.1", 99, "vm/disk 0"), "nbd://10.0.0.1:99/vm/disk%200"),
        ("nbd://[fe80::1]:99/a%2fb", tcp_of("fe80::1", 99, "a/b"), "nbd://[fe80::1]:99/a/b"),
        ("nbd://[::1]/", tcp_of("::1", 10809, ""), "nbd://[::1]/"),
        ("nbd+unix:///?socket=/run/s", unix_of("/run/s", ""), "nbd+unix:///?socket=/run/s"),
        (
            "nbd+unix:///x%3fy?socket=/a%20b@c",
            unix_of("/a b@c", "x?y"),
            "nbd+unix:///x%3Fy?socket=/a%20b%40c",
        ),
        ("nbd+unix:////x?socket=/s", unix_of("/s", "/x"), "nbd+unix:////x?socket=/s"),
    ] {
        let uri = NbdUri::parse(given).unwrap();
        assert_eq!(uri, means, "{given}");
        assert_eq!(uri.to_string(), normal);
        assert_eq!(NbdUri::parse(normal).unwrap(), uri);
        assert!(NbdUri::is_uri(Path::new(given)));
    }
}

#[test]
fn what_names_no_export_is_refused() {
    let long = format!("nbd://h/{}", "x".repeat(MAX_EXPORT + 1));
    for uri in [
        "nbd://",
        "nbd:///x",
        "nbd://h:0/x",
        "nbd://h:65536/x",
        "nbd://h:+1/x",
        "nbd://[::1/x",
        "nbd://[::1]x/",
        "nbd://h o/x",
        "nbd://h/x?socket=/s",
        "nbd://h/x#y",
        "nbd://h/%0a",
        "nbd://h/%",
        "nbd://h/%zz",
        "nbd://h/%ff",
        "nbd+unix:///x",
        "nbd+unix://h/x?socket=/s",
        "nbd+unix:///x?socket=s",
        "nbd+unix:///x?socket=/s&socket=/t",
        "nbd+unix:///x?socket=/s&tls=no",
        "http://h/x",
        "/a/file",
        long.as_str(),
    ] {
        assert_eq!(NbdUri::parse(uri).unwrap_err().kind(), FetchErrorKind::Usage, "{uri}");
    }
}

#[test]
fn tls_and_users_are_named_and_no_secret_is_repeated() {
    for uri in ["nbds://h/x", "nbds+unix:///x?socket=/s", "nbd+vsock://1/x"] {
        let error = NbdUri::parse(uri).unwrap_err();
        assert_eq!(error.kind(), FetchErrorKind::Unsupported);
        assert!(error.to_string().contains("not supported: "), "{error}");
        assert!(NbdUri::is_uri(Path::new(uri)));
    }
    for uri in ["nbd://user:secret@h/x", "nbds://user:secret@h/x", "nbd://secret@h"] {
        let error = NbdUri::parse(uri).unwrap_err();
        assert_eq!(error.kind(), FetchErrorKind::Usage);
        assert!(!error.chain().contains("secret") && !error.hint().unwrap().contains("secret"));
    }
}

#[test]
fn names_come_from_the_export() {
    for (export, name) in
        [("", "disk"), ("/", "disk"), ("web01", "web01"), ("vms/web01.example/", "web01.example")]
    {
        assert_eq!(tcp_of("h", 1, export).name(), name);
    }
}

#[test]
fn paths_are_no_uris() {
    for path in ["/nbd://h/x", "nbd:/h/x", "nbd", "vsphere://h/x", "dir/nbd://x"] {
        assert!(!NbdUri::is_uri(Path::new(path)), "{path}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "(nbd|nbd\\+unix)://[ -~é]{0,60}") {
        if let Ok(uri) = NbdUri::parse(&text) {
            prop_assert_eq!(NbdUri::parse(&uri.to_string()).unwrap(), uri);
        }
    }
}
