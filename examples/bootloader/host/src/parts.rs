//! How many octets of a program each part takes, by the line tables, and how deep its stack went.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    ops::Range,
};

use addr2line::gimli;
use anyhow::{Context as _, Result, bail, ensure};
use object::{Architecture, Object as _, ObjectSection as _, ObjectSymbol as _, SectionKind};

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
    ("/program/src", "board"),
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

/// The language's own parser of addresses calls such functions, wherever it is inlined.
const LANGUAGE_PARSER: &str = "core/src/net/parser.rs";

/// Whether a program is Thumb's rather than RISC-V's.
///
/// # Errors
/// If it is neither, or no ELF file.
pub fn is_thumb(elf: &[u8]) -> Result<bool> {
    match object::File::parse(elf)?.architecture() {
        Architecture::Arm => Ok(true),
        Architecture::Riscv32 => Ok(false),
        other => bail!("{other:?} programs cannot be read"),
    }
}

/// Whether a program can allocate.
///
/// # Errors
/// If it is no ELF file.
pub fn has_heap(elf: &[u8]) -> Result<bool> {
    let file = object::File::parse(elf)?;
    Ok(file.symbols().any(|symbol| {
        symbol
            .name()
            .is_ok_and(|name| name.contains("__rust_alloc"))
    }))
}

/// The places in the sources of these crates that jump to one of the language's functions that panic: by the
/// program's instructions, and the lines that they came from.
///
/// # Errors
/// If it is no ELF file with line tables.
pub fn panics_in(elf: &[u8], sources: &[&str]) -> Result<Vec<String>> {
    let file = object::File::parse(elf)?;
    let jump = if is_thumb(elf)? { thumb } else { riscv };
    let panics: BTreeSet<u64> = file
        .symbols()
        .filter(|symbol| {
            let name = symbol.name().unwrap_or_default();
            PANICS.iter().any(|panic| name.contains(panic))
        })
        .map(|symbol| symbol.address() & !1)
        .collect();
    ensure!(
        !panics.is_empty(),
        "no function that panics has a name known here"
    );
    let context = context(&file)?;
    let mut found = Vec::new();
    let code = |section: &object::Section<'_, '_>| section.kind() == SectionKind::Text;
    for section in file.sections().filter(code) {
        let (halves, _) = section.data()?.as_chunks::<2>();
        let addresses = (section.address()..).step_by(2);
        for (address, four) in addresses.zip(halves.windows(4)) {
            let mut words = [0; 4];
            for (word, half) in words.iter_mut().zip(four) {
                *word = u16::from_le_bytes(*half);
            }
            if !jump(address, words).is_some_and(|to| panics.contains(&to)) {
                continue;
            }
            let mut frames = context.find_frames(address).skip_all_loads()?;
            while let Some(frame) = frames.next()? {
                let Some(at) = frame.location else { continue };
                let path = at.file.unwrap_or_default();
                if path.contains(LANGUAGE_PARSER) {
                    break;
                }
                if sources.iter().any(|source| path.contains(source)) {
                    found.push(format!("{path}:{}", at.line.unwrap_or(0)));
                }
            }
        }
    }
    Ok(found)
}

fn bit(word: u64, at: u32) -> i64 {
    i64::from(word >> at & 1 == 1)
}

/// Where a BL (encoding T1) or B.W (T4) leads.
fn thumb(address: u64, [first, second, ..]: [u16; 4]) -> Option<u64> {
    let is_branch = first & 0xf800 == 0xf000 && matches!(second & 0xd000, 0xd000 | 0x9000);
    if !is_branch {
        return None;
    }
    let sign = bit(first.into(), 10);
    let i1 = 1 ^ bit(second.into(), 13) ^ sign;
    let i2 = 1 ^ bit(second.into(), 11) ^ sign;
    let offset = -sign << 24
        | i1 << 23
        | i2 << 22
        | i64::from(first & 0x3ff) << 12
        | i64::from(second & 0x7ff) << 1;
    address.checked_add(4)?.checked_add_signed(offset)
}

/// Where a JAL, C.J or C.JAL leads, or an AUIPC with the JALR after it.
fn riscv(address: u64, [first, second, third, fourth]: [u16; 4]) -> Option<u64> {
    let word = u64::from(first) | u64::from(second) << 16;
    let next = u64::from(third) | u64::from(fourth) << 16;
    let offset = match (word & 0x7f, first & 0xe003) {
        (0x6f, _) => {
            -bit(word, 31) << 20
                | i64::from((word >> 12 & 0xff) as u8) << 12
                | bit(word, 20) << 11
                | i64::from((word >> 21 & 0x3ff) as u16) << 1
        }
        (0x17, _) if next & 0x707f == 0x67 && next >> 15 & 31 == word >> 7 & 31 => {
            i64::from((word & 0xffff_f000) as u32 as i32) + i64::from((next as u32 as i32) >> 20)
        }
        (_, 0xa001 | 0x2001) => {
            let word = u64::from(first);
            -bit(word, 12) << 11
                | bit(word, 11) << 4
                | i64::from(first >> 9 & 3) << 8
                | bit(word, 8) << 10
                | bit(word, 7) << 6
                | bit(word, 6) << 7
                | i64::from(first >> 3 & 7) << 1
                | bit(word, 2) << 5
        }
        _ => return None,
    };
    address.checked_add_signed(offset)
}
