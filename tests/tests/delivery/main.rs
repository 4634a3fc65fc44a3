//! What the studio delivers, judged from outside: one module a capability, in one binary, because each one takes long to link.

mod commands;
mod control;
mod crash;
mod devices;
mod harness;
mod keys;
mod layouts;
mod on_air;
mod program;
mod rtmp;
mod sources;
mod stage;
mod stems;
mod transitions;
mod webrtc;
