//! Takes secrets out of an address, also out of one that is malformed: what is in doubt is taken out.

use percent_encoding::percent_decode_str;

/// What stands for a secret.
const HIDDEN: &str = "***";
/// A query value is a secret when its name contains one of these.
const SECRET_NAMES: [&str; 8] = ["pass", "pwd", "key", "token", "secret", "streamid", "auth", "sig"];

/// `text` with user and password, an RTMP key (the last part of the path) and secret query values replaced by `***`.
pub(crate) fn redact(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once(':') else { return text.to_owned() };
    if matches!(scheme.trim().to_ascii_lowercase().as_str(), "text" | "file" | "image" | "device" | "screen") {
        return text.to_owned();
    }
    let rest = rest.trim_start_matches('/');
    let slashes = &text[scheme.len() + 1..text.len() - rest.len()];
    let (user, rest) = match end_of_user(rest) {
        Some(at) => (format!("{HIDDEN}@"), &rest[at + 1..]),
        None => (String::new(), rest),
    };
    let (path, query) = match rest.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (rest, None),
    };
    let path =
        if scheme.trim().to_ascii_lowercase().starts_with("rtmp") { hide_last_part(path) } else { path.to_owned() };
    let query = query.map(|query| format!("?{}", hide_values(query))).unwrap_or_default();
    format!("{scheme}:{slashes}{user}{path}{query}")
}

/// Where the `@` after the user and password stands. A password with a raw `/`, `?` or `#` in it makes a URL ambiguous; then all that could be part of it counts.
fn end_of_user(rest: &str) -> Option<usize> {
    let before_query = rest.split('?').next().unwrap_or_default();
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let port = authority.rsplit_once(':').map(|(_, port)| port);
    let odd_port =
        port.is_some_and(|port| port.is_empty() || !port.ends_with(']') && !port.bytes().all(|b| b.is_ascii_digit()));
    if odd_port && !authority.contains('@') { rest.rfind('@') } else { before_query.rfind('@') }
}

fn hide_last_part(path: &str) -> String {
    let trimmed = path.trim_end_matches('/');
    match trimmed.rfind('/') {
        Some(slash) => format!("{}/{HIDDEN}{}", &trimmed[..slash], &path[trimmed.len()..]),
        None => path.to_owned(),
    }
}

fn hide_values(query: &str) -> String {
    let hide = |pair: &str| match pair.split_once('=') {
        Some((name, value)) if !value.is_empty() && is_secret(name) => format!("{name}={HIDDEN}"),
        _ => pair.to_owned(),
    };
    query.split('&').map(hide).collect::<Vec<_>>().join("&")
}

fn is_secret(name: &str) -> bool {
    let name = percent_decode_str(name).decode_utf8_lossy().to_ascii_lowercase();
    SECRET_NAMES.iter().any(|secret| name.contains(secret))
}
