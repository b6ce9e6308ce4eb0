//! Hives: written, read again, half written, damaged.

use super::header::BASE_BLOCK;
use super::log::marvin32;
use super::*;

const PATH: &str = "/Windows/System32/config/SYSTEM";

/// Changes that `wish` comes to.
fn changes(hive: &Hive, wish: impl FnOnce(&mut HiveEditor)) -> Vec<RegChange> {
    let mut editor = HiveEditor::new(hive).unwrap();
    wish(&mut editor);
    editor.into_changes()
}

fn set(hive: &Hive, key: &str, name: &str, data: RegData) {
    for change in changes(hive, |e| e.set(key, name, data).unwrap()) {
        hive.apply(&change).unwrap();
    }
}

fn sample() -> Hive {
    let hive = empty(PATH).unwrap();
    let service = "ControlSet001\\Services\\Disk";
    set(&hive, service, "Start", RegData::Dword(0));
    set(&hive, service, "ImagePath", RegData::ExpandSz("System32\\drivers\\disk.sys".to_owned()));
    set(&hive, service, "", RegData::Sz("wört".to_owned()));
    set(&hive, service, "Owners", RegData::MultiSz(vec!["a.inf".to_owned(), "b.inf".to_owned()]));
    set(&hive, service, "big", RegData::Qword(1 << 40));
    set(&hive, service, "raw", RegData::Other { kind: 0xffff_0012, data: data::Hex(vec![1, 2, 3]) });
    set(&hive, service, "name", RegData::none());
    hive
}

#[test]
fn what_is_written_is_read_again() {
    let hive = sample();
    let again = Hive::open(PATH, hive.write().unwrap(), &[]).unwrap();
    let key = again.key("controlset001\\SERVICES\\disk").unwrap().unwrap();
    assert_eq!(key.number("start").unwrap(), Some(0));
    assert_eq!(key.text("IMAGEPATH").unwrap().as_deref(), Some("System32\\drivers\\disk.sys"));
    assert_eq!(key.text("").unwrap().as_deref(), Some("wört"));
    assert_eq!(key.value("Owners").unwrap().unwrap().texts().unwrap(), ["a.inf", "b.inf"]);
    assert_eq!(key.value("raw").unwrap().unwrap().to_raw(), (0xffff_0012, vec![1, 2, 3]));
    assert_eq!(key.value("name").unwrap(), Some(RegData::none()));
    assert_eq!(key.value("nothing").unwrap(), None);
    assert!(again.key("ControlSet001\\Services\\Disk\\Nothing").unwrap().is_none());
    assert_eq!(again.state(), State::Clean);
}

#[test]
fn a_value_is_removed_and_the_others_stay() {
    let hive = sample();
    let key = "ControlSet001\\Services\\Disk";
    let before = hive.key(key).unwrap().unwrap().values().unwrap();
    let unset = changes(&hive, |e| e.unset(key, "OWNERS").unwrap());
    assert_eq!(unset.len(), 1);
    hive.apply(&unset[0]).unwrap();
    let after = hive.key(key).unwrap().unwrap().values().unwrap();
    let kept: Vec<_> = before.into_iter().filter(|(name, _)| name != "Owners").collect();
    assert_eq!(after, kept);
    assert!(changes(&hive, |e| e.unset(key, "Owners").unwrap()).is_empty());
}

#[test]
fn a_change_that_is_made_already_is_none_and_one_that_does_not_fit_is_refused() {
    let hive = sample();
    let key = "ControlSet001\\Services\\Disk";
    assert!(changes(&hive, |e| e.set(key, "start", RegData::Dword(0)).unwrap()).is_empty());
    let change = changes(&hive, |e| e.set(key, "Start", RegData::Dword(4)).unwrap()).remove(0);
    hive.apply(&change).unwrap();
    assert!(matches!(hive.apply(&change), Err(GuestError::Changed { .. })));
    let create = changes(&hive, |e| e.create("ControlSet001\\Enum").unwrap()).remove(0);
    hive.apply(&create).unwrap();
    assert!(matches!(hive.apply(&create), Err(GuestError::Changed { .. })));
    let delete = changes(&hive, |e| e.delete("ControlSet001").unwrap()).remove(0);
    assert_eq!(delete.op, RegOp::Delete { keys: 4 });
    hive.apply(&delete).unwrap();
    assert!(hive.root().unwrap().children().unwrap().is_empty());
}

#[test]
fn changes_are_taken_back_in_turn() {
    let hive = sample();
    let before = hive.copy().unwrap();
    let made = changes(&hive, |e| {
        e.set("ControlSet001\\Services\\new\\Parameters", "a", RegData::Dword(1)).unwrap();
        e.set("ControlSet001\\Services\\Disk", "Start", RegData::Dword(4)).unwrap();
        e.unset("ControlSet001\\Services\\Disk", "Owners").unwrap();
    });
    assert_eq!(made.len(), 5);
    for change in &made {
        hive.apply(change).unwrap();
    }
    assert!(!hive.same_tree(&before).unwrap());
    for change in made.iter().rev() {
        hive.apply(&change.inverse().unwrap()).unwrap();
    }
    let values = |hive: &Hive| {
        let mut all = hive.key("ControlSet001\\Services\\Disk").unwrap().unwrap().values().unwrap();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all
    };
    assert_eq!(values(&hive), values(&before));
    assert!(hive.key("ControlSet001\\Services\\new").unwrap().is_none());
}

#[test]
fn a_copy_is_changed_apart() {
    let hive = sample();
    let copy = hive.copy().unwrap();
    set(&copy, "ControlSet001\\Services\\Disk", "Start", RegData::Dword(3));
    assert_eq!(hive.value("ControlSet001\\Services\\Disk", "Start").unwrap(), Some(RegData::Dword(0)));
    assert_eq!(copy.value("ControlSet001\\Services\\Disk", "Start").unwrap(), Some(RegData::Dword(3)));
}

#[test]
fn data_that_is_not_as_its_type_asks_for_keeps_its_bytes() {
    for (kind, data) in [
        (kind::SZ, vec![b'a', 0]),
        (kind::SZ, vec![]),
        (kind::SZ, vec![b'a', 0, 0, 0, b'b', 0, 0, 0]),
        (kind::SZ, vec![0x00, 0xd8, 0, 0]),
        (kind::MULTI_SZ, vec![b'a', 0, 0, 0]),
        (kind::DWORD, vec![1, 0]),
        (kind::QWORD, vec![1, 0, 0, 0]),
        (kind::NONE, vec![7]),
        (8, vec![1, 2]),
    ] {
        let read = RegData::from_raw(kind, &data);
        assert!(matches!(read, RegData::Other { .. }), "{read:?}");
        assert_eq!(read.to_raw(), (kind, data.clone()));
        let json = serde_json::to_string(&read).unwrap();
        assert_eq!(serde_json::from_str::<RegData>(&json).unwrap(), read);
    }
    assert_eq!(RegData::from_raw(kind::SZ, b"a\0").text().as_deref(), Some("a"));
    assert_eq!(RegData::from_raw(kind::MULTI_SZ, b"a\0\0\0b\0").texts().unwrap(), ["a", "b"]);
    assert_eq!(RegData::from_raw(kind::MULTI_SZ, &[0, 0]), RegData::MultiSz(Vec::new()));
}

#[test]
fn changes_read_like_a_reg_file() {
    let hive = sample();
    let key = "ControlSet001\\Services\\Disk";
    let changes = changes(&hive, |e| {
        e.set(key, "Start", RegData::Dword(4)).unwrap();
        e.set(key, "", RegData::Sz("a\"\\\u{1b}[m".to_owned())).unwrap();
        e.unset(key, "Owners").unwrap();
        e.set("New", "b", RegData::binary([1, 255])).unwrap();
        e.delete("ControlSet001").unwrap();
    });
    insta::assert_snapshot!(lines(&changes), @r#"
     [ControlSet001\Services\Disk]
    -"Start"=dword:00000000
    +"Start"=dword:00000004
    -@="wört"
    +@="a\"\\\x1b[m"
    -"Owners"=multi:"a.inf","b.inf"
    +[New]
    +"b"=hex:01,ff
    -[ControlSet001]
    -  with the 2 keys below it
    "#);
}

#[test]
fn what_is_no_hive_or_is_cut_off_is_an_error() {
    let whole = sample().write().unwrap();
    for broken in [Vec::new(), b"regf".to_vec(), b"MZ".repeat(4096), whole[..4096].to_vec(), {
        let mut bytes = whole.clone();
        bytes[BASE_BLOCK..BASE_BLOCK + 4].copy_from_slice(b"nope");
        bytes
    }] {
        assert!(matches!(Hive::open(PATH, broken, &[]), Err(GuestError::Malformed { .. })));
    }
}

/// Test vectors of the hash as .NET publishes it (corefx, MarvinTests).
#[test]
fn the_logs_hash_is_marvin32() {
    const SEED: u64 = 0x004F_B61A_001B_DBCC;
    assert_eq!(marvin32(SEED, &[]), 0x30ED_35C1_00CD_3C7D);
    assert_eq!(marvin32(SEED, &[0xAF]), 0x48E7_3FC7_7D75_DDC1);
    assert_eq!(marvin32(SEED, &[0xE7, 0x0F]), 0xB5F6_E1FC_485D_BFF8);
    assert_eq!(marvin32(SEED, &[0x37, 0xF4, 0x95]), 0xF0B0_7C78_9B8C_F7E8);
    assert_eq!(marvin32(SEED, &[0x86, 0x42, 0xDC, 0x59]), 0x7008_F2E8_7E9C_F556);
}

/// What Windows leaves when it is cut off: a hive whose pages are only in the log.
mod half_written {
    use super::*;

    const SEED: u64 = 0x82EF_4D88_7A4E_55C5;

    /// An entry with every page in which `new` differs from `old`.
    fn entry(sequence: u32, old: &[u8], new: &[u8]) -> Vec<u8> {
        let bins = &new[BASE_BLOCK..];
        let changed: Vec<usize> = (0..bins.len())
            .step_by(512)
            .filter(|at| old.get(BASE_BLOCK + at..BASE_BLOCK + at + 512) != bins.get(*at..at + 512))
            .collect();
        let mut body = Vec::new();
        for at in &changed {
            body.extend((*at as u32).to_le_bytes());
            body.extend(512u32.to_le_bytes());
        }
        for at in &changed {
            body.extend(&bins[*at..at + 512]);
        }
        let size = (40 + body.len()).next_multiple_of(512);
        body.resize(size - 40, 0);
        let mut head = b"HvLE".to_vec();
        for word in [size as u32, 0, sequence, bins.len() as u32, changed.len() as u32] {
            head.extend(word.to_le_bytes());
        }
        head.extend(marvin32(SEED, &body).to_le_bytes());
        head.extend(marvin32(SEED, &head.clone()).to_le_bytes());
        head.extend(body);
        head
    }

    fn log(base: &[u8], entries: &[Vec<u8>]) -> Vec<u8> {
        let mut log = base[..512].to_vec();
        log[28] = 6;
        let sum = super::super::header::checksum(&log[..508]);
        log[508..512].copy_from_slice(&sum.to_le_bytes());
        log.extend(entries.concat());
        log
    }

    /// Three states of a hive, and the first with a header that says that a write was begun.
    fn story() -> (Vec<u8>, Vec<u8>, Vec<u8>, Vec<u8>) {
        let hive = sample();
        let one = hive.write().unwrap();
        let hive = Hive::open(PATH, one.clone(), &[]).unwrap();
        set(&hive, "ControlSet001\\Services\\Disk", "Start", RegData::Dword(4));
        let two = hive.write().unwrap();
        let hive = Hive::open(PATH, two.clone(), &[]).unwrap();
        for n in 0..200 {
            set(&hive, &format!("ControlSet001\\Enum\\Device{n}"), "a", RegData::Dword(n));
        }
        let three = hive.write().unwrap();
        assert!(three.len() > one.len());
        let mut dirty = one.clone();
        let sequence = u32::from_le_bytes(dirty[8..12].try_into().unwrap());
        dirty[4..8].copy_from_slice(&(sequence + 2).to_le_bytes());
        let sum = super::super::header::checksum(&dirty[..508]);
        dirty[508..512].copy_from_slice(&sum.to_le_bytes());
        (one, two, three, dirty)
    }

    fn sequence(hive: &[u8]) -> u32 {
        u32::from_le_bytes(hive[8..12].try_into().unwrap())
    }

    #[test]
    fn both_logs_are_replayed_in_their_order() {
        let (one, two, three, dirty) = story();
        let n = sequence(&dirty);
        let first = log(&one, &[entry(n, &one, &two)]);
        let second = log(&one, &[entry(n + 1, &two, &three)]);
        // Whichever of the two files holds the earlier entry.
        let hive = Hive::open(PATH, dirty, &[second, first]).unwrap();
        assert_eq!(hive.state(), State::Replayed);
        assert!(hive.same_tree(&Hive::open(PATH, three, &[]).unwrap()).unwrap());
        assert!(Header::parse(&hive.write().unwrap()).unwrap().clean());
    }

    #[test]
    fn an_entry_that_does_not_hold_ends_it() {
        let (one, two, three, dirty) = story();
        let n = sequence(&dirty);
        let mut broken = entry(n + 1, &two, &three);
        broken[600] ^= 1;
        for second in [broken, entry(n + 2, &two, &three)] {
            let logs = [log(&one, &[entry(n, &one, &two), second])];
            let hive = Hive::open(PATH, dirty.clone(), &logs).unwrap();
            assert!(hive.same_tree(&Hive::open(PATH, two.clone(), &[]).unwrap()).unwrap());
        }
    }

    #[test]
    fn a_broken_header_comes_from_the_log() {
        let (one, two, _, mut dirty) = story();
        dirty[508] ^= 1;
        let logs = [log(&one, &[entry(sequence(&one), &one, &two)])];
        let hive = Hive::open(PATH, dirty, &logs).unwrap();
        assert!(hive.same_tree(&Hive::open(PATH, two, &[]).unwrap()).unwrap());
    }

    /// A log whose base block says, as Windows' does, which number its first entry has.
    fn turn(base: &[u8], first: u32, entries: &[Vec<u8>]) -> Vec<u8> {
        let mut base = base[..512].to_vec();
        base[4..8].copy_from_slice(&first.to_le_bytes());
        base[8..12].copy_from_slice(&first.to_le_bytes());
        log(&base, entries)
    }

    fn is_replayed(dirty: &[u8], logs: &[Vec<u8>], wanted: &[u8]) {
        for logs in [logs.to_vec(), logs.iter().rev().cloned().collect()] {
            let hive = Hive::open(PATH, dirty.to_vec(), &logs).unwrap();
            assert!(hive.same_tree(&Hive::open(PATH, wanted.to_vec(), &[]).unwrap()).unwrap());
            assert!(Header::parse(&hive.write().unwrap()).unwrap().clean());
        }
    }

    /// The hive has what was logged before entry 21 already; the other log still has an earlier turn.
    #[test]
    fn with_a_broken_header_an_earlier_turn_of_the_other_log_is_left_alone() {
        let (one, two, three, _) = story();
        let mut torn = two.clone();
        torn[508] ^= 1;
        // The old state of the pages that entry 21 does not touch.
        let mut middle = two.clone();
        middle.resize(three.len(), 0);
        let stale = turn(&one, 10, &[entry(10, &[], &one), entry(11, &[], &one)]);
        let current = turn(&two, 21, &[entry(21, &middle, &three)]);
        is_replayed(&torn, &[stale, current], &three);
    }

    #[test]
    fn with_a_broken_header_entries_that_lead_up_to_the_newest_are_replayed_from_both_logs() {
        let (one, two, three, mut torn) = story();
        torn[508] ^= 1;
        let logs = [turn(&one, 20, &[entry(20, &one, &two)]), turn(&two, 21, &[entry(21, &two, &three)])];
        is_replayed(&torn, &logs, &three);
    }

    /// Windows wrote pages without their header and began the first log anew, behind whose entries old ones lie.
    #[test]
    fn what_lies_behind_a_logs_entries_ends_it_and_not_the_other_log() {
        let (one, two, three, dirty) = story();
        let n = sequence(&dirty);
        let first = turn(&one, n + 20, &[entry(n + 20, &one, &two), entry(n + 10, &[], &one)]);
        let second = turn(&two, n + 21, &[entry(n + 21, &two, &three), entry(n + 11, &[], &one)]);
        is_replayed(&dirty, &[first, second], &three);
        // A log that was begun anew, and whose first entry was not written any more.
        let empty = turn(&two, n + 22, &[entry(n + 10, &[], &one)]);
        is_replayed(&dirty, &[turn(&two, n + 21, &[entry(n + 21, &one, &three)]), empty], &three);
    }

    #[test]
    fn without_logs_that_fit_it_is_refused_with_what_to_do() {
        let (one, two, _, dirty) = story();
        let mut old_format = one[..1024].to_vec();
        old_format[28] = 1;
        let older = log(&one, &[entry(sequence(&dirty) - 1, &one, &two)]);
        for logs in [vec![], vec![Vec::new()], vec![b"regf".to_vec()], vec![old_format], vec![older]] {
            let error = Hive::open(PATH, dirty.clone(), &logs).err().unwrap().to_string();
            assert!(error.contains("shutdown /s /t 0"), "{error}");
        }
    }
}

/// What a proptest finds is a hive or an error; nothing panics.
mod hostile {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_hive_with_changed_bytes_is_read_or_refused(
            changes in prop::collection::vec((0usize..8192, any::<u8>()), 1..12)
        ) {
            let mut bytes = sample().write().unwrap();
            for (at, byte) in changes {
                let at = at % bytes.len();
                bytes[at] = byte;
            }
            super::super::header::settle(&mut bytes, 7, 4096);
            if let Ok(hive) = Hive::open(PATH, bytes, &[]) {
                let _ = hive.key("ControlSet001\\Services\\Disk").map(|k| k.map(|k| k.values()));
                let _ = hive.write();
            }
        }

        #[test]
        fn logs_of_any_bytes_are_refused_or_replayed(log in prop::collection::vec(any::<u8>(), 0..4096)) {
            let mut bytes = sample().write().unwrap();
            bytes[4] ^= 1;
            let mut framed = bytes[..512].to_vec();
            framed[28] = 6;
            framed.extend(log);
            let _ = Hive::open(PATH, bytes, &[framed]);
        }
    }
}
