//! What the studio delivers, judged from outside: one module a capability, in one binary, because each one takes long to link.

mod commands;
mod control;
mod crash;
mod devices;
mod harness;
mod layouts;
mod program;
mod rtmp;
mod sources;
mod stage;
mod stems;
mod transitions;
mod webrtc;
