//! What a user who makes mistakes types and sees: every block of `tests/cmd/*.trycmd` is run in the repository's root
//! and compared with what is written below it. `TRYCMD=overwrite cargo test -p memwall --test commands` writes what
//! the program prints now. (`documents.rs` does the same for the README and the book.)

use std::path::Path;

#[test]
fn wrong_input_is_answered_as_written() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    // Blocks name files from there. This is the only test of this program, so no other one minds.
    std::env::set_current_dir(&root).unwrap();
    let blocks = std::fs::read_to_string("crates/cli/tests/cmd/bad_input.trycmd").unwrap();
    assert!(blocks.contains("$ memwall run "), "no command: this test would prove nothing");
    trycmd::TestCases::new()
        .register_bin("memwall", Path::new(env!("CARGO_BIN_EXE_memwall")))
        .env("COLUMNS", "100")
        .env("NO_COLOR", "1")
        .timeout(std::time::Duration::from_secs(120))
        .case("crates/cli/tests/cmd/*.trycmd")
        .run();
}
