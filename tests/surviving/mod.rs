//! Whatever dies and however often, source and target are equal afterwards.

mod failpoint;
mod network;
mod plug;
mod servers;
mod stalled;
mod stop;
