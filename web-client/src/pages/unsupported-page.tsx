import { WindowArt } from '../ui/window-art';
import type { MissingFeature } from '../support';

interface UnsupportedPageProps {
  readonly missing: MissingFeature;
  readonly onContinue: () => void;
}

/** Page for browsers that lack a feature: names the feature and the supported browsers. */
export function UnsupportedPage({ missing: { feature, limitation }, onContinue }: UnsupportedPageProps) {
  return (
    <main class="plain-page">
      <WindowArt state="stopped" />
      <h1>{limitation === null ? 'This browser cannot show a desktop' : 'This browser shows a desktop only in part'}</h1>
      <p>It lacks {feature}. These browsers work, on any system:</p>
      <ul>
        <li>Chrome, Edge and other Chromium browsers, from version 123</li>
        <li>Firefox, from version 130</li>
        <li>Safari, from version 17.5</li>
      </ul>
      {limitation !== null && (
        <>
          <p>You can go on without it. {limitation}</p>
          <p>
            <button type="button" class="button" onClick={onContinue}>
              Go on all the same
            </button>
          </p>
        </>
      )}
    </main>
  );
}
