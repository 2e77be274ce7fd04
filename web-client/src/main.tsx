import { render } from 'preact';
import { App } from './app';
import './design/tokens.css';
import './design/base.css';
import './design/controls.css';
import './design/overlays.css';
import './design/window-art.css';
import { rememberedTheme, showTheme } from './design/theme';

// Before the first paint, so that a dark page does not flash up light.
showTheme(rememberedTheme());
const root = document.getElementById('app');
if (root !== null) {
  root.replaceChildren();
  render(<App />, root);
}
