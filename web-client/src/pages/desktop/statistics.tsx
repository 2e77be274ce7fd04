import type { ComponentChildren } from 'preact';
import { type Spread, STAGES, type Stage, type Stats } from '../../worker/messages';

/** Labels of the latency stages. */
const STAGE_NAMES: Readonly<Record<Stage, string>> = {
  toServer: 'To the server',
  inputToGuest: 'Input to guest',
  guestToFlush: 'Guest draws',
  flushToSent: 'Encode and send',
  sentToPresented: 'Back, decode, paint',
  total: 'In all',
};

/** Labels of the states of H.264 decoding. */
const H264_TEXT: Readonly<Record<Stats['h264'], string>> = {
  decoding: 'available',
  unavailable: 'not in this browser: exact only',
  failed: 'the decoder failed: exact only',
};

/** Overlay with the statistics of the last five seconds; `null`: not measured yet. */
export function Statistics({ stats }: { readonly stats: Stats | null }) {
  if (stats === null) {
    return (
      <aside class="statistics" aria-label="Statistics">
        <p>Measuring…</p>
      </aside>
    );
  }
  return (
    <aside class="statistics" aria-label="Statistics">
      <dl>
        <StatEntry name="Screen">
          {stats.width} × {stats.height}, {sharpness(stats)}
        </StatEntry>
        <StatEntry name="Frames">
          {stats.framesPerSecond.toFixed(1)}/s, {stats.inFlight} in flight
        </StatEntry>
        <StatEntry name="Received">{bytes(stats.bytesPerSecond)}/s</StatEntry>
        <StatEntry name="As video">{Math.round(stats.videoShare * 100)} % of pixels</StatEntry>
        <StatEntry name="H.264">
          {H264_TEXT[stats.h264]}
          {stats.videoOnly && ', for everything'}
        </StatEntry>
        <StatEntry name="Sound">
          {stats.audio.packets === 0 ? '–' : `${Math.round(stats.audio.bufferMs)} ms ahead, ${stats.audio.underruns} gaps`}
        </StatEntry>
        <StatEntry name="Round trip">{stats.roundTripMs === null ? '–' : `${stats.roundTripMs.toFixed(1)} ms`}</StatEntry>
      </dl>
      <table>
        <thead>
          <tr>
            <th scope="col">ms</th>
            <th scope="col">p50</th>
            <th scope="col">p95</th>
          </tr>
        </thead>
        <tbody>
          <SpreadRow name="Encode" spread={stats.encodeMs} />
          <SpreadRow name="Decode" spread={stats.decodeMs} />
          <SpreadRow name="Decode and paint" spread={stats.presentMs} />
        </tbody>
        <tbody>
          <tr>
            <th scope="rowgroup" colSpan={3}>
              From input to picture
            </th>
          </tr>
          {STAGES.map((stage) => (
            <SpreadRow key={stage} name={STAGE_NAMES[stage]} spread={stats.latency?.[stage] ?? null} />
          ))}
        </tbody>
      </table>
    </aside>
  );
}

/** Describes whether the picture is lossless, and the result of its verification. */
function sharpness({ lossless, hashCheck }: Stats): string {
  if (hashCheck !== null && hashCheck !== 'same') {
    const others = hashCheck.tiles === 1 ? '' : ` and in ${hashCheck.tiles - 1} more tiles`;
    return `differs at ${hashCheck.x}, ${hashCheck.y}${others}`;
  }
  return !lossless ? 'refining' : hashCheck === null ? 'exact' : 'exact, verified';
}

/** Name and value in the list. */
function StatEntry({ name, children }: { readonly name: string; readonly children: ComponentChildren }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}

/** Row with the percentiles of a time in milliseconds. */
function SpreadRow({ name, spread }: { readonly name: string; readonly spread: Spread | null }) {
  return (
    <tr>
      <th scope="row">{name}</th>
      <td>{spread === null ? '–' : spread.p50.toFixed(1)}</td>
      <td>{spread === null ? '–' : spread.p95.toFixed(1)}</td>
    </tr>
  );
}

/** Formats a number of bytes. */
function bytes(count: number): string {
  if (count < 1000) {
    return `${Math.round(count)} B`;
  }
  return count < 1_000_000 ? `${(count / 1000).toFixed(1)} kB` : `${(count / 1_000_000).toFixed(2)} MB`;
}
