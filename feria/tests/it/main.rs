//! The real thing: a store on a port of its own, and the command as people type it.
mod client;
mod commands;
mod document;
mod serving;
