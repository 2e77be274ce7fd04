//! Conversion of error texts, which begin in lower case, to sentences for users.

/// Returns the text of `error` as a sentence: with a capital letter at its beginning and one full stop at its
/// end.
pub fn sentence(error: impl ToString) -> String {
    let text = error.to_string();
    let mut chars = text.trim_end_matches('.').chars();
    let first = chars.next().map(|first| first.to_uppercase().to_string());
    format!("{}{}.", first.unwrap_or_default(), chars.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_become_sentences() {
        assert_eq!(sentence("no such file"), "No such file.");
        assert_eq!(sentence("/dev/kvm is missing."), "/dev/kvm is missing.");
    }
}
