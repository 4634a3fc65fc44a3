//! How a studio and its control plane are doing, as `GET /v1/status` tells it.

use serde::{Deserialize, Serialize};

use crate::Stats;
use crate::number::measure;

/// How the control plane is doing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The version of Pulse Studio.
    pub version: String,
    /// Seconds since the control plane started.
    #[serde(serialize_with = "measure")]
    pub uptime: f64,
    /// How the studio is doing; none where there is only a control plane.
    pub studio: Option<StudioStatus>,
}

/// How the studio is doing. The default is a studio that has not made a frame yet.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct StudioStatus {
    /// The name of the scene on air; none is black.
    pub program: Option<String>,
    /// The name of the scene that is next.
    pub preview: Option<String>,
    /// Whether anything is being recorded.
    pub recording: bool,
    /// The ids of the destinations that are published to.
    pub publishing: Vec<String>,
    /// Rates and counts.
    pub stats: Stats,
}
