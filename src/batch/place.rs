//! Where a VM is read from and written to, as keys: VMs with equal keys share a limit, and a fault that is not theirs.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::job::Job;

/// The host of a URI, or the file system of a file.
pub fn source(job: &Job) -> String {
    match job.sources.first() {
        None => String::new(),
        Some(source) => host(source).unwrap_or_else(|| file_system(source)),
    }
}

/// The file system that the result is written to.
pub fn target(job: &Job) -> String {
    job.output.as_deref().map(file_system).unwrap_or_default()
}

/// `scheme://host:port` of a URI, RFC 3986 section 3.2.
fn host(source: &Path) -> Option<String> {
    let (scheme, rest) = source.to_str()?.split_once("://")?;
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    Some(format!("{scheme}://{host}"))
}

/// The file system of a path, or of the directory that it will be made in; the path itself where nothing is seen.
fn file_system(path: &Path) -> String {
    let there = path.ancestors().find_map(|p| fs::metadata(p).ok());
    there.map_or_else(|| path.display().to_string(), |m| format!("file system {:x}", m.dev()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_is_its_host_and_a_path_its_file_system() {
        let job = |source: &str| Job { sources: vec![source.into()], ..Job::default() };
        assert_eq!(source(&job("nbd://u@h:10809/web01")), "nbd://h:10809");
        assert_eq!(source(&job("/proc/self/nothing/there")), source(&job("/proc")));
        assert_ne!(source(&job("/proc")), source(&job("/")));
    }
}
