// When the browser put new pictures before the user's eyes: Chromium's own record of displayed frames, which costs
// next to nothing and is the same for every subject. What does not change is not displayed again.

/** Runs `work`; resolves to the times, in ms of one clock, of displayed frames and of the page's marks named `mark`. */
export async function displayed(browser, work, mark = '') {
  const devtools = await browser.newBrowserCDPSession();
  const [frames, marks] = [[], []];
  devtools.on('Tracing.dataCollected', ({ value }) => {
    for (const { name, ts } of value) {
      if (name === 'Display::FrameDisplayed') frames.push(ts / 1000);
      else if (name === mark) marks.push(ts / 1000);
    }
  });
  const ended = new Promise((done) => devtools.once('Tracing.tracingComplete', done));
  const includedCategories = ['disabled-by-default-display.framedisplayed', 'blink.user_timing'];
  await devtools.send('Tracing.start', { transferMode: 'ReportEvents', traceConfig: { includedCategories } });
  try {
    await work();
  } finally {
    await devtools.send('Tracing.end');
    await ended;
    await devtools.detach();
  }
  frames.sort((a, b) => a - b);
  marks.sort((a, b) => a - b);
  return { frames, marks };
}
