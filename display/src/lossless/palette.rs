//! Palette of a tile: finds its colours and each pixel's index, and stops as soon as there are more than 256.

/// Number of slots of the hash table: four times the largest number of colours, so that chains stay short.
const SLOTS: usize = 1024;

/// Colours of a tile in order of appearance, and each pixel's index among them.
#[derive(Debug)]
pub struct Palette {
    /// Hash table of (colour 0xRRGGBB, stamp); a slot is in use if its stamp is the present one.
    keys: Vec<(u32, u32)>,
    /// Index of the colour in each slot.
    index: Vec<u8>,
    /// Stamp of the present tile.
    stamp: u32,
    /// Colours as 0xRRGGBB.
    colours: Vec<u32>,
    /// Index of each pixel's colour, row by row.
    pixels: Vec<u8>,
}

impl Palette {
    /// Creates an empty palette.
    pub fn new() -> Self {
        Self {
            keys: vec![(0, 0); SLOTS],
            index: vec![0; SLOTS],
            stamp: 0,
            colours: Vec::with_capacity(256),
            pixels: Vec::new(),
        }
    }

    /// Reads rows of BGRX pixels; returns false when they have more than 256 colours.
    pub fn read<'a>(&mut self, rows: impl Iterator<Item = &'a [u8]>) -> bool {
        self.stamp = self.stamp.wrapping_add(1);
        if self.stamp == 0 {
            self.keys.fill((0, 0));
            self.stamp = 1;
        }
        self.colours.clear();
        self.pixels.clear();
        let mut last = u32::MAX;
        let mut last_index = 0;
        for row in rows {
            for pixel in row.chunks_exact(4) {
                let colour = match pixel {
                    [blue, green, red, _] => u32::from_be_bytes([0, *red, *green, *blue]),
                    _ => 0,
                };
                if colour != last {
                    let Some(index) = self.find(colour) else { return false };
                    (last, last_index) = (colour, index);
                }
                self.pixels.push(last_index);
            }
        }
        true
    }

    /// Returns the index of `colour`, which is added if it is new; `None` when the palette is full.
    fn find(&mut self, colour: u32) -> Option<u8> {
        let mut slot = (colour.wrapping_mul(0x9E37_79B1) >> 22) as usize;
        loop {
            let (key, index) = (self.keys.get_mut(slot)?, self.index.get_mut(slot)?);
            if key.1 != self.stamp {
                let new = u8::try_from(self.colours.len()).ok()?;
                *key = (colour, self.stamp);
                *index = new;
                self.colours.push(colour);
                return Some(new);
            }
            if key.0 == colour {
                return Some(*index);
            }
            slot = (slot + 1) % SLOTS;
        }
    }

    /// Returns the colours as 0xRRGGBB.
    pub fn colours(&self) -> &[u32] {
        &self.colours
    }

    /// Returns each pixel's index, row by row.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }
}
