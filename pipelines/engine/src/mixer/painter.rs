//! Draws pictures into buffers: what the program and the preview have in common.

use std::{collections::BTreeMap, str::FromStr, sync::Arc};

use gst::prelude::*;
use gst_video::VideoFrameExt;
use pulse_picture::{CanvasMut, Compositor, PlaneMut};
use pulse_plan::Picture;
use pulse_show::{Canvas, SourceId};

use crate::source::slot::{Shot, Slot};

/// Every source's slot, by its id.
pub type Slots = BTreeMap<SourceId, Arc<Slot>>;

/// Pictures cannot be made at all.
#[derive(Debug, thiserror::Error)]
pub enum MixerError {
    /// No memory for frames.
    #[error("no memory for pictures of {width}×{height}: {cause}. Choose a smaller canvas.")]
    Pool {
        /// Pixels.
        width: u32,
        /// Pixels.
        height: u32,
        /// What the system said.
        cause: String,
    },
    /// No thread.
    #[error("the mixer's thread could not be started: {0}. Close other programs.")]
    Thread(#[from] std::io::Error),
}

/// Draws pictures of one canvas into buffers (I420, BT.709) of one size, whose memory is used again and again.
pub(super) struct Painter {
    pool: gst_video::VideoBufferPool,
    info: gst_video::VideoInfo,
    caps: gst::Caps,
    compositor: Compositor,
}

impl Painter {
    /// For pictures in coordinates of `canvas`, drawn in `size` pixels.
    pub(super) fn new(canvas: Canvas, size: (u32, u32)) -> Result<Self, MixerError> {
        let (width, height) = size;
        let fail = |cause: &dyn std::fmt::Display| MixerError::Pool { width, height, cause: cause.to_string() };
        let fraction = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
        let rate = gst::Fraction::new(fraction(canvas.rate.num.get()), fraction(canvas.rate.den.get()));
        let info = gst_video::VideoInfo::builder(gst_video::VideoFormat::I420, width, height)
            .fps(rate)
            .colorimetry(&gst_video::VideoColorimetry::from_str("bt709").map_err(|e| fail(&e))?)
            .build()
            .map_err(|e| fail(&e))?;
        let caps = info.to_caps().map_err(|e| fail(&e))?;
        let pool = gst_video::VideoBufferPool::new();
        let mut config = pool.config();
        config.set_params(Some(&caps), u32::try_from(info.size()).map_err(|e| fail(&e))?, 4, 0);
        pool.set_config(config).map_err(|e| fail(&e))?;
        pool.set_active(true).map_err(|e| fail(&e))?;
        Ok(Self { pool, info, caps, compositor: Compositor::new(canvas.width, canvas.height) })
    }

    /// What the buffers hold.
    pub(super) fn caps(&self) -> &gst::Caps {
        &self.caps
    }

    /// `picture` with what the sources show at engine time `at`; none when there is no memory.
    pub(super) fn paint(&mut self, picture: &Picture, slots: &Slots, at: u64) -> Option<gst::Buffer> {
        let shots: BTreeMap<&SourceId, Arc<Shot>> = picture
            .groups
            .iter()
            .flat_map(|group| &group.draws)
            .filter_map(|draw| Some((&draw.source, slots.get(&draw.source)?.at(at)?)))
            .collect();
        let buffer = self.pool.acquire_buffer(None).ok()?;
        let mut frame = gst_video::VideoFrame::from_buffer_writable(buffer, &self.info).ok()?;
        let strides: [usize; 3] = std::array::from_fn(|i| usize::try_from(frame.plane_stride()[i]).unwrap_or(0));
        let (width, height) = (self.info.width() as usize, self.info.height() as usize);
        let half = (width.div_ceil(2), height.div_ceil(2));
        let [y, u, v, _] = frame.planes_data_mut();
        let y = PlaneMut::new(y, strides[0], width, height).ok()?;
        let u = PlaneMut::new(u, strides[1], half.0, half.1).ok()?;
        let v = PlaneMut::new(v, strides[2], half.0, half.1).ok()?;
        let mut canvas = CanvasMut::new(y, u, v).ok()?;
        let find = |id: &SourceId| shots.get(id).and_then(|shot| Some((shot.planes()?, shot.stamp())));
        self.compositor.compose(picture, &find, &mut canvas);
        Some(frame.into_buffer())
    }
}

impl Drop for Painter {
    fn drop(&mut self) {
        // Frames still in an encoder return their memory when they are done.
        let _ = self.pool.set_active(false);
    }
}
