import { render } from 'preact';
import { App } from './app';
import './ui/tokens.css';
import './ui/base.css';
import './ui/controls.css';
import './ui/overlays.css';
import './ui/window-art.css';
import { rememberedTheme, showTheme } from './ui/theme';

// Before the first paint, so that a dark page does not flash up light.
showTheme(rememberedTheme());
const root = document.getElementById('app');
if (root !== null) {
  root.replaceChildren();
  render(<App />, root);
}
