//! `--publish`: destinations from the command line, and where their secrets come from.

use std::collections::BTreeMap;

use pulse_engine::Secrets;
use pulse_show::{Destination, DestinationId, Profile, Secret, Show, Target, ids::slug, target};

use crate::error::Failure;

/// Adds a destination to the show for each address, and gives what lets the program in.
///
/// # Errors
/// An address that is none, told without its secret.
pub fn add(show: &mut Show, addresses: &[String]) -> Result<BTreeMap<DestinationId, Secrets>, Failure> {
    let mut secrets = BTreeMap::new();
    for address in addresses {
        let parted = target::part(address).map_err(Failure::usage)?;
        let to: Target = parted.url.parse().map_err(Failure::usage)?;
        if to.is_webrtc() {
            // One encode for everything: what browsers decode, everybody does.
            show.encoding.profile = Profile::ConstrainedBaseline;
        }
        let id = free_id(show, &to.name());
        let (name, api) = environment(&to);
        let key = parted.secret.or_else(|| name.and_then(variable));
        let [api_key, api_secret] = api.map(|name| name.and_then(variable));
        secrets.insert(id.clone(), Secrets { key, stream_id: parted.stream_id, api_key, api_secret });
        show.destinations.push(Destination { id, name: to.name(), url: parted.url });
    }
    Ok(secrets)
}

/// The environment variables of a destination's token, and of the key and the secret of which one is made.
fn environment(to: &Target) -> (Option<&'static str>, [Option<&'static str>; 2]) {
    match to {
        Target::Whip { .. } => (Some("WHIP_TOKEN"), [None; 2]),
        Target::LiveKit { .. } => (None, [Some("LIVEKIT_API_KEY"), Some("LIVEKIT_API_SECRET")]),
        Target::Rtmp { .. } | Target::Srt { .. } | Target::Hls { .. } => (None, [None; 2]),
    }
}

fn variable(name: &str) -> Option<Secret> {
    std::env::var(name).ok().filter(|value| !value.is_empty()).map(Secret::new)
}

/// An id made of the name that no other destination has.
fn free_id(show: &Show, name: &str) -> DestinationId {
    let base = slug(name);
    let taken = |id: &str| show.destinations.iter().any(|destination| destination.id.as_str() == id);
    let numbered = (2..).map(|n| format!("{base}-{n}"));
    std::iter::once(base.clone()).chain(numbered).find(|id| !taken(id)).unwrap_or(base).into()
}

#[cfg(test)]
mod tests {
    use pulse_show::Canvas;

    use super::*;

    #[test]
    fn two_of_the_same_have_ids_of_their_own_and_keys_stay_out_of_the_show() {
        let mut show = Show::empty(Canvas::default());
        let addresses = ["rtmp://a.example/live/k1", "rtmp://a.example/live/k2"].map(ToOwned::to_owned);
        let secrets = add(&mut show, &addresses).expect("both are addresses");
        assert_eq!(secrets.keys().map(DestinationId::as_str).collect::<Vec<_>>(), ["a-example", "a-example-2"]);
        assert!(!format!("{show:?} {secrets:?}").contains("k1"));
        assert_eq!(show.encoding.profile, Profile::High);
        assert!(pulse_show::validate(&show).is_ok());
    }

    #[test]
    fn a_browsers_destination_makes_one_encode_fit_for_all() {
        let mut show = Show::empty(Canvas::default());
        add(&mut show, &["livekit:ws://127.0.0.1:7880?room=a".to_owned()]).expect("an address");
        assert_eq!(show.encoding.profile, Profile::ConstrainedBaseline);
    }
}
