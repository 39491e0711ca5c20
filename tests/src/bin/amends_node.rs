//! The `amends` command, built beside the tests so that they can start and kill it.

fn main() -> std::process::ExitCode {
    amends::main()
}
