//! Publishing to real servers: one encode for all, and what happens to one is felt by no other.

use std::{path::Path, time::Duration};

use anyhow::{Context, Result, ensure};
use pulse_tests::{
    app::{App, Event},
    judge::{self, Probe},
    media, nginx_rtmp,
    proxy::{Proxy, Weather},
    srt::Receiver,
    wait::{free_tcp_port, free_udp_port, wait_for},
};

use super::stage::{PATIENCE, Stage, looped};

/// How long a destination may take to be live.
const LIVE_WITHIN: Duration = Duration::from_secs(10);

fn stage(name: &str) -> Result<Stage> {
    let camera = format!("Aisle={}", looped(&media::beacon_camera(0))?);
    Stage::new(name, &["--camera", &camera, "--scenes", "each"])
}

/// Starts publishing to `urls` and recording.
fn publish(stage: &Stage, urls: &[&str]) -> Result<App> {
    let mut words = vec!["--record", "program", "--bitrate", "1500k", "--gop", "1s"];
    words.extend(urls.iter().flat_map(|url| ["--publish", *url]));
    stage.run(&words)
}

/// Waits until each of so many destinations has said that it is live; gives their ids.
fn all_live(app: &mut App, count: usize) -> Result<Vec<String>> {
    let ids =
        (0..count).map(|_| app.wait_for("publishing", LIVE_WITHIN, |_| true)?.text("/output").map(ToOwned::to_owned));
    let mut ids: Vec<String> = ids.collect::<Result<_>>()?;
    ids.sort();
    Ok(ids)
}

/// Lets the show go on for a while.
fn go_on(app: &mut App, seconds: f64) -> Result<Event> {
    let now = app.wait_for("stats", PATIENCE, |_| true)?.t;
    app.wait_for("stats", PATIENCE * 4, |stats| stats.t > now + seconds)
}

/// Ends the show and wants its recording to have every frame.
fn nothing_is_missing(mut app: App) -> Result<Vec<Event>> {
    app.interrupt()?;
    let finished = app.finish(PATIENCE)?;
    let file = finished.all("stopped").last().context("no last word")?.files()?.remove(0);
    judge::decodes_clean(&file.path)?;
    let gap = judge::longest_gap(&judge::packets(&file.path, "v:0")?);
    ensure!(gap < 0.04, "{gap} s are missing in the recording");
    Ok(finished.events)
}

fn dropped(stats: &Event, output: &str) -> Result<f64> {
    stats.number(&format!("/outputs/{}/dropped", output.replace('/', "~1")))
}

fn plays(path: &Path, codecs: [&str; 2]) -> Result<()> {
    judge::decodes_clean(path)?;
    let probe = Probe::of(path)?;
    let found = [probe.video()?.codec_name.clone(), probe.audio()?.codec_name.clone()];
    ensure!(found == codecs, "{}: {found:?}", path.display());
    Ok(())
}

#[test]
fn one_encode_goes_to_every_destination_and_into_the_recording() -> Result<()> {
    let nginx = nginx_rtmp::Server::start()?;
    let (one, two) = (nginx.url("live", "one"), nginx.url("keyed", nginx_rtmp::KEY));
    let mut receiver = Receiver::listen("passphrase=0123456789")?;
    let stage = stage("on-air")?;
    let folder = stage.folder.join("hls");
    let hls = format!("hls:{}", folder.display());
    let mut app = publish(&stage, &[&one, &two, &receiver.url(), &hls])?;
    all_live(&mut app, 4)?;
    receiver.pictures().wait_first(LIVE_WITHIN)?;
    let stats = go_on(&mut app, 6.0)?;
    ensure!(stats.at("/encoders")?.as_array().is_some_and(|all| all.len() == 1), "{stats:?}");
    let playlist = std::fs::read_to_string(folder.join("live.m3u8"))?;
    ensure!(playlist.matches("#EXTINF").count() >= 2, "{playlist}");
    nothing_is_missing(app)?;
    plays(&folder.join("live.m3u8"), ["h264", "aac"])?;
    for key in ["one", nginx_rtmp::KEY] {
        let recorded = nginx.recordings(key)?;
        plays(recorded.last().with_context(|| format!("{key} was not sent"))?, ["h264", "aac"])?;
    }
    receiver.kill();
    let received = Probe::of(receiver.file())?;
    ensure!(received.video()?.codec_name == "h264" && received.audio()?.codec_name == "aac", "{received:?}");
    Ok(())
}

#[test]
fn a_wrong_key_is_told_by_name_and_the_others_go_on() -> Result<()> {
    let nginx = nginx_rtmp::Server::start()?;
    let (good, wrong) = (nginx.url("live", "good"), nginx.url("keyed", "not-the-key"));
    let stage = stage("wrong-key")?;
    let mut app = publish(&stage, &[&good, &wrong])?;
    all_live(&mut app, 1)?;
    let failed = app.wait_for("output_failed", LIVE_WITHIN, |_| true)?;
    ensure!(failed.text("/cause")?.contains("stream key"), "{failed:?}");
    go_on(&mut app, 1.5)?;
    let events = nothing_is_missing(app)?;
    ensure!(!format!("{events:?}").contains("not-the-key"), "the key is told");
    Ok(())
}

#[test]
fn servers_that_die_are_published_to_again_and_the_others_notice_nothing() -> Result<()> {
    let mut nginx = nginx_rtmp::Server::start()?;
    let steady = nginx_rtmp::Server::start()?;
    let mut receiver = Receiver::listen("")?;
    let (mortal, other) = (nginx.url("live", "mortal"), steady.url("live", "steady"));
    let stage = stage("mortal")?;
    let mut app = publish(&stage, &[&mortal, &other, &receiver.url()])?;
    all_live(&mut app, 3)?;

    nginx.kill();
    let lost = app.wait_for("output_retrying", LIVE_WITHIN, |_| true)?;
    ensure!(!lost.text("/cause")?.contains("mortal"), "the key is told: {lost:?}");
    go_on(&mut app, 1.0)?;
    nginx.restart()?;
    app.wait_for("publishing", LIVE_WITHIN, |_| true)?;

    receiver.restart()?;
    app.wait_for("output_retrying", LIVE_WITHIN, |_| true)?;
    app.wait_for("publishing", LIVE_WITHIN, |_| true)?;
    let stats = go_on(&mut app, 1.5)?;
    let ids: Vec<String> = stats.keys("/outputs")?;
    let steady_id = ids.iter().find(|id| id.contains(&steady.port().to_string())).context("no such output")?;
    ensure!(dropped(&stats, steady_id)? == 0.0, "the steady one lost something: {stats:?}");
    nothing_is_missing(app)?;
    plays(steady.recordings("steady")?.last().context("nothing was sent")?, ["h264", "aac"])?;
    plays(nginx.recordings("mortal")?.last().context("nothing was sent again")?, ["h264", "aac"])
}

#[test]
fn a_slow_network_costs_its_own_destination_whole_groups_and_a_silent_one_is_noticed() -> Result<()> {
    let (slow, fast) = (nginx_rtmp::Server::start()?, nginx_rtmp::Server::start()?);
    let proxy = Proxy::tcp(slow.port())?;
    let (through, direct) = (proxy.in_front_of(&slow.url("live", "slow"), slow.port())?, fast.url("live", "fast"));
    let stage = stage("slow")?;
    let mut app = publish(&stage, &[&through, &direct])?;
    all_live(&mut app, 2)?;

    proxy.set(Weather::Limited(300));
    let ids = go_on(&mut app, 0.1)?.keys("/outputs")?;
    let of = |port: u16| ids.iter().find(|id| id.contains(&port.to_string())).context("no such output");
    let (slow_id, fast_id) = (of(proxy.port())?.clone(), of(fast.port())?.clone());
    let hurt = app.wait_for("stats", PATIENCE * 4, |stats| dropped(stats, &slow_id).is_ok_and(|lost| lost > 10.0))?;
    ensure!(dropped(&hurt, &fast_id)? == 0.0, "the fast one lost something: {hurt:?}");

    proxy.set(Weather::Fair);
    go_on(&mut app, 3.0)?;
    proxy.set(Weather::Mute);
    let lost = app.wait_for("output_retrying", PATIENCE * 4, |_| true)?;
    ensure!(lost.text("/cause")?.contains("takes nothing"), "{lost:?}");
    proxy.set(Weather::Fair);
    app.wait_for("publishing", PATIENCE, |_| true)?;
    let stats = go_on(&mut app, 1.0)?;
    ensure!(dropped(&stats, &fast_id)? == 0.0, "the fast one lost something: {stats:?}");
    nothing_is_missing(app)?;
    let seen = |server: &nginx_rtmp::Server, key: &str| {
        wait_for("the recording to be closed", PATIENCE, || Ok(server.recordings(key)?.first().cloned()))
    };
    // What arrived decodes: groups of pictures were left out as a whole.
    plays(&seen(&slow, "slow")?, ["h264", "aac"])?;
    plays(&seen(&fast, "fast")?, ["h264", "aac"])
}

#[test]
fn who_is_not_there_is_told_as_such_and_tried_until_it_comes() -> Result<()> {
    let port = free_udp_port()?;
    let nobody = free_tcp_port()?;
    let stage = stage("nobody")?;
    let (closed, missing) = (format!("rtmp://127.0.0.1:{nobody}/live/key"), "rtmp://nobody.invalid/live/key");
    let waits = format!("srt://:{port}?mode=listener");
    let mut app = publish(&stage, &[&closed, missing, &waits, "rtmp://127.0.0.1/live"])?;
    let failed = app.wait_for("output_failed", LIVE_WITHIN, |_| true)?;
    ensure!(failed.text("/cause")?.contains("has no stream key"), "{failed:?}");
    for cause in ["nobody listens there", "no such host"] {
        let told = |event: &Event| event.text("/cause").is_ok_and(|told| told.contains(cause));
        app.wait_for("output_retrying", LIVE_WITHIN * 2, told).with_context(|| format!("\"{cause}\" is not told"))?;
    }
    ensure!(app.events().iter().all(|event| event.event != "publishing"), "nobody was there to take anything");
    let mut caller = Receiver::call(port, "")?;
    app.wait_for("publishing", LIVE_WITHIN, |_| true)?;
    caller.pictures().wait_first(LIVE_WITHIN)?;
    nothing_is_missing(app).map(drop)
}
