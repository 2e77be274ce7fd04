use super::*;

const SIZE: Size = Size::new(640, 480);

/// Pseudo-random generator splitmix64.
struct Random(u64);

impl Random {
    fn next(&mut self, below: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ mixed >> 31) % u64::from(below.max(1))) as u32
    }

    fn rect(&mut self, most: u32) -> Rect {
        let (width, height) = (1 + self.next(most), 1 + self.next(most.min(400)));
        Rect::new(self.next(SIZE.width - width), self.next(SIZE.height - height), width, height)
    }
}

fn paint(framebuffer: &mut Framebuffer, rect: Rect, colour: impl Fn(u32, u32) -> u32) {
    for y in rect.y..rect.bottom() {
        for (x, pixel) in (rect.x..).zip(framebuffer.row_mut(rect.x, y, rect.width).chunks_exact_mut(4)) {
            pixel.copy_from_slice(&colour(x, y).to_le_bytes());
        }
    }
}

/// Returns the colours of strokes on white, similar to lines of text.
fn text(seed: u32) -> impl Fn(u32, u32) -> u32 {
    move |x, y| {
        let (line, within) = (y / 18, y % 18);
        let mut control = Random(u64::from(x / 8) << 40 | u64::from(line) << 20 | u64::from(seed));
        let glyph = control.next(61);
        let ink = within > 3 && within < 15 && glyph > 9 && (x % 8 * 31 + within * 17 + glyph * 13) % 11 < 4;
        if ink { 0x0020_2428 } else { 0x00fc_fcfa }
    }
}

/// Pictures of guest, server and client, from frame to frame.
struct Pair {
    moves: CopyDetector,
    known: Framebuffer,
    client: Framebuffer,
    guest: Framebuffer,
}

impl Pair {
    fn new(colour: impl Fn(u32, u32) -> u32) -> Self {
        let mut guest = Framebuffer::new(SIZE);
        paint(&mut guest, SIZE.bounds(), colour);
        Self { moves: CopyDetector::default(), known: guest.clone(), client: guest.clone(), guest }
    }

    /// Brings the client up to date; returns the copies and the area sent beside them.
    fn frame(&mut self) -> (Vec<CopyRect>, u32) {
        let grid = Grid::new(SIZE);
        let mut before = self.moves.arm(SIZE);
        let mut changes = Vec::new();
        for tile in 0..grid.len() {
            let area = grid.rect(tile);
            let Some(rect) = changed_part(&self.known, &self.guest, area) else { continue };
            changes.push(TileChange { tile, rect });
            for y in area.y..area.bottom() {
                let new = self.guest.row(area.x, y, area.width);
                let old = self.known.row_mut(area.x, y, area.width);
                if new != old {
                    if let Some(before) = &mut before {
                        before.keep(area.x, y, old);
                    }
                    old.copy_from_slice(new);
                }
            }
        }
        let found = self.moves.find(&self.known, &mut changes);
        found.copies.iter().for_each(|one| self.client.copy(one.src_x, one.src_y, one.to));
        let mut sent = 0;
        for TileChange { rect, .. } in changes.iter().chain(&found.exposed) {
            sent += rect.width * rect.height;
            for y in rect.y..rect.bottom() {
                let new = self.known.row(rect.x, y, rect.width);
                self.client.row_mut(rect.x, y, rect.width).copy_from_slice(new);
            }
        }
        assert!(self.client.pixels() == self.guest.pixels(), "after {:?}", found.copies);
        (found.copies, sent)
    }
}

#[test]
fn a_scrolled_page_is_one_copy_and_its_new_lines() {
    let mut pair = Pair::new(text(1));
    let page = Rect::new(37, 50, 500, 377);
    for step in [3, 40, 11, 1, 120] {
        pair.guest.copy(page.x, page.y + step, Rect { height: page.height - step, ..page });
        paint(&mut pair.guest, Rect { y: page.bottom() - step, height: step, ..page }, text(90 + step));
        let (moves, sent) = pair.frame();
        assert_eq!(moves.len(), 1, "scrolled by {step}: {moves:?}");
        assert_eq!((moves[0].src_x, moves[0].src_y), (moves[0].to.x, moves[0].to.y + step));
        assert!(sent <= page.width * (step + 8) + 4096, "scrolled by {step}: {sent} pixels beside the copy");
    }
}

#[test]
fn a_page_that_scrolls_sideways_or_down_is_copied_too() {
    let mut pair = Pair::new(text(2));
    let page = Rect::new(64, 64, 400, 300);
    pair.guest.copy(page.x, page.y, Rect { x: page.x + 29, width: page.width - 29, ..page });
    paint(&mut pair.guest, Rect { width: 29, ..page }, text(5));
    assert_eq!(pair.frame().0.len(), 1);
    pair.guest.copy(page.x, page.y, Rect { y: page.y + 33, height: page.height - 33, ..page });
    paint(&mut pair.guest, Rect { height: 33, ..page }, text(6));
    assert_eq!(pair.frame().0.len(), 1);
}

#[test]
fn a_dragged_window_is_copied_to_the_pixel() {
    let mut pair = Pair::new(text(3));
    let mut window = Rect::new(100, 90, 203, 151);
    let desktop = pair.guest.clone();
    let draw = |guest: &mut Framebuffer, window: Rect| {
        paint(guest, window, |x, y| match (x - window.x, y - window.y) {
            (0 | 202, _) | (_, 0 | 150) => 0x0010_2030,
            (x, y) => text(9)(x, y) ^ 0x0003_0201,
        });
    };
    draw(&mut pair.guest, window);
    pair.frame();
    for (right, down) in [(7, 3), (-31, 12), (5, -64), (-1, -1), (77, 0)] {
        pair.guest = desktop.clone();
        window.x = window.x.wrapping_add_signed(right);
        window.y = window.y.wrapping_add_signed(down);
        draw(&mut pair.guest, window);
        let (moves, _) = pair.frame();
        assert!(
            moves.iter().any(|one| one.to.intersection(&window) == window),
            "moved by {right}, {down}: {moves:?}"
        );
    }
}

#[test]
fn two_things_move_apart_in_one_frame() {
    let mut pair = Pair::new(text(4));
    pair.guest.copy(10, 20, Rect::new(10, 10, 250, 300));
    pair.guest.copy(400, 100, Rect::new(400, 117, 200, 300));
    let (moves, _) = pair.frame();
    let ways: Vec<(i64, i64)> = moves
        .iter()
        .map(|one| (i64::from(one.to.x) - i64::from(one.src_x), i64::from(one.to.y) - i64::from(one.src_y)))
        .collect();
    assert!(ways.contains(&(0, -10)) && ways.contains(&(0, 17)), "{moves:?}");
}

#[test]
fn copies_are_put_where_none_spoils_another() {
    let one = |x, from, width| CopyRect { src_x: from, src_y: 0, to: Rect::new(x, 0, width, 10) };
    let mut moves = Vec::new();
    // The first takes what the second overwrites, and the third what the first does.
    insert(&mut moves, one(100, 200, 50));
    insert(&mut moves, one(200, 300, 50));
    insert(&mut moves, one(0, 100, 50));
    assert_eq!(moves, [one(0, 100, 50), one(100, 200, 50), one(200, 300, 50)]);
    insert(&mut moves, one(320, 60, 10));
    assert_eq!(moves.last(), Some(&one(320, 60, 10)), "after what it overwrites was taken");
    insert(&mut moves, one(340, 20, 10));
    assert_eq!(moves.len(), 4, "it would have to be both first and last");
}

#[test]
fn whatever_moves_the_client_has_the_guests_pixels() {
    for seed in 0..6 {
        let mut random = Random(seed);
        let mut pair = Pair::new(text(seed as u32));
        for _ in 0..25 {
            for _ in 0..=random.next(3) {
                let to = random.rect(500);
                match random.next(4) {
                    0 => paint(&mut pair.guest, to, text(random.next(999))),
                    1 => {
                        let colour = random.next(1 << 24);
                        paint(&mut pair.guest, random.rect(120), |_, _| colour);
                    }
                    _ => {
                        let near = |random: &mut Random, place: u32, most: u32| {
                            (place + random.next(80)).saturating_sub(40).min(most)
                        };
                        let x = near(&mut random, to.x, SIZE.width - to.width);
                        let y = near(&mut random, to.y, SIZE.height - to.height);
                        pair.guest.copy(x, y, to);
                    }
                }
            }
            pair.frame();
        }
    }
}

#[test]
fn what_never_moves_as_a_whole_is_searched_seldom() {
    let mut pair = Pair::new(|_, _| 0);
    let mut random = Random(7);
    let mut searches = 0;
    for _ in 0..100 {
        let salt = random.next(u32::MAX);
        paint(&mut pair.guest, SIZE.bounds(), |x, y| {
            ((x * 31 + y * 57) ^ salt).wrapping_mul(2_654_435_761) >> 8
        });
        pair.frame();
        searches += usize::from(pair.moves.armed);
    }
    assert!((5..=20).contains(&searches), "{searches} of 100");
}
