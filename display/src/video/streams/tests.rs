use super::*;

/// Budget without limits.
fn any(rate_control: &mut RateControl) -> VideoBudget<'_> {
    VideoBudget { bytes: usize::MAX, most: usize::MAX, fresh: usize::MAX, pointer: (0, 0), rate_control }
}

const SCREEN: Size = Size::new(1920, 1080);
const FILM: Rect = Rect::new(64, 64, 640, 384);
const CALL: Rect = Rect::new(1280, 640, 320, 256);

struct Viewer {
    streams: VideoStreams,
    framebuffer: Framebuffer,
    grid: Grid,
    now: Instant,
}

impl Viewer {
    fn new(screen: Size) -> Self {
        let (framebuffer, grid) = (Framebuffer::new(screen), Grid::new(screen));
        Self { streams: VideoStreams::default(), framebuffer, grid, now: Instant::now() }
    }

    /// Encodes the tiles that touch `rects`, 33 ms after the frame before.
    fn frame(&mut self, rects: &[Rect]) -> Coded {
        self.now += Duration::from_millis(33);
        let mut tiles: Vec<usize> = rects.iter().flat_map(|rect| self.grid.touched(rect)).collect();
        tiles.sort_unstable();
        tiles.dedup();
        self.streams.tidy(self.now);
        let coded =
            self.streams.encode(&self.framebuffer, &tiles, any(&mut RateControl::default()), self.now);
        let mut taken: Vec<usize> =
            coded.updates.iter().flat_map(|one| &one.take).flat_map(|rect| self.grid.touched(rect)).collect();
        taken.extend(&coded.left);
        taken.sort_unstable();
        assert_eq!(taken, tiles, "each tile once");
        for update in &coded.updates {
            assert!(update.take.iter().all(|rect| rect.intersection(&update.region) == *rect));
        }
        coded
    }
}

fn regions(coded: &Coded) -> Vec<Rect> {
    coded.updates.iter().map(|update| update.region).collect()
}

fn keys(coded: &Coded) -> usize {
    coded.updates.iter().filter(|update| update.key).count()
}

#[test]
fn each_film_keeps_a_stream_of_its_own() {
    let mut viewer = Viewer::new(SCREEN);
    let first = viewer.frame(&[FILM, CALL]);
    assert_eq!((regions(&first), keys(&first)), (vec![FILM, CALL], 2));
    for _ in 0..100 {
        let coded = viewer.frame(&[FILM, CALL]);
        assert_eq!((regions(&coded), keys(&coded)), (vec![FILM, CALL], 0));
    }
    let coded = viewer.frame(&[CALL]);
    assert_eq!((coded.updates.len(), coded.updates[0].stream, keys(&coded)), (1, 1, 0));
}

#[test]
fn films_that_began_together_part_in_time() {
    let mut viewer = Viewer::new(SCREEN);
    assert_eq!(viewer.frame(&[SCREEN.bounds()]).updates.len(), 1);
    let mut key_frames = 0;
    let mut last = Vec::new();
    for _ in 0..150 {
        let coded = viewer.frame(&[FILM, CALL]);
        key_frames += keys(&coded);
        last = regions(&coded);
    }
    assert_eq!((last, key_frames), (vec![FILM, CALL], 2));
}

#[test]
fn small_things_side_by_side_share_a_stream() {
    let mut viewer = Viewer::new(SCREEN);
    let coded = viewer.frame(&[Rect::new(0, 0, 128, 128), Rect::new(256, 0, 128, 128)]);
    assert_eq!(regions(&coded), [Rect::new(0, 0, 384, 128)]);
}

#[test]
fn what_has_no_room_is_left_and_the_nearest_to_the_pointer_goes_first() {
    let Viewer { mut streams, framebuffer, grid, now } = Viewer::new(SCREEN);
    let tiles: Vec<usize> = grid.touched(&FILM).collect();
    let mut code = |fresh, most, now| {
        let mut rate_control = RateControl::default();
        let budget = VideoBudget {
            bytes: usize::MAX,
            most,
            fresh,
            pointer: (100, 100),
            rate_control: &mut rate_control,
        };
        streams.encode(&framebuffer, &tiles, budget, now)
    };
    let coded = code(usize::MAX, 10, now);
    assert_eq!((coded.updates.len(), coded.left.len()), (0, tiles.len()), "its key frame is too large");
    let coded = code(1, usize::MAX, now);
    assert_eq!(coded.updates[0].take, [Rect::new(64, 64, TILE, TILE)]);
    assert_eq!(coded.left, tiles[1..]);
    let coded = code(20, usize::MAX, now + Duration::from_millis(33));
    assert_eq!(tiles.len() - coded.left.len(), 21, "what was there before does not count");
}

#[test]
fn what_moves_over_the_screen_takes_few_key_frames() {
    let mut viewer = Viewer::new(SCREEN);
    viewer.frame(&[FILM]);
    let frames = (0..20).map(|step| viewer.frame(&[Rect { x: 64 * step, ..FILM }]));
    let key_frames: usize = frames.map(|coded| keys(&coded)).sum();
    assert!(key_frames <= 7, "{key_frames} over 20 steps");
}

#[test]
fn more_places_than_decoders_share() {
    let mut viewer = Viewer::new(SCREEN);
    let corner = |x, y| Rect::new(x, y, 512, 320);
    let corners = [corner(0, 0), corner(1408, 0), corner(0, 704), corner(1408, 704)];
    assert_eq!(regions(&viewer.frame(&corners)).len(), 4);
    let middle = Rect::new(896, 512, 64, 64);
    let coded = viewer.frame(&[&corners[..], &[middle]].concat());
    assert!(coded.left.is_empty());
    assert_eq!((coded.updates.len(), keys(&coded)), (4, 1));
}

#[test]
fn a_stream_that_rests_makes_way_and_is_dropped_in_the_end() {
    let mut viewer = Viewer::new(SCREEN);
    let corner = |x, y| Rect::new(x, y, 512, 320);
    viewer.frame(&[corner(0, 0), corner(1408, 0), corner(0, 704), corner(1408, 704)]);
    viewer.now += IDLE;
    viewer.frame(&[corner(0, 0)]);
    viewer.now += IDLE;
    assert_eq!(regions(&viewer.frame(&[corner(704, 384)])), [corner(704, 384)]);
    let due = viewer.streams.next_due().expect("there are streams");
    viewer.streams.tidy(due);
    assert!(viewer.streams.next_due().is_some_and(|next| next > due));
    viewer.streams.tidy(viewer.now + KEPT);
    assert_eq!(viewer.streams.next_due(), None);
}

#[test]
fn a_screen_larger_than_the_codec_is_cut_up() {
    let wide = Size::new(5120, 1440);
    let mut viewer = Viewer::new(wide);
    let coded = viewer.frame(&[wide.bounds()]);
    assert!(coded.left.is_empty());
    assert_eq!(coded.updates.len(), 2);
    let mut viewer = Viewer::new(Size::new(8192, 64));
    let all = viewer.streams.encode_of_all(
        &viewer.framebuffer,
        &[0, 127],
        any(&mut RateControl::default()),
        viewer.now,
    );
    assert_eq!((all.updates.len(), all.left.len()), (2, 0), "each end in its part");
}
