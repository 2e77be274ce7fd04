import { WindowArt } from '../design/window-art';

/** Says plainly which browsers work. */
export function UnsupportedPage({ missing }: { readonly missing: string }) {
  return (
    <main class="plain-page">
      <WindowArt state="stopped" />
      <h1>This browser cannot show a desktop</h1>
      <p>It lacks {missing}. These browsers work, on any system:</p>
      <ul>
        <li>Chrome, Edge and other Chromium browsers, from version 123</li>
        <li>Firefox, from version 130</li>
        <li>Safari, from version 17.5</li>
      </ul>
    </main>
  );
}
