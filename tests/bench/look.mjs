// What is on a canvas, read in its page: the same way for every subject, whoever draws on it and where.

/**
 * So many rows of pixels tell the steps of a scene apart, evenly spaced. A whole number and a half of the picture's rows
 * lies between two, so that reading the picture squeezed into these takes the rows that `glanceRows` names.
 */
const ROWS = 8;
/** Of such a row every so many pixels count. */
export const ROW_STRIDE = 4;

export const glanceRows = (height) => Array.from({ length: ROWS }, (_, row) => Math.floor(((row + 0.5) * height) / ROWS));

/** Runs in the page; `at` selects the canvas. Leaves `benchLook` behind. */
function install({ at, rowCount, stride }) {
  const shown = document.querySelector(at);
  const { width, height } = shown;
  const context = (w, h) => new OffscreenCanvas(w, h).getContext('2d', { willReadFrequently: true });
  const point = context(1, 1);
  const rows = context(width, rowCount);
  rows.imageSmoothingEnabled = false;

  // The picture at a glance: the green of some pixels of some rows.
  const glance = () => {
    // Once: each reading of a canvas that a worker draws on copies the whole of it.
    rows.drawImage(shown, 0, 0, width, height, 0, 0, width, rowCount);
    const { data } = rows.getImageData(0, 0, width, rowCount);
    const seen = new Uint8Array((width / stride) * rowCount);
    for (let to = 0, from = 1; to < seen.length; to += 1, from += 4 * stride) seen[to] = data[from];
    return seen;
  };

  const colour = (x, y) => {
    point.drawImage(shown, x, y, 1, 1, 0, 0, 1, 1);
    return point.getImageData(0, 0, 1, 1).data;
  };

  const base64 = (bytes) =>
    new Promise((done) => {
      const reader = new FileReader();
      reader.onload = () => done(reader.result.slice(reader.result.indexOf(',') + 1));
      reader.readAsDataURL(new Blob([bytes]));
    });

  let glances = null;
  const look = () => {
    if (glances === null) return;
    const seen = glance();
    const last = glances.at(-1);
    // The same picture again does not count.
    if (last === undefined || seen.some((value, index) => value !== last[index])) glances.push(seen);
    requestAnimationFrame(look);
  };

  let answers = null;
  const listen = (x, y) => {
    let before = colour(x, y);
    answers = [];
    addEventListener(
      'keydown',
      (event) => {
        if (answers === null || event.repeat) return;
        const answer = { ms: null };
        answers.push(answer);
        const poll = () => {
          const now = colour(x, y);
          // Further than any lossy codec strays; the two colours differ by 220, 100 and 180.
          if (Math.abs(now[0] - before[0]) < 60) return setTimeout(poll, 1);
          answer.ms = performance.now() - event.timeStamp;
          before = now;
        };
        setTimeout(poll, 1);
      },
      { capture: true },
    );
  };

  window.benchLook = {
    size: { width, height },
    /** Begins to keep every glance that differs from the one before. */
    begin: () => {
      glances = [];
      requestAnimationFrame(look);
    },
    /** Ends that, and hands over what was kept: one glance after the other. */
    end: async () => {
      const all = await base64(new Blob(glances));
      glances = null;
      return all;
    },
    /** Red, green, blue of every pixel; and the glance at the same picture. */
    keep: () => {
      const all = context(width, height);
      all.drawImage(shown, 0, 0);
      window.benchLook.kept.push(all);
    },
    kept: [],
    take: async (index) => {
      const { data } = window.benchLook.kept[index].getImageData(0, 0, width, height);
      const rgb = new Uint8Array(width * height * 3);
      for (let from = 0, to = 0; from < data.length; from += 4, to += 3) rgb.set(data.subarray(from, from + 3), to);
      return base64(rgb);
    },
    listen,
    /** Milliseconds from key to pixel; `null` where no answer came. */
    answers: () => answers.map((answer) => answer.ms),
  };
}

/** Makes `benchLook` in the view's page. */
export async function lookAt(view) {
  await view.page.evaluate(install, { at: view.canvas, rowCount: ROWS, stride: ROW_STRIDE });
}
