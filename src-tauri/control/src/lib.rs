//! The control plane: the HTTP router served on loopback or by itself.
