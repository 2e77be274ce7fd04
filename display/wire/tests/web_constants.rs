//! The files generated from the table of messages are those that the table generates now.

#[path = "../examples/web-constants/constants.rs"]
mod constants;

#[test]
fn generated_files_agree_with_the_table() {
    let repository = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for file in constants::FILES {
        let present = std::fs::read_to_string(repository.join(file.path)).unwrap_or_default();
        assert!(
            present == file.text(),
            "{} does not agree with MessageKind. Generate it again: {}",
            file.path,
            constants::COMMAND
        );
    }
}
