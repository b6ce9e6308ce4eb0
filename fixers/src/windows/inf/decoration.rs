//! Which models a Windows looks at (Microsoft: "Combining Platform Extensions with Operating System Versions", "INF
//! Manufacturer Section").

use super::number::word;
use crate::windows::{Arch, WindowsTarget};

/// First build that knows builds in decorations. Older ones take such a decoration for none.
const FIRST_BUILD: u32 = 14310;

/// `NT[arch][.[major][.[minor][.[product][.[suite][.[build]]]]]]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Decoration {
    arch: Option<Processor>,
    major: Option<u32>,
    minor: Option<u32>,
    product: Option<u32>,
    suite: Option<u32>,
    build: Option<u32>,
}

/// A processor that a decoration can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Processor {
    Known(Arch),
    /// Itanium and 32-bit ARM, which h2k's guests do not run on.
    Foreign,
}

impl Decoration {
    /// A decoration; `None` for what is none.
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_lowercase();
        let mut fields = text.strip_prefix("nt")?.split('.');
        let arch = match fields.next().unwrap_or_default() {
            "" => None,
            "x86" => Some(Processor::Known(Arch::X86)),
            "amd64" => Some(Processor::Known(Arch::Amd64)),
            "arm64" => Some(Processor::Known(Arch::Arm64)),
            "ia64" | "arm" => Some(Processor::Foreign),
            _ => return None,
        };
        let mut numbers = [None; 5];
        for (slot, field) in numbers.iter_mut().zip(fields.by_ref()) {
            let field = field.trim();
            *slot = if field.is_empty() { None } else { Some(word("a decoration", field).ok()?) };
        }
        if fields.next().is_some() {
            return None;
        }
        let [major, minor, product, suite, build] = numbers;
        Some(Self { arch, major, minor, product, suite, build })
    }

    /// Version of Windows that it begins with; 0.0 for every one.
    fn version(&self) -> (u32, u32) {
        self.major.map_or((0, 0), |major| (major, self.minor.unwrap_or_default()))
    }

    fn fits(&self, target: &WindowsTarget) -> bool {
        let own = (target.major, target.minor);
        let arch = match self.arch {
            Some(processor) => processor == Processor::Known(target.arch),
            // From Server 2003 SP1 on, only x86 takes models without a platform.
            None => target.arch == Arch::X86,
        };
        // A build counts for the very version that it is given with.
        let build = self.build.is_none_or(|build| {
            target.build >= FIRST_BUILD && (own > self.version() || target.build >= build)
        });
        arch && build
            && self.version() <= own
            && self.product.is_none_or(|product| product == target.product_type.number())
            && self.suite.is_none_or(|suite| target.suite & suite == suite)
    }

    /// Of two that fit, the greater one is nearer: the version comes before product type and suites.
    fn nearness(&self) -> impl Ord + use<> {
        let suites = self.suite.unwrap_or_default().count_ones();
        (self.version(), self.build.unwrap_or_default(), self.product.is_some(), suites, self.arch.is_some())
    }
}

/// Names of the sections of models that a Windows looks for, the first that exists counts.
pub(super) fn models(base: &str, decorations: &[String], target: &WindowsTarget) -> Vec<String> {
    let fitting = decorations.iter().filter_map(|text| {
        let decoration = Decoration::parse(text)?;
        decoration.fits(target).then_some((decoration.nearness(), text))
    });
    // The first of two that are equally near: max_by would give the last.
    let nearest = fitting.reduce(|best, next| if next.0 > best.0 { next } else { best });
    if let Some((_, text)) = nearest {
        // If there is no such section, Windows takes it for empty, which keeps the driver from being installed.
        return vec![format!("{base}.{}", text.trim())];
    }
    let mut names = vec![format!("{base}.NT{}", target.arch)];
    if target.arch == Arch::X86 {
        names.extend([format!("{base}.NT"), base.to_owned()]);
    }
    names
}

/// Names of the sections that a DDInstall section may apply as, the nearest first (SetupDiGetActualSectionToInstall).
pub(super) fn install(base: &str, target: &WindowsTarget) -> [String; 3] {
    [format!("{base}.NT{}", target.arch), format!("{base}.NT"), base.to_owned()]
}
