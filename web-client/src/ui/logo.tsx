/** Logo: a lit bay window, and the product's name. */
export function Logo() {
  return (
    <span class="logo">
      <svg viewBox="0 0 32 32" aria-hidden="true" focusable="false">
        <path class="logo-frame" d="M16 2 28.5 7v15.5L16 24.5 3.5 22.5V7z" />
        <path class="logo-sill" d="M3.5 24 16 26l12.5-2-5 5h-15z" />
        <path
          class="logo-light"
          d="M12.2 8h7.6v13.5h-7.6zM5.5 9l4.9-.8v13L5.5 20.5zM26.5 9l-4.9-.8v13l4.9-.7z"
        />
      </svg>
      Oriel
    </span>
  );
}
