//! Gives the linker the memory map of each program, which `cortex-m-rt`'s script includes, and defmt's script.

fn main() -> std::io::Result<()> {
    boot_scripts::link(&["link.x", "defmt.x"])
}
