//! Which waiting file is next: the more urgent one, then the one that has waited longer.
//!
//! A file that waits for another try steps aside for those that need not wait, and keeps its place.

use std::cmp::Reverse;

/// How urgent a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// When nothing else is waiting: cameras and stems by themselves.
    Low,
    /// The program.
    Normal,
    /// A person asked for this one.
    High,
}

/// A file that waits to be uploaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting<Id> {
    /// Which one.
    pub id: Id,
    /// How urgent it is.
    pub priority: Priority,
    /// Its place in the queue: grows with every file that is put there, no two are equal.
    pub place: u64,
    /// Unix milliseconds before which it is not tried again; 0 for a file that has not failed.
    pub not_before: i64,
}

/// What the queue does now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next<Id> {
    /// Upload this one.
    Start(Id),
    /// Nothing may start before this moment, in unix milliseconds.
    Wait(i64),
    /// The queue is empty.
    Idle,
}

/// What to do at `now` (unix milliseconds).
pub fn next<Id: Copy>(queue: &[Waiting<Id>], now: i64) -> Next<Id> {
    let ready = queue.iter().filter(|file| file.not_before <= now);
    if let Some(file) = ready.max_by_key(|file| (file.priority, Reverse(file.place))) {
        return Next::Start(file.id);
    }
    queue.iter().map(|file| file.not_before).min().map_or(Next::Idle, Next::Wait)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn file(id: char, priority: Priority, place: u64, not_before: i64) -> Waiting<char> {
        Waiting { id, priority, place, not_before }
    }

    /// Starts one after the other, as if each took no time.
    fn drain(mut queue: Vec<Waiting<char>>, mut now: i64) -> String {
        let mut order = String::new();
        loop {
            match next(&queue, now) {
                Next::Start(id) => {
                    order.push(id);
                    queue.retain(|file| file.id != id);
                }
                Next::Wait(until) => {
                    assert!(until > now, "waiting must lead on");
                    now = until;
                }
                Next::Idle => return order,
            }
        }
    }

    #[test]
    fn urgent_before_old_before_new() {
        use Priority::{High, Low, Normal};
        let queue = vec![file('d', Low, 1, 0), file('b', Normal, 2, 0), file('c', Normal, 3, 0), file('a', High, 4, 0)];
        assert_eq!(drain(queue, 5), "abcd");
    }

    #[test]
    fn a_file_that_waits_for_its_retry_holds_nobody_up() {
        use Priority::{High, Normal};
        let queue = vec![file('b', High, 1, 900), file('a', Normal, 2, 0)];
        assert_eq!(next(&queue, 899), Next::Start('a'));
        assert_eq!(next(&queue[..1], 899), Next::Wait(900));
        assert_eq!(next(&queue, 900), Next::Start('b'));
    }

    #[test]
    fn an_empty_queue_rests() {
        assert_eq!(next::<char>(&[], 0), Next::Idle);
    }

    fn queue() -> impl Strategy<Value = Vec<Waiting<usize>>> {
        let priority = prop_oneof![Just(Priority::Low), Just(Priority::Normal), Just(Priority::High)];
        prop::collection::vec((priority, 0..50_i64), 0..500).prop_map(|files| {
            let waiting = |(id, (priority, not_before))| Waiting { id, priority, place: id as u64, not_before };
            files.into_iter().enumerate().map(waiting).collect()
        })
    }

    proptest! {
        #[test]
        fn nobody_who_is_ready_is_passed_over(queue in queue(), now in 0..50_i64) {
            match next(&queue, now) {
                Next::Start(id) => {
                    let chosen = queue[id];
                    prop_assert!(chosen.not_before <= now);
                    for other in queue.iter().filter(|other| other.not_before <= now) {
                        prop_assert!(other.priority <= chosen.priority);
                        prop_assert!(other.priority < chosen.priority || other.place >= chosen.place);
                    }
                }
                Next::Wait(until) => {
                    prop_assert!(until > now);
                    prop_assert!(queue.iter().all(|file| file.not_before >= until));
                    prop_assert!(queue.iter().any(|file| file.not_before == until));
                }
                Next::Idle => prop_assert!(queue.is_empty()),
            }
        }
    }
}
