//! GStreamer's device monitor: one for the whole process, started when devices are first asked for, on a thread of its own.
//!
//! It is never stopped. Stopping PipeWire's provider (seen in 0.3.65) frees memory that is not its own, and AVFoundation's has
//! been reported to crash as well; a running monitor costs one sleeping thread. For the same reason a service that starts
//! after the monitor has (a PipeWire daemon that was restarted, say) is only seen by the next process.

use std::{
    sync::{
        Arc, Condvar, LazyLock, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc::{self, Receiver, SyncSender, TrySendError},
    },
    thread,
    time::Duration,
};

use gst::prelude::*;

use super::{
    Device, DeviceError, DeviceEvent, DeviceId, DeviceKind, Mode,
    identity::{Facts, Properties},
    platform::{Platform, SYSTEM},
    registry::Registry,
    screen_source, screens, sort_modes,
};

/// How long services may take to tell their devices for the first time.
const FIRST_LISTING: Duration = Duration::from_secs(10);
/// Events that a watcher may leave unread before it is told that it missed some.
const UNREAD: usize = 256;

static HUB: LazyLock<Arc<Hub>> = LazyLock::new(|| {
    let hub = Arc::new(Hub::default());
    let runner = Arc::clone(&hub);
    let spawned = thread::Builder::new().name("devices".to_owned()).spawn(move || runner.run());
    if let Err(error) = spawned {
        hub.fail(error.to_string());
    }
    hub
});

/// Watches devices come and go, as long as it lives.
#[derive(Debug)]
pub struct Monitor {
    watcher: u64,
}

impl Monitor {
    /// Begins with an `Added` for each device that is there; screens are not watched.
    ///
    /// # Errors
    /// [`DeviceError::Slow`] after 10 s, [`DeviceError::Start`]. Where nothing can tell of devices there are none, which is no error.
    pub fn start() -> Result<(Self, Receiver<DeviceEvent>), DeviceError> {
        static WATCHERS: AtomicU64 = AtomicU64::new(0);
        let mut state = listed(FIRST_LISTING)?;
        let (events, receiver) = mpsc::sync_channel(UNREAD);
        let mut watcher = Watcher { number: WATCHERS.fetch_add(1, Ordering::Relaxed), events, missed: false };
        for device in state.registry.devices() {
            watcher.tell(&DeviceEvent::Added(device));
        }
        let monitor = Self { watcher: watcher.number };
        state.watchers.push(watcher);
        Ok((monitor, receiver))
    }

    /// What is there now, by kind, then by port; without screens.
    pub fn devices(&self) -> Vec<Device> {
        HUB.lock().registry.devices()
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        HUB.lock().watchers.retain(|w| w.number != self.watcher);
    }
}

/// Everything there is: cameras, microphones, speakers and screens.
///
/// # Errors
/// [`DeviceError::Slow`] when services have not told their devices within `timeout`, [`DeviceError::Start`].
pub fn list(timeout: Duration) -> Result<Vec<Device>, DeviceError> {
    let mut devices = listed(timeout)?.registry.devices();
    match screens() {
        Ok(found) => devices.extend(found.into_iter().map(Device::from)),
        Err(error) => tracing::info!(%error, "screens are not listed"),
    }
    Ok(devices)
}

/// An element that gives the pictures or the sound of the device with this id or name, or of the `default` one.
///
/// When the device is unplugged the element posts an error. It can't be trusted to notice by itself: a sound service moves those
/// who listen to a microphone that went to another one.
///
/// # Errors
/// [`DeviceError::NotFound`] names the devices there are; [`DeviceError::Open`], [`DeviceError::Slow`], [`DeviceError::Start`].
pub fn make_source(kind: DeviceKind, wanted: &str) -> Result<gst::Element, DeviceError> {
    if kind == DeviceKind::Screen {
        let found = screens()?;
        let names: Vec<String> = found.iter().map(|s| s.name.clone()).collect();
        let screen = found
            .into_iter()
            .find(|s| wanted == "default" || Device::from(s.clone()).id.as_str() == wanted || s.name == wanted);
        return screen_source(screen.ok_or_else(|| DeviceError::not_found(kind, wanted, &names))?.index);
    }
    make_source_with_caps(kind, wanted).map(|(source, _)| source)
}

/// As [`make_source`] for anything but screens, with what the device says it gives: an element that has not begun may not
/// know. `None` where the device does not tell.
///
/// # Errors
/// As [`make_source`].
pub fn make_source_with_caps(kind: DeviceKind, wanted: &str) -> Result<(gst::Element, Option<gst::Caps>), DeviceError> {
    let (device, handle) = {
        let state = listed(FIRST_LISTING)?;
        let found = state.registry.find(kind, wanted).and_then(|d| Some((state.registry.handle(&d.id)?, d)));
        let Some((handle, device)) = found else {
            let names: Vec<String> =
                state.registry.devices().into_iter().filter(|d| d.kind == kind).map(|d| d.name).collect();
            return Err(DeviceError::not_found(kind, wanted, &names));
        };
        (device, handle)
    };
    let source = handle.create_element(None).map_err(|error| DeviceError::Open {
        kind,
        name: device.name,
        cause: error.to_string(),
        remedy: "install the GStreamer plugin of the service it belongs to (for PipeWire: gstreamer1.0-pipewire)",
    })?;
    HUB.lock().opened(device.id, &source);
    Ok((source, handle.caps()))
}

/// See [`Hub::listed`].
fn listed(timeout: Duration) -> Result<MutexGuard<'static, State>, DeviceError> {
    // Reading the plugins for the first time takes seconds, which no service is to blame for.
    gst::init().map_err(|error| DeviceError::Start { cause: error.to_string() })?;
    HUB.listed(timeout)
}

#[derive(Default)]
struct Hub {
    state: Mutex<State>,
    told: Condvar,
    monitor: OnceLock<gst::DeviceMonitor>,
}

#[derive(Default)]
struct State {
    phase: Phase,
    registry: Registry<gst::Device>,
    watchers: Vec<Watcher>,
    /// Elements in use, and what they play.
    in_use: Vec<(DeviceId, gst::glib::WeakRef<gst::Element>)>,
}

#[derive(Default)]
enum Phase {
    #[default]
    Starting,
    Listed,
    Failed(String),
}

struct Watcher {
    number: u64,
    events: SyncSender<DeviceEvent>,
    missed: bool,
}

impl Watcher {
    fn tell(&mut self, event: &DeviceEvent) {
        if self.missed && self.events.try_send(DeviceEvent::Missed).is_err() {
            return;
        }
        self.missed = matches!(self.events.try_send(event.clone()), Err(TrySendError::Full(_)));
    }
}

impl State {
    /// Gives the elements whose device has been unplugged.
    fn tell(&mut self, events: impl IntoIterator<Item = DeviceEvent>) -> Vec<gst::Element> {
        let mut bereft = Vec::new();
        for event in events {
            tracing::info!(?event, "devices");
            for watcher in &mut self.watchers {
                watcher.tell(&event);
            }
            if let DeviceEvent::Removed(id) = &event {
                bereft.extend(
                    self.in_use.extract_if(.., |(used, _)| used == id).filter_map(|(_, element)| element.upgrade()),
                );
            }
        }
        bereft
    }

    fn opened(&mut self, id: DeviceId, source: &gst::Element) {
        self.in_use.retain(|(_, element)| element.upgrade().is_some());
        self.in_use.push((id, source.downgrade()));
    }
}

impl Hub {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fail(&self, cause: String) {
        self.lock().phase = Phase::Failed(cause);
        self.told.notify_all();
    }

    /// The state, once services have told their devices for the first time.
    fn listed(&self, timeout: Duration) -> Result<MutexGuard<'_, State>, DeviceError> {
        let starting = |state: &mut State| matches!(state.phase, Phase::Starting);
        let waited = self.told.wait_timeout_while(self.lock(), timeout, starting);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        match &state.phase {
            Phase::Listed => Ok(state),
            Phase::Starting => Err(DeviceError::Slow { waited: timeout }),
            Phase::Failed(cause) => Err(DeviceError::Start { cause: cause.clone() }),
        }
    }

    /// GStreamer runs already.
    fn run(&self) {
        let monitor = self.monitor.get_or_init(gst::DeviceMonitor::new);
        for (_, class) in CLASSES {
            monitor.add_filter(Some(class), None);
        }
        let bus = monitor.bus();
        let started = monitor.start();
        if let Err(error) = &started {
            tracing::info!(%error, "nothing tells of devices here");
        }
        let claims = monitor.devices().into_iter().filter_map(|d| Some((facts(&d)?, d))).collect();
        {
            let mut state = self.lock();
            let events = state.registry.plug_all(claims);
            state.phase = Phase::Listed;
            // Nothing is in use before the first list.
            drop(state.tell(events));
        }
        self.told.notify_all();
        if started.is_ok() {
            for message in bus.iter_timed(gst::ClockTime::NONE) {
                self.handle(&message);
            }
        }
    }

    fn handle(&self, message: &gst::MessageRef) {
        // Facts are read before the lock is taken: they come from the file system and from services.
        match message.view() {
            gst::MessageView::DeviceAdded(added) => {
                let device = added.device();
                if let Some(facts) = facts(&device) {
                    self.follow(|registry| registry.plug(facts, device));
                }
            }
            gst::MessageView::DeviceRemoved(removed) => self.follow(|registry| registry.unplug(&removed.device())),
            gst::MessageView::DeviceChanged(changed) => {
                let (device, before) = changed.device_changed();
                if let Some(facts) = facts(&device) {
                    self.follow(|registry| registry.change(&before, facts, device));
                }
            }
            _ => {}
        }
    }

    fn follow<E: IntoIterator<Item = DeviceEvent>>(&self, change: impl FnOnce(&mut Registry<gst::Device>) -> E) {
        let bereft = {
            let mut state = self.lock();
            let events = change(&mut state.registry);
            state.tell(events)
        };
        for element in bereft {
            gst::element_error!(element, gst::ResourceError::NotFound, ("it was unplugged"));
        }
    }
}

/// What GStreamer calls the kinds.
const CLASSES: [(DeviceKind, &str); 3] = [
    (DeviceKind::Camera, "Video/Source"),
    (DeviceKind::Microphone, "Audio/Source"),
    (DeviceKind::Speaker, "Audio/Sink"),
];

fn facts(device: &gst::Device) -> Option<Facts> {
    let (kind, _) = CLASSES.into_iter().find(|(_, class)| device.has_classes(class))?;
    let mut props: Properties = device
        .properties()
        .map(|s| s.iter().filter_map(|(name, value)| Some((name.to_string(), text(value)?))).collect())
        .unwrap_or_default();
    if let Some(name) = device.find_property("internal-name").map(|_| device.property_value("internal-name"))
        && let Some(name) = text(&name)
    {
        props.insert("internal-name".to_owned(), name);
    }
    let mut facts = Facts::read(kind, &device.display_name(), device.type_().name(), &props);
    if kind == DeviceKind::Camera {
        facts.serial = facts.path.as_deref().and_then(|path| SYSTEM.camera_serial(path));
        facts.modes = device.caps().map(|caps| modes(&caps)).unwrap_or_default();
    }
    Some(facts)
}

fn text(value: &gst::glib::Value) -> Option<String> {
    match value.get::<Option<String>>() {
        Ok(text) => text,
        Err(_) => value.transform::<String>().ok()?.get::<Option<String>>().ok()?.map(|s| s.to_lowercase()),
    }
}

/// Every size, rate and format in `caps`, largest and fastest first. Of a range, its end.
fn modes(caps: &gst::CapsRef) -> Vec<Mode> {
    let mut modes: Vec<Mode> = caps.iter().flat_map(structure_modes).collect();
    sort_modes(&mut modes);
    modes
}

fn structure_modes(structure: &gst::StructureRef) -> Vec<Mode> {
    let (Some(width), Some(height)) = (largest(structure, "width"), largest(structure, "height")) else {
        return Vec::new();
    };
    let encoding = structure.name().rsplit(['/', '-']).next().unwrap_or_default();
    let formats = match structure.name().as_str() {
        "video/x-raw" => all::<String>(structure, "format"),
        _ => vec![encoding.to_owned()],
    };
    let mut rates = all::<gst::Fraction>(structure, "framerate");
    if let Ok(range) = structure.get::<gst::FractionRange>("framerate") {
        rates.push(range.max());
    }
    if rates.is_empty() {
        rates.push(gst::Fraction::new(0, 1));
    }
    let fps =
        |rate: &gst::Fraction| (u32::try_from(rate.numer()).unwrap_or(0), u32::try_from(rate.denom()).unwrap_or(1));
    let of_format =
        |format: String| rates.iter().map(move |rate| Mode { width, height, fps: fps(rate), format: format.clone() });
    formats.into_iter().flat_map(of_format).collect()
}

fn largest(structure: &gst::StructureRef, field: &str) -> Option<u32> {
    let range = structure.get::<gst::IntRange<i32>>(field).map(|range| range.max());
    let most = range.ok().or_else(|| all::<i32>(structure, field).into_iter().max())?;
    u32::try_from(most).ok()
}

/// The one value of a field, or all of its list.
fn all<T>(structure: &gst::StructureRef, field: &str) -> Vec<T>
where
    T: for<'a> gst::glib::value::FromValue<'a>,
{
    match structure.get::<gst::List>(field) {
        Ok(list) => list.iter().filter_map(|value| value.get::<T>().ok()).collect(),
        Err(_) => structure.get::<T>(field).into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use super::*;

    #[test]
    fn modes_of_a_camera_come_largest_and_fastest_first() {
        gst::init().unwrap();
        let caps = gst::Caps::from_str(
            "video/x-raw, format=YUY2, width=640, height=480, framerate={ (fraction)15/1, (fraction)30000/1001 }; \
             image/jpeg, width=1920, height=1080, framerate=30/1; \
             video/x-raw, format={ NV12, I420 }, width=[ 16, 1280 ], height=[ 16, 720 ], framerate=[ 0/1, 60/1 ]; \
             video/x-h264, width=640, height=480; audio/x-raw, rate=48000",
        )
        .unwrap();
        let told: Vec<String> = modes(&caps)
            .iter()
            .map(|m| format!("{}x{}@{}/{} {}", m.width, m.height, m.fps.0, m.fps.1, m.format))
            .collect();
        assert_eq!(
            told,
            [
                "1920x1080@30/1 jpeg",
                "1280x720@60/1 I420",
                "1280x720@60/1 NV12",
                "640x480@30000/1001 YUY2",
                "640x480@15/1 YUY2",
                "640x480@0/1 h264",
            ]
        );
    }

    #[test]
    fn a_watcher_that_does_not_read_is_told_that_it_missed_events() {
        let (events, receiver) = mpsc::sync_channel(2);
        let mut watcher = Watcher { number: 0, events, missed: false };
        let gone = |n: u32| DeviceEvent::Removed(n.to_string().into());
        for n in 0..4 {
            watcher.tell(&gone(n));
        }
        assert_eq!((receiver.recv(), receiver.recv()), (Ok(gone(0)), Ok(gone(1))));
        watcher.tell(&gone(4));
        assert_eq!((receiver.recv(), receiver.recv()), (Ok(DeviceEvent::Missed), Ok(gone(4))));
        assert!(receiver.try_recv().is_err());
    }
}
