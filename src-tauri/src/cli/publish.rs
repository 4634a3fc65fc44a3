//! `--publish`: destinations from the command line, and where their secrets come from.

use std::collections::BTreeMap;

use pulse_engine::Secrets;
use pulse_show::{Destination, DestinationId, Profile, Secret, Show, Target, ids::slug, target};

use crate::{
    error::Failure,
    keys::{KeyStore, name_of, names_of, title_of},
};

/// Adds a destination to the show for each address, or finds the show's own by id or name, and gives what lets the program in:
/// from the address, or else the environment, or else `keys`.
///
/// # Errors
/// What is neither, told without its secret; a key that is kept and cannot be had.
pub fn add(
    show: &mut Show,
    addresses: &[String],
    keys: &dyn KeyStore,
) -> Result<BTreeMap<DestinationId, Secrets>, Failure> {
    let mut secrets = BTreeMap::new();
    for address in addresses {
        let saved = find(show, address)?.cloned();
        let parted = target::part(saved.as_ref().map_or(address, |saved| &saved.url)).map_err(Failure::usage)?;
        let to: Target = parted.url.parse().map_err(Failure::usage)?;
        if to.is_webrtc() {
            // One encode for everything: what browsers decode, everybody does.
            show.encoding.profile = Profile::ConstrainedBaseline;
        }
        let names = saved.as_ref().map_or_else(|| vec![name_of(&parted.url)], |saved| names_of(saved).to_vec());
        let (token, api) = environment(&to);
        let [api_key, api_secret] = api.map(|name| name.and_then(variable));
        let key = match parted.secret.or_else(|| token.and_then(variable)) {
            Some(key) => Some(key),
            // Of a key and a secret tokens are made: a kept one would only get in their way.
            None if api_key.is_some() && api_secret.is_some() => None,
            None => from_keychain(&to, &names, keys)?,
        };
        let id = saved.as_ref().map_or_else(|| free_id(show, &to.name()), |saved| saved.id.clone());
        secrets.insert(id.clone(), Secrets { key, stream_id: parted.stream_id, api_key, api_secret });
        if saved.is_none() {
            show.destinations.push(Destination { id, name: to.name(), url: parted.url });
        }
    }
    Ok(secrets)
}

/// The show's destination of that id, or else that name; none for an address.
fn find<'a>(show: &'a Show, named: &str) -> Result<Option<&'a Destination>, Failure> {
    if let Some(destination) = show.destinations.iter().find(|destination| destination.id.as_str() == named) {
        return Ok(Some(destination));
    }
    let mut found = show.destinations.iter().filter(|destination| destination.name == named);
    match (found.next(), found.next()) {
        (Some(_), Some(_)) => {
            Err(Failure::usage(format!("the show has two destinations \"{named}\"; name one by its id")))
        }
        (one, _) => Ok(one),
    }
}

/// What was kept by `pulse-studio keys set`.
fn from_keychain(to: &Target, names: &[String], keys: &dyn KeyStore) -> Result<Option<Secret>, Failure> {
    if matches!(to, Target::Hls { .. }) {
        return Ok(None);
    }
    for name in names {
        let Some(key) = keys.get(name).map_err(super::keys::failure)? else { continue };
        let refused = |reason: &str| Failure::usage(format!("the key of {}: {reason}", title_of(name)));
        return target::check_secret(to, &key).map(|()| Some(key)).map_err(refused);
    }
    Ok(None)
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
    use crate::keys::KeyError;

    /// What is kept, by name.
    struct Kept(&'static [(&'static str, &'static str)]);

    impl KeyStore for Kept {
        fn get(&self, name: &str) -> Result<Option<Secret>, KeyError> {
            Ok(self.0.iter().find(|(kept, _)| *kept == name).map(|(_, key)| Secret::new(*key)))
        }

        fn set(&self, _: &str, _: &Secret) -> Result<(), KeyError> {
            panic!("publishing keeps no keys")
        }

        fn remove(&self, _: &str) -> Result<bool, KeyError> {
            panic!("publishing forgets no keys")
        }
    }

    const NOTHING: Kept = Kept(&[]);

    fn show_of(destinations: &[(&str, &str, &str)]) -> Show {
        let mut show = Show::empty(Canvas::default());
        show.destinations.extend(destinations.iter().map(|(id, name, url)| Destination {
            id: (*id).into(),
            name: (*name).into(),
            url: (*url).into(),
        }));
        show
    }

    fn add_to(show: &mut Show, address: &str, keys: &Kept) -> Result<Vec<(String, Option<String>)>, Failure> {
        let secrets = add(show, &[address.to_owned()], keys)?;
        let told = |(id, secrets): (DestinationId, Secrets)| {
            (id.as_str().to_owned(), secrets.key.map(|key| key.reveal().to_owned()))
        };
        Ok(secrets.into_iter().map(told).collect())
    }

    #[test]
    fn two_of_the_same_have_ids_of_their_own_and_keys_stay_out_of_the_show() {
        let mut show = Show::empty(Canvas::default());
        let addresses = ["rtmp://a.example/live/k1", "rtmp://a.example/live/k2"].map(ToOwned::to_owned);
        let secrets = add(&mut show, &addresses, &NOTHING).expect("both are addresses");
        assert_eq!(secrets.keys().map(DestinationId::as_str).collect::<Vec<_>>(), ["a-example", "a-example-2"]);
        assert!(!format!("{show:?} {secrets:?}").contains("k1"));
        assert_eq!(show.encoding.profile, Profile::High);
        assert!(pulse_show::validate(&show).is_ok());
    }

    #[test]
    fn a_browsers_destination_makes_one_encode_fit_for_all() {
        let mut show = Show::empty(Canvas::default());
        add(&mut show, &["livekit:ws://127.0.0.1:7880?room=a".to_owned()], &NOTHING).expect("an address");
        assert_eq!(show.encoding.profile, Profile::ConstrainedBaseline);
    }

    #[test]
    fn an_address_without_a_key_has_the_one_that_is_kept_by_it_and_its_own_goes_first() {
        let kept = Kept(&[("destination/rtmp://a.example/live", "kept"), ("destination/a-example", "another's")]);
        for (address, key) in [
            ("rtmp://a.example/live", Some("kept")),
            ("rtmp://a.example/live/own", Some("own")),
            ("rtmp://a.example/other", None),
        ] {
            let added = add_to(&mut show_of(&[]), address, &kept).expect("an address");
            assert_eq!(added, [("a-example".to_owned(), key.map(ToOwned::to_owned))], "{address}");
        }
    }

    #[test]
    fn a_destination_of_the_show_is_found_by_id_or_name_and_has_its_key() {
        let saved = [("yt", "Church", "rtmp://a.example/live"), ("fb", "Church 2", "rtmp://b.example/live")];
        let by_id = Kept(&[("destination/yt", "of-yt"), ("destination/rtmp://a.example/live", "of-url")]);
        let by_url = Kept(&[("destination/rtmp://a.example/live", "of-url")]);
        for (named, kept, key) in [("yt", &by_id, "of-yt"), ("Church", &by_id, "of-yt"), ("Church", &by_url, "of-url")]
        {
            let mut show = show_of(&saved);
            let added = add_to(&mut show, named, kept).expect("it is in the show");
            assert_eq!(added, [("yt".to_owned(), Some(key.to_owned()))], "{named}");
            assert_eq!(show.destinations, show_of(&saved).destinations, "nothing was added");
        }
        let twice = [("a", "Church", "rtmp://a.example/live"), ("b", "Church", "rtmp://b.example/live")];
        assert!(matches!(add_to(&mut show_of(&twice), "Church", &by_id), Err(Failure::Usage(_))));
        assert!(matches!(add_to(&mut show_of(&saved), "Nobody", &by_id), Err(Failure::Usage(_))));
    }

    #[test]
    fn a_kept_key_that_the_destination_cannot_take_is_refused_without_telling_it() {
        let kept = Kept(&[("destination/srt://a.example:7000", "short")]);
        let refused = add_to(&mut show_of(&[]), "srt://a.example:7000", &kept).expect_err("a passphrase of 5");
        assert!(matches!(&refused, Failure::Usage(told) if told.contains("10 to 79") && !told.contains("short")));
    }
}
