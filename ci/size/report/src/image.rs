//! Reads from a linked image what the report tells of it.

use std::collections::BTreeMap;

use object::{
    Object as _, ObjectSection as _, ObjectSymbol as _, RelocationTarget, SectionFlags, SymbolKind,
    elf, read::elf::ElfFile32,
};

/// A linked image.
#[derive(Debug)]
pub struct Image {
    /// Octets of code and constants, those of the device and the vector table excepted.
    pub text: u64,
    /// Octets of initialised variables, which are in flash and in RAM.
    pub data: u64,
    /// Octets of variables that start as zero.
    pub bss: u64,
    /// Functions by address.
    pub functions: BTreeMap<u64, Function>,
    /// Lengths of the constants that have a name.
    pub objects: Vec<(String, u64)>,
}

/// A function of an image.
#[derive(Debug, Default)]
pub struct Function {
    /// Its path, without the hash.
    pub name: String,
    /// Octets of code.
    pub size: u64,
    /// Octets of stack, where the compiler tells.
    pub frame: Option<u64>,
    /// Addresses of the functions that it calls or whose address it takes.
    pub calls: Vec<u64>,
}

impl Function {
    /// Whether this is the device, not what is measured on it.
    fn is_device(&self) -> bool {
        self.name.contains("size_images::device::")
    }

    /// Whether the compiler's runtime brings it: copying, 64-bit division.
    pub fn is_runtime(&self) -> bool {
        self.name.starts_with("__aeabi_")
            || self.name.starts_with("compiler_builtins::")
            || matches!(
                self.name.as_str(),
                "memcpy" | "memmove" | "memset" | "memcmp" | "bcmp"
            )
    }

    /// Whether this is the panic handler, which is linked if anything can panic.
    pub fn is_panic_handler(&self) -> bool {
        self.name.ends_with("rust_begin_unwind")
    }

    /// Whether it belongs to the code of `core` that panics.
    pub fn is_panic(&self) -> bool {
        let of_core = self.name.starts_with("core::") || self.name.starts_with('<');
        self.is_panic_handler()
            || self.name.starts_with("core::panicking::")
            || of_core
                && ["_fail", "panic_"]
                    .iter()
                    .any(|word| self.name.contains(word))
    }
}

impl Image {
    /// Reads an ELF file.
    ///
    /// # Errors
    /// If it is not an ELF file for a 32-bit processor.
    pub fn parse(bytes: &[u8]) -> Result<Self, object::Error> {
        let file: ElfFile32<'_> = ElfFile32::parse(bytes)?;
        let mut image = Self {
            text: 0,
            data: 0,
            bss: 0,
            functions: functions(&file),
            objects: objects(&file),
        };
        for section in file.sections() {
            let SectionFlags::Elf { sh_flags, .. } = section.flags() else {
                continue;
            };
            if !sh_flags.contains(elf::SHF_ALLOC) || section.name()? == ".vector_table" {
                continue;
            }
            match (sh_flags.contains(elf::SHF_WRITE), section.kind()) {
                (false, _) => image.text += section.size(),
                (true, object::SectionKind::UninitializedData) => image.bss += section.size(),
                (true, _) => image.data += section.size(),
            }
        }
        let device: u64 = image
            .functions
            .values()
            .filter(|f| f.is_device())
            .map(|f| f.size)
            .sum();
        image.text -= device;
        image.read_frames(&file)?;
        image.read_calls(&file)?;
        Ok(image)
    }

    /// `.stack_sizes` holds for each function its address and, in LEB128, the length of its frame.
    fn read_frames(&mut self, file: &ElfFile32<'_>) -> Result<(), object::Error> {
        let Some(section) = file.section_by_name(".stack_sizes") else {
            return Ok(());
        };
        let mut rest = section.data()?;
        while let Some((address, tail)) = rest.split_first_chunk::<4>() {
            let address = u64::from(u32::from_le_bytes(*address)) & !1;
            let mut frame = 0;
            let mut shift = 0;
            rest = tail;
            while let Some((&byte, tail)) = rest.split_first() {
                frame |= u64::from(byte & 0x7f) << shift;
                shift += 7;
                rest = tail;
                if byte & 0x80 == 0 {
                    break;
                }
            }
            if let Some(function) = self.functions.get_mut(&address) {
                function.frame = Some(frame);
            }
        }
        Ok(())
    }

    /// The linker leaves the relocations in the file, and each names a callee.
    fn read_calls(&mut self, file: &ElfFile32<'_>) -> Result<(), object::Error> {
        for section in file.sections() {
            if section.kind() != object::SectionKind::Text {
                continue;
            }
            for (at, relocation) in section.relocations() {
                let RelocationTarget::Symbol(index) = relocation.target() else {
                    continue;
                };
                let symbol = file.symbol_by_index(index)?;
                let callee = symbol.address() & !1;
                if symbol.kind() != SymbolKind::Text || !self.functions.contains_key(&callee) {
                    continue;
                }
                // In a linked file the place of a relocation is an address.
                if let Some((_, caller)) = self.functions.range_mut(..=at).next_back()
                    && !caller.calls.contains(&callee)
                {
                    caller.calls.push(callee);
                }
            }
        }
        Ok(())
    }
}

fn functions(file: &ElfFile32<'_>) -> BTreeMap<u64, Function> {
    let mut functions: BTreeMap<u64, Function> = BTreeMap::new();
    for symbol in file.symbols() {
        if symbol.kind() != SymbolKind::Text || symbol.size() == 0 {
            continue;
        }
        // Bit 0 says Thumb; it is not part of the address.
        let function = functions.entry(symbol.address() & !1).or_default();
        function.name = demangle(symbol.name().unwrap_or_default());
        function.size = symbol.size();
    }
    functions
}

fn objects(file: &ElfFile32<'_>) -> Vec<(String, u64)> {
    file.symbols()
        .filter(|symbol| symbol.kind() == SymbolKind::Data && symbol.size() != 0)
        .map(|symbol| (demangle(symbol.name().unwrap_or_default()), symbol.size()))
        .collect()
}

/// The path without hash and crate identity.
fn demangle(name: &str) -> String {
    format!("{:#}", rustc_demangle::demangle(name))
}
