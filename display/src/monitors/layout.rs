//! Geometry of a desktop's screens: arranges requested screens, derives the present layout, and converts
//! pointer positions.

use oriel_wire::{MonitorConfig, Rect, Size};

/// Difference in pixels by which a guest may round a requested size (virtio-gpu's driver in Linux).
const ROUNDING: u32 = 16;

/// Arranges requested screens to one desktop with the origin at the upper left. Positions are kept if no
/// screens overlap and all are connected by common edges; otherwise the screens lie side by side from left to
/// right.
pub fn arrange(wanted: &mut [Option<MonitorConfig>]) {
    let (left, top) = wanted
        .iter()
        .flatten()
        .fold((i32::MAX, i32::MAX), |(left, top), screen| (left.min(screen.x), top.min(screen.y)));
    for screen in wanted.iter_mut().flatten() {
        screen.x -= left;
        screen.y -= top;
    }
    let rects: Vec<Rect> = wanted.iter().flatten().filter_map(MonitorConfig::rect).collect();
    if is_one_piece(&rects) {
        return;
    }
    let mut order: Vec<&mut MonitorConfig> = wanted.iter_mut().flatten().collect();
    order.sort_by_key(|screen| screen.x);
    let mut x = 0;
    for screen in order {
        (screen.x, screen.y) = (x, 0);
        x += screen.size.width as i32;
    }
}

/// Reports whether no rectangles overlap and all are connected by common edges.
fn is_one_piece(rects: &[Rect]) -> bool {
    let overlap = |a: &Rect, b: &Rect| !a.intersection(b).is_empty();
    let disjoint = rects.iter().enumerate().all(|(n, a)| rects.iter().skip(n + 1).all(|b| !overlap(a, b)));
    let touch = |a: &Rect, b: &Rect| {
        overlap(&Rect::new(a.x, a.y, a.width + 1, a.height), b)
            || overlap(&Rect::new(b.x, b.y, b.width + 1, b.height), a)
            || overlap(&Rect::new(a.x, a.y, a.width, a.height + 1), b)
            || overlap(&Rect::new(b.x, b.y, b.width, b.height + 1), a)
    };
    let mut reached: Vec<&Rect> = rects.first().into_iter().collect();
    let mut rest: Vec<&Rect> = rects.iter().skip(1).collect();
    while let Some(next) = rest.iter().position(|one| reached.iter().any(|other| touch(one, other))) {
        reached.push(rest.swap_remove(next));
    }
    disjoint && rest.is_empty()
}

/// State of one screen, from which the layout is derived.
#[derive(Debug, Clone, Copy, Default)]
pub struct MonitorState {
    /// Size of the scanout in pixels; `None` while the screen is dark.
    pub size: Option<Size>,
    /// Position of the screen's part in a picture that several screens share.
    pub part_at: Option<(u32, u32)>,
    /// Configuration that the guest was requested to show.
    pub requested: Option<MonitorConfig>,
}

/// Returns the rectangle of each screen on the desktop; dark screens are empty. Positions come from the parts
/// of a shared picture if there is one, or else from the request if the guest follows it. Otherwise screens
/// are assumed side by side from left to right, as desktops place new ones.
pub fn lay_out(screens: &[MonitorState]) -> Vec<Rect> {
    let lit = || screens.iter().filter(|screen| screen.size.is_some());
    let at = |(x, y): (u32, u32), size: Size| Rect::new(x, y, size.width, size.height);
    let requested = |screen: &MonitorState| {
        let (size, requested) = (screen.size?, screen.requested?);
        let near = |is: u32, wanted: u32| is.abs_diff(wanted) <= ROUNDING;
        let rect =
            requested.rect().filter(|rect| near(size.width, rect.width) && near(size.height, rect.height));
        rect.map(|rect| at((rect.x, rect.y), size))
    };
    let by_parts = lit().all(|screen| screen.part_at.is_some());
    let as_requested = lit().all(|screen| requested(screen).is_some());
    let mut next = 0;
    screens
        .iter()
        .map(|screen| {
            let Some(size) = screen.size else { return Rect::default() };
            let beside = at((next, 0), size);
            next = next.saturating_add(size.width);
            match (screen.part_at, requested(screen)) {
                (Some(place), _) if by_parts => at(place, size),
                (_, Some(rect)) if as_requested => rect,
                _ => beside,
            }
        })
        .collect()
}

/// Converts a position on one screen to one on the whole desktop. On the screen, 0 is the first pixel and
/// 65535 the last; on the desktop, 0 is the left or top edge and 65536 the opposite one. The result is the
/// middle of the pixel, which guests find however they round. `None` while the screen is dark.
pub fn locate(layout: &[Rect], screen: usize, x: u16, y: u16) -> Option<(u16, u16)> {
    let own = layout.get(screen).filter(|own| !own.is_empty())?;
    let whole = layout.iter().fold(Rect::default(), |sum, one| sum.union(one));
    let aim = |at: u16, start: u32, side: u32, whole: u32| {
        let pixel = u64::from(start) + (u64::from(at) * u64::from(side - 1) + 32767) / 65535;
        u16::try_from(((2 * pixel + 1) << 15) / u64::from(whole)).unwrap_or(u16::MAX)
    };
    Some((aim(x, own.x, own.width, whole.right()), aim(y, own.y, own.height, whole.bottom())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(x: i32, y: i32, width: u32, height: u32) -> Option<MonitorConfig> {
        Some(MonitorConfig { x, y, size: Size::new(width, height), dpi: oriel_wire::DEFAULT_DPI })
    }

    fn arranged(mut screens: Vec<Option<MonitorConfig>>) -> Vec<Option<(u32, u32)>> {
        arrange(&mut screens);
        screens.iter().map(|one| one.and_then(|one| one.rect()).map(|rect| (rect.x, rect.y))).collect()
    }

    #[test]
    fn screens_that_touch_lie_where_they_want() {
        let beside = vec![wanted(0, 0, 1920, 1080), wanted(-1280, 56, 1280, 1024)];
        assert_eq!(arranged(beside), [Some((1280, 0)), Some((0, 56))]);
        let above = vec![wanted(0, 0, 1920, 1080), None, wanted(100, -1440, 2560, 1440)];
        assert_eq!(arranged(above), [Some((0, 1440)), None, Some((100, 0))]);
    }

    #[test]
    fn screens_with_gaps_or_overlaps_lie_side_by_side() {
        let nowhere = vec![wanted(0, 0, 800, 600), wanted(0, 0, 640, 480), wanted(0, 0, 320, 200)];
        assert_eq!(arranged(nowhere), [Some((0, 0)), Some((800, 0)), Some((1440, 0))]);
        let gap = vec![wanted(900, 0, 800, 600), wanted(0, 0, 640, 480)];
        assert_eq!(arranged(gap), [Some((640, 0)), Some((0, 0))]);
        assert_eq!(arranged(vec![wanted(500, -3, 800, 600)]), [Some((0, 0))]);
    }

    fn known(width: u32, part_at: Option<(u32, u32)>, requested: Option<MonitorConfig>) -> MonitorState {
        MonitorState { size: Some(Size::new(width, 600)), part_at, requested }
    }

    #[test]
    fn positions_follow_the_guest_then_the_request() {
        let requested = [wanted(640, 0, 800, 600), wanted(0, 0, 640, 600)];
        let parts = [known(800, Some((0, 0)), requested[0]), known(640, Some((800, 0)), requested[1])];
        assert_eq!(lay_out(&parts), [Rect::new(0, 0, 800, 600), Rect::new(800, 0, 640, 600)]);
        let followed = [known(792, None, requested[0]), known(640, None, requested[1])];
        assert_eq!(lay_out(&followed), [Rect::new(640, 0, 792, 600), Rect::new(0, 0, 640, 600)]);
        let refused =
            [known(1024, None, requested[0]), MonitorState::default(), known(640, None, requested[1])];
        let beside = [Rect::new(0, 0, 1024, 600), Rect::default(), Rect::new(1024, 0, 640, 600)];
        assert_eq!(lay_out(&refused), beside);
    }

    #[test]
    fn every_pixel_of_every_screen_is_hit_however_the_guest_rounds() {
        for widths in [vec![1920], vec![320, 4096, 1366], vec![4096, 4096, 4096, 4096], vec![1281, 2]] {
            let screens: Vec<MonitorState> = widths.iter().map(|width| known(*width, None, None)).collect();
            let layout = lay_out(&screens);
            let whole = u64::from(widths.iter().sum::<u32>());
            for (n, width) in widths.iter().enumerate() {
                for pixel in 0..*width {
                    let fraction =
                        (u64::from(pixel) * 65535 + u64::from(width - 1) / 2) / u64::from(width - 1);
                    let (x, _) = locate(&layout, n, fraction as u16, 0).unwrap();
                    let aimed = u64::from(layout[n].x + pixel);
                    // A tablet's axis goes to 32767. X and libinput divide it into as many parts as
                    // there are pixels; others put its ends on the first and the last pixel.
                    let axis = u64::from(x >> 1);
                    assert_eq!(axis * whole / 32768, aimed, "{widths:?}: pixel {pixel} of screen {n}");
                    assert_eq!((axis * (whole - 1) + 16383) / 32767, aimed, "pixel {pixel} of screen {n}");
                }
            }
        }
    }

    #[test]
    fn a_dark_screen_has_no_places() {
        assert_eq!(locate(&lay_out(&[known(800, None, None), MonitorState::default()]), 1, 5, 5), None);
        assert_eq!(locate(&[], 0, 5, 5), None);
    }
}
