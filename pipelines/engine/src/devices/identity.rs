//! Which device is which. Pure: from what a system says about a device to an id that outlives replugging.
//!
//! An id is `kind:model[:serial]@port`. The port tells two identical cameras apart; model and serial number tell apart two
//! cameras that take turns on one port. The same camera seen through two services (PipeWire and V4L2) gives the same id.
//! Following a camera with a serial number to another port needs memory, and is the [registry](super::registry)'s work.
//!
//! Names of properties: PipeWire and PulseAudio `node.name`, `object.path`, `device.class`, `alsa.*`; PipeWire's V4L2 nodes `api.v4l2.*`;
//! GStreamer's V4L2 `device.bus_path` (udev's ID_PATH), `v4l2.device.*`; AVFoundation `avf.unique_id`; Media Foundation `device.path`.

use std::collections::BTreeMap;

use pulse_show::ids::slug;

use super::{DeviceId, DeviceKind, Mode};

/// A device's properties as text, by name.
pub type Properties = BTreeMap<String, String>;

/// Who tells of a device. Of several that tell of the same one, the least is used to open it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Via {
    /// The sound or camera service that other programs share the device through, and that is best at this kind.
    Service,
    /// Another such service.
    OtherService,
    /// The system's present interface: V4L2, AVFoundation, Media Foundation, WASAPI 2, Core Audio.
    System,
    /// An older interface, or hardware access that locks others out: ALSA, WASAPI, DirectSound, Kernel Streaming.
    Raw,
}

impl Via {
    /// From GStreamer's type name of the device, such as `GstPipeWireDevice`.
    pub fn of(type_name: &str, kind: DeviceKind) -> Self {
        match (type_name, kind) {
            ("GstPipeWireDevice", DeviceKind::Camera) | ("GstPulseDevice", _) => Self::Service,
            ("GstPipeWireDevice", _) => Self::OtherService,
            (
                "GstAlsaDevice"
                | "GstWasapiDevice"
                | "GstDirectSoundSrcDevice"
                | "GstDirectSoundDevice"
                | "GstKsDevice",
                _,
            ) => Self::Raw,
            _ => Self::System,
        }
    }
}

/// What is known about a device when it shows up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// What it is for.
    pub kind: DeviceKind,
    /// What the system calls it; not unique.
    pub name: String,
    /// What it is, the same for all of its make.
    pub model: String,
    /// Its serial number, if it has one.
    pub serial: Option<String>,
    /// Where it is plugged in.
    pub port: Option<String>,
    /// What the system opens, see [`super::Device::path`].
    pub path: Option<String>,
    /// Who tells of it.
    pub via: Via,
    /// What only this piece of hardware has now, and every present-day service that tells of it knows.
    pub hardware: Vec<String>,
    /// The sound card's number; a card can have several inputs and outputs.
    pub card: Option<String>,
    /// The system would take it.
    pub is_default: bool,
    /// Largest and fastest first.
    pub modes: Vec<Mode>,
}

impl Facts {
    /// Reads what `type_name`'s provider says of a device that it calls `name`. Serial numbers of cameras and modes are not in there.
    pub fn read(kind: DeviceKind, name: &str, type_name: &str, props: &Properties) -> Self {
        let get = |keys: &[&str]| keys.iter().find_map(|k| props.get(*k)).filter(|v| !v.is_empty()).cloned();
        let sound = matches!(kind, DeviceKind::Microphone | DeviceKind::Speaker);
        let model = if sound {
            get(&["alsa.card_name", "api.alsa.card.name", "device.product.name"])
        } else {
            get(&["v4l2.device.card", "api.v4l2.cap.card", "device.product.name", "avf.model_id"])
        };
        let path = get(&["api.v4l2.path", "avf.unique_id"])
            .or_else(|| get(&["device.path"]).filter(|p| p.starts_with('/') || p.starts_with('\\')))
            .filter(|_| !sound);
        Self {
            kind,
            name: name.to_owned(),
            model: model.unwrap_or_else(|| name.to_owned()),
            serial: get(&["device.serial"]).filter(|_| sound),
            port: if sound { sound_port(&get) } else { camera_port(&get) },
            hardware: hardware(path.as_deref(), &get),
            card: get(&["alsa.card", "api.alsa.pcm.card"]).filter(|_| sound && !is_monitor(&get)),
            path,
            via: Via::of(type_name, kind),
            is_default: get(&["is-default", "device.default"]).is_some_and(|v| v == "true"),
            modes: Vec::new(),
        }
    }

    /// The id that these facts alone give.
    pub fn id(&self) -> DeviceId {
        let port = self.port.as_deref().map(slug).unwrap_or_else(|| "anywhere".to_owned());
        DeviceId(format!("{}@{port}", self.make()))
    }

    /// Kind, model and serial number: what does not depend on the port.
    pub fn make(&self) -> String {
        let serial = self.serial.as_deref().map(|s| format!(":{}", slug(s))).unwrap_or_default();
        format!("{}:{}{serial}", self.kind, slug(&self.model))
    }

    /// Both tell of the same piece of hardware. One service never tells of one twice.
    pub fn is_same_hardware(&self, other: &Self) -> bool {
        if self.kind != other.kind || self.via == other.via {
            return false;
        }
        if (self.via == Via::Raw || other.via == Via::Raw) && self.card.is_some() && self.card == other.card {
            return true;
        }
        // A path is given to the next camera as soon as the last one is gone, perhaps before every service has told so.
        let same_model = self.kind != DeviceKind::Camera || slug(&self.model) == slug(&other.model);
        same_model && self.hardware.iter().any(|key| other.hardware.contains(key))
    }
}

/// udev's path of the port, which PipeWire keeps in the node's name; then the bus the driver tells; then what names a virtual device.
fn camera_port(get: &impl Fn(&[&str]) -> Option<String>) -> Option<String> {
    get(&["device.bus_path", "device.bus-path"])
        .or_else(|| get(&["node.name"])?.strip_prefix("v4l2_input.").map(str::to_owned))
        .or_else(|| get(&["v4l2.device.bus_info", "api.v4l2.cap.bus_info", "avf.unique_id"]))
        .or_else(|| get(&["device.path"]).and_then(|link| link_port(&link)))
        .or_else(|| get(&["node.name", "object.path", "device.path", "device.id"]))
}

/// The instance part of a Media Foundation symbolic link, which Windows makes from the port: `\\?\usb#vid_046d&pid_0825&mi_00#7&2d3b1f&0&0000#{…}`.
fn link_port(link: &str) -> Option<String> {
    link.strip_prefix(r"\\?\")?.split('#').nth(2).map(str::to_owned)
}

/// A card has several inputs and outputs, so the card's port is followed by which one it is.
fn sound_port(get: &impl Fn(&[&str]) -> Option<String>) -> Option<String> {
    let node = get(&["node.name", "internal-name", "device.id", "device.strid", "unique-id", "object.path"])?;
    let monitor = if is_monitor(get) { ".monitor" } else { "" };
    let long_name = get(&["alsa.long_card_name", "api.alsa.card.longname"]);
    let bus = get(&["device.bus_path", "device.bus-path"])
        .or_else(|| Some(long_name?.split_once(" at ")?.1.split(',').next()?.to_owned()));
    Some(match (bus, node.rsplit_once('.')) {
        (Some(bus), Some((_, which))) => format!("{bus}.{which}{monitor}"),
        (Some(bus), None) => format!("{bus}{monitor}"),
        (None, _) => format!("{node}{monitor}"),
    })
}

/// What a speaker plays, offered as a microphone. It has the speaker's own properties.
fn is_monitor(get: &impl Fn(&[&str]) -> Option<String>) -> bool {
    get(&["device.class"]).is_some_and(|class| class == "monitor")
}

fn hardware(path: Option<&str>, get: &impl Fn(&[&str]) -> Option<String>) -> Vec<String> {
    let path = path.map(|p| format!("path {}", p.to_lowercase()));
    let node = get(&["node.name", "internal-name"])
        .map(|node| format!("node {node} {} {}", get(&["object.serial"]).unwrap_or_default(), is_monitor(get)));
    let endpoint =
        get(&["device.strid", "device.id"]).filter(|id| id.starts_with('{')).map(|id| format!("endpoint {id}"));
    [path, node, endpoint].into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn props(pairs: &[(&str, &str)]) -> Properties {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    /// As udev's V4L2 provider tells of a USB camera.
    fn v4l2(node: &str, port: &str) -> Facts {
        let props = props(&[
            ("device.api", "v4l2"),
            ("device.bus_path", &format!("pci-0000:00:14.0-usb-0:{port}:1.0")),
            ("device.path", node),
            ("device.serial", "046d_HD_Pro_Webcam_C920"),
            ("v4l2.device.card", "HD Pro Webcam C920"),
            ("v4l2.device.bus_info", &format!("usb-0000:00:14.0-{port}")),
        ]);
        Facts::read(DeviceKind::Camera, "HD Pro Webcam C920", "GstV4l2Device", &props)
    }

    /// As PipeWire tells of the same camera.
    fn pipewire(node: &str, port: &str) -> Facts {
        let props = props(&[
            ("api.v4l2.path", node),
            ("api.v4l2.cap.card", "HD Pro Webcam C920"),
            ("api.v4l2.cap.bus_info", &format!("usb-0000:00:14.0-{port}")),
            ("device.id", "41"),
            ("node.name", &format!("v4l2_input.pci-0000_00_14.0-usb-0_{port}_1.0")),
            ("object.path", &format!("v4l2:{node}")),
            ("object.serial", "57"),
        ]);
        Facts::read(DeviceKind::Camera, "HD Pro Webcam C920 (V4L2)", "GstPipeWireDevice", &props)
    }

    #[test]
    fn one_camera_seen_through_two_services_is_one() {
        let (a, b) = (v4l2("/dev/video0", "2"), pipewire("/dev/video0", "2"));
        assert_eq!(a.id(), b.id());
        assert_eq!(a.id().as_str(), "camera:hd-pro-webcam-c920@pci-0000-00-14-0-usb-0-2-1-0");
        assert!(a.is_same_hardware(&b));
        assert!(b.via < a.via, "the shared service is preferred");
    }

    #[test]
    fn identical_cameras_differ_by_port_and_not_by_device_node() {
        assert_ne!(v4l2("/dev/video0", "2").id(), v4l2("/dev/video2", "3").id());
        assert_eq!(v4l2("/dev/video0", "2").id(), v4l2("/dev/video4", "2").id());
        assert!(!v4l2("/dev/video0", "2").is_same_hardware(&pipewire("/dev/video2", "3")));
    }

    #[test]
    fn a_camera_that_inherits_a_device_node_is_not_the_one_before() {
        let mut next = v4l2("/dev/video0", "2");
        next.model = "Brio".to_owned();
        assert!(!next.is_same_hardware(&pipewire("/dev/video0", "2")));
        assert_ne!(next.id(), v4l2("/dev/video0", "2").id());
    }

    #[test]
    fn a_speakers_monitor_is_not_the_speaker_nor_another_input() {
        let shared = [("node.name", "room"), ("object.serial", "43"), ("media.class", "Audio/Sink")];
        let monitor: Vec<_> =
            shared.iter().copied().chain([("device.class", "monitor"), ("is-default", "true")]).collect();
        let speaker = Facts::read(DeviceKind::Speaker, "Room", "GstPulseDevice", &props(&shared));
        let same = Facts::read(DeviceKind::Speaker, "Room", "GstPipeWireDevice", &props(&shared));
        let monitor = Facts::read(DeviceKind::Microphone, "Monitor of Room", "GstPulseDevice", &props(&monitor));
        assert!(speaker.is_same_hardware(&same));
        assert!(!monitor.is_same_hardware(&speaker));
        assert_eq!(monitor.id().as_str(), "microphone:monitor-of-room@room-monitor");
        assert!(monitor.is_default && !speaker.is_default);
    }

    #[test]
    fn two_inputs_of_one_card_are_two_and_raw_access_is_one_of_them() {
        let input = |which: &str| {
            let node = format!("alsa_input.usb-Focusrite_Scarlett-00.{which}");
            let card = [
                ("node.name", node.as_str()),
                ("alsa.card", "1"),
                ("alsa.card_name", "Scarlett 2i2 USB"),
                ("alsa.long_card_name", "Focusrite Scarlett 2i2 USB at usb-0000:00:14.0-4, high speed"),
            ];
            Facts::read(DeviceKind::Microphone, "Scarlett", "GstPulseDevice", &props(&card))
        };
        let (analog, digital) = (input("analog-stereo"), input("iec958-stereo"));
        assert_ne!(analog.id(), digital.id());
        assert!(!analog.is_same_hardware(&digital));
        assert_eq!(analog.id().as_str(), "microphone:scarlett-2i2-usb@usb-0000-00-14-0-4-analog-stereo");
        let raw = props(&[("alsa.card", "1"), ("alsa.name", "USB Audio")]);
        let raw = Facts::read(DeviceKind::Microphone, "USB Audio", "GstAlsaDevice", &raw);
        assert!(raw.is_same_hardware(&digital));
        assert!(!raw.is_same_hardware(&raw.clone()), "what one service tells of twice is two");
    }

    #[test]
    fn windows_and_macos_ports() {
        let link = r"\\?\usb#vid_046d&pid_0825&mi_00#7&2d3b1f&0&0000#{65e8773d-8f56-11d0-a3b9-00a0c9223196}\global";
        let camera = Facts::read(DeviceKind::Camera, "C270", "GstMFDevice", &props(&[("device.path", link)]));
        assert_eq!(camera.port.as_deref(), Some("7&2d3b1f&0&0000"));
        assert_eq!(camera.path.as_deref(), Some(link));
        let camera =
            Facts::read(DeviceKind::Camera, "C270", "GstAVFDevice", &props(&[("avf.unique_id", "0x14200000046d0825")]));
        assert_eq!(camera.id().as_str(), "camera:c270@0x14200000046d0825");
    }

    proptest! {
        #[test]
        fn any_properties_give_an_id_that_can_stand_in_an_address(
            name in ".*", type_name in "Gst(PipeWire|Pulse|V4l2|Alsa)Device",
            pairs in prop::collection::btree_map("(node.name|device.path|device.class|alsa.card|alsa.long_card_name|device.bus_path|device.id)", ".*", 0..6),
        ) {
            for kind in [DeviceKind::Camera, DeviceKind::Microphone, DeviceKind::Speaker] {
                let facts = Facts::read(kind, &name, &type_name, &pairs);
                let id = facts.id();
                prop_assert!(id.as_str().starts_with(&format!("{kind}:")), "{id}");
                prop_assert!(!id.as_str().contains(char::is_whitespace) && !id.as_str().contains(['?', '#', '&', '/']), "{id}");
                prop_assert_eq!(id, Facts::read(kind, &name, &type_name, &pairs).id());
            }
        }
    }
}
