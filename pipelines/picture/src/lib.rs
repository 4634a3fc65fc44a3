//! x
pub mod across; pub mod axis; pub mod kernel; pub mod plane; pub mod scale;
