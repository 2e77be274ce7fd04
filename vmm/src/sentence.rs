//! Error texts as sentences for users.

/// An error's text as a sentence: capital letter, full stop.
pub fn sentence(error: &impl ToString) -> String {
    let text = error.to_string();
    let mut letters = text.trim_end_matches('.').chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string());
    format!("{}{}.", first.unwrap_or_default(), letters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_become_sentences() {
        assert_eq!(sentence(&"no such file"), "No such file.");
        assert_eq!(sentence(&"/dev/kvm is missing."), "/dev/kvm is missing.");
    }
}
