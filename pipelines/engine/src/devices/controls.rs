//! Modes and controls of a camera, by nokhwa: exposure, focus, white balance, zoom and the like.
//!
//! A camera is opened only for as long as a question or a setting takes. V4L2 lets several programs do so at once, as long as
//! none changes the picture's size while another reads pictures: so whoever reads pictures says which [`Mode`] it reads.
//! AVFoundation's controls are modes without values in nokhwa, and are not offered. V4L2's numbers are those of `linux/v4l2-controls.h`.

use nokhwa::{
    Camera,
    utils::{
        CameraControl, CameraFormat, ControlValueDescription, ControlValueSetter, FrameFormat,
        KnownCameraControl as Native, KnownCameraControlFlag as Flag, RequestedFormat, RequestedFormatType, Resolution,
    },
};
use serde::Serialize;

use super::{
    Device, Mode,
    platform::{Platform, SYSTEM},
    sort_modes,
};

/// What can be set on a camera.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum ControlId {
    Exposure,
    Focus,
    WhiteBalance,
    Zoom,
    Brightness,
    Contrast,
    Saturation,
    Sharpness,
    Gain,
    BacklightCompensation,
    Hue,
    Gamma,
    Pan,
    Tilt,
    Iris,
}

/// A control as it stands. Units are the camera's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Control {
    /// Which one.
    pub id: ControlId,
    /// The least value.
    pub min: i64,
    /// The greatest value.
    pub max: i64,
    /// Values are `min` and whole steps above it; at least 1.
    pub step: i64,
    /// The present value.
    pub value: i64,
    /// The maker's value.
    pub default: i64,
    /// The camera adjusts it by itself now; none if it never does.
    pub auto: Option<bool>,
}

/// What a control is set to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setting {
    /// This value, rounded to a step. The camera stops adjusting it by itself.
    Value(i64),
    /// The camera adjusts it by itself.
    Auto,
}

/// Why a camera's modes or controls could not be read or set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// A virtual camera, or one that another machine holds.
    #[error(
        "controls are not offered by camera \"{name}\": it is not a camera of this machine; set it where it comes from"
    )]
    NoControls {
        /// The camera's name.
        name: String,
    },
    /// The camera has no such control, or cannot adjust it by itself.
    #[error("camera \"{name}\" does not offer {what}; choose one of the controls it lists")]
    NotOffered {
        /// The camera's name.
        name: String,
        /// Which control.
        what: String,
    },
    /// Out of the control's range.
    #[error("{value} is too much or too little for the {id:?} of camera \"{name}\"; choose {min} to {max}")]
    OutOfRange {
        /// The camera's name.
        name: String,
        /// Which control.
        id: ControlId,
        /// What was asked for.
        value: i64,
        /// The least value.
        min: i64,
        /// The greatest value.
        max: i64,
    },
    /// The camera did not answer.
    #[error("camera \"{name}\" cannot be asked: {cause}; close other programs that use it, or plug it in again")]
    Camera {
        /// The camera's name.
        name: String,
        /// What nokhwa said.
        cause: String,
    },
}

/// The modes that services tell of, and those that the camera itself adds. Opens the camera: not for the async runtime.
///
/// # Errors
/// [`ControlError::Camera`]. A virtual camera has the modes its service tells.
pub fn modes(camera: &Device, in_use: Option<&Mode>) -> Result<Vec<Mode>, ControlError> {
    let mut modes = camera.modes.clone();
    match open(camera, in_use) {
        Ok(mut opened) => {
            let formats = opened.compatible_camera_formats().map_err(|error| failed(camera, &error))?;
            modes.extend(formats.into_iter().map(to_mode));
        }
        Err(ControlError::NoControls { .. }) => {}
        Err(error) => return Err(error),
    }
    sort_modes(&mut modes);
    Ok(modes)
}

/// What can be set, and how it stands. Opens the camera: not for the async runtime.
///
/// # Errors
/// [`ControlError::NoControls`], [`ControlError::Camera`].
pub fn controls(camera: &Device, in_use: Option<&Mode>) -> Result<Vec<Control>, ControlError> {
    let native = open(camera, in_use)?.camera_controls().map_err(|error| failed(camera, &error))?;
    Ok(read(&native))
}

/// Sets one control. Opens the camera: not for the async runtime.
///
/// # Errors
/// Each of [`ControlError`]; nothing is set unless the setting is one that the camera offers.
pub fn set_control(
    camera: &Device,
    in_use: Option<&Mode>,
    id: ControlId,
    setting: Setting,
) -> Result<(), ControlError> {
    let mut opened = open(camera, in_use)?;
    let native = opened.camera_controls().map_err(|error| failed(camera, &error))?;
    for (control, value) in plan(&camera.name, &native, id, setting)? {
        opened.set_camera_control(control, value).map_err(|error| failed(camera, &error))?;
    }
    Ok(())
}

fn failed(camera: &Device, error: &nokhwa::NokhwaError) -> ControlError {
    ControlError::Camera { name: camera.name.clone(), cause: error.to_string() }
}

fn open(camera: &Device, in_use: Option<&Mode>) -> Result<Camera, ControlError> {
    let index = camera.path.as_deref().and_then(|path| SYSTEM.camera_index(path));
    let index = index.ok_or_else(|| ControlError::NoControls { name: camera.name.clone() })?;
    let format = match in_use.and_then(to_native) {
        Some(exactly) => RequestedFormatType::Exact(exactly),
        None => RequestedFormatType::None,
    };
    Camera::new(index, RequestedFormat::with_formats(format, &FORMATS.map(|(_, native)| native)))
        .map_err(|error| failed(camera, &error))
}

/// GStreamer's names of the formats that nokhwa knows.
const FORMATS: [(&str, FrameFormat); 6] = [
    ("jpeg", FrameFormat::MJPEG),
    ("YUY2", FrameFormat::YUYV),
    ("NV12", FrameFormat::NV12),
    ("GRAY8", FrameFormat::GRAY),
    ("RGB", FrameFormat::RAWRGB),
    ("BGR", FrameFormat::RAWBGR),
];

fn to_native(mode: &Mode) -> Option<CameraFormat> {
    let (_, format) = FORMATS.into_iter().find(|(name, _)| *name == mode.format)?;
    let whole_rate = (mode.fps.1 != 0 && mode.fps.0.is_multiple_of(mode.fps.1)).then(|| mode.fps.0 / mode.fps.1)?;
    Some(CameraFormat::new(Resolution::new(mode.width, mode.height), format, whole_rate))
}

fn to_mode(format: CameraFormat) -> Mode {
    let name = FORMATS.into_iter().find(|(_, native)| *native == format.format()).map_or("unknown", |(name, _)| name);
    Mode { width: format.width(), height: format.height(), fps: (format.frame_rate(), 1), format: name.to_owned() }
}

/// What one of nokhwa's controls is to ours.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Value,
    /// On or off: the camera adjusts it by itself.
    Switch,
    /// V4L2's `auto_exposure` menu: 0 automatic, 1 manual, 2 the user sets the time, 3 the user sets the iris.
    Menu,
}

/// Of several values for one control the first that the camera has counts: V4L2's absolute ones before the relative ones that nokhwa names.
const NATIVE: [(Native, ControlId, Part); 26] = [
    (Native::Other(0x009a_0902), ControlId::Exposure, Part::Value),
    (Native::Exposure, ControlId::Exposure, Part::Value),
    (Native::Other(0x009a_0901), ControlId::Exposure, Part::Menu),
    (Native::Other(0x009a_090a), ControlId::Focus, Part::Value),
    (Native::Focus, ControlId::Focus, Part::Value),
    (Native::Other(0x009a_090c), ControlId::Focus, Part::Switch),
    (Native::WhiteBalance, ControlId::WhiteBalance, Part::Value),
    (Native::Other(0x0098_090c), ControlId::WhiteBalance, Part::Switch),
    (Native::Other(0x009a_090d), ControlId::Zoom, Part::Value),
    (Native::Zoom, ControlId::Zoom, Part::Value),
    (Native::Brightness, ControlId::Brightness, Part::Value),
    (Native::Contrast, ControlId::Contrast, Part::Value),
    (Native::Saturation, ControlId::Saturation, Part::Value),
    (Native::Sharpness, ControlId::Sharpness, Part::Value),
    (Native::Gain, ControlId::Gain, Part::Value),
    (Native::Other(0x0098_0912), ControlId::Gain, Part::Switch),
    (Native::BacklightComp, ControlId::BacklightCompensation, Part::Value),
    (Native::Hue, ControlId::Hue, Part::Value),
    (Native::Other(0x0098_0919), ControlId::Hue, Part::Switch),
    (Native::Gamma, ControlId::Gamma, Part::Value),
    (Native::Other(0x009a_0908), ControlId::Pan, Part::Value),
    (Native::Pan, ControlId::Pan, Part::Value),
    (Native::Other(0x009a_0909), ControlId::Tilt, Part::Value),
    (Native::Tilt, ControlId::Tilt, Part::Value),
    (Native::Other(0x009a_0911), ControlId::Iris, Part::Value),
    (Native::Iris, ControlId::Iris, Part::Value),
];

fn read(native: &[CameraControl]) -> Vec<Control> {
    let mut ids: Vec<ControlId> = NATIVE.iter().map(|(_, id, _)| *id).collect();
    ids.dedup();
    ids.into_iter().filter_map(|id| Some(valued(native, id)?.1)).collect()
}

/// The camera's control for `id`, under nokhwa's name and ours.
fn valued(native: &[CameraControl], id: ControlId) -> Option<(Native, Control)> {
    parts(native, id, |part| part == Part::Value).find_map(|(found, _)| {
        let &ControlValueDescription::IntegerRange { min, max, value, step, default } = found.description() else {
            return None;
        };
        let flags = found.flag();
        let by_flag = || match (flags.contains(&Flag::Automatic), flags.contains(&Flag::Manual)) {
            (true, _) => Some(true),
            (false, true) => Some(false),
            (false, false) => None,
        };
        let auto = automatic(native, id).map(|(_, now, _, _)| now).or_else(by_flag);
        (min < max && !flags.contains(&Flag::ReadOnly))
            .then(|| (found.control(), Control { id, min, max, step: step.max(1), value, default, auto }))
    })
}

/// What switches `id` to automatic: its name, whether it is so now, and the values for automatic and manual.
fn automatic(
    native: &[CameraControl],
    id: ControlId,
) -> Option<(Native, bool, ControlValueSetter, ControlValueSetter)> {
    parts(native, id, |part| part != Part::Value).find_map(|(found, part)| match (found.description(), part) {
        (&ControlValueDescription::Boolean { value, .. }, Part::Switch) => {
            Some((found.control(), value, ControlValueSetter::Boolean(true), ControlValueSetter::Boolean(false)))
        }
        (&ControlValueDescription::IntegerRange { max, value, default, .. }, Part::Menu) => {
            let is_auto = |choice: i64| choice == 0 || choice == 3;
            // A menu may have holes: the maker's own choice is sure to exist.
            let auto = if is_auto(default) { default } else { if max >= 3 { 3 } else { 0 } };
            Some((found.control(), is_auto(value), ControlValueSetter::Integer(auto), ControlValueSetter::Integer(1)))
        }
        _ => None,
    })
}

fn parts(
    native: &[CameraControl],
    id: ControlId,
    want: impl Fn(Part) -> bool,
) -> impl Iterator<Item = (&CameraControl, Part)> {
    let wanted = NATIVE.iter().filter(move |(_, of, part)| *of == id && want(*part));
    wanted.filter_map(|(name, _, part)| Some((native.iter().find(|c| c.control() == *name)?, *part)))
}

/// What has to be told to the camera, in order.
fn plan(
    name: &str,
    native: &[CameraControl],
    id: ControlId,
    setting: Setting,
) -> Result<Vec<(Native, ControlValueSetter)>, ControlError> {
    let not_offered = |what: String| ControlError::NotOffered { name: name.to_owned(), what };
    let automatic = automatic(native, id);
    match setting {
        Setting::Auto => {
            let (switch, _, on, _) = automatic.ok_or_else(|| not_offered(format!("automatic {id:?}")))?;
            Ok(vec![(switch, on)])
        }
        Setting::Value(value) => {
            let (control, Control { min, max, step, .. }) =
                valued(native, id).ok_or_else(|| not_offered(format!("{id:?}")))?;
            if !(min..=max).contains(&value) {
                return Err(ControlError::OutOfRange { name: name.to_owned(), id, value, min, max });
            }
            let above = value.abs_diff(min);
            let step = step.unsigned_abs();
            let steps = above / step + u64::from(above % step >= step.div_ceil(2));
            let rounded = min.saturating_add_unsigned(steps.saturating_mul(step));
            let rounded = if rounded > max { min.saturating_add_unsigned(above / step * step) } else { rounded };
            // A camera refuses a value as long as it adjusts it by itself.
            let manual = automatic.filter(|(_, now, _, _)| *now).map(|(switch, _, _, off)| (switch, off));
            Ok(manual.into_iter().chain([(control, ControlValueSetter::Integer(rounded))]).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::devices::DeviceKind;

    fn range(control: Native, (min, max, step): (i64, i64, i64), value: i64, default: i64) -> CameraControl {
        let description = ControlValueDescription::IntegerRange { min, max, value, step, default };
        CameraControl::new(control, String::new(), description, vec![], true)
    }

    fn switch(control: Native, value: bool) -> CameraControl {
        CameraControl::new(
            control,
            String::new(),
            ControlValueDescription::Boolean { value, default: true },
            vec![],
            true,
        )
    }

    /// As a Logitech C920 tells under V4L2.
    fn webcam() -> Vec<CameraControl> {
        vec![
            range(Native::Brightness, (0, 255, 1), 128, 128),
            range(Native::WhiteBalance, (2000, 6500, 1), 4000, 4000),
            switch(Native::Other(0x0098_090c), true),
            range(Native::Other(0x009a_0901), (0, 3, 1), 3, 3),
            range(Native::Other(0x009a_0902), (3, 2047, 1), 250, 250),
            range(Native::Other(0x009a_090a), (0, 250, 5), 30, 0),
            switch(Native::Other(0x009a_090c), false),
            range(Native::Other(0x009a_090d), (100, 500, 1), 100, 100),
            range(Native::Other(0x1234), (0, 1, 1), 0, 0),
        ]
    }

    #[test]
    fn a_webcams_controls_are_told_with_their_automatics() {
        let controls = read(&webcam());
        let told: Vec<_> = controls.iter().map(|c| (c.id, c.min, c.max, c.value, c.auto)).collect();
        assert_eq!(
            told,
            [
                (ControlId::Exposure, 3, 2047, 250, Some(true)),
                (ControlId::Focus, 0, 250, 30, Some(false)),
                (ControlId::WhiteBalance, 2000, 6500, 4000, Some(true)),
                (ControlId::Zoom, 100, 500, 100, None),
                (ControlId::Brightness, 0, 255, 128, None),
            ]
        );
    }

    #[test]
    fn windows_tells_automatics_by_flags_and_read_only_controls_are_not_offered() {
        let flagged = |native, flag| {
            let description =
                ControlValueDescription::IntegerRange { min: -11, max: 1, value: -6, step: 1, default: -6 };
            CameraControl::new(native, String::new(), description, vec![flag], true)
        };
        let native = [
            flagged(Native::Exposure, Flag::Automatic),
            flagged(Native::Focus, Flag::Manual),
            flagged(Native::Zoom, Flag::ReadOnly),
        ];
        let told: Vec<_> = read(&native).iter().map(|c| (c.id, c.auto)).collect();
        assert_eq!(told, [(ControlId::Exposure, Some(true)), (ControlId::Focus, Some(false))]);
    }

    #[test]
    fn a_value_switches_the_automatic_off_first() {
        let planned = plan("Aisle", &webcam(), ControlId::Exposure, Setting::Value(100)).unwrap();
        let menu = (Native::Other(0x009a_0901), ControlValueSetter::Integer(1));
        assert_eq!(planned, [menu, (Native::Other(0x009a_0902), ControlValueSetter::Integer(100))]);
        let planned = plan("Aisle", &webcam(), ControlId::Focus, Setting::Value(33)).unwrap();
        assert_eq!(
            planned,
            [(Native::Other(0x009a_090a), ControlValueSetter::Integer(35))],
            "manual already, rounded to a step"
        );
        let planned = plan("Aisle", &webcam(), ControlId::WhiteBalance, Setting::Auto).unwrap();
        assert_eq!(planned, [(Native::Other(0x0098_090c), ControlValueSetter::Boolean(true))]);
        let planned = plan("Aisle", &webcam(), ControlId::Exposure, Setting::Auto).unwrap();
        assert_eq!(planned, [(Native::Other(0x009a_0901), ControlValueSetter::Integer(3))]);
    }

    #[test]
    fn what_a_camera_does_not_offer_is_refused_by_name() {
        let told = |id, setting| plan("Aisle", &webcam(), id, setting).unwrap_err().to_string();
        assert!(told(ControlId::Iris, Setting::Value(1)).contains("\"Aisle\" does not offer Iris"));
        assert!(told(ControlId::Zoom, Setting::Auto).contains("automatic Zoom"));
        assert!(told(ControlId::Zoom, Setting::Value(99)).contains("choose 100 to 500"));
    }

    fn camera(path: Option<&str>) -> Device {
        let mode = Mode { width: 320, height: 240, fps: (30, 1), format: "I420".to_owned() };
        Device {
            id: "camera:aisle@aisle-cam".to_owned().into(),
            kind: DeviceKind::Camera,
            name: "Aisle".to_owned(),
            port: None,
            path: path.map(str::to_owned),
            modes: vec![mode],
            is_default: false,
        }
    }

    #[test]
    fn a_virtual_camera_has_modes_but_no_controls() {
        let error = controls(&camera(None), None).unwrap_err().to_string();
        assert!(error.starts_with("controls are not offered by camera \"Aisle\""), "{error}");
        assert_eq!(modes(&camera(None), None).unwrap(), camera(None).modes);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_camera_that_is_gone_is_told_by_name() {
        let error = controls(&camera(Some("/dev/video4095")), None).unwrap_err();
        assert!(matches!(&error, ControlError::Camera { name, .. } if name == "Aisle"), "{error}");
    }

    #[test]
    fn modes_are_the_same_in_both_languages() {
        let mode = Mode { width: 1920, height: 1080, fps: (60, 2), format: "jpeg".to_owned() };
        let native = to_native(&mode).unwrap();
        assert_eq!((native.format(), native.frame_rate()), (FrameFormat::MJPEG, 30));
        assert_eq!(to_mode(native), Mode { fps: (30, 1), ..mode.clone() });
        assert_eq!(to_native(&Mode { fps: (30000, 1001), ..mode.clone() }), None);
        assert_eq!(to_native(&Mode { format: "h264".to_owned(), ..mode }), None);
    }

    proptest! {
        #[test]
        fn a_value_in_range_stays_in_range_and_on_a_step(min in -1000..1000_i64, span in 1..5000_i64, step in 0..300_i64, part in 0.0..=1.0_f64) {
            let native = [range(Native::Gain, (min, min + span, step), min, min)];
            let wanted = min + (span as f64 * part) as i64;
            let planned = plan("A", &native, ControlId::Gain, Setting::Value(wanted)).unwrap();
            let [(Native::Gain, ControlValueSetter::Integer(value))] = planned[..] else { panic!("{planned:?}") };
            prop_assert!((min..=min + span).contains(&value));
            prop_assert_eq!((value - min) % step.max(1), 0);
            prop_assert!((value - wanted).abs() < step.max(1));
        }
    }
}
