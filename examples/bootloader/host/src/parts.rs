//! How many octets of a program each part takes, by the line tables, and how deep its stack went.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    ops::Range,
};

use addr2line::gimli;
use anyhow::{Context as _, Result};
use object::{Object as _, ObjectSection as _, ObjectSymbol as _, SectionKind};

/// Where a source file belongs: the first pattern that its path contains. What the language's own
/// library adds to a function is counted with the function that it was inlined into.
const PARTS: &[(&str, &str)] = &[
    ("/tftp-proto/src/uri", "DHCP options, URI"),
    ("/tftp-proto/src/dhcp", "DHCP options, URI"),
    ("/tftp-proto/", "TFTP protocol"),
    ("/tftp-client/", "TFTP on smoltcp"),
    ("/tftp-server/", "TFTP on smoltcp"),
    ("/smoltcp-", "smoltcp"),
    ("/managed-", "smoltcp"),
    ("/lan9118/src", "driver"),
    ("/virtio-net/src", "driver"),
    ("/vcell-", "driver"),
    ("/sha2-", "crypto"),
    ("/digest-", "crypto"),
    ("/block-buffer-", "crypto"),
    ("/crypto-common-", "crypto"),
    ("/hybrid-array-", "crypto"),
    ("/ed25519", "crypto"),
    ("/signature-", "crypto"),
    ("/curve25519-dalek", "crypto"),
    ("/subtle-", "crypto"),
    ("logic/src", "boot logic"),
    ("mps2/src", "board"),
    ("virt/src", "board"),
    ("/defmt", "console"),
    ("/semihosting", "console"),
    ("/core/src", LANGUAGE),
    ("/compiler-builtins", LANGUAGE),
    ("/compiler_builtins", LANGUAGE),
];
const LANGUAGE: &str = "core library";
const OTHER: &str = "other";

/// A program's octets in flash.
#[derive(Debug)]
pub struct Sizes {
    /// Code, by part.
    pub code: BTreeMap<&'static str, u64>,
    /// Constants, and the initial values of variables.
    pub constants: u64,
    /// Variables: RAM that is always taken.
    pub variables: u64,
}

impl Sizes {
    /// All of the flash.
    #[must_use]
    pub fn flash(&self) -> u64 {
        self.code.values().sum::<u64>() + self.constants
    }

    /// The code of a part, 0 if it is not there.
    #[must_use]
    pub fn of(&self, part: &str) -> u64 {
        self.code.get(part).copied().unwrap_or(0)
    }
}

impl fmt::Display for Sizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (part, octets) in &self.code {
            writeln!(f, "    {part:20} {octets:>7}")?;
        }
        writeln!(f, "    {:20} {:>7}", "constants", self.constants)?;
        writeln!(f, "    {:20} {:>7}", "flash in all", self.flash())?;
        write!(f, "    {:20} {:>7}", "variables (RAM)", self.variables)
    }
}

/// Measures a program.
///
/// # Errors
/// If it is no ELF file with line tables.
pub fn measure(elf: &[u8]) -> Result<Sizes> {
    let file = object::File::parse(elf)?;
    let context = context(&file)?;
    let mut sizes = Sizes {
        code: BTreeMap::new(),
        constants: 0,
        variables: 0,
    };
    for section in file.sections() {
        match section.kind() {
            SectionKind::Text => {
                let mut address = section.address();
                let end = address + section.size();
                while address < end {
                    *sizes.code.entry(part_at(&context, address)?).or_default() += 2;
                    address += 2;
                }
            }
            SectionKind::ReadOnlyData | SectionKind::ReadOnlyString if is_loaded(&section) => {
                sizes.constants += section.size();
            }
            SectionKind::Data => {
                sizes.constants += section.size();
                sizes.variables += section.size();
            }
            SectionKind::UninitializedData if is_variables(&section) => {
                sizes.variables += section.size();
            }
            _ => {}
        }
    }
    Ok(sizes)
}

/// Some start-up code has sections for the stack and the heap as well.
fn is_variables(section: &object::Section<'_, '_>) -> bool {
    matches!(section.name(), Ok(".data" | ".bss" | ".uninit"))
}

fn is_loaded(section: &object::Section<'_, '_>) -> bool {
    matches!(section.flags(), object::SectionFlags::Elf { sh_flags, .. } if sh_flags.contains(object::elf::SHF_ALLOC))
}

fn context<'d>(file: &object::File<'d>) -> Result<addr2line::Context<Octets<'d>>> {
    let load = |id: gimli::SectionId| -> Result<Octets<'d>> {
        let section = file.section_by_name(id.name());
        let data = section.map_or(Ok(&[][..]), |section| section.data())?;
        Ok(Octets::new(data, gimli::LittleEndian))
    };
    Ok(addr2line::Context::from_dwarf(gimli::Dwarf::load(load)?)?)
}

type Octets<'d> = gimli::EndianSlice<'d, gimli::LittleEndian>;

/// The part that an instruction belongs to: that of the innermost function that is not the language's.
fn part_at(context: &addr2line::Context<Octets<'_>>, address: u64) -> Result<&'static str> {
    let mut frames = context.find_frames(address).skip_all_loads()?;
    let mut part = OTHER;
    while let Some(frame) = frames.next()? {
        let file = frame.location.and_then(|location| location.file);
        let found = file.and_then(|file| {
            PARTS
                .iter()
                .find(|(pattern, _)| file.contains(pattern))
                .map(|(_, part)| *part)
        });
        match found {
            Some(LANGUAGE) => part = LANGUAGE,
            Some(found) => return Ok(found),
            None => {}
        }
    }
    Ok(part)
}

/// Octets of RAM that a program's variables take.
///
/// # Errors
/// If it is no ELF file.
pub fn variables(elf: &[u8]) -> Result<u64> {
    let file = object::File::parse(elf)?;
    let variables = file.sections().filter(is_variables);
    Ok(variables.map(|section| section.size()).sum())
}

/// Where the stack is: from the end of the variables to its top.
///
/// # Errors
/// If it is no ELF file with a start-up code's symbols.
pub fn stack(elf: &[u8]) -> Result<Range<u64>> {
    let file = object::File::parse(elf)?;
    let symbol = |name: &str| {
        file.symbols()
            .find(|symbol| symbol.name() == Ok(name))
            .map(|symbol| symbol.address())
            .with_context(|| format!("no symbol {name}"))
    };
    Ok(symbol("__ebss")?..symbol("_stack_start")?)
}

/// What the language's library calls the functions that end in a panic.
const PANICS: &[&str] = &[
    "panicking",
    "slice_index_fail",
    "slice_error_fail",
    "len_mismatch_fail",
    "unwrap_failed",
    "expect_failed",
];

/// The places in the sources of these crates that call one of the language's functions that panic: by the
/// BL and B.W instructions of a Thumb program, and the lines that they came from.
///
/// # Errors
/// If it is no ELF file with line tables.
pub fn panics_in(elf: &[u8], sources: &[&str]) -> Result<Vec<String>> {
    let file = object::File::parse(elf)?;
    let panics: BTreeSet<u64> = file
        .symbols()
        .filter(|symbol| {
            let name = symbol.name().unwrap_or_default();
            PANICS.iter().any(|panic| name.contains(panic))
        })
        .map(|symbol| symbol.address() & !1)
        .collect();
    let context = context(&file)?;
    let mut found = Vec::new();
    for section in file.sections() {
        if section.kind() != SectionKind::Text {
            continue;
        }
        let (halves, _) = section.data()?.as_chunks::<2>();
        let addresses = (section.address()..).step_by(2);
        for (address, pair) in addresses.zip(halves.windows(2)) {
            let [first, second] = pair else { continue };
            let (first, second) = (u16::from_le_bytes(*first), u16::from_le_bytes(*second));
            if !branch(address, first, second).is_some_and(|to| panics.contains(&to)) {
                continue;
            }
            let mut frames = context.find_frames(address).skip_all_loads()?;
            while let Some(frame) = frames.next()? {
                let Some(at) = frame.location else { continue };
                let path = at.file.unwrap_or_default();
                if sources.iter().any(|source| path.contains(source)) {
                    found.push(format!("{path}:{}", at.line.unwrap_or(0)));
                }
            }
        }
    }
    Ok(found)
}

/// Where a BL (encoding T1) or B.W (T4) leads.
fn branch(address: u64, first: u16, second: u16) -> Option<u64> {
    let is_branch = first & 0xf800 == 0xf000 && matches!(second & 0xd000, 0xd000 | 0x9000);
    if !is_branch {
        return None;
    }
    let bit = |word: u16, at: u32| i64::from(word >> at & 1);
    let sign = bit(first, 10);
    let i1 = 1 ^ bit(second, 13) ^ sign;
    let i2 = 1 ^ bit(second, 11) ^ sign;
    let offset = -sign << 24
        | i1 << 23
        | i2 << 22
        | i64::from(first & 0x3ff) << 12
        | i64::from(second & 0x7ff) << 1;
    address.checked_add(4)?.checked_add_signed(offset)
}
