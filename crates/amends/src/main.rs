//! The `amends` binary.

fn main() -> std::process::ExitCode {
    amends::main()
}
