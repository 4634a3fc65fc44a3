//! Sources that are one picture: images and texts, and the card shown while any other source gives nothing.

use std::sync::Arc;

use pulse_picture::{image, slate, text};
use pulse_show::{Address, Canvas};

use super::{Order, slot::Shot};
use crate::status::SourceFault;

/// The picture of an image or text source; `None` for any other source.
pub fn picture(order: &Order) -> Option<Result<Arc<Shot>, SourceFault>> {
    let node = &order.node;
    match &node.address {
        Address::Text { text } => {
            let style = node.text.clone().unwrap_or_default();
            Some(Ok(Shot::still(text::render_text(text, &style, order.canvas.width))))
        }
        Address::Image { path } if !path.is_file() => {
            Some(Err(SourceFault::MissingFile { name: node.name.clone(), path: path.display().to_string() }))
        }
        Address::Image { path } => Some(image::load(path).map(Shot::still).map_err(|error| SourceFault::Broken {
            name: node.name.clone(),
            address: node.address.redacted(),
            cause: error.to_string(),
        })),
        _ => None,
    }
}

/// The card for a source that gives nothing. Sources without pictures, images and texts have none: nothing is shown then.
pub fn card(order: &Order, message: &str) -> Option<Arc<Shot>> {
    let Canvas { width, height, .. } = order.canvas;
    let has_card =
        !matches!(order.node.address, Address::TestTone { .. } | Address::Image { .. } | Address::Text { .. });
    let shown = has_card && !order.node.held;
    shown.then(|| Shot::still(slate::slate(&order.node.name, message, width, height)))
}
