//! What this process uses of the machine.

use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

/// Reads processor time and memory of this process.
pub struct Machine {
    system: Option<System>,
    pid: Pid,
}

/// What was used so far.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Usage {
    /// Seconds of processor time, all cores together.
    pub cpu_seconds: f64,
    /// Resident memory.
    pub rss_bytes: u64,
}

impl Machine {
    /// Ready to read; a system that tells nothing is read as zeros.
    pub fn new() -> Self {
        Self { system: System::new().ok(), pid: Pid::from_u32(std::process::id()) }
    }

    /// Reads now.
    pub fn usage(&mut self) -> Usage {
        let what = ProcessRefreshKind::nothing().with_cpu().with_memory();
        let Some(system) = self.system.as_mut() else { return Usage::default() };
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&[self.pid]), false, what);
        system.process(self.pid).map_or_else(Usage::default, |process| Usage {
            cpu_seconds: process.accumulated_cpu_time() as f64 / 1000.0,
            rss_bytes: process.memory(),
        })
    }
}
