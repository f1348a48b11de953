//! The `radlabel` program: everything is in [`radlabel::cli`].

fn main() -> std::process::ExitCode {
    radlabel::cli::main()
}
