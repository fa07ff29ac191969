//! The core against its requirements, a file a theme. The names `c38_..`, `f02_..` and `h05_..` are the
//! rows of `CONFORMANCE.md`.
#![expect(
    clippy::arithmetic_side_effects,
    reason = "an overflow fails the test it happens in"
)]

#[cfg(test)]
mod acks;
#[cfg(test)]
mod backoff;
#[cfg(test)]
mod conformance;
#[cfg(test)]
mod crowd;
#[cfg(test)]
mod ending;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod link;
#[cfg(test)]
mod lockstep;
#[cfg(test)]
mod netascii;
#[cfg(test)]
mod oack;
#[cfg(test)]
mod options;
#[cfg(test)]
mod order;
#[cfg(test)]
mod packet;
#[cfg(test)]
mod pair;
#[cfg(test)]
mod repeats;
mod rollover;
#[cfg(test)]
mod script;
#[cfg(test)]
mod server;
#[cfg(test)]
mod shop;
#[cfg(test)]
mod support;
#[cfg(test)]
mod texts;
#[cfg(test)]
mod tid;
#[cfg(test)]
mod timers;
#[cfg(test)]
mod uri;
#[cfg(test)]
mod window;
#[cfg(test)]
mod wire;
