// What is on a canvas, read in its page: the same way for every subject, whoever draws on it and where.

/** Runs in the page; `at` selects the canvas. Leaves `benchLook` behind. */
function install(at) {
  const shown = document.querySelector(at);
  // The guest's screen; a canvas may be larger.
  const [width, height] = [1920, 1080];
  const context = (w, h) => new OffscreenCanvas(w, h).getContext('2d', { willReadFrequently: true });
  const point = context(1, 1);

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
    /** Keeps the picture as it is now; `take` gives red, green, blue of its every pixel. */
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
    /** Marks the time of every key. */
    mark: (name) => {
      const mark = (event) => event.repeat || performance.mark(name, { startTime: event.timeStamp });
      addEventListener('keydown', mark, { capture: true });
    },
    /** Milliseconds from key to pixel; `null` where no answer came. */
    answers: () => answers.map((answer) => answer.ms),
  };
}

/** Makes `benchLook` in the view's page. */
export async function lookAt(view) {
  await view.page.evaluate(install, view.canvas);
}
