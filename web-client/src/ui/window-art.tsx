import type { DesktopState } from '../api/types';

/**
 * Illustration of a desktop's power state as a bay window, lit while the desktop runs. Hidden from assistive
 * technology: text beside it states the same.
 */
export function WindowArt({ state }: { readonly state: DesktopState }) {
  return (
    <svg class={`window-art is-${state}`} viewBox="0 0 240 132" aria-hidden="true" focusable="false">
      <path class="art-roof" d="M40 26 120 6l80 20 6 8H34z" />
      <g class="art-pane art-pane-1">
        <path d="M40 38 84 34v66l-44-4z" />
      </g>
      <g class="art-pane art-pane-2">
        <path d="M90 34h60v66H90z" />
      </g>
      <g class="art-pane art-pane-3">
        <path d="m156 34 44 4v58l-44 4z" />
      </g>
      <path class="art-bars" d="M62 36v62M40 62l44-3M120 34v66M90 58h60M178 36v62M156 59l44 3" />
      <path class="art-sill" d="M32 100h176v7H32z" />
      <path class="art-corbel" d="M44 107h152l-34 20H78z" />
    </svg>
  );
}
