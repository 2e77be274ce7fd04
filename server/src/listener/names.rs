//! Host names of this computer.

/// Returns the names of this computer: `localhost`, and its host name with and without the domain.
pub fn own_names() -> Vec<String> {
    let mut names = vec!["localhost".to_owned()];
    let uname = rustix::system::uname();
    let host = uname.nodename().to_string_lossy().to_ascii_lowercase();
    if is_name(&host) {
        if let Some((short, _)) = host.split_once('.') {
            names.push(short.to_owned());
        }
        names.push(host);
    }
    names.dedup();
    names
}

/// Returns whether a text can be a host name.
fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 253
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn localhost_is_always_one_of_them_and_all_are_names() {
        let names = own_names();
        assert_eq!(names[0], "localhost");
        assert!(names.iter().all(|name| is_name(name)));
        assert!(!is_name("a b") && !is_name(""));
    }
}
