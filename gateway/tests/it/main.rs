//! The door in front of a service that is played by the tests.
mod door;
mod entering;
mod looking_in;
