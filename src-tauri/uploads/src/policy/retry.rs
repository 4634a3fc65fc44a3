//! What a failure means: try again and when, begin the file again, or stop and say what to mend.
//!
//! | answer | examples | decision |
//! |---|---|---|
//! | none | cut cable, time-out, half an answer | [`Decision::Retry`] |
//! | 408, 409, 425, 429, 5xx | slow down, internal error | [`Decision::Retry`] |
//! | the body arrived damaged | `BadDigest`, `IncompleteBody`, `RequestTimeout` | [`Decision::Retry`] |
//! | the upload is gone | `NoSuchUpload`, `InvalidPart` | [`Decision::Restart`] |
//! | everything else | 403, no such bucket, 3xx, 501 | [`Decision::Stop`] |
//!
//! Where S3 names an error code, the code decides before the status: the same trouble comes with different statuses from
//! different servers, and completing an upload can fail with status 200. Source: Amazon S3 "Error responses".

use std::time::Duration;

/// The wait after the first failure, before chance halves it at most.
pub const FIRST_WAIT: Duration = Duration::from_secs(1);
/// The longest wait of our own choosing. There is no last try: a venue can be offline for a week.
pub const LONGEST_WAIT: Duration = Duration::from_secs(300);
/// The longest wait that a server may ask for.
pub const LONGEST_ASKED: Duration = Duration::from_secs(3600);

/// How a request failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure<'a> {
    /// There was no answer, or only a part of one.
    Unanswered,
    /// The server refused.
    Answered {
        /// HTTP's.
        status: u16,
        /// S3's, where the body has one: `SlowDown`.
        code: Option<&'a str>,
        /// What `Retry-After` asks for.
        retry_after: Option<Duration>,
    },
    /// The local file cannot be read.
    Unreadable,
    /// The local file is not the one that the upload began with.
    Changed,
}

/// What to do about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Send the same again after this time.
    Retry(Duration),
    /// Begin the whole file again after this time: the server has forgotten the parts.
    Restart(Duration),
    /// Try nothing until a person has mended it.
    Stop(Refusal),
}

/// What a person has to mend. Each says how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The key may not write there.
    #[error("the bucket refuses the key: check that it may write to this bucket, then start the upload again")]
    Forbidden,
    /// The key is not known, or not the one that its id belongs to.
    #[error("the server does not know the access key: enter key id and secret again")]
    UnknownKey,
    /// Temporary credentials have run out.
    #[error("the credentials have expired: get new ones; the upload goes on where it was")]
    Expired,
    /// This machine's clock is wrong.
    #[error("the server refuses this machine's clock: set the time, then start the upload again")]
    Clock,
    /// There is no such bucket.
    #[error("the bucket does not exist: make it, or correct its name")]
    NoBucket,
    /// The bucket lives elsewhere.
    #[error("the bucket is at another address: correct endpoint and region")]
    Elsewhere,
    /// The file is too large for this server.
    #[error("the server does not take a file of this size: split it, or choose another server")]
    TooLarge,
    /// The server cannot do what was asked, or did not understand it.
    #[error("the server does not accept the request (status {0}): check that the endpoint is an S3 API")]
    Unaccepted(u16),
    /// The local file cannot be read.
    #[error("the file cannot be read: check that its disk is connected and that it may be read")]
    Unreadable,
    /// The local file is another one than when the upload began.
    #[error("the file has changed since its upload began: start the upload again when nothing writes to it")]
    Changed,
}

/// Decides about the `attempt`-th failure in a row (from 1). `chance` is any random number: it keeps
/// clients that failed together from coming back together.
pub fn decide(failure: Failure<'_>, attempt: u32, chance: u32) -> Decision {
    let (status, code, asked) = match failure {
        Failure::Unanswered => return Decision::Retry(wait(attempt, chance, None)),
        Failure::Unreadable => return Decision::Stop(Refusal::Unreadable),
        Failure::Changed => return Decision::Stop(Refusal::Changed),
        Failure::Answered { status, code, retry_after } => (status, code, retry_after),
    };
    match code.and_then(by_code).unwrap_or_else(|| by_status(status)) {
        Meaning::Passing => Decision::Retry(wait(attempt, chance, asked)),
        Meaning::Forgotten => Decision::Restart(wait(attempt, chance, asked)),
        Meaning::Lasting(refusal) => Decision::Stop(refusal),
    }
}

/// How long to wait after the `attempt`-th failure in a row: twice as long each time, up to [`LONGEST_WAIT`], the upper half
/// of it by `chance`; never less than what the server `asked` for, as far as [`LONGEST_ASKED`].
fn wait(attempt: u32, chance: u32, asked: Option<Duration>) -> Duration {
    let doublings = attempt.saturating_sub(1).min(16);
    let full = FIRST_WAIT.saturating_mul(1 << doublings).min(LONGEST_WAIT);
    let own = full / 2 + (full / 2).mul_f64(f64::from(chance) / f64::from(u32::MAX));
    own.max(asked.unwrap_or_default().min(LONGEST_ASKED))
}

/// What an answer says about the time to come.
enum Meaning {
    /// It may work the next time.
    Passing,
    /// The upload's parts are gone.
    Forgotten,
    /// It never works like this.
    Lasting(Refusal),
}

/// `None` for a code that says no more than the status.
fn by_code(code: &str) -> Option<Meaning> {
    Some(match code {
        "SlowDown"
        | "ServiceUnavailable"
        | "InternalError"
        | "RequestTimeout"
        | "IncompleteBody"
        | "BadDigest"
        | "XAmzContentSHA256Mismatch"
        | "OperationAborted"
        | "TooManyRequests" => Meaning::Passing,
        "NoSuchUpload" | "InvalidPart" => Meaning::Forgotten,
        "NoSuchBucket" => Meaning::Lasting(Refusal::NoBucket),
        "PermanentRedirect" | "AuthorizationHeaderMalformed" => Meaning::Lasting(Refusal::Elsewhere),
        "RequestTimeTooSkewed" => Meaning::Lasting(Refusal::Clock),
        "ExpiredToken" | "TokenRefreshRequired" => Meaning::Lasting(Refusal::Expired),
        "InvalidAccessKeyId" | "SignatureDoesNotMatch" => Meaning::Lasting(Refusal::UnknownKey),
        "EntityTooLarge" => Meaning::Lasting(Refusal::TooLarge),
        _ => return None,
    })
}

fn by_status(status: u16) -> Meaning {
    match status {
        408 | 409 | 425 | 429 => Meaning::Passing,
        401 | 403 => Meaning::Lasting(Refusal::Forbidden),
        413 => Meaning::Lasting(Refusal::TooLarge),
        300..=399 => Meaning::Lasting(Refusal::Elsewhere),
        501 | 505 => Meaning::Lasting(Refusal::Unaccepted(status)),
        500.. => Meaning::Passing,
        _ => Meaning::Lasting(Refusal::Unaccepted(status)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn answered(status: u16, code: &str) -> Failure<'_> {
        Failure::Answered { status, code: Some(code).filter(|code| !code.is_empty()), retry_after: None }
    }

    fn seconds(decision: Decision) -> f64 {
        match decision {
            Decision::Retry(wait) | Decision::Restart(wait) => wait.as_secs_f64(),
            Decision::Stop(refusal) => panic!("{refusal}"),
        }
    }

    #[test]
    fn what_mends_itself_is_tried_again() {
        let passing = [
            answered(500, ""),
            answered(502, ""),
            answered(503, "SlowDown"),
            answered(507, ""),
            answered(408, ""),
            answered(429, ""),
            answered(409, "OperationAborted"),
            answered(400, "RequestTimeout"),
            answered(400, "IncompleteBody"),
            answered(400, "BadDigest"),
            answered(200, "InternalError"),
            answered(503, "SomethingNew"),
            Failure::Unanswered,
        ];
        for failure in passing {
            assert_eq!(decide(failure, 1, u32::MAX), Decision::Retry(FIRST_WAIT), "{failure:?}");
        }
    }

    #[test]
    fn an_upload_that_the_server_forgot_begins_again() {
        for failure in [answered(404, "NoSuchUpload"), answered(400, "InvalidPart")] {
            assert_eq!(decide(failure, 1, u32::MAX), Decision::Restart(FIRST_WAIT), "{failure:?}");
        }
    }

    #[test]
    fn what_a_person_must_mend_stops_and_says_so() {
        for (failure, refusal) in [
            (answered(403, ""), Refusal::Forbidden),
            (answered(403, "AccessDenied"), Refusal::Forbidden),
            (answered(401, ""), Refusal::Forbidden),
            (answered(403, "SignatureDoesNotMatch"), Refusal::UnknownKey),
            (answered(403, "InvalidAccessKeyId"), Refusal::UnknownKey),
            (answered(403, "RequestTimeTooSkewed"), Refusal::Clock),
            (answered(400, "ExpiredToken"), Refusal::Expired),
            (answered(404, "NoSuchBucket"), Refusal::NoBucket),
            (answered(301, "PermanentRedirect"), Refusal::Elsewhere),
            (answered(302, ""), Refusal::Elsewhere),
            (answered(413, ""), Refusal::TooLarge),
            (answered(400, "EntityTooLarge"), Refusal::TooLarge),
            (answered(404, ""), Refusal::Unaccepted(404)),
            (answered(501, "NotImplemented"), Refusal::Unaccepted(501)),
            (Failure::Unreadable, Refusal::Unreadable),
            (Failure::Changed, Refusal::Changed),
        ] {
            assert_eq!(decide(failure, 1, u32::MAX), Decision::Stop(refusal), "{failure:?}");
        }
    }

    #[test]
    fn waits_double_up_to_five_minutes_and_go_on() {
        let waits =
            [1, 2, 3, 9, 10, 1000, u32::MAX].map(|attempt| seconds(decide(Failure::Unanswered, attempt, u32::MAX)));
        assert_eq!(waits, [1.0, 2.0, 4.0, 256.0, 300.0, 300.0, 300.0]);
    }

    #[test]
    fn a_server_is_given_the_time_it_asks_for_up_to_an_hour() {
        let asking =
            |seconds| Failure::Answered { status: 503, code: None, retry_after: Some(Duration::from_secs(seconds)) };
        assert_eq!(seconds(decide(asking(90), 1, 0)), 90.0);
        assert_eq!(seconds(decide(asking(0), 2, u32::MAX)), 2.0);
        assert_eq!(seconds(decide(asking(u64::MAX), 1, 0)), 3600.0);
    }

    proptest! {
        #[test]
        fn chance_takes_away_at_most_half(attempt in any::<u32>(), chance in any::<u32>()) {
            let full = seconds(decide(Failure::Unanswered, attempt, u32::MAX));
            let wait = seconds(decide(Failure::Unanswered, attempt, chance));
            prop_assert!(wait >= full / 2.0 && wait <= full);
        }

        #[test]
        fn every_answer_has_a_decision(status in any::<u16>(), code in ".*", attempt in any::<u32>(), chance in any::<u32>()) {
            match decide(answered(status, &code), attempt, chance) {
                Decision::Retry(wait) | Decision::Restart(wait) => {
                    prop_assert!(wait >= FIRST_WAIT / 2 && wait <= LONGEST_WAIT);
                }
                Decision::Stop(refusal) => prop_assert!(!matches!(status, 408 | 429 | 500 | 502..=504), "{}", refusal),
            }
        }
    }
}
