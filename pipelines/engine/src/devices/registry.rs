//! Which devices are there now, under which id and name. Pure: services' claims in, events out.
//!
//! A *claim* is one service's word that a device is there, with the handle that service gave for it. Several claims can be
//! about one piece of hardware; the device is there as long as one is left, and is opened through the best of them.
//! The registry never forgets an id or its name, so a device that comes back is called what it was called before.

use std::collections::BTreeMap;

use super::{Device, DeviceEvent, DeviceId, DeviceKind, identity::Facts, natural};

/// Devices by id, remembering those that are gone. `H` is what a service gives to open a device with.
#[derive(Debug)]
pub struct Registry<H> {
    known: BTreeMap<DeviceId, Known>,
    /// Ids that facts give, of devices that are known by another: through another service, or on an earlier port.
    aliases: BTreeMap<DeviceId, DeviceId>,
    present: BTreeMap<DeviceId, Vec<Claim<H>>>,
}

#[derive(Debug)]
struct Known {
    kind: DeviceKind,
    name: String,
    /// [`Facts::make`], for those with a serial number.
    make: Option<String>,
}

#[derive(Debug)]
struct Claim<H> {
    facts: Facts,
    handle: H,
}

impl<H> Default for Registry<H> {
    fn default() -> Self {
        Self { known: BTreeMap::new(), aliases: BTreeMap::new(), present: BTreeMap::new() }
    }
}

impl<H: Clone + PartialEq> Registry<H> {
    /// What is there when listing begins. Its order does not matter: names are given by port.
    pub fn plug_all(&mut self, mut claims: Vec<(Facts, H)>) -> Vec<DeviceEvent> {
        claims.sort_by_cached_key(|(facts, _)| {
            (facts.via, natural(facts.port.as_deref().unwrap_or_default()), facts.id())
        });
        claims.into_iter().filter_map(|(facts, handle)| self.plug(facts, handle)).collect()
    }

    /// A service tells of a device. Nothing happens for a handle that is already there.
    pub fn plug(&mut self, facts: Facts, handle: H) -> Option<DeviceEvent> {
        if self.claimed_by(&handle).is_some() {
            return None;
        }
        if let Some(id) = self.same_hardware(&facts) {
            let before = self.device(&id);
            if facts.id() != id {
                self.aliases.insert(facts.id(), id.clone());
            }
            self.present.entry(id.clone()).or_default().push(Claim { facts, handle });
            return self.changed(&id, before);
        }
        let id = self.identify(&facts);
        self.remember(&id, &facts);
        self.present.insert(id.clone(), vec![Claim { facts, handle }]);
        self.device(&id).map(DeviceEvent::Added)
    }

    /// A service takes its word back.
    pub fn unplug(&mut self, handle: &H) -> Option<DeviceEvent> {
        let id = self.claimed_by(handle)?;
        let before = self.device(&id);
        let claims = self.present.get_mut(&id)?;
        claims.retain(|claim| claim.handle != *handle);
        if claims.is_empty() {
            self.present.remove(&id);
            return Some(DeviceEvent::Removed(id));
        }
        self.changed(&id, before)
    }

    /// A service gives a new handle and new facts for one it gave before.
    pub fn change(&mut self, old: &H, facts: Facts, new: H) -> Vec<DeviceEvent> {
        let unmoved = self
            .claimed_by(old)
            .filter(|id| self.present[id].iter().any(|claim| claim.handle == *old && claim.facts.id() == facts.id()));
        let Some(id) = unmoved else {
            return self.unplug(old).into_iter().chain(self.plug(facts, new)).collect();
        };
        let before = self.device(&id);
        for claim in self.present.entry(id.clone()).or_default() {
            if claim.handle == *old {
                (claim.facts, claim.handle) = (facts.clone(), new.clone());
            }
        }
        self.changed(&id, before).into_iter().collect()
    }

    /// What is there, by kind, then in the order of ports.
    pub fn devices(&self) -> Vec<Device> {
        let mut devices: Vec<Device> = self.present.keys().filter_map(|id| self.device(id)).collect();
        devices.sort_by_cached_key(|d| (d.kind, natural(d.port.as_deref().unwrap_or_default()), d.id.clone()));
        devices
    }

    /// The device of that kind with this id or name, or the `default` one. A device with a serial number is found by an id from another port.
    pub fn find(&self, kind: DeviceKind, wanted: &str) -> Option<Device> {
        let devices: Vec<Device> = self.devices().into_iter().filter(|d| d.kind == kind).collect();
        let by = |test: &dyn Fn(&Device) -> bool| devices.iter().find(|d| test(d)).cloned();
        let alias = self.aliases.get(&DeviceId(wanted.to_owned()));
        by(&|d| d.id.as_str() == wanted || alias == Some(&d.id))
            .or_else(|| by(&|d| d.name == wanted))
            .or_else(|| by(&|d| d.name.to_lowercase() == wanted.to_lowercase()))
            .or_else(|| by(&|d| wanted == "default" && d.is_default))
            .or_else(|| by(&|_| wanted == "default"))
            .or_else(|| {
                let (make, _) = wanted.split_once('@')?;
                by(&|d| self.is_only_one_made(make, &d.id))
            })
    }

    /// What the best service gave to open it with.
    pub fn handle(&self, id: &DeviceId) -> Option<H> {
        self.best(id).map(|claim| claim.handle.clone())
    }

    fn claimed_by(&self, handle: &H) -> Option<DeviceId> {
        self.present.iter().find(|(_, claims)| claims.iter().any(|c| c.handle == *handle)).map(|(id, _)| id.clone())
    }

    fn same_hardware(&self, facts: &Facts) -> Option<DeviceId> {
        let is_same = |claim: &Claim<H>| claim.facts.is_same_hardware(facts);
        self.present.iter().find(|(_, claims)| claims.iter().any(is_same)).map(|(id, _)| id.clone())
    }

    fn identify(&mut self, facts: &Facts) -> DeviceId {
        let own = facts.id();
        let known = self.aliases.get(&own).cloned().or_else(|| self.moved(facts));
        if let Some(id) = known.filter(|id| !self.present.contains_key(id)) {
            if id != own {
                self.aliases.insert(own, id.clone());
            }
            return id;
        }
        if !self.present.contains_key(&own) {
            return own;
        }
        let numbered = (2_u32..).map(|n| DeviceId(format!("{own}#{n}"))).find(|id| !self.present.contains_key(id));
        numbered.expect("there are fewer devices than numbers")
    }

    /// The one device with this serial number, on another port. Makers who give all cameras one number make it useless.
    fn moved(&self, facts: &Facts) -> Option<DeviceId> {
        let own = facts.id();
        facts.serial.as_ref().filter(|_| !self.known.contains_key(&own))?;
        let make = facts.make();
        let (id, _) = self.known.iter().find(|(_, known)| known.make.as_deref() == Some(&make))?;
        self.is_only_one_made(&make, id).then(|| id.clone())
    }

    fn is_only_one_made(&self, make: &str, id: &DeviceId) -> bool {
        let mut made = self.known.iter().filter(|(_, known)| known.make.as_deref() == Some(make));
        made.next().is_some_and(|(first, _)| first == id) && made.next().is_none()
    }

    fn remember(&mut self, id: &DeviceId, facts: &Facts) {
        if self.known.contains_key(id) {
            return;
        }
        let taken = |name: &str| self.known.values().any(|k| k.kind == facts.kind && k.name == name);
        let base = if facts.name.trim().is_empty() { facts.kind.to_string() } else { facts.name.clone() };
        let mut name = base.clone();
        let mut n = 2_u32;
        while taken(&name) {
            name = format!("{base} ({n})");
            n += 1;
        }
        let make = facts.serial.is_some().then(|| facts.make());
        self.known.insert(id.clone(), Known { kind: facts.kind, name, make });
    }

    fn best(&self, id: &DeviceId) -> Option<&Claim<H>> {
        self.present.get(id)?.iter().min_by_key(|claim| claim.facts.via)
    }

    fn device(&self, id: &DeviceId) -> Option<Device> {
        let claims = self.present.get(id)?;
        let best = &self.best(id)?.facts;
        let modes = claims.iter().map(|c| &c.facts.modes).find(|m| !m.is_empty());
        Some(Device {
            id: id.clone(),
            kind: best.kind,
            name: self.known.get(id)?.name.clone(),
            port: best.port.clone(),
            path: claims.iter().find_map(|c| c.facts.path.clone()),
            modes: if best.modes.is_empty() { modes.cloned().unwrap_or_default() } else { best.modes.clone() },
            is_default: claims.iter().any(|c| c.facts.is_default),
        })
    }

    fn changed(&self, id: &DeviceId, before: Option<Device>) -> Option<DeviceEvent> {
        self.device(id).filter(|now| before.as_ref() != Some(now)).map(DeviceEvent::Changed)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::devices::identity::Via;

    fn camera(port: &str, serial: Option<&str>) -> Facts {
        Facts {
            kind: DeviceKind::Camera,
            name: "C920".to_owned(),
            model: "C920".to_owned(),
            serial: serial.map(str::to_owned),
            port: Some(port.to_owned()),
            path: Some(format!("/dev/{port}")),
            via: Via::System,
            hardware: vec![format!("path /dev/{port}")],
            card: None,
            is_default: false,
            modes: Vec::new(),
        }
    }

    fn names(registry: &Registry<u32>) -> Vec<String> {
        registry.devices().into_iter().map(|d| d.name).collect()
    }

    #[test]
    fn identical_cameras_are_named_by_port_and_keep_their_names() {
        let mut registry = Registry::default();
        registry.plug_all(vec![(camera("usb-10", None), 1), (camera("usb-2", None), 2)]);
        let before = registry.devices();
        assert_eq!(names(&registry), ["C920", "C920 (2)"]);
        assert_eq!(before[0].port.as_deref(), Some("usb-2"));
        assert!(matches!(registry.unplug(&1), Some(DeviceEvent::Removed(id)) if id == before[1].id));
        assert!(registry.unplug(&2).is_some());
        let Some(DeviceEvent::Added(back)) = registry.plug(camera("usb-10", None), 3) else { panic!("not added") };
        assert_eq!(back, before[1], "alone, it is still called the second");
    }

    #[test]
    fn a_serial_number_is_followed_to_another_port() {
        let mut registry = Registry::default();
        registry.plug(camera("usb-1", Some("A1")), 1);
        let before = registry.devices().remove(0);
        registry.unplug(&1);
        registry.plug(camera("usb-7", Some("A1")), 2);
        let after = registry.devices().remove(0);
        assert_eq!((&after.id, &after.name), (&before.id, &before.name));
        assert_eq!(after.port.as_deref(), Some("usb-7"));
        let own = camera("usb-7", Some("A1")).id();
        assert_eq!(registry.find(DeviceKind::Camera, own.as_str()), Some(after), "found by what its own facts say too");
    }

    #[test]
    fn a_serial_number_that_two_cameras_share_is_not_followed() {
        let mut registry = Registry::default();
        registry.plug_all(vec![(camera("usb-1", Some("0")), 1), (camera("usb-2", Some("0")), 2)]);
        registry.unplug(&1);
        registry.plug(camera("usb-3", Some("0")), 3);
        assert_eq!(names(&registry), ["C920 (2)", "C920 (3)"]);
    }

    #[test]
    fn a_saved_id_finds_the_camera_on_another_port_by_its_serial_number() {
        let mut registry = Registry::default();
        registry.plug(camera("usb-7", Some("A1")), 1);
        registry.plug(camera("usb-8", None), 2);
        let saved = camera("usb-1", Some("A1")).id();
        assert_eq!(registry.find(DeviceKind::Camera, saved.as_str()).map(|d| d.port), Some(Some("usb-7".to_owned())));
        let saved = camera("usb-1", None).id();
        assert_eq!(registry.find(DeviceKind::Camera, saved.as_str()), None, "without a number it could be any");
    }

    #[test]
    fn two_services_tell_of_one_camera() {
        let (system, mut service) = (camera("usb-1", None), camera("usb-1", None));
        service.via = Via::Service;
        service.port = Some("elsewhere".to_owned());
        let mut registry = Registry::default();
        assert!(matches!(registry.plug(system.clone(), 1), Some(DeviceEvent::Added(_))));
        let id = registry.devices()[0].id.clone();
        registry.plug(service.clone(), 2);
        assert_eq!((registry.devices().len(), registry.handle(&id)), (1, Some(2)));
        registry.unplug(&2);
        assert_eq!(registry.handle(&id), Some(1));
        assert!(matches!(registry.unplug(&1), Some(DeviceEvent::Removed(_))));
        registry.plug(service, 3);
        assert_eq!(registry.devices()[0].id, id, "whichever service is the first to tell of its return");
    }

    #[test]
    fn the_default_is_the_systems_or_else_the_first() {
        let mut registry = Registry::default();
        assert_eq!(registry.find(DeviceKind::Camera, "default"), None);
        registry.plug_all(vec![(camera("usb-1", None), 1), (camera("usb-2", None), 2)]);
        assert_eq!(registry.find(DeviceKind::Camera, "default").map(|d| d.name), Some("C920".to_owned()));
        let chosen = Facts { is_default: true, ..camera("usb-2", None) };
        let events = registry.change(&2, chosen, 3);
        assert!(matches!(&events[..], [DeviceEvent::Changed(d)] if d.is_default), "{events:?}");
        assert_eq!(registry.find(DeviceKind::Camera, "default").map(|d| d.name), Some("C920 (2)".to_owned()));
        assert_eq!(registry.find(DeviceKind::Camera, "c920").map(|d| d.name), Some("C920".to_owned()));
        assert_eq!(registry.find(DeviceKind::Microphone, "c920"), None);
    }

    #[derive(Debug, Clone)]
    enum Act {
        Plug { port: u8, serial: u8, via: bool },
        Unplug(u8),
    }

    fn acts(serials: std::ops::Range<u8>) -> impl Strategy<Value = Vec<Act>> {
        let plug = (0..5_u8, serials, any::<bool>()).prop_map(|(port, serial, via)| Act::Plug { port, serial, via });
        prop::collection::vec(prop_oneof![2 => plug, 1 => (0..40_u8).prop_map(Act::Unplug)], 0..40)
    }

    fn facts(port: u8, serial: u8, via: bool) -> Facts {
        let serial = (serial > 0).then(|| format!("S{serial}"));
        let mut facts = camera(&format!("usb-{port}"), serial.as_deref());
        facts.via = if via { Via::Service } else { Via::System };
        facts
    }

    proptest! {
        /// Whatever is plugged, even liars with a shared serial number on a shared port.
        #[test]
        fn ids_and_names_are_never_shared_and_events_tell_all(acts in acts(0..3)) {
            let mut registry = Registry::default();
            let mut told: BTreeMap<DeviceId, Device> = BTreeMap::new();
            for (handle, act) in acts.into_iter().enumerate() {
                let event = match act {
                    Act::Plug { port, serial, via } => registry.plug(facts(port, serial, via), u8::try_from(handle).unwrap()),
                    Act::Unplug(handle) => registry.unplug(&handle),
                };
                match event {
                    Some(DeviceEvent::Added(d)) => prop_assert!(told.insert(d.id.clone(), d).is_none()),
                    Some(DeviceEvent::Changed(d)) => prop_assert!(told.insert(d.id.clone(), d).is_some()),
                    Some(DeviceEvent::Removed(id)) => prop_assert!(told.remove(&id).is_some()),
                    Some(DeviceEvent::Missed) | None => {}
                }
                let now: BTreeMap<_, _> = registry.devices().into_iter().map(|d| (d.id.clone(), d)).collect();
                prop_assert_eq!(&now, &told);
                let names: BTreeSet<_> = now.values().map(|d| &d.name).collect();
                prop_assert_eq!(names.len(), now.len());
            }
        }

        /// Cameras without serial numbers, one at a time on each port.
        #[test]
        fn the_same_port_always_gives_the_same_id_and_name(acts in acts(0..1)) {
            let mut registry = Registry::default();
            let mut seen: BTreeMap<u8, (DeviceId, String)> = BTreeMap::new();
            let mut there: BTreeMap<u8, u8> = BTreeMap::new();
            for (handle, act) in acts.into_iter().enumerate() {
                match act {
                    Act::Plug { port, .. } => {
                        if there.values().any(|p| *p == port) {
                            continue;
                        }
                        let handle = u8::try_from(handle).unwrap();
                        there.insert(handle, port);
                        let Some(DeviceEvent::Added(d)) = registry.plug(facts(port, 0, false), handle) else {
                            return Err(TestCaseError::fail("not added"));
                        };
                        let first = seen.entry(port).or_insert_with(|| (d.id.clone(), d.name.clone()));
                        prop_assert_eq!(first, &(d.id, d.name));
                    }
                    Act::Unplug(handle) => {
                        registry.unplug(&handle);
                        there.remove(&handle);
                    }
                }
            }
        }

        /// Cameras whose serial numbers are their own, wherever they are plugged in.
        #[test]
        fn an_own_serial_number_keeps_id_and_name_on_every_port(moves in prop::collection::vec((1..4_u8, 0..3_u8), 0..30)) {
            let mut registry = Registry::default();
            let mut seen: BTreeMap<u8, (DeviceId, String)> = BTreeMap::new();
            for (serial, offset) in moves {
                registry.unplug(&serial);
                let Some(DeviceEvent::Added(d)) = registry.plug(facts(serial * 10 + offset, serial, false), serial) else {
                    return Err(TestCaseError::fail("not added"));
                };
                let first = seen.entry(serial).or_insert_with(|| (d.id.clone(), d.name.clone()));
                prop_assert_eq!(first, &(d.id, d.name));
            }
        }
    }
}
