//! Nothing outlives a test, and every wait ends.

use std::{
    os::unix::process::ExitStatusExt,
    path::PathBuf,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow, ensure};
use pulse_tests::{
    child::{Child, built, run},
    wait::{free_tcp_port, wait_for_port, wait_until},
};

const SOON: Duration = Duration::from_secs(5);

fn shell(script: &str) -> Result<Child> {
    Child::start("a shell", Command::new("sh").args(["-c", script]))
}

fn runs(pid: &str) -> bool {
    PathBuf::from(format!("/proc/{pid}")).exists()
}

#[test]
fn a_guard_takes_everything_with_it() -> Result<()> {
    let child = shell("sleep 1000 & echo $!; wait")?;
    let grandchild = child.wait_line("its child", SOON, |line| Some(line.to_owned()))?;
    ensure!(runs(&grandchild));
    drop(child);
    wait_until("the grandchild to be gone", SOON, || !runs(&grandchild))
}

#[test]
fn a_child_dies_with_the_thread_that_started_it() -> Result<()> {
    let mut child = thread::spawn(|| shell("sleep 1000")).join().map_err(|_| anyhow!("a panic"))??;
    ensure!(child.wait_exit(SOON)?.signal() == Some(9));
    Ok(())
}

#[test]
fn an_error_says_what_was_waited_for_and_what_the_child_said() -> Result<()> {
    let child = shell("echo working; echo out of paper >&2; sleep 1000")?;
    let start = Instant::now();
    let error =
        child.wait_line("the page", Duration::from_millis(300), |line| (line == "done").then_some(())).unwrap_err();
    let message = format!("{error:#}");
    ensure!(message.contains("a shell") && message.contains("the page"), "{message}");
    ensure!(message.contains("out of paper"), "{message}");
    ensure!(start.elapsed() < SOON);

    let mut ended = shell("exit 3")?;
    ensure!(ended.wait_line("anything", SOON, |_| Some(())).is_err());
    ensure!(ended.wait_exit(SOON)?.code() == Some(3) && !ended.is_running());
    ensure!(ended.thaw().is_err());
    Ok(())
}

#[test]
fn what_is_missing_is_named() -> Result<()> {
    let error = run(&mut Command::new("no-such-program")).unwrap_err();
    ensure!(format!("{error:#}").contains("no-such-program"), "{error:#}");
    let error = built("no-such-binary", "pulse-tests").unwrap_err();
    ensure!(format!("{error:#}").contains("cargo build -p pulse-tests --bin no-such-binary"), "{error:#}");
    let port = free_tcp_port()?;
    let error = wait_for_port("a server", port, Duration::from_millis(100)).unwrap_err();
    ensure!(format!("{error:#}").contains(&port.to_string()), "{error:#}");
    Ok(())
}
