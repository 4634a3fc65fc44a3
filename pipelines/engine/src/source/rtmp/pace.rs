//! From the sender's clock to ours. Pure.
//!
//! A sender counts milliseconds from wherever it likes, on a clock that is a little fast or slow. Each time is moved so that the
//! message which was delayed least by the network is due the moment it comes. Sound and pictures are moved alike, so they stay together.

/// How long is looked at before times are moved, in milliseconds.
const WINDOW_MS: i64 = 2000;
/// The most that times are moved after a window, in milliseconds: nobody sees or hears it, and no two clocks differ that much.
const STEP_MS: i64 = 5;
/// A difference that is no drift: the sender's count has jumped, or everything is late for good.
const JUMP_MS: i64 = 1000;

/// Follows one sender.
#[derive(Debug, Default)]
pub struct Pace {
    /// The sender's last time, and the same since the first one without wrapping.
    last: Option<(u32, i64)>,
    /// What is added to the sender's time.
    offset: i64,
    window: Option<Window>,
    latest: i64,
}

#[derive(Debug)]
struct Window {
    since: i64,
    least_late: i64,
}

impl Pace {
    /// When a message with the sender's time `sent` that came at `now` is due, in milliseconds on the count of `now`.
    /// Wraps as FLV's times do.
    pub fn place(&mut self, sent: u32, now: u64) -> u32 {
        let now = i64::try_from(now).unwrap_or(i64::MAX / 2);
        let (step, count) = match self.last {
            None => (0, 0),
            Some((last, count)) => {
                // As a signed number, so that a time before the last one is a step back and not one of weeks.
                let step = i64::from(sent.wrapping_sub(last).cast_signed());
                (step, count + step)
            }
        };
        if self.last.is_none() {
            self.offset = now;
        }
        self.last = Some((sent, count));
        let late = now - (count + self.offset);
        if step.abs() > JUMP_MS && late.abs() > JUMP_MS {
            self.offset += late;
            self.window = None;
        } else {
            self.follow(late, now);
        }
        self.latest = count + self.offset;
        self.latest()
    }

    /// The last time that was given.
    pub fn latest(&self) -> u32 {
        // FLV's times wrap: the lower half is all there is of them.
        (self.latest & 0xFFFF_FFFF) as u32
    }

    fn follow(&mut self, late: i64, now: i64) {
        let window = self.window.get_or_insert(Window { since: now, least_late: late });
        window.least_late = window.least_late.min(late);
        if now - window.since < WINDOW_MS {
            return;
        }
        let least = window.least_late;
        self.window = None;
        self.offset += if least > JUMP_MS { least } else { (least / 8).clamp(-STEP_MS, STEP_MS) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_message_is_due_when_it_comes_wherever_the_sender_counts_from() {
        let mut pace = Pace::default();
        assert_eq!(pace.place(u32::MAX - 9, 60_000), 60_000);
        assert_eq!(pace.place(30, 60_040), 60_040);
        assert_eq!(pace.place(20, 60_041), 60_030);
    }

    /// How late the last message was after `seconds` of a sender whose clock is `ppm` too slow, on a network that delays by 0 to 80 ms.
    fn lateness_after(seconds: u64, ppm: u64) -> i64 {
        let mut pace = Pace::default();
        let mut late = 0;
        for n in 0..seconds * 25 {
            let sent = n * 40;
            let came = sent + sent * ppm / 1_000_000 + (n * 37) % 80;
            late = came as i64 - i64::from(pace.place(sent as u32, came));
        }
        late
    }

    #[test]
    fn a_slow_clock_is_followed_over_hours() {
        let late = lateness_after(4 * 3600, 200);
        assert!((0..100).contains(&late), "{late} ms late after four hours");
    }

    #[test]
    fn a_jump_of_the_senders_count_changes_nothing_for_us() {
        let mut pace = Pace::default();
        pace.place(0, 5_000);
        assert_eq!(pace.place(90_000, 5_040), 5_040);
        assert_eq!(pace.place(90_040, 5_080), 5_080);
        assert_eq!(pace.place(0, 5_120), 5_120);
    }

    #[test]
    fn a_pause_of_the_network_leaves_the_count_alone_when_it_catches_up() {
        let mut pace = Pace::default();
        pace.place(0, 1_000);
        for sent in (40..1_500).step_by(40) {
            assert_eq!(pace.place(sent, 2_500), 1_000 + sent);
        }
        assert_eq!(pace.place(1_520, 2_520), 2_520);
    }

    #[test]
    fn what_stays_late_is_brought_back_to_now() {
        let mut pace = Pace::default();
        pace.place(0, 0);
        let late =
            |sent: u32, pace: &mut Pace| i64::from(sent) + 1_500 - i64::from(pace.place(sent, u64::from(sent) + 1_500));
        let last = (40..4_000).step_by(40).map(|sent| late(sent, &mut pace)).last();
        assert_eq!(last, Some(0));
    }
}
