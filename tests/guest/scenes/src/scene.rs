//! The scenes by name.

/// The names that [`Scene::parse`] knows, for messages.
pub const SCENE_NAMES: &str = "one of idle, typing, scroll, drag, video, call, motion, echo";

/// What the desktop is busy with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scene {
    /// Nothing: a page of text, a picture, a panel and icons.
    Idle,
    /// Text appears in an editor, a character a step.
    Typing,
    /// A page of text scrolls, a few pixels a step.
    Scroll,
    /// A window is dragged over the page.
    Drag,
    /// A film of 640x360 plays in a window.
    Video,
    /// A film and a smaller one play in windows far apart.
    Call,
    /// The whole screen moves.
    Motion,
    /// A square changes colour with every key or button that goes down.
    Echo,
}

impl Scene {
    /// Every scene.
    pub const ALL: [Self; 8] = [
        Self::Idle,
        Self::Typing,
        Self::Scroll,
        Self::Drag,
        Self::Video,
        Self::Call,
        Self::Motion,
        Self::Echo,
    ];

    /// The scene of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scene| scene.name() == name)
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Typing => "typing",
            Self::Scroll => "scroll",
            Self::Drag => "drag",
            Self::Video => "video",
            Self::Call => "call",
            Self::Motion => "motion",
            Self::Echo => "echo",
        }
    }

    /// How many steps to take in a second; none for a scene that stands still by itself.
    pub const fn steps_per_second(self) -> Option<u32> {
        match self {
            Self::Idle | Self::Echo => None,
            Self::Typing => Some(10),
            Self::Scroll | Self::Drag => Some(60),
            Self::Video | Self::Call | Self::Motion => Some(30),
        }
    }
}
