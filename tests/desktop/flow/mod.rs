//! The whole flow as its user meets it: the real program, real bubbles and dialogs, a mouse and a keyboard.

mod alone;
mod clicks;
mod crowd;
mod heard;
mod race;
mod screens;
mod stage;
mod story;
mod week;
