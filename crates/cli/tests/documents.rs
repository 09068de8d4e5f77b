//! Every `console` block of the README and the book, run from the root of the repository, prints what is
//! written below it. After an intended change, run `python3 scripts/update_documents.py target/debug/memwall`
//! and read what changed.

use std::path::Path;

#[test]
fn documents_show_what_the_program_prints() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    std::env::set_current_dir(&root).expect("the root of the repository");
    let readme = std::fs::read_to_string("README.md").expect("a README");
    assert!(
        readme.contains("```console\n$ memwall run "),
        "the README shows no run: this test would prove nothing"
    );
    trycmd::TestCases::new()
        .env("COLUMNS", "100")
        .env("NO_COLOR", "1")
        .timeout(std::time::Duration::from_secs(300))
        .case("README.md")
        .case("book/src/**/*.md")
        .run();
}
