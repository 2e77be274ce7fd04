import { render } from 'preact';
import { App } from './app';
import './ui/tokens.css';
import './ui/base.css';
import './ui/controls.css';
import './ui/overlays.css';
import './ui/window-art.css';
import { storedTheme, showTheme } from './ui/theme';

// Before the first paint, so that the dark theme does not start with a flash of the light one.
showTheme(storedTheme());
const root = document.getElementById('app');
if (root !== null) {
  root.replaceChildren();
  render(<App />, root);
}
