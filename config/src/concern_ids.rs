//! The ids of the concerns that h2k raises by itself, so that a misspelt one is told where it stands. A test of the
//! program compares them with the rules and with the repairs.

/// Ids in order, each with whether it may be accepted.
pub static CONCERNS: &[(&str, bool)] =
    &[("disk.chain", true), ("disk.independent", true), ("source.snapshots", true), ("target.unfit", false)];

/// Whether the concern may be accepted; `None` if there is no such id.
pub fn find(id: &str) -> Option<bool> {
    CONCERNS
        .binary_search_by(|(known, _)| (*known).cmp(id))
        .ok()
        .and_then(|at| CONCERNS.get(at))
        .map(|(_, may)| *may)
}

/// Whether an area (what stands before the first dot) is one that h2k raises concerns in.
pub fn is_own_area(area: &str) -> bool {
    let of = |id: &str| id.split('.').next().is_some_and(|own| own == area);
    area == "h2k" || CONCERNS.iter().any(|(id, _)| of(id))
}
