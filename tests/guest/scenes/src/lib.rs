//! Scenes that look like a desktop at work, as pixels.
//!
//! Every picture is a pure function of the scene, the screen size and the step
//! (and, in the echo scene, of the keys pressed so far), computed in integers:
//! the bench guest and a program on the host draw the same frames.
//!
//! ```
//! use oriel_scenes::{Renderer, Scene};
//!
//! let (width, height) = (1280, 720);
//! let mut pixels = vec![0u32; width * height];
//! let mut renderer = Renderer::new(Scene::Typing, width as u32, height as u32);
//! let whole = renderer.step(&mut pixels); // step 0: the whole screen
//! let damage = renderer.step(&mut pixels); // step 1: one more character
//! assert!(damage.iter().all(|rect| rect.width < 200));
//! # assert_eq!(whole[0].width, 1280);
//! ```

#![no_std]

extern crate alloc;

mod call;
mod canvas;
mod damage;
mod desktop;
mod document;
mod drag;
mod echo;
mod font;
mod keymap;
mod landscape;
mod motion;
mod noise;
mod prose;
mod renderer;
mod scene;
mod scroll;
mod still;
#[cfg(test)]
mod tests;
mod typing;
mod video;
mod window;

pub use damage::{Damage, Rect};
pub use echo::{COLOURS as ECHO_COLOURS, square as echo_square};
pub use renderer::Renderer;
pub use scene::{SCENE_NAMES, Scene};
