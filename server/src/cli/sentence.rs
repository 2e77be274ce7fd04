//! Sentence of an error of authentication.

use oriel_auth::AuthError;

/// Formats an error as a sentence: a capital letter first and a full stop last.
pub(super) fn sentence(error: AuthError) -> String {
    let text = error.to_string();
    if text.ends_with('.') {
        return text;
    }
    let mut chars = text.chars();
    chars.next().into_iter().flat_map(char::to_uppercase).chain(chars).chain(['.']).collect()
}
