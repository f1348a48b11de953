//! The `radlabel` program: everything is in [`radlabel::cli`].

/// Reports come and go by the thousand on every thread: a tenth of a run went into the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    radlabel::cli::main()
}
