//! What the studio delivers, judged from outside: one module a capability, in one binary, because each one takes long to link.

mod commands;
mod control;
mod crash;
mod harness;
mod program;
mod rtmp;
mod sources;
mod stage;
