//! Gives the linker the memory map of each program, which goes before `riscv-rt`'s script.

fn main() -> std::io::Result<()> {
    boot_scripts::link(&["memory.x", "link.x"])
}
