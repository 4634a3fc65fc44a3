//! From what GStreamer says to what a person can act on.

use pulse_show::Address;

use crate::status::SourceFault;

/// Makes sense of an error posted by an element. The debug text is left out: it may hold a password.
pub fn from_error(name: &str, address: &Address, error: &gst::glib::Error) -> SourceFault {
    let name = name.to_owned();
    let shown = address.redacted();
    let cause = without_secrets(error.message(), address);
    let resource = error.kind::<gst::ResourceError>();
    if resource == Some(gst::ResourceError::NotAuthorized) {
        return SourceFault::Refused { name, address: shown };
    }
    if let (Address::File { path, .. } | Address::Image { path }, Some(gst::ResourceError::NotFound)) =
        (address, resource)
    {
        return SourceFault::MissingFile { name, path: path.display().to_string() };
    }
    if let (Address::Device { .. }, Some(gst::ResourceError::NotFound)) = (address, resource) {
        return SourceFault::MissingDevice { name, cause };
    }
    if let Some(gst::CoreError::MissingPlugin) = error.kind::<gst::CoreError>() {
        return SourceFault::Lacking { name, what: cause };
    }
    if error.kind::<gst::StreamError>() == Some(gst::StreamError::CodecNotFound) {
        return SourceFault::Lacking { name, what: cause };
    }
    if resource.is_some() {
        return SourceFault::Unreachable { name, address: shown, cause };
    }
    SourceFault::Broken { name, address: shown, cause }
}

/// Takes the address, which may hold a password, out of a message.
fn without_secrets(message: &str, address: &Address) -> String {
    message.trim_end_matches('.').replace(&address.to_string(), &address.redacted())
}

/// An element that this machine does not have.
pub fn lacking(name: &str, element: &str) -> SourceFault {
    SourceFault::Lacking { name: name.to_owned(), what: format!("the GStreamer element \"{element}\"") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rtsp() -> Address {
        Address::Rtsp { url: "rtsp://anna:secret@10.0.0.7/cam".into() }
    }

    #[test]
    fn a_refused_login_is_told_apart_from_a_camera_that_is_off() {
        let refused = gst::glib::Error::new(gst::ResourceError::NotAuthorized, "Unauthorized");
        assert!(matches!(from_error("Aisle", &rtsp(), &refused), SourceFault::Refused { .. }));
        let off = gst::glib::Error::new(gst::ResourceError::OpenRead, "Failed to connect.");
        assert!(matches!(from_error("Aisle", &rtsp(), &off), SourceFault::Unreachable { .. }));
    }

    #[test]
    fn no_password_reaches_the_message() {
        let error = gst::glib::Error::new(gst::ResourceError::OpenRead, "rtsp://anna:secret@10.0.0.7/cam: refused");
        let told = from_error("Aisle", &rtsp(), &error).to_string();
        assert!(!told.contains("secret"), "{told}");
        assert!(told.contains("Aisle"), "{told}");
    }
}
